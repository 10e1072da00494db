"""Defences of the pure core: ACLs, encoding, the decision table, the guard's limits, filters, the chunker."""

from typing import Final

from mutant import Mutant

ACL: Final = "syncd/core/acl.py"
DIFF: Final = "syncd/core/diff.py"
GUARD: Final = "syncd/core/guard.py"
SPLIT: Final = "syncd/core/chunking/split.py"
ACL_LAWS: Final = "tests/property/test_acl_laws.py"
DIFF_TESTS: Final = "tests/unit/test_diff.py"
CHUNKING: Final = "tests/unit/test_chunking.py"
CHUNKING_LAWS: Final = "tests/property/test_chunking_laws.py"
TABLE: Final = (f"{DIFF_TESTS}::test_each_row_of_the_table",)

CORE: Final = (
    # -- ACLs that can say what POSIX says (security.md, tests 8 and 11)
    Mutant(
        "acl: one clause that permits is enough",
        ACL,
        "all(clause.permits(reader) for clause in self.clauses)",
        "any(clause.permits(reader) for clause in self.clauses)",
        (f"{ACL_LAWS}::test_the_intersection_permits_whom_both_permit",),
    ),
    Mutant(
        "acl: an ACL without clauses permits",
        ACL,
        "return bool(self.clauses) and all(clause.permits",
        "return all(clause.permits",
        (f"{ACL_LAWS}::test_the_intersection_permits_whom_both_permit",),
    ),
    Mutant(
        "acl: a denial lets pass",
        ACL,
        "return entry.effect is Effect.ALLOW",
        "return True",
        (f"{ACL_LAWS}::test_between_single_clauses_every_widening_is_proven",),
    ),
    Mutant(
        "acl: who is not named passes",
        ACL,
        "                return entry.effect is Effect.ALLOW\n        return False",
        "                return entry.effect is Effect.ALLOW\n        return True",
        (f"{ACL_LAWS}::test_kinds_realms_and_ids_are_told_apart",),
    ),
    Mutant(
        "acl: the realm of a principal does not count",
        ACL,
        "tlv(p.kind.value, p.realm, p.id)",
        'tlv(p.kind.value, "", p.id)',
        (f"{ACL_LAWS}::test_kinds_realms_and_ids_are_told_apart",),
    ),
    Mutant(
        "acl: the kind of a principal does not count",
        ACL,
        "tlv(p.kind.value, p.realm, p.id)",
        'tlv("", p.realm, p.id)',
        (f"{ACL_LAWS}::test_kinds_realms_and_ids_are_told_apart",),
    ),
    Mutant(
        "acl: a change that is not proven a widening counts as one",
        ACL,
        "if entry.effect is Effect.ALLOW and _can_be_stopped(entry.principals, earlier, new):",
        "if False:",
        (f"{ACL_LAWS}::test_common_narrowings_are_not_widenings",),
    ),
    Mutant(
        "acl: denials are forgotten where everyone is not let in",
        ACL,
        "            else:\n                kept.append(entry)\n        return clause(*kept)",
        "        return clause(*kept)",
        (f"{ACL_LAWS}::test_without_everyone_permits_no_more",),
    ),
    Mutant(
        "tlv: parts are not told apart",
        "syncd/core/tlv.py",
        'pieces += (len(piece).to_bytes(4, "big"), piece)',
        "pieces += (piece,)",
        (f"{ACL_LAWS}::test_different_acls_have_different_bytes",),
    ),
    Mutant(
        "keys: a key shows itself",
        "syncd/core/keys.py",
        "cmk: bytes = field(repr=False)",
        "cmk: bytes",
        ("tests/unit/test_seal.py::test_keys_do_not_show_themselves",),
    ),
    # -- the decision table
    Mutant(
        "diff: an unknown ACL is as good as a known one",
        DIFF,
        "    if seen.acl is None:\n        return (Action",
        "    if False:\n        return (Action",
        TABLE,
    ),
    Mutant("diff: a changed ACL is no difference", DIFF, "recorded.acl != seen.acl else ()", "False else ()", TABLE),
    Mutant(
        "diff: a refused version keeps its former readers",
        DIFF,
        "return (*retag, Action.QUARANTINE)",
        "return (Action.QUARANTINE,)",
        TABLE,
    ),
    Mutant(
        "diff: content before ACL",
        DIFF,
        "return retag if same else (*retag, Action.LOOK)",
        "return retag if same else (Action.LOOK, *retag)",
        TABLE,
    ),
    Mutant(
        "diff: an equal version of a racy file is believed",
        DIFF,
        "recorded.complete and not recorded.racy",
        "recorded.complete",
        ("tests/acceptance/test_content_under_fault.py::test_an_equal_version_of_a_racy_file_proves_nothing",),
    ),
    Mutant(
        "diff: what was left half done is believed",
        DIFF,
        "recorded.shape == shape and recorded.complete and not",
        "recorded.shape == shape and not",
        TABLE,
    ),
    Mutant(
        "diff: a changed shape is no difference",
        DIFF,
        "seen.version == recorded.version and recorded.shape == shape",
        "seen.version == recorded.version",
        TABLE,
    ),
    Mutant(
        "diff: what may pass by itself is never tried again",
        DIFF,
        "if shelved.reason not in PERMANENT and not shelved.resting:",
        "if False:",
        (f"{DIFF_TESTS}::test_what_is_in_quarantine_stays_until_something_changes",),
    ),
    Mutant(
        "diff: a hidden version waits for one in quarantine",
        DIFF,
        "served = before is None or",
        "served = True or",
        (f"{DIFF_TESTS}::test_a_quarantined_version_does_not_hide_what_its_document_needs",),
    ),
    Mutant(
        "diff: an older version in quarantine keeps its former readers",
        DIFF,
        "if before is not None and mine.acl is not None and mine.acl != before.acl:",
        "if False:",
        (f"{DIFF_TESTS}::test_a_quarantined_version_does_not_hide_what_its_document_needs",),
    ),
    # -- the guard's limits
    Mutant(
        "guard: an emptied source is believed",
        GUARD,
        "if known and missing >= known:",
        "if False:",
        (f"{DIFF_TESTS}::test_the_guard_halts_what_is_too_much",),
    ),
    Mutant(
        "guard: no share is too large",
        GUARD,
        "touched >= limits.floor and touched > limits.share * known",
        "False",
        (f"{DIFF_TESTS}::test_the_guard_halts_what_is_too_much",),
    ),
    # -- filters that can't be empty (security.md, test 3)
    Mutant(
        "where: a filter without a `must` can be built",
        "syncd/core/model.py",
        "        if not self.must:\n            raise",
        "        if False:\n            raise",
        ("tests/acceptance/test_reader_beyond_the_filter.py::test_a_filter_that_matches_everything_can_not_be_built",),
    ),
    # -- the chunker
    Mutant(
        "chunker: a piece over the maximum",
        SPLIT,
        "            if last - first <= self._maximum:\n                continue",
        "            if last - first <= 2 * self._maximum:\n                continue",
        (f"{CHUNKING_LAWS}::test_no_piece_is_over_the_maximum",),
    ),
    Mutant(
        "chunker: a line without boundaries stays whole",
        SPLIT,
        "        while last - first > self._maximum:\n            offset",
        "        while False:\n            offset",
        (f"{CHUNKING}::test_many_model_tokens_at_one_character",),
    ),
    Mutant(
        "chunker: a cut leaves less than the minimum",
        SPLIT,
        "place - before >= self._minimum and after - place >= self._minimum",
        "place > before and after > place",
        (f"{CHUNKING}::test_golden_cut",),
    ),
    Mutant(
        "chunker: a heading longer than its reserve",
        "syncd/core/chunking/chunk.py",
        "limit = max(0, sizes.heading - _BLANK_LINE)",
        "limit = 10_000",
        (f"{CHUNKING}::test_a_heading_is_cut_to_its_reserve",),
    ),
)
