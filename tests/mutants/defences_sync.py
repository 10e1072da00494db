"""Defences of a sync: the crash-safe order, deletions and the guard, changes of ACLs, moves, quarantine."""

from typing import Final

from mutant import Mutant

APPLY: Final = "syncd/sync/apply.py"
CONTENTS: Final = "syncd/sync/contents.py"
MOVES: Final = "syncd/sync/moves.py"
RETAG: Final = "syncd/sync/retag.py"
RUN: Final = "syncd/sync/run.py"
STAGE: Final = "syncd/sync/stage.py"
SURVEY: Final = "syncd/sync/survey.py"
TAGS: Final = "syncd/sync/tags.py"
ORDER: Final = "tests/acceptance/test_sync_under_fault.py"
ACLS: Final = "tests/acceptance/test_acl_change_under_fault.py"
CONTENT: Final = "tests/acceptance/test_content_under_fault.py"
GUARD: Final = "tests/acceptance/test_guard.py"
PERMITTED: Final = "tests/acceptance/test_once_wrong_permitted.py"
ATTACK: Final = "tests/acceptance/test_reader_under_attack.py"
INTENT: Final = (f"{ORDER}::test_no_write_to_the_store_without_a_committed_intent",)
SETTLED: Final = (f"{ORDER}::test_what_a_killed_run_began_is_settled_by_the_next",)
LOST: Final = (f"{ACLS}::test_a_payload_write_that_was_lost_keeps_the_document_fenced",)
FENCED: Final = (f"{ACLS}::test_a_narrowing_fences_before_the_store_knows",)
LISTING: Final = (f"{ORDER}::test_a_failed_listing_is_no_deletion",)
WIDENING: Final = (f"{GUARD}::test_a_mass_widening_waits_and_is_done_once_confirmed",)
CONFIRM: Final = (f"{GUARD}::test_only_the_last_halted_run_can_be_confirmed",)
AGAIN: Final = (f"{CONTENT}::test_a_refused_text_is_tried_again",)
HELD: Final = (f"{GUARD}::test_a_mass_deletion_waits_and_everything_goes_on_serving",)

