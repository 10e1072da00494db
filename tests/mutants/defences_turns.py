"""Defences of runs on hints, of turns, and of the coordinator: nothing is undone, nothing is missed, nobody waits for ever."""

from typing import Final

from mutant import Mutant

CONTENTS: Final = "syncd/sync/contents.py"
COORDINATOR: Final = "syncd/daemon/coordinator.py"
FOLLOWER: Final = "syncd/daemon/follower.py"
MOVES: Final = "syncd/sync/moves.py"
OBSERVE: Final = "syncd/sync/observe.py"
RUN: Final = "syncd/sync/run.py"
RUNDATA: Final = "syncd/sync/rundata.py"
STAGE: Final = "syncd/sync/stage.py"
STATION: Final = "syncd/daemon/station.py"
SURVEY: Final = "syncd/sync/survey.py"
SCOPED: Final = "tests/acceptance/test_scoped_runs.py"
FAULT: Final = "tests/acceptance/test_scoped_runs_under_fault.py"
TURN_TESTS: Final = "tests/acceptance/test_turns.py"
LISTING: Final = "tests/acceptance/test_turns_listing.py"
LATE: Final = "tests/acceptance/test_turns_late.py"
COORDINATED: Final = "tests/acceptance/test_coordinator.py"
JOBS: Final = "tests/acceptance/test_coordinator_jobs.py"
STATION_TESTS: Final = "tests/unit/test_daemon_station.py"
STAYS_DONE: Final = (f"{TURN_TESTS}::test_what_is_done_in_a_turn_stays_done",)

