"""Following hints: one run over all that is calm of a source, with what becomes of the hints as it ends."""

from collections.abc import Callable
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from syncd.audit.event import Actor
from syncd.core.lifecycle import RunState
from syncd.daemon.absences import Absences
from syncd.daemon.inbox import Inbox
from syncd.daemon.station import Station
from syncd.daemon.turns import HintTurns
from syncd.errors import (
    AuditBroken,
    DiskFull,
    IndexUnavailable,
    IndexUnknownOutcome,
    LedgerCorrupt,
    LedgerRefused,
    LedgerUnavailable,
    SyncdError,
)
from syncd.sync.collection import Collection, ensure_collection, open_collection
from syncd.sync.install import Install
from syncd.sync.report import Held
from syncd.sync.run import Outcome, SourceRun
from syncd.sync.rundata import Order
from syncd.sync.settle import settle

FATAL = (LedgerUnavailable, LedgerCorrupt, LedgerRefused, AuditBroken)
"""After these nothing may be written any more: the daemon ends, and its supervisor says why."""
HINTED = Actor("process", via="watch")


class Lead(Protocol):
    """Whose thread it is: the coordinator."""

    inbox: Inbox
    absences: Absences

    @property
    def install(self) -> Install:
        """What use cases work with, as the configuration has it now."""

    def recent(self, source: str) -> Held:
        """What runs on hints took away or opened of a source within the hour."""

    def ended(self, outcome: Outcome) -> None:
        """A run is over."""

    def want_scan(self, source: str, trigger: str) -> None:
        """Have a whole source scanned soon."""


class Follower:
    """Belongs to the coordinator's thread. unsettled: runs that failed, and may have left something open.

    deeds: does those that wait, False when there are none. beat: tells the supervisor that work goes on.
    """

    def __init__(self, lead: Lead, deeds: Callable[[], bool], beat: Callable[[], None], log: FilteringBoundLogger) -> None:
        self._lead = lead
        self._deeds = deeds
        self._beat = beat
        self._log = log
        self.unsettled: set[bytes] = set()

    def follow(self) -> bool:
        """Follow the hints that are calm; False when there are none."""
        found = self._lead.inbox.take()
        if found is None:
            return False
        station, taken = found
        now, monotonic = self._lead.install.now(), self._lead.install.clock.monotonic_ns() / 1e9
        hinted_at = now - (monotonic - taken.since)
        if taken.scope.whole:
            self._lead.inbox.owe(station, hinted_at)
            return True
        with self._lead.inbox.guarded():
            order = Order(
                HINTED,
                "hint",
                scope=taken.scope,
                hinted_at=hinted_at,
                earlier=self._lead.recent,
                hold=station.halted,
                turns=HintTurns(self._lead.inbox, self._deeds, self._lead.install.clock, much=bool(taken.scope.trees)),
            )
        try:
            outcome = self._follow(station, order)
        except SyncdError as error:
            if isinstance(error, FATAL):
                raise
            self._not_followed(station, error)
            self._log.warning("hints.failed", source=station.name, error=type(error).__name__)
            return True
        if outcome.state is RunState.FAILED:
            self._not_followed(station, outcome.error)
        elif outcome.state is RunState.INTERRUPTED:
            self._lead.inbox.put_back(station, failed=False)
        else:
            self._lead.inbox.done(station)
        return True

    def _not_followed(self, station: Station, error: SyncdError | None) -> None:
        if self._lead.absences.caused(error) or isinstance(error, DiskFull):
            self._lead.inbox.hold(station)
        else:
            self._lead.inbox.put_back(station, failed=True)

    def _follow(self, station: Station, order: Order) -> Outcome:
        collection = self._collection()
        outcome = SourceRun(self._lead.install, station.source, collection, order, lambda _: self._beat()).execute()
        self._lead.ended(outcome)
        changed = outcome.report.documents
        if outcome.state is RunState.HALTED or (order.hold and changed.added + changed.moved + changed.updated):
            self._lead.want_scan(station.name, "halted")  # it counts what all is held back, and its id is the one to confirm
        return outcome

    def _collection(self) -> Collection:
        """The serving collection, once what failed runs left open is settled; what a run that lent its turn has open stays so.

        While the index is away that stays open, too: who loses access is fenced in the ledger all the same.
        """
        known = open_collection(self._lead.install)
        if known is not None and not self.unsettled:
            return known
        try:
            collection = ensure_collection(self._lead.install)
            settle(self._lead.install, collection, self._lead.install.audit.actor, frozenset(self.unsettled))
        except (IndexUnavailable, IndexUnknownOutcome):
            if known is None:
                raise
            return known
        self.unsettled.clear()
        return collection
