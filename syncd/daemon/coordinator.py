"""The coordinator: the one thread that writes. Deeds first, then what hints named, then jobs, which let the others go first."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Final, TypeVar

from structlog.typing import FilteringBoundLogger

from syncd.core.retry import Policy
from syncd.daemon.absences import Absences
from syncd.daemon.follower import FATAL, Follower
from syncd.daemon.inbox import Inbox
from syncd.daemon.jobs import Job, Jobs
from syncd.daemon.turns import JobTurns
from syncd.daemon.unfinished import Unfinished
from syncd.errors import (
    DaemonStopping,
    IndexUnavailable,
    IndexUnknownOutcome,
    SyncdError,
)
from syncd.operations.desk import Desk
from syncd.operations.operation import Reply
from syncd.operations.sync import run_all, synced_reply
from syncd.ports import Clock, Dependency
from syncd.sync.collection import ensure_collection
from syncd.sync.install import Install
from syncd.sync.report import Held, Progress
from syncd.sync.run import Outcome
from syncd.sync.rundata import Order
from syncd.sync.settle import settle

T = TypeVar("T")
SETTLING: Final = Policy(first=0.1, longest=5.0, factor=7.0, tries=4)
"""When it is tried again to settle at the start."""
IDLE = 5.0
"""Seconds after which an idle coordinator shows that it lives."""
SCAN = "scan"
"""The kind of the jobs that the daemon gives itself."""


class Coordinator:
    """Works through inbox and jobs until it is told to stop. turns: those of its jobs.

    desk: as the configuration has it now. beat: tells the supervisor that work goes on.
    """

    def __init__(
        self,
        desk: Callable[[], Desk],
        inbox: Inbox,
        jobs: Jobs,
        log: FilteringBoundLogger,
        beat: Callable[[], None],
        clock: Clock,
    ) -> None:
        self.desk = desk
        self.inbox = inbox
        self.jobs = jobs
        self.ready = threading.Event()
        self.when_idle: Callable[[], bool] = lambda: False
        """Asked when there is nothing to do, until it says True once."""
        self.unfinished = Unfinished(clock)
        self.spare: Callable[[], bool] = lambda: False
        """Asked when there is nothing to do: a little of what can wait; False when nothing of that is due."""
        self.relieve: Callable[[], None] = lambda: None
        """Called when a job is over."""
        self._was_idle = False
        self._log = log
        self._beat = beat
        self._thread: threading.Thread | None = None
        self.absences = Absences(self._dependencies, inbox, log)
        self.turns = JobTurns(inbox, jobs, self._serve, beat, clock)
        self._follower = Follower(self, self._deeds, beat, log)
        self._ended = threading.Condition()
        self._ends = 0

    @property
    def install(self) -> Install:
        """What use cases work with, as the configuration has it now."""
        return self.desk().install

    def _dependencies(self) -> Sequence[Dependency]:
        desk = self.desk()
        return desk.dependencies(desk.install)

    # -- its thread ----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Settle, then work. Raises what nothing may be written after; everything else is told and tried again."""
        self._thread = threading.current_thread()
        try:
            self._settle()
            self.ready.set()
            while not self.inbox.stopping:
                self._beat()
                rest = self.absences.tend(IDLE)
                if not self._step():
                    self.inbox.wait(rest)
        finally:
            self.inbox.drain()
            self.jobs.drain(DaemonStopping())

    def _settle(self) -> None:
        """Close what was begun and not ended; again after a rest where the index was away, for its process may just have died.

        Raises IndexUnavailable, IndexUnknownOutcome when it stays away: whoever started the daemon has to know.
        """
        for failures in count(1):
            try:
                settle(self.install, ensure_collection(self.install), self.install.audit.actor)
            except (IndexUnavailable, IndexUnknownOutcome) as error:
                self._log.warning("settle.failed", error=type(error).__name__)
                if not SETTLING.again(failures) or self.inbox.stopping:
                    raise
                self.inbox.wait(SETTLING.rest(failures))
            else:
                return

    def _step(self) -> bool:
        """Do the most urgent thing; False when there is nothing to do."""
        if self._serve():
            return True
        if not self.absences.now():
            self.unfinished.go_on()
        for station in self.inbox.owing():
            again = station.scan_fault is not None or station.released
            self.want_scan(station.name, "again" if again else "hints")
        job = self.jobs.take()
        if job is not None:
            self._job(job)
            return True
        if not self._was_idle:
            self._was_idle = self.when_idle()
        return self.spare()

    def _serve(self) -> bool:
        """Do what goes before every job; False when there is nothing to do."""
        return self._deeds() or self._follower.follow()

    def _deeds(self) -> bool:
        done = False
        for future, deed in self.inbox.deeds():
            done = True
            try:
                future.set_result(deed())
            except FATAL as error:
                future.set_exception(error)
                raise
            except Exception as error:  # noqa: BLE001 - it is the business of who asked, who gets it
                future.set_exception(error)
        return done

    # -- jobs ----------------------------------------------------------------------------------------------------------

    def _job(self, job: Job) -> None:
        self._log.info("job.started", job=job.id, kind=job.kind)
        self.turns.reset()
        try:
            reply = job.carry_out(partial(self._told, job))
        except Exception as error:
            if isinstance(error, FATAL) or not isinstance(error, SyncdError):
                self.jobs.end(job, None, DaemonStopping())
                raise
            self._job_failed(job, error)
        else:
            self.jobs.end(job, reply, None)
            self.unfinished.ended(job.kind, None)
            self._log.info("job.ended", job=job.id, kind=job.kind, exit=int(reply.exit))
        finally:
            with self.inbox.guarded() as stations:
                for station in stations.values():
                    station.doing = None
            self.relieve()

    def _job_failed(self, job: Job, error: SyncdError) -> None:
        self.jobs.end(job, None, error)
        self._log.warning("job.failed", job=job.id, kind=job.kind, error=type(error).__name__)
        self.unfinished.ended(job.kind, error)
        if job.kind == SCAN:
            now, monotonic = self.install.now(), self.install.clock.monotonic_ns() / 1e9
            with self.inbox.guarded() as stations:
                for name in job.sources:
                    if name in stations:
                        stations[name].missed(error, now, monotonic, waits=self.absences.caused(error))

    def _told(self, job: Job, source: str, progress: Progress) -> None:
        self._beat()
        self.absences.tend(IDLE)  # a job may take hours: what waits must not wait for its end
        with self.inbox.guarded() as stations:
            station = stations.get(source)
            if station is not None:
                station.told(job.kind, progress, self.install.now())
        self.jobs.told(job, source, progress)

    def ended(self, outcome: Outcome) -> None:
        """A run is over: what is known of its source changes, and who waits for that is woken."""
        if outcome.error is not None:
            self._follower.unsettled.add(outcome.run)
        with self.install.ledger.read() as view, self.inbox.guarded() as stations:
            station = stations.get(outcome.source)
            if station is not None:
                row = view.source(station.id)
                monotonic = self.install.clock.monotonic_ns() / 1e9
                complete_at, waits = row.complete_at if row else 0.0, self.absences.caused(outcome.error)
                station.ended(outcome, monotonic, whole=outcome.whole, complete_at=complete_at, waits=waits)
        report = outcome.report
        level = self._log.info if outcome.whole else self._log.debug
        level(
            "run.ended",
            run=outcome.run.hex(),
            source=outcome.source,
            state=outcome.state.value,
            seconds=round(outcome.seconds, 3),
            embedded=report.chunks.embedded,
            added=report.documents.added,
            updated=report.documents.updated,
            moved=report.documents.moved,
            retagged=report.documents.retagged,
            deleted=report.documents.deleted,
            quarantined=report.documents.quarantined,
            error=type(outcome.error).__name__ if outcome.error else None,
        )
        with self._ended:
            self._ends += 1
            self._ended.notify_all()

    def moved_on(self, before: int, seconds: float) -> int:
        """Wait until a run has ended since this returned `before`, at most `seconds`; returns how many have."""
        with self._ended:
            self._ended.wait_for(lambda: self._ends != before or self.inbox.stopping, seconds)
            return self._ends

    # -- for others ----------------------------------------------------------------------------------------------------

    def at_turn(self, deed: Callable[[], T]) -> T:
        """Do a short `deed` on this thread, where nothing is half done."""
        return deed() if threading.current_thread() is self._thread else self.inbox.deed(deed)

    def want_scan(self, source: str, trigger: str) -> None:
        """Have a whole source scanned soon, unless it is paused."""
        with self.inbox.guarded() as stations:
            station = stations.get(source)
            if station is None or station.paused:
                return
            station.asked = True
        self.jobs.start(SCAN, (source,), partial(self._scan, source, trigger), self.install.audit.actor)

    def recent(self, source: str) -> Held:
        """What runs on hints took away or opened of a source within the hour."""
        with self.inbox.guarded() as stations:
            station = stations.get(source)
            return station.recent(self.install.clock.monotonic_ns() / 1e9) if station is not None else Held()

    def sign(self) -> None:
        """Sign the history with all that is in it: after a few hints nobody else does."""
        with self.install.transaction() as tx:
            tx.checkpoint()

    def _scan(self, source: str, trigger: str, telling: Callable[[str, Progress], None]) -> Reply:
        """Scan a source as it is configured by now; one that was paused meanwhile, or is gone, is left alone."""
        sources = []
        with self.inbox.guarded() as stations:
            station = stations.get(source)
            if station is not None:
                station.asked = not station.paused
                sources += [] if station.paused else [station.source]
        desk = self.desk()
        order = Order(self.install.audit.actor, trigger, earlier=self.recent, turns=self.turns)
        return synced_reply(desk, run_all(desk, sources, order, telling))