TURNS: Final[tuple[Mutant, ...]] = (
    # -- a run on hints touches what was named, and decides nothing else
    Mutant(
        "hint: the other documents of a folder count as gone",
        OBSERVE,
        "        if page.keys is None:\n            return view.docs_of_page(",
        "        if True:\n            return view.docs_of_page(",
        (f"{SCOPED}::test_an_edit_by_key_touches_nothing_else",),
    ),
    Mutant(
        "hint: what a reindex marked is embedded on any hint",
        RUN,
        "due = order.scope.whole and not (work is not None and work.paused)",
        "due = not (work is not None and work.paused)",
        (f"{SCOPED}::test_a_document_that_waits_for_a_reindex_is_left_alone",),
    ),
    Mutant(
        "hint: a page is done with although a reindex waits for it",
        CONTENTS,
        "        visit.settled &= run.backfill or all(row.due is not Due.EMBED for row in opened.rows.values())\n",
        "",
        (f"{SCOPED}::test_a_document_that_waits_for_a_reindex_is_left_alone",),
    ),
    Mutant(
        "hint: what lies below a folder that can't be listed is gone",
        SURVEY,
        "        found.seen.add(row.locator)\n",
        "",
        (f"{FAULT}::test_a_folder_that_can_not_be_listed_deletes_nothing",),
    ),
    Mutant(
        "hint: what is missing is taken for gone while a person is waited for",
        STAGE,
        "        if run.order.hold:\n            return\n",
        "",
        (f"{FAULT}::test_while_a_person_is_waited_for_nothing_is_taken_for_gone",),
    ),
    Mutant(
        "hint: many small runs delete what one may not",
        STAGE,
        "earlier = run.earlier.deletions",
        "earlier = 0",
        (f"{FAULT}::test_many_small_runs_do_not_delete_what_one_may_not",),
    ),
    Mutant(
        "hint: many small runs open what one may not",
        RUN,
        "found.opening + self.run.earlier.widenings if found.opening else 0",
        "found.opening",
        (f"{FAULT}::test_many_small_runs_do_not_open_what_one_may_not",),
    ),
    Mutant(
        "hint: what a run that failed found missing is nobody's",
        RUN,
        "            error = failure\n            stage.unstage(self.run)\n",
        "            error = failure\n",
        (f"{FAULT}::test_what_a_run_that_failed_found_missing_is_deleted_by_the_next",),
    ),
    Mutant(
        "hint: an ACL that the store lost is given",
        CONTENTS,
        "visit.settled &= retag(run, visit.retags.values())",
        "retag(run, visit.retags.values())",
        (f"{FAULT}::test_a_wider_acl_that_the_store_lost_is_given_by_the_next_run",),
    ),
    Mutant(
        "move: the folder that it left vouches for it",
        MOVES,
        "        reopen(tx.ledger, row.page)\n",
        "",
        (f"{SCOPED}::test_a_folder_that_is_there_again_has_all_its_documents",),
    ),
    Mutant(
        "move: a name of another kind changes nothing",
        MOVES,
        "install.extractor.kind(found.former) == install.extractor.kind(seen.key)",
        "True",
        (f"{SCOPED}::test_a_new_name_of_another_kind_has_the_document_cut_anew",),
    ),
    # -- turns
    Mutant(
        "turn: there is none until all is listed",
        SURVEY,
        "if run.whole and run.order.turns.wanted():",
        "if False:",
        (f"{LISTING}::test_what_is_told_while_folders_are_listed_is_done_before_the_next",),
    ),
    Mutant(
        "turn: as many as were met are those that were met",
        SURVEY,
        "told = found.alone and not found.failed",
        "told = not found.failed",
        (f"{LISTING}::test_a_folder_that_went_is_missed_although_another_went_in_a_turn",),
    ),
    Mutant(
        "turn: what another recorded meanwhile is gone",
        SURVEY,
        "if row.scan != run.scan and row.locator not in found.met)",
        "if row.locator not in found.met)",
        (f"{LISTING}::test_a_folder_that_is_told_while_others_are_listed_stays",),
    ),
    Mutant(
        "turn: pages that were to be recorded late are recorded as they were",
        RUNDATA,
        "        self.late.clear()\n",
        "",
        (f"{LATE}::test_a_reindex_that_is_asked_for_in_a_turn_misses_no_page",),
    ),
    Mutant(
        "turn: a group is held over it",
        CONTENTS,
        "            self.applier.flush()\n            self.run.give_turn()\n",
        "            self.run.give_turn()\n",
        STAYS_DONE,
    ),
    Mutant(
        "turn: classes are held over it",
        RUNDATA,
        "            self.classes.refresh(view)\n",
        "            pass\n",
        STAYS_DONE,
    ),
    Mutant(
        "turn: a document is read again after each",
        CONTENTS,
        "            if key in visit.looked:\n",
        "            if False:\n",
        (f"{TURN_TESTS}::test_turns_without_end_do_not_keep_a_page_from_its_end",),
    ),
    Mutant(
        "turn: a huge folder is opened again after each document",
        CONTENTS,
        "visit.reads * MEMBERS_A_READ < len(opened.members) or not run.order.turns.wanted()",
        "not run.order.turns.wanted()",
        (f"{TURN_TESTS}::test_a_huge_folder_is_opened_again_only_now_and_then",),
    ),
    Mutant(
        "turn: a folder is done with although what is missing there was not decided",
        STAGE,
        "                reopen(tx, row.page)\n",
        "",
        (
            f"{LATE}::test_what_an_interrupted_run_found_missing_is_found_again",
            f"{LATE}::test_what_the_guard_gave_back_is_found_again",
        ),
    ),
    Mutant(
        "turn: what went meanwhile does not count for the guard",
        RUNDATA,
        "        self._known = None\n",
        "",
        (f"{LATE}::test_what_went_in_turns_counts_for_the_guard",),
    ),
    Mutant(
        "turn: who lost access while it lasted is let in by a document that was read before",
        CONTENTS,
        "            self._acl(visit, row, visit.opened.members[key], sure=False)\n\n    def _look",
        "            pass\n\n    def _look",
        (f"{TURN_TESTS}::test_a_file_that_is_read_and_closed_in_the_next_turn_is_closed",),
    ),
    # -- the coordinator
    Mutant(
        "coordinator: hints before deeds",
        COORDINATOR,
        "return self._deeds() or self._follower.follow()",
        "return self._follower.follow() or self._deeds()",
        (f"{COORDINATED}::test_deeds_go_before_hints_and_hints_before_jobs",),
    ),
    Mutant(
        "coordinator: a long run on hints lets nobody go first",
        "syncd/daemon/turns.py",
        "return now >= self._until and self._inbox.crowded()",
        "return False",
        (f"{COORDINATED}::test_a_run_on_hints_that_takes_long_lets_others_go_first",),
    ),
    Mutant(
        "coordinator: a long run on hints looks as if it were dead",
        FOLLOWER,
        "order, lambda _: self._beat()).execute()",
        "order, lambda _: None).execute()",
        (f"{COORDINATED}::test_a_run_on_hints_says_that_it_lives",),
    ),
    Mutant(
        "coordinator: what failed in a turn is settled together with the run that lent it",
        "syncd/sync/settle.py",
        "if runs is None or intent.run in runs",
        "if True",
        (f"{COORDINATED}::test_what_failed_in_a_turn_is_settled_without_the_run_that_lent_it",),
    ),
    Mutant(
        "coordinator: a scan deletes what many hints may not",
        COORDINATOR,
        "Order(self.install.audit.actor, trigger, earlier=self.recent, turns=self.turns)",
        "Order(self.install.audit.actor, trigger, turns=self.turns)",
        (f"{COORDINATED}::test_what_many_hints_may_not_take_away_a_scan_does_not_either",),
    ),
    Mutant(
        "coordinator: a source that was paused is scanned by what waits",
        COORDINATOR,
        "sources += [] if station.paused else [station.source]",
        "sources += [station.source]",
        (f"{JOBS}::test_a_source_that_is_paused_is_left_alone_by_what_waits",),
    ),
    Mutant(
        "coordinator: a scan that failed is not tried again",
        STATION,
        "        elif doing is not None and (doing.owed is not None or fault is not None or waits):\n",
        "        elif doing is not None and doing.owed is not None:\n",
        (f"{COORDINATED}::test_a_scan_that_failed_is_tried_again",),
    ),
    Mutant(
        "audit: a run in the turn of another one ends it",
        "syncd/audit/verify.py",
        'hinted=row.type == EventType.RUN_STARTED and _body(row).get("trigger") == "hint"',
        "hinted=False",
        (f"{COORDINATED}::test_hints_are_followed_in_the_midst_of_a_job",),
    ),
    # -- what is said of freshness
    Mutant(
        "fresh: a scan that began before the watch was mended makes up for what was lost",
        STATION,
        "doing.mends == self.mends > 0",
        "self.mends > 0",
        ("tests/unit/test_daemon_tender.py::test_a_scan_that_was_under_way_does_not_make_up_for_lost_hints",),
    ),
    Mutant(
        "fresh: a scan ends a halt that came in its midst",
        STATION,
        "doing is not None and doing.halts == self.halts:",
        "doing is not None:",
        (f"{STATION_TESTS}::test_a_scan_does_not_end_a_halt_that_came_in_its_midst",),
    ),
    Mutant(
        "fresh: what needed no text is never done",
        "syncd/sync/apply.py",
        "        self.closed += planned\n",
        "",
        (f"{LATE}::test_what_needed_no_text_counts_as_done",),
    ),
    Mutant(
        "watch: one that begins for nobody goes on for ever",
        "syncd/daemon/watch.py",
        "            watch.close()\n            return False\n",
        "            return False\n",
        ("tests/unit/test_daemon_tender.py::test_a_watch_that_begins_for_nobody_is_closed",),
    ),
    Mutant(
        "fresh: a scan that is owed is nothing that waits",
        STATION,
        "        oldest += owed\n        pending += len(owed)\n",
        "",
        (f"{STATION_TESTS}::test_a_scan_that_is_owed_counts_until_it_is_complete",),
    ),
    Mutant(
        "fresh: hints that are followed end the trouble of a scan",
        STATION,
        "            self.hint_fault = fault\n",
        "            self.hint_fault = fault\n            self.scan_fault = None\n",
        (f"{STATION_TESTS}::test_a_scan_that_failed_is_trouble_until_one_is_complete",),
    ),
    # -- jobs and the inbox
    Mutant(
        "jobs: a reindex that is to end takes another one along",
        "syncd/daemon/jobs.py",
        "job.state is JobState.RUNNING and not job.interrupted",
        "job.state is JobState.RUNNING",
        ("tests/unit/test_daemon_jobs.py::test_a_job_that_runs_is_joined_where_it_looks_again_at_its_end",),
    ),
    Mutant(
        "quarantine: a folder that is tried again is let out unseen",
        "syncd/daemon/daemon.py",
        'Hint(What.TREE, key[:-1]) if key.endswith("/") else Hint(What.KEY, key)',
        "Hint(What.KEY, key)",
        (f"{JOBS}::test_a_folder_in_quarantine_is_tried_again_with_all_that_is_in_it",),
    ),
    Mutant(
        "quarantine: what nobody wants to hear of is listed again",
        "syncd/sync/shelve.py",
        "dropped=before is not None and before.dropped and before.version == version,",
        "dropped=False,",
        (f"{JOBS}::test_what_nobody_wants_to_hear_of_stays_out_of_lists",),
    ),
    Mutant(
        "reindex: a document that is gone is due for ever",
        STAGE,
        "        due=Due.NO,\n",
        "",
        (f"{JOBS}::test_a_deleted_document_is_not_due_for_ever",),
    ),
    Mutant(
        "reindex: what is gone by now is marked",
        "syncd/sync/reindex.py",
        "[row for row in found if row.state is not DocState.DELETED]",
        "found",
        (f"{JOBS}::test_what_went_before_it_could_be_marked_is_not_due",),
    ),
    Mutant(
        "rest: the thousandth failure ends the daemon",
        "syncd/core/retry.py",
        "min(failures - 1, 20)",
        "(failures - 1)",
        ("tests/unit/test_daemon_inbox.py::test_what_fails_rests_longer_each_time",),
    ),
    Mutant(
        "inbox: a deed that was given up is done later",
        "syncd/daemon/inbox.py",
        "            if future.set_running_or_notify_cancel():\n                yield future, deed\n",
        "            yield future, deed\n",
        ("tests/unit/test_daemon_inbox.py::test_a_deed_that_nobody_comes_to_is_given_up",),
    ),
)