SYNC: Final = (
    # -- the order: intent, index, outcome (law 6; security.md, "Fail closed" 5)
    Mutant(
        "order: the index before the intent",
        APPLY,
        "        self._intend(group)\n        if group.items:\n            self._write(group)\n",
        "        if group.items:\n            self._write(group)\n        self._intend(group)\n",
        INTENT,
    ),
    Mutant(
        "order: an update without an intent",
        APPLY,
        "tx.ledger.put_intent(IntentRow(item.op",
        "(lambda _: None)(IntentRow(item.op",
        INTENT,
    ),
    Mutant(
        "order: a deletion without an intent", STAGE, "tx.ledger.put_intent(IntentRow(op", "(lambda _: None)(IntentRow(op", INTENT
    ),
    Mutant(
        "order: a change of ACL without an intent",
        RETAG,
        "tx.ledger.put_intent(IntentRow(op",
        "(lambda _: None)(IntentRow(op",
        INTENT,
    ),
    Mutant(
        "order: points that may come are not recorded",
        APPLY,
        "if (chunk.fp, chunk.occurrence) not in item.existing",
        "if False",
        (f"{ORDER}::test_points_of_a_killed_update_are_neither_shown_nor_left_behind",),
    ),
    Mutant(
        "order: points of the former version stay",
        APPLY,
        "install.index.delete(name, Where((Ids(",
        "(lambda *_: None)(name, Where((Ids(",
        (f"{ORDER}::test_an_edit_leaves_no_point_of_the_former_version",),
    ),
    Mutant(
        "order: what a killed run began is not settled",
        "syncd/sync/every.py",
        "settle(install, collection, order.actor)",
        "pass",
        SETTLED,
    ),
    Mutant(
        "order: settled without a word in the log",
        "syncd/sync/settle.py",
        "EventType.LEDGER_RECOVERED",
        "EventType.STORE_REPAIRED",
        SETTLED,
    ),
    Mutant(
        "order: texts that are there are embedded again",
        "syncd/sync/vectors.py",
        "for fp in texts if fp not in afresh])",
        "for fp in texts if False])",
        (f"{ORDER}::test_a_copied_text_is_not_embedded_again",),
    ),
    Mutant(
        "order: vectors of two models in one collection",
        "syncd/sync/collection.py",
        "if row.space != install.embedder.space:",
        "if False:",
        (f"{CONTENT}::test_another_model_is_another_collection",),
    ),
    # -- deletions (law 8; "Fail closed" 7)
    Mutant(
        "deletion: what is missing is shown until it is deleted",
        STAGE,
        "Fence.MISSING if hide and row.fence is Fence.NONE else row.fence",
        "row.fence",
        (f"{ORDER}::test_a_missing_document_is_hidden_before_anything_else_is_done",),
    ),
    Mutant(
        "deletion: what is left is not counted",
        STAGE,
        "if left := install.index.count(name, where):",
        "if left := 0:",
        (f"{ORDER}::test_a_deletion_that_left_points_is_not_recorded",),
    ),
    Mutant(
        "deletion: a failed listing is a deletion", SURVEY, "    if not found.failed:\n        return\n", "    return\n", LISTING
    ),
    Mutant(
        "deletion: what could not be listed is shown as if its ACLs were known",
        SURVEY,
        "if doc.fence is Fence.NONE:",
        "if False:",
        LISTING,
    ),
    Mutant(
        "deletion: a failed listing says nothing of what is below",
        "syncd/sync/observe.py",
        'root in ("", prefix) or prefix.startswith(root + "/")',
        'root in ("", prefix)',
        LISTING,
    ),
    Mutant(
        "deletion: a listing that failed later is none",
        SURVEY,
        "        found.failed.append(replace(page, failure=Refusal(Reason.LISTING)))\n",
        "",
        (f"{ORDER}::test_a_listing_that_fails_later_is_no_deletion_either",),
    ),
    Mutant("deletion: an incomplete scan counts as fresh", RUN, "if not self.pages_failed:", "if True:", LISTING),
    Mutant("guard: deletions never wait", RUN, "elif self._guard_deletions():", "elif False:", HELD),
    Mutant("guard: what was hidden stays hidden", RUN, "stage.take_back(run)", "pass", HELD),
    Mutant(
        "guard: everybody has confirmed",
        RUN,
        "        if not agreed:\n            self.halts.append(reason)\n        return agreed",
        "        return True",
        HELD,
    ),
    Mutant(
        "guard: a confirmation for more than was shown",
        RUN,
        "agreed=agreed >= missing)",
        "agreed=agreed > 0)",
        (f"{GUARD}::test_a_confirmation_is_for_as_much_as_was_shown",),
    ),
    Mutant("guard: widenings never wait", RUN, "hold = self._guard_widenings(found)", "hold = False", WIDENING),
    Mutant(
        "guard: a page with something undone is done with", CONTENTS, "if visit.settled else None", "if True else None", WIDENING
    ),
    Mutant("guard: any run can be confirmed", "syncd/sync/every.py", "runs[0].state == RunState.HALTED and ", "", CONFIRM),
    Mutant("guard: a few letters confirm", "syncd/sync/every.py", "len(named) >= SHORTEST and ", "", CONFIRM),
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
    Mutant("acl: a change that was not proven is done with", TAGS, 'class_.key if proven else b""', "class_.key", LOST),
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
    # -- points that the index lost
    Mutant(
        "drift: an index that lost points is up to date",
        "syncd/sync/drift.py",
        "if install.index.count(collection.name, None) >= view.counts().points:",
        "if True:",
        ("tests/acceptance/test_bad_state.py::test_a_sync_after_the_index_is_gone_does_not_hide_it",),
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
        "        if late_failure:\n",
        "        if False:\n",
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
    # -- one bad document costs itself only (law 7)
    Mutant(
        "quarantine: a page with a refused text is done with",
        APPLY,
        "replace(page, stamp=None) if page.locator in self.unsettled else page",
        "page",
        AGAIN,
    ),
    Mutant(
        "quarantine: a document with a refused text is whole",
        APPLY,
        "due=Due.LOOK if item.failed else Due.NO",
        "due=Due.NO",
        AGAIN,
    ),
    Mutant(
        "quarantine: a document that could not be read is done with",
        CONTENTS,
        "visit.settled &= refusal.reason in PERMANENT",
        "pass",
        (f"{CONTENT}::test_a_page_with_something_left_to_do_is_opened_again",),
    ),
    Mutant(
        "quarantine: a document that keeps changing ends the run",
        "syncd/sync/prepare.py",
        '    return Refusal(Reason.CHANGING, f"read {TRIES} times")',
        "    raise RuntimeError",
        (f"{ATTACK}::test_a_document_that_keeps_changing_is_put_aside_by_name",),
    ),
    Mutant(
        "quarantine: in plain words",
        "syncd/sync/shelve.py",
        'sealed=seal_place(install.keyring, "quarantine", locator, seen.key, install.nonce())',
        "sealed=seen.key.encode()",
        ("tests/acceptance/test_main_job.py::test_no_canary_is_in_any_file_of_the_state",),
    ),
)
