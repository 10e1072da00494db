"""Defences against the ends of disk, memory and time: what is full, what grows, a clock that is set."""

from typing import Final

from mutant import Mutant

DISKS: Final = "tests/crash/test_full_disks.py"
EDGE: Final = "syncd/adapters/index/edge.py"
CLOCK: Final = "tests/acceptance/test_clock.py"
MEMORY: Final = "tests/acceptance/test_memory.py"
LOG: Final = "syncd/daemon/log.py"

LIMITS: Final = (
    Mutant(
        "limits: an arena for each thread",
        "syncd/adapters/allocator.py",
        "        mallopt(_M_ARENA_MAX, 1)\n",
        "        pass\n",
        ("tests/unit/test_allocator.py::test_threads_share_one_arena",),
    ),
    Mutant(
        "limits: what is free between blocks is kept",
        "syncd/adapters/allocator.py",
        "        malloc_trim(0)\n",
        "        pass\n",
        ("tests/unit/test_allocator.py::test_what_is_free_between_blocks_is_given_back",),
    ),
    Mutant(
        "limits: what a job took is kept",
        "syncd/daemon/coordinator.py",
        "            self.relieve()\n",
        "            pass\n",
        ("tests/acceptance/test_coordinator_jobs.py::test_a_job_gives_back_what_it_took_however_it_ends",),
    ),
    Mutant(
        "limits: the interpreter looks through a loaded model before it ends",
        "syncd/cli/main.py",
        "    gc.freeze()",
        "    gc.collect()",
        ("tests/unit/test_cli_frame.py::test_the_interpreter_ends_without_looking_through_all_that_was_loaded",),
    ),
    Mutant(
        "limits: a statement for each length of a list",
        "syncd/adapters/ledger/queries.py",
        "    return [*values, *([values[-1]] * missing if values else [])]",
        "    return list(values)",
        ("tests/unit/test_ledger_schema.py::test_lists_of_any_length_are_few_statements",),
    ),
    Mutant(
        "limits: a group is begun although there is no room for it",
        "syncd/sync/apply.py",
        "self.run.install.index.make_sure_of_room(",
        "abs(",
        (f"{DISKS}::test_under_the_index",),
    ),
    Mutant(
        "limits: a collection that is there needs room to be opened",
        EDGE,
        'if not (self._path / "collections" / collection).exists():',
        "if True:",
        (f"{DISKS}::test_a_daemon_starts_where_nothing_may_be_added",),
    ),
    Mutant(
        "limits: closing a document needs as much room as adding one",
        EDGE,
        "self._room(self._reserve // 2 + _GROWTH * frame_bytes(payload))",
        "self._room(self._reserve + _GROWTH * frame_bytes(payload))",
        (f"{DISKS}::test_what_closes_or_takes_away_has_room_of_its_own",),
    ),
    Mutant(
        "limits: deleting needs as much room as adding",
        EDGE,
        "self._room(self._reserve // 2)\n",
        "self._room(self._reserve)\n",
        (f"{DISKS}::test_what_closes_or_takes_away_has_room_of_its_own",),
    ),
    Mutant(
        "limits: a daemon waits for whoever reads its log",
        LOG,
        "return bool(asked.poll(seconds * 1000))",
        "return True",
        (f"{DISKS}::test_a_log_that_nobody_reads",),
    ),
    Mutant(
        "limits: an exit code hangs on whether it can be told",
        "syncd/cli/output.py",
        "    with suppress(OSError):\n        click.echo(line, err=True)",
        "    with suppress(BlockingIOError):\n        click.echo(line, err=True)",
        (f"{DISKS}::test_an_exit_code_does_not_hang_on_the_log", f"{DISKS}::test_a_sync_does_its_work_whoever_hears_of_it"),
    ),
    Mutant(
        "limits: a stream that was closed is missed",
        "syncd/cli/exits.py",
        "if getattr(sys, name) is None:",
        "if False:",
        (f"{DISKS}::test_a_daemon_without_standard_error",),
    ),
    Mutant(
        "limits: full output is a riddle",
        "syncd/cli/exits.py",
        "if error.errno not in UNWRITABLE or error.filename is not None:",
        "if True:",
        (f"{DISKS}::test_a_full_disk_behind_the_output",),
    ),
    Mutant(
        "limits: not watched yet, and nobody is told why",
        "syncd/daemon/station.py",
        "not (self.watch_fault == NOT_YET and self.scan_fault)",
        "True",
        (f"{DISKS}::test_a_daemon_starts_where_nothing_may_be_added",),
    ),
    Mutant(
        "limits: all that is gone is held at once",
        "syncd/sync/stage.py",
        "return list(islice(run.staged_rows(view), GROUP))",
        "return list(run.staged_rows(view))",
        (f"{MEMORY}::test_four_times_as_many_documents_take_no_more_memory",),
    ),
    Mutant(
        "limits: every document that changed is remembered",
        "syncd/sync/rundata.py",
        "if len(self._seen) < MOST_APART:",
        "if True:",
        (f"{MEMORY}::test_documents_are_counted_once_each_as_far_as_they_are_known_apart",),
    ),
    Mutant(
        "limits: hints of any length",
        "syncd/core/hints.py",
        " or self._weight + self._above > BYTES:",
        ":",
        ("tests/unit/test_hints_memory.py::test_long_names_take_no_more_than_is_allowed",),
    ),
    Mutant(
        "limits: hints of any depth",
        "syncd/core/hints.py",
        "self._above += EACH + getsizeof(part)",
        "pass",
        ("tests/unit/test_hints_memory.py::test_deep_folders_take_no_more_than_is_allowed",),
    ),
    Mutant(
        "limits: hints weigh on after they were followed",
        "syncd/core/hints.py",
        "self._weight -= sum(thing.weight for thing in taken)",
        "pass",
        ("tests/unit/test_hints_memory.py::test_what_was_taken_weighs_nothing",),
    ),
    Mutant(
        "limits: what was deleted keeps its space for ever",
        "syncd/adapters/index/edge.py",
        "if self.count(collection, None) <= _TIDIED and",
        "if False and",
        ("tests/contract/test_index_edge.py::test_what_was_deleted_gives_its_space_back",),
    ),
    Mutant(
        "limits: a copy of a collection is made without room for it",
        "syncd/adapters/index/edge.py",
        "self._free_space(self._path) >= self._reserve + copy:",
        "True:",
        ("tests/contract/test_index_edge.py::test_nothing_is_tidied_up_without_room_for_a_copy",),
    ),
    Mutant(
        "limits: half-made copies pile up",
        "syncd/adapters/index/edge_store.py",
        'shutil.rmtree(self._home(collection) / "shard/temp_segments", ignore_errors=True)',
        "pass",
        ("tests/contract/test_index_edge.py::test_a_kill_while_it_is_tidied_up_loses_nothing",),
    ),
    Mutant(
        "limits: a clock that is set is not noticed",
        "syncd/daemon/chores.py",
        "if abs(step) <= SET:",
        "if True:",
        (f"{CLOCK}::test_the_clock_is_set_while_it_follows",),
    ),
    Mutant(
        "limits: a clock that is adjusted is taken for one that is set",
        "syncd/daemon/chores.py",
        "if abs(step) <= SET:",
        "if False:",
        (f"{CLOCK}::test_a_clock_that_is_right_is_left_alone",),
    ),
    Mutant(
        "limits: what waits grows older with the clock",
        "syncd/daemon/chores.py",
        "station.clock_set(step)",
        "pass",
        (f"{CLOCK}::test_what_waits_keeps_its_age",),
    ),
    Mutant(
        "limits: a watch is not believed after the clock was set back",
        "syncd/daemon/station.py",
        "and complete_at != self.complete_at:",
        "and complete_at > self.complete_at:",
        ("tests/unit/test_daemon_station.py::test_a_complete_scan_counts_also_after_the_clock_was_set_back",),
    ),
    Mutant(
        "limits: the last run is one of tomorrow",
        "syncd/sync/run.py",
        "max(now, last[0].started_at + ORDERED) if last else now",
        "now",
        (f"{CLOCK}::test_a_run_that_halts_after_the_clock_was_set_back_can_be_confirmed",),
    ),
    Mutant(
        "limits: quarantine rests for a day because the clock was set back",
        "syncd/sync/tags.py",
        "row.last_at <= now < row.next_at",
        "now < row.next_at",
        (f"{CLOCK}::test_quarantine_is_tried_again",),
    ),
    Mutant(
        "limits: permissions of tomorrow are young",
        "syncd/retrieval/reader.py",
        "abs(now - row.acls_at) <= self.stale_after",
        "now - row.acls_at <= self.stale_after",
        (f"{CLOCK}::test_permissions_do_not_stay_young",),
    ),
)
