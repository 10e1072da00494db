"""Defences of the history: leaves, tree, checkpoints, what the writer refuses to go on from, what the verifier finds."""

from typing import Final

from mutant import Mutant

CHECKPOINTS: Final = "syncd/audit/checkpoints.py"
LOG: Final = "syncd/audit/log.py"
MERKLE: Final = "syncd/audit/merkle.py"
NOTE: Final = "syncd/audit/note.py"
PAIRING: Final = "syncd/audit/pairing.py"
VERIFY: Final = "syncd/audit/verify.py"
LOG_TESTS: Final = "tests/unit/test_audit_log.py"
VERIFY_TESTS: Final = "tests/unit/test_audit_verify.py"
NOTE_TESTS: Final = "tests/unit/test_audit_note.py"
TAIL: Final = (f"{LOG_TESTS}::test_a_tail_that_was_edited_while_nobody_ran_is_refused_at_start",)

AUDIT: Final = (
    # -- one value, one spelling
    Mutant(
        "leaf: another spelling of the same is read",
        "syncd/audit/canonical.py",
        "if encode(value) != data:",
        "if False:",
        ("tests/unit/test_audit_canonical.py::test_any_other_spelling_is_refused",),
    ),
    Mutant(
        "leaf: integers that JSON readers round",
        "syncd/audit/canonical.py",
        "if not -INT_LIMIT < value < INT_LIMIT:",
        "if False:",
        ("tests/unit/test_audit_canonical.py::test_what_has_no_single_spelling_is_refused",),
    ),
    Mutant(
        "leaf: unknown fields",
        "syncd/audit/leaf.py",
        "if test is None:",
        "if False:",
        ("tests/unit/test_audit_event.py::test_a_leaf_of_any_other_form_is_refused",),
    ),
    # -- the tree and its proofs, against published data
    Mutant(
        "merkle: leaves and nodes hash alike",
        MERKLE,
        'b"\\x00" + data',
        'b"\\x01" + data',
        ("tests/unit/test_merkle.py::test_leaves_and_nodes_hash_apart",),
    ),
    Mutant(
        "merkle: a consistency proof says nothing of the old root",
        MERKLE,
        "and before == old_root",
        "",
        ("tests/property/test_audit_laws.py::test_consistency_proofs_prove_a_beginning_and_nothing_else",),
    ),
    # -- signed notes, against the example of the specification
    Mutant(
        "note: signed by anybody of that name",
        NOTE,
        "(name, value[:_KEY_ID_SIZE]) == (self.name, self.key_id)",
        "name == self.name",
        (f"{NOTE_TESTS}::test_only_the_pinned_key_counts",),
    ),
    Mutant(
        "note: a bad signature is none",
        NOTE,
        '                raise ValueError("the signature is not by the pinned key") from error',
        "                del error",
        (f"{NOTE_TESTS}::test_a_changed_text_does_not_open",),
    ),
    Mutant(
        "note: the seed shows itself",
        NOTE,
        "seed: bytes = field(repr=False)",
        "seed: bytes",
        (f"{NOTE_TESTS}::test_a_seed_is_never_shown",),
    ),
    # -- the writer
    Mutant(
        "log: an edited tail is signed",
        LOG,
        "if leaf_hash(row.leaf) != row.leaf_hash or not mac_holds(self._row_key, row):",
        "if False:",
        TAIL,
    ),
    Mutant("log: a gap in the tail is signed", LOG, "row.seq != seq or ", "", TAIL),
    Mutant(
        "log: any tree may stand for the signed one",
        LOG,
        "if frontier.root() != last.root:",
        "if False:",
        (f"{LOG_TESTS}::test_a_tree_that_the_last_checkpoint_did_not_sign_is_refused_at_start",),
    ),
    Mutant(
        "log: the last checkpoint is not checked",
        LOG,
        "generation = self._check_signed(last)",
        "generation = 1",
        (f"{LOG_TESTS}::test_a_tree_that_the_last_checkpoint_did_not_sign_is_refused_at_start",),
    ),
    Mutant(
        "log: events that vanish under the process",
        LOG,
        "if _leaf_hash_at(view, state.frontier.size - 1) == state.last:",
        "if view.event_count() >= state.frontier.size:",
        (f"{LOG_TESTS}::test_another_process_may_fill_the_place_of_a_rolled_back_event",),
    ),
    Mutant(
        "log: fewer events than were signed",
        LOG,
        "        elif last.size > size:\n",
        "        elif False:\n",
        (f"{LOG_TESTS}::test_a_checkpoint_of_more_events_than_there_are_is_never_followed",),
    ),
    Mutant(
        "log: a checkpoint is due when it likes",
        LOG,
        "0 <= waited < CHECKPOINT_SECONDS * 1_000_000",
        "True",
        (f"{LOG_TESTS}::test_an_event_waits_60_seconds_for_its_checkpoint",),
    ),
    # -- the verifier (audit.md, "Tests")
    Mutant(
        "verify: a flipped leaf",
        VERIFY,
        "if leaf_hash(leaf) != row.leaf_hash:",
        "if False:",
        (f"{VERIFY_TESTS}::test_a_flipped_leaf_is_named",),
    ),
    Mutant(
        "verify: a dropped event", VERIFY, "if row.seq != size:", "if False:", (f"{VERIFY_TESTS}::test_a_dropped_event_is_a_gap",)
    ),
    Mutant(
        "verify: an edited index column",
        VERIFY,
        "if said != columns:",
        "if False:",
        (f"{VERIFY_TESTS}::test_an_edited_index_column_is_named",),
    ),
    Mutant(
        "verify: a MAC of nobody",
        VERIFY,
        "if self._row_key is not None and not mac_holds(self._row_key, row):",
        "if False:",
        (f"{VERIFY_TESTS}::test_an_edited_mac_is_named_where_the_row_key_is_given",),
    ),
    Mutant(
        "verify: good without a pinned key",
        VERIFY,
        "verifier is not None and checkpoints.signed > 0",
        "checkpoints.signed > 0",
        (f"{VERIFY_TESTS}::test_without_a_pinned_key_a_log_is_consistent_at_best",),
    ),
    Mutant(
        "verify: events of another install",
        VERIFY,
        'if decoded["install"] != self._install:',
        "if False:",
        (f"{VERIFY_TESTS}::test_an_event_of_another_install_is_named",),
    ),
    Mutant(
        "verify: a root that is not that of the events",
        CHECKPOINTS,
        "if signed.root != tree.root():",
        "if False:",
        (f"{VERIFY_TESTS}::test_a_leaf_forged_with_all_nodes_is_found_by_the_checkpoint",),
    ),
    Mutant(
        "verify: signed by another key",
        CHECKPOINTS,
        "                self._fault(Kind.SIGNATURE, first, stored, str(error))\n",
        "                del error\n",
        (f"{VERIFY_TESTS}::test_a_log_signed_again_by_another_key_is_found",),
    ),
    Mutant(
        "verify: a cut tail",
        CHECKPOINTS,
        "if signed is not None and signed.size > size:",
        "if False:",
        (f"{VERIFY_TESTS}::test_a_cut_tail_is_found_by_the_checkpoint_that_outlives_it",),
    ),
    Mutant(
        "verify: any origin",
        CHECKPOINTS,
        "        except ValueError:\n            return None\n        known",
        "        except ValueError:\n            return 1\n        known",
        (f"{VERIFY_TESTS}::test_the_origin_may_not_change_within_a_log",),
    ),
    Mutant(
        "verify: stored nodes",
        "syncd/audit/nodes.py",
        "if stored == node:",
        "if True:",
        (f"{VERIFY_TESTS}::test_an_edited_or_missing_node_is_named",),
    ),
    Mutant(
        "verify: an intent without an outcome",
        PAIRING,
        "if seq < self._clean_stop:",
        "if False:",
        (f"{VERIFY_TESTS}::test_an_intent_without_outcome_before_a_clean_stop_is_a_fault",),
    ),
    Mutant(
        "verify: any outcome closes every intent",
        PAIRING,
        "self._open.pop(event.op, None)",
        "self._open.clear()",
        (f"{VERIFY_TESTS}::test_an_outcome_does_not_close_the_intent_of_another_op",),
    ),
    Mutant(
        "verify: a finding that a terminal obeys",
        "syncd/audit/report.py",
        "detail if harmless else ascii(detail)",
        "detail",
        (f"{VERIFY_TESTS}::test_a_finding_is_quoted_whatever_it_says",),
    ),
)
