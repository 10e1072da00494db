"""Defences of the daemon's frame: a log without names, no thread that dies in silence, no clock that stops it."""

from typing import Final

from mutant import Mutant

LOG: Final = "syncd/daemon/log.py"
NOTIFY: Final = "syncd/daemon/notify.py"
SCHEDULE: Final = "syncd/daemon/schedule.py"
SUPERVISE: Final = "syncd/daemon/supervise.py"
KEYS: Final = "syncd/adapters/keys/files.py"
LOG_TESTS: Final = "tests/unit/test_daemon_log.py"
NOTIFY_TESTS: Final = "tests/unit/test_daemon_notify.py"
SCHEDULE_TESTS: Final = "tests/unit/test_daemon_schedule.py"
SUPERVISE_TESTS: Final = "tests/unit/test_daemon_supervise.py"
CREDENTIAL_TESTS: Final = "tests/unit/test_key_credentials.py"
HOSTILE: Final = (f"{LOG_TESTS}::test_nothing_hostile_is_seen",)

DAEMON: Final = (
    # -- names, principals and text never reach the process log ("Fail closed" 8)
    Mutant("log: any key", LOG, "check = KEYS.get(key)", "check = KEYS.get(key, str)", HOSTILE),
    Mutant(
        "log: any string is a word",
        LOG,
        "isinstance(value, str) and _WORD.fullmatch(value) else",
        "isinstance(value, str) else",
        HOSTILE,
    ),
    Mutant("log: a number that spells a text", LOG, "-(1 << 63) <= value < 1 << 63", "value < 1 << 600", HOSTILE),
    Mutant(
        "log: bytes that spell a text", LOG, "isinstance(value, bytes) and len(value) == 16", "isinstance(value, bytes)", HOSTILE
    ),
    Mutant(
        "log: any string is an error",
        LOG,
        " and _is_an_error(value) else",
        " else",
        (f"{LOG_TESTS}::test_a_value_that_its_key_does_not_allow_is_withheld",),
    ),
    Mutant(
        "log: what an exception says",
        LOG,
        'line["error"] = _error(raised)',
        'line["error"] = repr(raised)',
        (f"{LOG_TESTS}::test_nothing_that_an_exception_says_is_seen",),
    ),
    Mutant(
        "log: what other libraries say",
        LOG,
        "lineno, WITHHELD, (), None)",
        "lineno, _msg, _args, None)",
        (f"{LOG_TESTS}::test_other_libraries_are_heard_without_their_words",),
    ),
    Mutant(
        "log: what a thread dies of is printed",
        LOG,
        "    threading.excepthook = _thread_died\n",
        "",
        (f"{LOG_TESTS}::test_errors_that_nobody_caught",),
    ),
    Mutant(
        "log: a stream that fails ends the work",
        LOG,
        "except (OSError, ValueError):  # a reader that went away, a full disk, a stream that was closed",
        "except FileNotFoundError:",
        (f"{LOG_TESTS}::test_a_stream_that_fails_stops_nothing",),
    ),
    # -- the service manager
    Mutant(
        "notify: a status says more than a status",
        NOTIFY,
        'char if char.isprintable() else " "',
        "char",
        (f"{NOTIFY_TESTS}::test_a_status_is_one_message",),
    ),
    Mutant(
        "notify: a socket that fails ends the daemon",
        NOTIFY,
        "except OSError as error:",
        "except TimeoutError as error:",
        (f"{NOTIFY_TESTS}::test_a_socket_that_fails_is_logged_once",),
    ),
    # -- what is due is done
    Mutant(
        "schedule: a clock that is set back stops it",
        SCHEDULE,
        "if abs(step) > STEP:",
        "if False:",
        (f"{SCHEDULE_TESTS}::test_a_clock_that_is_set_changes_no_interval",),
    ),
    Mutant(
        "schedule: a sleep is made up for",
        SCHEDULE,
        "return now + timedelta(",
        "return (_previous or now) + timedelta(",
        (f"{SCHEDULE_TESTS}::test_a_run_after_a_sleep_is_followed_by_the_next",),
    ),
    Mutant(
        "schedule: a job that raises is not told",
        SCHEDULE,
        "        self._fail(event.job_id, event.exception)\n",
        "        return\n",
        (f"{SCHEDULE_TESTS}::test_a_job_that_raises_is_told_by_name",),
    ),
    Mutant(
        "schedule: a clockwork that breaks is not told",
        SCHEDULE,
        '            self._on_failure("schedule", error)\n',
        "            raise SystemExit from error\n",
        (f"{SCHEDULE_TESTS}::test_a_clockwork_that_breaks_is_told",),
    ),
    # -- no side of the daemon dies in silence, and it ends when it is told to
    Mutant(
        "supervise: a thread that raises is not missed",
        SUPERVISE,
        "                self.fail(name, error)\n",
        "                return\n",
        (f"{SUPERVISE_TESTS}::test_a_thread_that_ends_because_it_was_asked_to_is_no_failure",),
    ),
    Mutant(
        "supervise: a thread that ends is not missed",
        SUPERVISE,
        "                    self.fail(name)\n",
        "                    return\n",
        (f"{SUPERVISE_TESTS}::test_a_thread_that_dies_wakes_the_main_thread",),
    ),
    Mutant(
        "supervise: the second signal waits too",
        SUPERVISE,
        "            os._exit(1)",
        "            return",
        (f"{SUPERVISE_TESTS}::test_the_second_signal_to_stop_ends_it_at_once",),
    ),
    Mutant(
        "supervise: whoever hangs is alive",
        SUPERVISE,
        "return self._clock() - self._beat <= within",
        "return within >= 0",
        (f"{SUPERVISE_TESTS}::test_the_heartbeat",),
    ),
    # -- what a command says and finds where things are not as usual
    Mutant(
        "capabilities: the engine may read everything too",
        "syncd/adapters/capabilities.py",
        "_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4",
        "_PR_CAP_AMBIENT_CLEAR_ALL: Final = 1",
        ("tests/unit/test_capabilities.py::test_no_program_that_is_started_has_them",),
    ),
    Mutant(
        "command: a key that its service holds is called lost",
        "syncd/cli/asking.py",
        '    return Path(str(error.facts["file"])).is_relative_to(CREDENTIALS)\n',
        "    return False\n",
        ("tests/unit/test_cli_away.py::test_the_service_is_missed_not_the_key",),
    ),
    Mutant(
        "search: what nothing tells of was just looked at",
        "syncd/operations/search.py",
        "(unseen := source.unseen(now)) > request.max_staleness",
        "(unseen := 0.0) > request.max_staleness",
        ("tests/acceptance/test_polled.py::test_an_answer_is_as_stale_as_what_was_last_scanned",),
    ),
    Mutant(
        "search: no hits at all may be asked for",
        "syncd/operations/search.py",
        "k: Annotated[int, Field(ge=1, le=1_000)] = 10",
        "k: int = 10",
        ("tests/acceptance/test_daemon_asks.py::test_no_hits_and_too_many_are_refused",),
    ),
    Mutant(
        "jobs: the work of one that is over is remembered",
        "syncd/daemon/jobs.py",
        "            job.carry_out = _nothing\n",
        "",
        ("tests/unit/test_daemon_jobs.py::test_a_job_that_is_over_holds_nothing_but_what_became_of_it",),
    ),
    Mutant(
        "jobs: an error that is remembered keeps its frames",
        "syncd/daemon/jobs.py",
        "            _forget_frames(error)\n",
        "",
        ("tests/unit/test_daemon_jobs.py::test_a_job_that_is_over_holds_nothing_but_what_became_of_it",),
    ),
    Mutant(
        "guard: every run of an hour is remembered by itself",
        "syncd/daemon/station.py",
        "if self.earlier and self.earlier[-1][0] == until:",
        "if False:",
        ("tests/unit/test_daemon_station.py::test_many_runs_on_hints_are_remembered_in_few_numbers",),
    ),
    Mutant(
        "explain: a scan that wrote nothing saw nothing",
        "syncd/operations/explain.py",
        "scanned = source.complete_at if source is not None and seen else 0.0",
        "scanned = 0.0",
        ("tests/acceptance/test_daemon_asks.py::test_a_scan_that_finds_nothing_has_seen_the_document",),
    ),
    Mutant(
        "explain: what the guard keeps is not explained",
        "syncd/operations/explain.py",
        "decided.state == RunState.HALTED",
        "False",
        ("tests/acceptance/test_guard.py::test_what_is_held_back_is_explained",),
    ),
    Mutant(
        "jobs: what waited works with the model of before",
        "syncd/operations/sync.py",
        "    desk = desk.now()\n",
        "",
        ("tests/acceptance/test_coordinator_jobs.py::test_what_waited_through_a_change_over_works_with_the_new_model",),
    ),
    Mutant(
        "jobs: nothing is synced and called done",
        "syncd/operations/sync.py",
        "return found or desk.select(wanted[0])",
        "return found",
        ("tests/acceptance/test_coordinator_jobs.py::test_work_on_a_source_that_went_while_it_waited_says_so",),
    ),
    # -- keys as systemd hands them over ("Fail closed" 1)
    Mutant(
        "credentials: any key may be open to a group",
        KEYS,
        "not (mode == 0o440 and _is_credential(path))",
        "mode != 0o440",
        (f"{CREDENTIAL_TESTS}::test_another_folder_vouches_for_nothing",),
    ),
    Mutant(
        "credentials: any mode will do",
        KEYS,
        "not (mode == 0o440 and _is_credential(path))",
        "not _is_credential(path)",
        (f"{CREDENTIAL_TESTS}::test_more_than_reading_by_the_group_is_refused",),
    ),
    Mutant(
        "credentials: a folder that others write",
        KEYS,
        " and not facts.st_mode & 0o022 and",
        " and",
        (f"{CREDENTIAL_TESTS}::test_a_folder_that_others_write_vouches_for_nothing",),
    ),
)
