"""What the daemon does by the clock. Jobs only put something into a queue: whoever takes it out does the work."""

import random
import threading
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent  # type: ignore[import-untyped]  # it ships no types
from apscheduler.executors.pool import ThreadPoolExecutor  # type: ignore[import-untyped]
from apscheduler.jobstores.memory import MemoryJobStore  # type: ignore[import-untyped]
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]
from apscheduler.triggers.base import BaseTrigger  # type: ignore[import-untyped]

SPREAD: Final = 0.1
"""The share of an interval by which a job that is spread may come early."""
LOOK: Final = 30.0
"""Seconds after which the clock is looked at again: what was due while the machine slept is done this soon after."""
STEP: Final = 1.0
"""Seconds by which the clock must be set to count as set: less is adjusted all the time."""

OnFailure = Callable[[str, BaseException], None]


class Schedule:
    """Runs each job of `every`, by name: (interval in seconds, job), for the first time one interval after `start`.

    spread: the names of jobs that come up to a tenth of their interval early, by chance, so that many daemons do not scan at
    once. on_failure: called, in the schedule's thread, with the name and the error of the first job that raises, or with
    "schedule" if the clockwork does. That is a bug and has to end the daemon: jobs only enqueue.

    One thread runs the jobs, one at a time. What was due more than once, because the machine slept, is run once. A clock that
    is set, back or forth, changes no interval.
    """

    def __init__(
        self,
        every: Mapping[str, tuple[float, Callable[[], None]]],
        *,
        spread: Collection[str] = (),
        on_failure: OnFailure = lambda _name, _error: None,
    ) -> None:
        self._every = dict(every)
        self._spread = frozenset(spread)
        self._on_failure = on_failure
        self._failed: tuple[str, BaseException] | None = None
        self._failing = threading.Lock()
        self._scheduler = _Scheduler(
            self._fail,
            timezone=UTC,
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._scheduler.add_listener(self._raised, EVENT_JOB_ERROR)

    def start(self) -> None:
        """Begin to count."""
        for name, (seconds, job) in self._every.items():
            trigger = _Every(seconds, SPREAD if name in self._spread else 0.0)
            self._scheduler.add_job(job, trigger, id=name, name=name)
        self._scheduler.start()

    def stop(self) -> None:
        """Run nothing more; returns when the job that runs has ended. More than once does no harm."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    @property
    def failed(self) -> tuple[str, BaseException] | None:
        """The name and the error of the first job that raised."""
        return self._failed

    def _raised(self, event: JobExecutionEvent) -> None:
        self._fail(event.job_id, event.exception)

    def _fail(self, name: str, error: BaseException) -> None:
        with self._failing:
            if self._failed is not None:
                return
            self._failed = (name, error)
        self._on_failure(name, error)


class _Every(BaseTrigger):  # type: ignore[misc]  # the library ships no types
    """An interval after the last run began, `spread` of it earlier at most. So what was slept through is due once, not often."""

    def __init__(self, seconds: float, spread: float) -> None:
        self._seconds = seconds
        self._spread = spread

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        early = random.uniform(0.0, self._spread)  # noqa: S311 - no secret: it keeps daemons apart
        return now + timedelta(seconds=self._seconds * (1.0 - early))


class _Scheduler(BackgroundScheduler):  # type: ignore[misc]  # the library ships no types
    """The library goes by the wall clock, so it would rest for as long as that was set back. This one moves its jobs along."""

    def __init__(self, on_failure: OnFailure, **options: object) -> None:
        super().__init__(**options)
        self._on_failure = on_failure
        self._ahead = _ahead()

    def start(self) -> None:
        self._ahead = _ahead()
        super().start()

    def _main_loop(self) -> None:
        try:
            super()._main_loop()
        except BaseException as error:  # noqa: BLE001 - whatever it is: without this thread nothing is ever due again
            self._on_failure("schedule", error)

    def _process_jobs(self) -> float:
        ahead = _ahead()
        step = ahead - self._ahead
        if abs(step) > STEP:
            self._ahead = ahead
            for job in self.get_jobs():
                job.modify(next_run_time=job.next_run_time + timedelta(seconds=step))
        wait: float | None = super()._process_jobs()
        return LOOK if wait is None else min(wait, LOOK)


def _ahead() -> float:
    """Seconds by which the wall clock is ahead of the time since boot, which counts sleep and can't be set."""
    return datetime.now(UTC).timestamp() - time.clock_gettime(time.CLOCK_BOOTTIME)
