"""Chores: what the daemon does although nobody asks for it: by the clock, after a start, and while nothing else is to be done."""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import partial

from structlog.typing import FilteringBoundLogger

from syncd.core.freshness import Freshness, Verdict
from syncd.daemon.coordinator import Coordinator
from syncd.daemon.schedule import OnFailure, Schedule
from syncd.daemon.scrubber import Scrubber
from syncd.daemon.settings import Settings
from syncd.errors import DaemonStopping
from syncd.operations import newspace, reconcile
from syncd.operations.desk import Desk
from syncd.operations.reconcile import ReconcileRequest
from syncd.operations.sync import names
from syncd.ports import Clock
from syncd.sync.collection import filling

SET = 1.0
"""Seconds by which the clock must have been set to count as set: less is adjusted all the time."""


class Chores:
    """They only put something into a queue, but for the scrub: whoever takes it out does the work. freshness: what is known now.

    desk, settings: as the configuration has them now.
    """

    def __init__(
        self,
        desk: Callable[[], Desk],
        settings: Callable[[], Settings],
        freshness: Callable[[], Freshness],
        coordinator: Coordinator,
        *,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._desk = desk
        self._settings = settings
        self._freshness = freshness
        self._coordinator = coordinator
        self._inbox = coordinator.inbox
        self._jobs = coordinator.jobs
        self._clock = clock
        self._log = log
        self.scrubber = Scrubber(desk, lambda: settings().scrubs, self._inbox, self._others_wait, log)
        coordinator.spare = self.scrubber.step
        self._ahead = self._clock_ahead()

    def schedule(self, on_failure: OnFailure) -> Schedule:
        """What is done by the clock, which does not count yet."""
        settings = self._settings()
        return Schedule(
            {
                "scan": (settings.scan_every, self.scan_all),
                "checkpoint": (settings.checkpoint_every, partial(self.enqueue, self._coordinator.sign)),
                "reconcile": (settings.reconcile_every, self.reconcile),
            },
            spread=("scan", "reconcile"),
            on_failure=on_failure,
        )

    def begin(self) -> None:
        """What is done after a start, and again where it ended because something was away."""
        self.resume()
        self._coordinator.when_idle = self._first_reconcile
        self._coordinator.unfinished.begin |= {newspace.KIND: self.resume, reconcile.KIND: self.reconcile}

    def scan_all(self, trigger: str = "schedule") -> None:
        """Have every source scanned."""
        for source in self._desk().sources:
            self._coordinator.want_scan(source.name, trigger)

    def resume(self) -> None:
        """Go on filling the collection of another model, where a start finds one that the configuration still names."""
        desk = self._desk()
        with desk.install.ledger.read() as view:
            other = filling(view)
        candidate = desk.candidate() if other is not None else None
        if other is not None and candidate is not None and other.space == candidate.embedder.space:
            candidate.embedder.warm()
            actor = desk.install.audit.actor
            self._jobs.start(newspace.KIND, names(desk.sources), partial(newspace.carry_out, desk, actor), actor)

    def reconcile(self) -> None:
        """Compare the index with what is recorded."""
        self._compare(self._settings().reconcile)

    def enqueue(self, deed: Callable[[], None]) -> None:
        """Have it done at the next turn, however long that takes: who enqueues does not wait."""
        with suppress(DaemonStopping):
            self._inbox.post(deed).add_done_callback(self._deed_done)

    def look_at_clock(self) -> None:
        """After it was set, or the machine slept: what was noted by it keeps its age, and every source is scanned anew."""
        before, self._ahead = self._ahead, self._clock_ahead()
        step = self._ahead - before
        if abs(step) <= SET:
            return
        self._log.warning("clock.set", seconds=round(step))
        with self._inbox.guarded() as stations:
            for station in stations.values():
                station.clock_set(step)
        self.scan_all("clock")

    # -- within --------------------------------------------------------------------------------------------------------

    def _others_wait(self) -> bool:
        return self._inbox.urgent() or self._jobs.waiting()

    def _clock_ahead(self) -> float:
        """Seconds by which the time of day is ahead of the time that can't be set."""
        return self._clock.now().timestamp() - self._clock.monotonic_ns() / 1e9

    def _first_reconcile(self) -> bool:
        """Compare once everything was scanned after the start: the index may have been replaced meanwhile. False: not yet."""
        known = self._freshness()
        if known.verdict is Verdict.UNKNOWN or known.away:
            return False
        self._compare(replace(self._settings().reconcile, sample=0))
        return True

    def _compare(self, request: ReconcileRequest) -> None:
        desk = self._desk()
        actor = desk.install.audit.actor
        self._jobs.start(reconcile.KIND, names(desk.sources), partial(reconcile.carry_out, desk, actor, request), actor)

    def _deed_done(self, future: "Future[None]") -> None:
        error = future.exception()
        if error is not None:
            self._log.warning("deed.failed", error=type(error).__name__)
