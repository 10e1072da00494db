"""Defences of the reader: the filter is a hint, the ledger and the sealed binding decide."""

from typing import Final

from mutant import Mutant

CHECK: Final = "syncd/retrieval/check.py"
READER: Final = "syncd/retrieval/reader.py"
ATTACK: Final = "tests/acceptance/test_reader_under_attack.py"
BEYOND: Final = "tests/acceptance/test_reader_beyond_the_filter.py"
ORDER: Final = "tests/acceptance/test_sync_under_fault.py"
ACLS: Final = "tests/acceptance/test_acl_change_under_fault.py"
STRIPPED: Final = (f"{ATTACK}::test_a_stripped_or_wrong_payload_hides_and_is_noticed",)
NOTHING: Final = (f"{BEYOND}::test_who_may_read_nothing_costs_no_question",)
AS: Final = (f"{BEYOND}::test_searching_as_somebody_needs_the_right_and_leaves_a_trace",)

RETRIEVAL: Final = (
    # -- each check of a point (security.md, "Reading", step 3; tests 4 to 6)
    Mutant(
        "check: fences are looked through",
        CHECK,
        "if row.fence is not Fence.NONE:",
        "if False:",
        (f"{ORDER}::test_a_missing_document_is_hidden_before_anything_else_is_done",),
    ),
    Mutant(
        "check: fences of narrowings are looked through",
        CHECK,
        "if row.fence is not Fence.NONE:",
        "if row.fence not in (Fence.NONE, Fence.NARROWED):",
        (f"{ACLS}::test_a_narrowing_fences_before_the_store_knows",),
    ),
    Mutant(
        "check: a deleted document is a document",
        CHECK,
        "if row.state is DocState.DELETED:",
        "if False:",
        (f"{ATTACK}::test_a_deleted_point_restored_shows_nothing",),
    ),
    Mutant(
        "check: a late source is shown",
        CHECK,
        "if row.source in self._late:",
        "if False:",
        (f"{BEYOND}::test_one_late_source_is_refused_by_itself",),
    ),
    Mutant(
        "check: any id is believed",
        CHECK,
        "if point_id(identity, dossier.row.doc, *place) == point.id:",
        "if True:",
        (f"{ATTACK}::test_a_point_that_syncd_never_wrote_shows_nothing",),
    ),
    Mutant(
        "check: points that are being written are harm",
        CHECK,
        "if place in dossier.live else Drop.PENDING",
        "if place in dossier.live else Drop.UNRECORDED",
        (f"{ORDER}::test_points_of_a_killed_update_are_neither_shown_nor_left_behind",),
    ),
    Mutant(
        "check: no floor",
        CHECK,
        "not row.floor <= version <= row.issued",
        "not version <= row.issued",
        (f"{ATTACK}::test_an_older_point_restored_after_a_narrowing_shows_nothing",),
    ),
    Mutant(
        "check: versions that were never issued",
        CHECK,
        "not row.floor <= version <= row.issued",
        "not row.floor <= version",
        STRIPPED,
    ),
    Mutant(
        "check: the binding is not opened",
        CHECK,
        "if version == row.issued:",
        "if False:",
        (f"{ATTACK}::test_a_swapped_token_shows_nothing",),
    ),
    Mutant(
        "check: the ACL is not asked",
        CHECK,
        "if not class_.acl.decide(reader):",
        "if False:",
        (f"{BEYOND}::test_a_store_that_ignores_the_filter_shows_nothing_more",),
    ),
    Mutant(
        "check: the text is not opened",
        CHECK,
        "text = sealer.open_text(point.payload, dossier.keys, row.doc, point.id, chunk.fp)",
        'text = ""',
        STRIPPED,
    ),
    Mutant(
        "check: a forgery is no harm",
        CHECK,
        "frozenset({Drop.FORGED, Drop.UNRECORDED, Drop.VERSION})",
        "frozenset({Drop.UNRECORDED, Drop.VERSION})",
        (f"{ATTACK}::test_a_swapped_token_shows_nothing",),
    ),
    # -- before the store is asked (tests 2 and 3)
    Mutant(
        "reader: nobody is looked up, and the store asked",
        READER,
        "        if not reader:\n            return []\n",
        "",
        NOTHING,
        (("if not tokens or k < 1:", "if k < 1:"),),
    ),
    Mutant("reader: a question for nothing readable", READER, "if not tokens or k < 1:", "if k < 1:", NOTHING),
    Mutant(
        "reader: every class is readable",
        READER,
        "if classes[id_].acl.decide(reader)]",
        "]",
        (f"{ATTACK}::test_a_reader_of_another_realm_is_not_everyone_here",),
    ),
    Mutant(
        "reader: all sources late, and still an answer",
        READER,
        "if rows and not any(map(self._known, rows)):",
        "if False:",
        (f"{ATTACK}::test_readers_refuse_a_source_whose_acls_are_too_old",),
    ),
    Mutant(
        "filter: an empty one can be built",
        "syncd/retrieval/filter.py",
        "range(0, len(tokens), MOST)",
        "range(0, max(1, len(tokens)), MOST)",
        (f"{ATTACK}::test_a_reader_filter_always_names_classes",),
    ),
    # -- after it has answered
    Mutant(
        "reader: forged points push out what may be read",
        READER,
        "if len(answer.hits) >= k or len(found) < limit:",
        "if True:",
        (f"{BEYOND}::test_points_that_are_not_shown_push_nothing_out",),
    ),
    Mutant(
        "search: harm is success",
        "syncd/operations/search.py",
        "Exit.INTEGRITY if found.harmed else Exit.OK",
        "Exit.OK",
        (f"{BEYOND}::test_harm_is_told_counted_and_recorded",),
    ),
    Mutant(
        "search: harm is not recorded",
        "syncd/operations/search.py",
        "_record(desk, caller, EventType.RETRIEVAL_INTEGRITY, ",
        "(lambda *_: None)(desk, caller, EventType.RETRIEVAL_INTEGRITY, ",
        (f"{BEYOND}::test_harm_is_told_counted_and_recorded",),
    ),
    Mutant(
        "search: anybody may search as anybody",
        "syncd/operations/search.py",
        '    caller.need("--as", Role.READER)\n',
        "",
        AS,
    ),
    Mutant(
        "search: nobody knows who searched as whom",
        "syncd/operations/search.py",
        "    _record(desk, caller, EventType.RETRIEVAL_IMPERSONATED, ",
        "    (lambda *_: None)(desk, caller, EventType.RETRIEVAL_IMPERSONATED, ",
        AS,
    ),
    # -- who somebody is (test 8)
    Mutant(
        "principals: an unknown user is nobody in particular",
        "syncd/adapters/principals.py",
        'raise PrincipalUnknown(name=name, kind="user", database="passwd") from error',
        "return self._reader(set(), set())",
        ("tests/unit/test_nss_directory.py::test_unknown_names",),
    ),
)
