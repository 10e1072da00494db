"""Defences of a sync: the crash-safe order, deletions and the guard, what the index lost, quarantine."""

from typing import Final

from mutant import Mutant

APPLY: Final = "syncd/sync/apply.py"
ATTACK: Final = "tests/acceptance/test_reader_under_attack.py"
CONTENT: Final = "tests/acceptance/test_content_under_fault.py"
CONTENTS: Final = "syncd/sync/contents.py"
GUARD: Final = "tests/acceptance/test_guard.py"
ORDER: Final = "tests/acceptance/test_sync_under_fault.py"
RETAG: Final = "syncd/sync/retag.py"
RUN: Final = "syncd/sync/run.py"
STAGE: Final = "syncd/sync/stage.py"
QUIET: Final = "tests/acceptance/test_quiet_scan.py"
SURVEY: Final = "syncd/sync/survey.py"
AGAIN: Final = (f"{CONTENT}::test_a_refused_text_is_tried_again",)
CONFIRM: Final = (f"{GUARD}::test_only_the_last_halted_run_can_be_confirmed",)
HELD: Final = (f"{GUARD}::test_a_mass_deletion_waits_and_everything_goes_on_serving",)
INTENT: Final = (f"{ORDER}::test_no_write_to_the_store_without_a_committed_intent",)
LISTING: Final = (f"{ORDER}::test_a_failed_listing_is_no_deletion",)
SETTLED: Final = (f"{ORDER}::test_what_a_killed_run_began_is_settled_by_the_next",)
WIDENING: Final = (f"{GUARD}::test_a_mass_widening_waits_and_is_done_once_confirmed",)

SYNC: Final = (
    # -- the order: intent, index, outcome (law 6; security.md, "Fail closed" 5)
    Mutant(
        "order: the index before the intent",
        APPLY,
        "        self._intend(group)\n        if group.items:\n            self._write(group, vectors)\n",
        "        if group.items:\n            self._write(group, vectors)\n        self._intend(group)\n",
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
        "for fp in texts if fp not in afresh], ",
        "for fp in texts if False], ",
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
        "scan: an error keeps directories open",
        SURVEY,
        "with closing(_pages(run)) as there:",
        "for there in (_pages(run),):",
        (f"{QUIET}::test_a_scan_that_failed_keeps_no_directory_open",),
    ),
    Mutant(
        "deletion: no page is ever gone",
        SURVEY,
        "if told and view.unwritten(run.tags.source_id, run.scan) == len(found.met):",
        "if True:",
        (f"{QUIET}::test_a_folder_gone_while_another_came",),
    ),
    Mutant(
        "deletion: pages are counted although some could not be listed",
        SURVEY,
        "told = found.alone and not found.failed\n",
        "told = found.alone\n",
        (f"{QUIET}::test_a_folder_gone_while_another_could_not_be_listed",),
    ),
    Mutant(
        "deletion: what was met is gone with what was not",
        SURVEY,
        "if row.scan != run.scan and row.locator not in found.met)",
        "if row.scan != run.scan)",
        (f"{QUIET}::test_a_folder_gone_while_another_came",),
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
        "syncd/core/scope.py",
        'tree in ("", name) or name.startswith(tree + "/")',
        'tree in ("", name)',
        LISTING,
    ),
    Mutant(
        "deletion: a listing that failed later is none",
        SURVEY,
        "        found.failed.append(replace(page, failure=Refusal(Reason.LISTING)))\n",
        "",
        (f"{ORDER}::test_a_listing_that_fails_later_is_no_deletion_either",),
    ),
    Mutant(
        "deletion: an incomplete scan counts as a complete one",
        RUN,
        "complete_at = now if complete else row.complete_at",
        "complete_at = now",
        LISTING,
    ),
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
    Mutant("guard: any run can be confirmed", "syncd/sync/every.py", "run.state == RunState.HALTED and ", "", CONFIRM),
    Mutant("guard: a few letters confirm", "syncd/sync/every.py", "len(named) >= SHORTEST and ", "", CONFIRM),
    # -- points that the index lost
    Mutant(
        "drift: an index that lost points is up to date",
        "syncd/sync/drift.py",
        "if install.index.count(collection.name, None) >= view.counts().points:",
        "if True:",
        (f"{ORDER}::test_points_that_the_index_lost_are_written_again",),
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
