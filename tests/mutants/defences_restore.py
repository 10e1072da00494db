"""Defences of a ledger that was put back or lost: noticed, refused, accepted only behind fences, begun anew at no cost."""

from typing import Final

from mutant import Mutant

ANCHORS: Final = "syncd/audit/anchors.py"
LINEAGE: Final = "syncd/audit/lineage.py"
LOG: Final = "syncd/audit/log.py"
RESTORE_CODE: Final = "syncd/sync/restore.py"
RECOVER_CODE: Final = "syncd/sync/recover.py"
OPERATION: Final = "syncd/operations/ledger.py"
ANCHORED: Final = "tests/unit/test_audit_anchors.py"
GENERATIONS: Final = "tests/unit/test_audit_lineage.py"
RESTORED: Final = "tests/acceptance/test_restore.py"
RECOVERED: Final = "tests/acceptance/test_recover.py"

RESTORE: Final = (
    # -- anchors and generations
    Mutant(
        "restore: a shorter history will do",
        ANCHORS,
        "(here.generation, here.size) < (mark.generation, mark.size)",
        "here.generation < mark.generation",
        (f"{ANCHORED}::test_an_older_ledger_is_stale",),
    ),
    Mutant(
        "restore: another history will do",
        ANCHORS,
        "return None if root == mark.root else",
        "return None if root else",
        (f"{ANCHORED}::test_another_history_is_stale",),
    ),
    Mutant(
        "restore: an earlier generation will do",
        ANCHORS,
        "(here.generation, here.size) < (mark.generation, mark.size)",
        "here.size < mark.size",
        (f"{ANCHORED}::test_a_later_generation_is_newer_however_short",),
    ),
    Mutant(
        "restore: nobody asks the anchors",
        "syncd/wiring/install.py",
        "                self.anchors.check(view, marks)\n",
        "",
        (f"{RESTORED}::test_an_older_ledger_is_refused_by_every_command",),
    ),
    Mutant(
        "restore: a ledger is begun where an anchor knows one",
        "syncd/wiring/install.py",
        "        if marks:\n            raise LedgerLost",
        "        if False:\n            raise LedgerLost",
        (f"{RECOVERED}::test_a_missing_ledger_is_refused_by_every_command",),
    ),
    Mutant(
        "restore: anchors that are away say nothing",
        ANCHORS,
        "if self._places and all(anchor.place in away for anchor in self._places):",
        "if False:",
        (f"{ANCHORED}::test_one_of_the_configured_anchors_has_to_be_readable",),
    ),
    Mutant(
        "restore: the local anchor makes up for the others",
        ANCHORS,
        "all(anchor.place in away for anchor in self._places)",
        "all(anchor.place in away for anchor in (*self._local, *self._places))",
        (f"{ANCHORED}::test_the_local_anchor_may_be_missing_and_replaces_no_other",),
    ),
    Mutant(
        "restore: anybody's note counts",
        LINEAGE,
        "        lineage.verifier(verifier, generation).open(note)\n",
        "        pass\n",
        (f"{ANCHORED}::test_what_was_not_signed_by_the_key_says_nothing", f"{GENERATIONS}::test_a_mark_is_believed_only_signed"),
    ),
    Mutant(
        "restore: a note is kept before it is committed",
        "syncd/sync/install.py",
        "        if note is not None:\n            self.notes.append(note)\n",
        "        pass\n",
        (f"{RESTORED}::test_an_older_ledger_is_refused_by_every_command",),
    ),
    Mutant(
        "restore: a growing anchor is made by chance",
        "syncd/adapters/anchors/appended.py",
        'self._append(f"{note}\\n".encode())',
        'self._append(f"{note}\\n".encode(), os.O_CREAT)',
        (f"{ANCHORED}::test_a_growing_file_is_never_made_by_chance",),
    ),
    Mutant(
        "restore: a generation needs no event",
        "syncd/audit/checkpoints.py",
        "(generation > self._generation and generation in self._begun)",
        "generation > self._generation",
        (f"{GENERATIONS}::test_a_generation_that_no_event_began_is_no_part_of_the_history",),
    ),
    Mutant(
        "restore: a generation comes back",
        "syncd/audit/checkpoints.py",
        "        self._generation = generation\n        return signed",
        "        return signed",
        (f"{GENERATIONS}::test_no_generation_comes_back",),
    ),
    Mutant(
        "restore: the same name goes on",
        LOG,
        "replace(self._begin(tx), generation=generation)",
        "self._begin(tx)",
        (f"{GENERATIONS}::test_a_restored_history_goes_on_and_verifies",),
    ),
    Mutant(
        "restore: verification asks no anchor",
        "syncd/cli/audit.py",
        "return verdict(wiring.anchors.reported(view, marks, report))",
        "return verdict(report)",
        (f"{RESTORED}::test_what_is_missing_is_a_finding",),
    ),
    # -- accepted
    Mutant(
        "restore: documents stay readable",
        RESTORE_CODE,
        "fence = Fence.NARROWED if row.fence is Fence.NONE else row.fence",
        "fence = row.fence",
        (f"{RESTORED}::test_nobody_reads_before_his_source_was_looked_at",),
    ),
    Mutant(
        "restore: versions of the lost history count",
        RESTORE_CODE,
        "issued=max(row.issued, highest)",
        "issued=row.issued",
        (f"{RESTORED}::test_the_lost_history_issued_no_higher_version",),
    ),
    Mutant(
        "restore: the same key seals on",
        "syncd/wiring/restoring.py",
        "        known = _known(wiring)\n        wiring.renew_epoch()\n",
        "        known = _known(wiring)\n",
        (f"{RESTORED}::test_an_accepted_ledger_becomes_what_the_sources_say",),
    ),
    Mutant(
        "restore: an older keyring will do",
        "syncd/wiring/install.py",
        "if (epoch := sealed_since(view)) > self.keyring.current.number:",
        "if (epoch := 0):",
        (f"{RESTORED}::test_an_older_keyring_is_refused",),
    ),
    Mutant(
        "restore: the lost history's collection stays",
        RESTORE_CODE,
        "    if stray is not None:\n        install.index.drop_collection(stray)\n",
        "",
        (f"{RESTORED}::test_a_collection_that_the_backup_does_not_know_goes",),
    ),
    Mutant(
        "restore: what the index has beyond the ledger stays",
        OPERATION,
        "    return runs, reconcile.carry_out(desk, actor, ReconcileRequest(repair=True, sample=0), telling)\n",
        "    return runs, reconcile.carry_out(desk, actor, ReconcileRequest(sample=0), telling)\n",
        (f"{RESTORED}::test_an_accepted_ledger_becomes_what_the_sources_say",),
    ),
    # -- begun anew
    Mutant(
        "recover: no vector is found",
        RECOVER_CODE,
        "            return PointRow(doc, fp, occurrence, PointState.INTENDED)\n",
        "            return None\n",
        (f"{RECOVERED}::test_a_lost_ledger_costs_no_text",),
    ),
    Mutant(
        "recover: others go on before it knows the index",
        "syncd/wiring/install.py",
        "                if recovering(view):\n                    raise RecoveryUnfinished\n",
        "",
        (f"{RECOVERED}::test_killed_anywhere_it_goes_on",),
    ),
    Mutant(
        "recover: the old points stay",
        OPERATION,
        "    gone = recover.end(install, ensure_collection(install), actor, between) if whole else 0\n",
        "    gone = 0\n",
        (f"{RECOVERED}::test_a_lost_ledger_costs_no_text",),
    ),
    Mutant(
        "recover: the old points go though a source was away",
        OPERATION,
        "    return len(runs.outcomes) == len(desk.sources) and all(outcome.error is None for outcome in runs.outcomes)\n",
        "    return True\n",
        (f"{RECOVERED}::test_a_source_that_is_away_keeps_the_vectors",),
    ),
    Mutant(
        "recover: a sound ledger is given up",
        "syncd/wiring/restoring.py",
        "        raise NothingToRecover(file=wiring.config.state.ledger)\n",
        "        return False\n",
        (f"{RECOVERED}::test_a_sound_ledger_is_not_given_up",),
    ),
    Mutant(
        "recover: points of new documents hide those that are there",
        "syncd/sync/vectors.py",
        "    found = _of_owners(run, fps, unborn)\n",
        "    found = _of_owners(run, fps, ())\n",
        ("tests/acceptance/test_once_wrong_lost.py::test_a_text_that_new_documents_repeat_is_found_in_the_one_that_has_it",),
    ),
    Mutant(
        "recover: a repair that was killed can't be settled",
        "syncd/sync/settle.py",
        "run=intent.run or None,",
        "run=intent.run,",
        ("tests/acceptance/test_reconcile.py::test_a_repair_that_was_killed_is_settled",),
    ),
)
