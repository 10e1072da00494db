"""Defences of changes that touch no text: of an ACL, of a name or a place."""

from typing import Final

from mutant import Mutant

ACLS: Final = "tests/acceptance/test_acl_change_under_fault.py"
ATTACK: Final = "tests/acceptance/test_reader_under_attack.py"
CONTENTS: Final = "syncd/sync/contents.py"
MOVES: Final = "syncd/sync/moves.py"
ORDER: Final = "tests/acceptance/test_sync_under_fault.py"
PERMITTED: Final = "tests/acceptance/test_once_wrong_permitted.py"
RETAG: Final = "syncd/sync/retag.py"
RUN: Final = "syncd/sync/run.py"
FENCED: Final = (f"{ACLS}::test_a_narrowing_fences_before_the_store_knows",)
LOST: Final = (f"{ACLS}::test_a_payload_write_that_was_lost_keeps_the_document_fenced",)

CHANGE: Final = (
    # -- changes of ACLs (law 4; security.md, "Changing an ACL", tests 1, 6, 7, 12)
    Mutant("acl: a narrowing without a fence", RETAG, "Fence.NARROWED if narrowed else row.fence", "row.fence", FENCED),
    Mutant(
        "acl: every change is a widening",
        RETAG,
        "return after is None or not proven_widening(before, after)",
        "return False",
        FENCED,
    ),
    Mutant(
        "acl: an unknown ACL without a fence",
        RETAG,
        "Fence.ACL if acl is None else",
        "Fence.NARROWED if acl is None else",
        (f"{ACLS}::test_an_unknown_acl_is_fenced_without_end",),
    ),
    Mutant(
        "acl: a write that the store lost is believed",
        RETAG,
        "    if index.count(name, Where((mine, Lt(",
        "    if 0 * index.count(name, Where((mine, Lt(",
        LOST,
    ),
    Mutant(
        "acl: no points at all have converged",
        RETAG,
        "return index.count(name, Where((mine,))) >= known",
        "return True",
        (f"{ACLS}::test_points_that_are_missing_have_not_converged",),
    ),
    Mutant(
        "acl: a change that was not proven is done with",
        CONTENTS,
        "unproven = row.floor != row.issued or row.fence is Fence.NARROWED or",
        "unproven =",
        LOST,
    ),
    Mutant(
        "acl: a late older write wins",
        RETAG,
        'Where((Eq("doc", doc), Lt("acl_version", item.row.issued)))',
        'Where((Eq("doc", doc),))',
        (f"{ACLS}::test_an_older_payload_write_that_arrives_last_changes_nothing",),
    ),
    Mutant(
        "acl: one write a point",
        RETAG,
        "        run.install.index.set_payload(",
        "        for _ in range(2):\n          run.install.index.set_payload(",
        (f"{ATTACK}::test_one_payload_write_retags_a_document",),
    ),
    Mutant(
        "acl: any number of classes",
        "syncd/sync/classes.py",
        " and len(self._live) >= self._install.policy.max_classes",
        " and False",
        (f"{ACLS}::test_more_distinct_acls_than_allowed_are_put_aside",),
    ),
    Mutant(
        "lifted: a narrowing is over because the document came back",
        "syncd/sync/rundata.py",
        "return Fence.NARROWED if row.floor < row.issued else Fence.NONE",
        "return Fence.NONE",
        (f"{ACLS}::test_a_document_that_comes_back_is_as_fenced_as_it_was",),
    ),
    Mutant(
        "acl: who gains access with an edit sees the former text",
        RETAG,
        "return before if proven_widening(before, after) else before.intersect(after)",
        "return after",
        (f"{PERMITTED}::test_an_older_text_that_goes_on_serving_opens_to_nobody_else",),
    ),
    # -- moves (law 3)
    Mutant(
        "moves: into a narrower folder, and still shown",
        MOVES,
        "Fence.NARROWED if narrowed and row.fence is not Fence.ACL else lifted(row)",
        "lifted(row)",
        (f"{PERMITTED}::test_a_move_into_a_narrower_folder_hides_at_once_and_for_good",),
    ),
    Mutant(
        "moves: what another was moved over is shown",
        MOVES,
        "hidden = Fence.MISSING if found.displaced.fence is Fence.NONE else found.displaced.fence",
        "hidden = found.displaced.fence",
        (f"{PERMITTED}::test_a_document_that_another_was_moved_over_is_hidden_at_once",),
    ),
    Mutant(
        "moves: deleted while nobody could look where it went",
        RUN,
        "        if late_failure or self.order.hold:\n",
        "        if self.order.hold:\n",
        (
            "tests/acceptance/test_once_wrong_lost.py::test_nothing_is_deleted_while_a_folder_that_moves_are_looked_for_in_can_not_be_listed",
        ),
    ),
    Mutant(
        "moves: every move is a deletion and an addition",
        RUN,
        "found.restless and not self._moves(found)",
        "False",
        (f"{ORDER}::test_a_move_keeps_the_life_of_a_document",),
    ),
    Mutant(
        "moves: the inode alone proves one",
        MOVES,
        " and observer.tags.content(got.digest) == row.content",
        "",
        (f"{ORDER}::test_a_renamed_and_edited_file_is_no_move",),
    ),
    Mutant(
        "moves: a hard link is one",
        MOVES,
        "if there is not None and row.locator is not None and observer.tags.identity(there) == row.identity:",
        "if False:",
        (f"{ORDER}::test_a_hard_link_is_no_move",),
    ),
    Mutant(
        "moves: the history of names ends there",
        MOVES,
        "tx.ledger.put_name(",
        "(lambda _: None)(",
        (f"{ORDER}::test_a_move_keeps_the_life_of_a_document",),
    ),
)
