"""What is done by the clock: often enough, one at a time, once after a sleep, and never in silence when it fails."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from syncd.daemon import schedule as module
from syncd.daemon.schedule import Schedule

HOUR = 3600.0


def until(condition, seconds=20.0):
    """Wait for a condition; fails when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)


@pytest.fixture
def run():
    """Start schedules that end with the test."""
    started = []

    def start(every, **options):
        started.append(Schedule(every, **options))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.stop()


class Clocks:
    """The clocks of a machine: time can pass, asleep or awake, without waiting for it, and the wall clock can be set."""

    def __init__(self, monkeypatch):
        self._lock = threading.Lock()
        self._passed = self._set_by = 0.0
        self._looks = 0
        clocks, boot, ahead = self, time.clock_gettime, module._ahead

        class Wall(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + timedelta(seconds=clocks._passed + clocks._set_by)

        def looked():
            with self._lock:  # both clocks of one moment
                self._looks += 1
                return ahead()

        monkeypatch.setattr("apscheduler.schedulers.base.datetime", Wall)
        monkeypatch.setattr(module, "datetime", Wall)
        monkeypatch.setattr(time, "clock_gettime", lambda clock: boot(clock) + self._passed)
        monkeypatch.setattr(module, "_ahead", looked)
        monkeypatch.setattr(module, "LOOK", 0.01)

    def move(self, *, passed=0.0, set_by=0.0):
        """Let seconds pass, or set the wall clock by seconds; returns when the schedule has seen to it."""
        with self._lock:
            self._passed += passed
            self._set_by += set_by
            seen = self._looks
        until(lambda: self._looks >= seen + 2)  # the second look begins when everything that the first found due was submitted


@pytest.fixture
def clocks(monkeypatch):
    """Clocks that a test moves."""
    return Clocks(monkeypatch)


def test_each_job_at_its_interval(run):
    """Jobs run again and again, each at its own pace, for the first time after one interval."""
    begun = time.monotonic()
    quick, slow = [], []
    run({"quick": (0.02, lambda: quick.append(time.monotonic())), "slow": (HOUR, lambda: slow.append(1))})
    until(lambda: len(quick) >= 5)
    assert quick[0] - begun >= 0.02
    assert quick[4] - begun >= 0.1
    assert slow == []


def test_one_at_a_time_in_one_thread(run):
    """Jobs share a thread that is none of the callers', so they need no lock between them."""
    busy, seen, threads = threading.Lock(), [], set()

    def job():
        seen.append(busy.acquire(blocking=False))
        threads.add(threading.current_thread())
        busy.release()

    run(dict.fromkeys(("one", "other", "third"), (0.01, job)))
    until(lambda: len(seen) >= 12)
    assert all(seen)
    assert len(threads) == 1
    assert threads.isdisjoint({threading.main_thread()})


def test_a_job_that_holds_on_is_not_piled_up(run):
    """What comes due while the same job still runs is not run afterwards: once is enough."""
    free, runs = threading.Event(), []

    def job():
        runs.append(1)
        free.wait(20)

    beats = []
    schedule = run({"held": (0.01, job)})
    other = run({"beat": (0.01, lambda: beats.append(1))})
    until(lambda: len(beats) >= 10 and runs)
    assert runs == [1]
    free.set()
    schedule.stop()
    assert len(runs) <= 2
    assert other.failed is None


def test_a_job_that_raises_is_told_by_name(run):
    """The first error of a job is kept and told once; the schedule goes on, whether to stop is not its decision."""
    told, runs = [], []

    def bad():
        raise ValueError("a bug")

    schedule = run({"bad": (0.01, bad), "good": (0.01, lambda: runs.append(1))}, on_failure=lambda *what: told.append(what))
    assert schedule.failed is None
    until(lambda: told and len(runs) >= 5)
    ((name, error),) = told
    assert (name, str(error)) == ("bad", "a bug")
    assert schedule.failed == (name, error)


def test_a_clockwork_that_breaks_is_told(run, monkeypatch):
    """When the thread that looks at the clock dies, nothing would ever be due again: that is a failure too."""
    told = []
    monkeypatch.setattr(module, "LOOK", 0.01)
    schedule = run({"job": (HOUR, lambda: None)}, on_failure=lambda *what: told.append(what))

    def broken():
        raise OSError("no clock")

    monkeypatch.setattr(module, "_ahead", broken)
    until(lambda: told)
    assert [name for name, _ in told] == ["schedule"]
    assert isinstance(schedule.failed[1], OSError)


def test_after_stop_nothing_runs():
    """Stop waits for the job that runs; none begins after it; stopping twice, or before the start, does no harm."""
    runs, inside, free = [], threading.Event(), threading.Event()

    def job():
        inside.set()
        free.wait(20)
        runs.append(1)

    schedule = Schedule({"job": (0.01, job)})
    schedule.stop()
    schedule.start()
    assert inside.wait(20)
    threading.Timer(0.05, free.set).start()
    schedule.stop()
    after = len(runs)
    assert after >= 1
    schedule.stop()
    assert len(runs) == after
    assert not [thread for thread in threading.enumerate() if thread.name == "APScheduler"]


def test_a_sleep_is_followed_by_exactly_one_run(run, clocks):
    """A machine that slept through ten runs does one of them, soon after it woke, and the next an interval later."""
    runs = []
    schedule = run({"scan": (HOUR, lambda: runs.append(1))})
    clocks.move(passed=HOUR - 60)
    assert runs == []
    clocks.move(passed=10 * HOUR)
    until(lambda: runs)
    clocks.move(passed=HOUR / 2)
    schedule.stop()
    assert runs == [1]


def test_a_run_after_a_sleep_is_followed_by_the_next(run, clocks):
    """The next run is due an interval after that one, not at once."""
    runs = []
    run({"scan": (HOUR, lambda: runs.append(1))})
    clocks.move(passed=10.9 * HOUR)
    until(lambda: len(runs) == 1)
    clocks.move(passed=0.9 * HOUR)
    assert runs == [1]
    clocks.move(passed=0.2 * HOUR)
    until(lambda: len(runs) == 2)


@pytest.mark.parametrize("hours", [-100_000, -10, 10, 100_000])
def test_a_clock_that_is_set_changes_no_interval(run, clocks, hours):
    """Setting the clock makes nothing due, however far; and when the interval is over, the job runs, once."""
    runs = []
    schedule = run({"scan": (HOUR, lambda: runs.append(1))})
    clocks.move(set_by=hours * HOUR)
    assert runs == []
    clocks.move(passed=HOUR + 1)
    until(lambda: runs)
    clocks.move()
    schedule.stop()
    assert runs == [1]


def test_only_what_is_spread_comes_early_and_nothing_late():
    """Of many daemons each scans at another moment, at most a tenth of the interval before it is over."""
    planned = {"scan": [], "seal": []}
    for _ in range(50):
        schedule = Schedule({name: (HOUR, lambda: None) for name in planned}, spread={"scan"})
        before = datetime.now(UTC)
        schedule.start()
        after = datetime.now(UTC)
        for job in schedule._scheduler.get_jobs():
            early, late = (job.next_run_time - after).total_seconds(), (job.next_run_time - before).total_seconds()
            planned[job.id].append((early + late) / 2)
            assert early <= HOUR
        schedule.stop()
    assert len({round(seconds) for seconds in planned["scan"]}) > 10
    assert min(planned["scan"]) >= 0.9 * HOUR - 1
    assert min(planned["seal"]) >= HOUR - 1
