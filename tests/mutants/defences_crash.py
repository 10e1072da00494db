"""Defences of a kill: what is recorded when, and what the next one makes of it; seen by real kills at named steps."""

from typing import Final

from mutant import Mutant

KILLS: Final = "tests/crash/test_named_kills.py"
SETTLE: Final = "syncd/sync/settle.py"
TAKEN_BACK: Final = (f"{KILLS}::test_a_change_that_was_killed_and_taken_back_leaves_no_hole",)

CRASH: Final = (
    Mutant(
        "kill: the outcome before the points",
        "syncd/sync/apply.py",
        "        if group.items:\n            self._write(group, vectors)\n        self._record(group)\n",
        "        self._record(group)\n        if group.items:\n            self._write(group, vectors)\n",
        (f"{KILLS}::test_a_killed_sync_recorded_nothing_too_early",),
    ),
    Mutant(
        "kill: points that a killed change took away are believed to be there",
        SETTLE,
        "tx.ledger.put_points([replace(point, state=PointState.INTENDED) for point in lost])",
        "pass",
        TAKEN_BACK,
    ),
    Mutant(
        "kill: a document in doubt is not looked at again",
        SETTLE,
        "due=max(row.due, Due.LOOK)",
        "due=row.due",
        TAKEN_BACK,
    ),
    Mutant(
        "kill: a daemon does not settle what it began when its engine died",
        "syncd/daemon/coordinator.py",
        "            self._follower.unsettled.add(outcome.run)\n",
        "            pass\n",
        ("tests/acceptance/test_daemon_without.py::test_without_an_index_who_loses_access_is_fenced_at_once",),
    ),
    Mutant(
        "start: an index that is away for a moment ends it",
        "syncd/daemon/coordinator.py",
        "if not SETTLING.again(failures) or self.inbox.stopping:",
        "if failures:",
        ("tests/acceptance/test_coordinator.py::test_an_index_that_is_away_at_the_start_is_waited_for",),
    ),
)
