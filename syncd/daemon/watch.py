"""Tending the watches: begun before the first scan, mended when they can't be believed any more, and then scanned after."""

import threading
from collections.abc import Callable
from functools import partial

from structlog.typing import FilteringBoundLogger

from syncd.core.blind import Blind
from syncd.core.hints import Hint, What
from syncd.core.retry import RESTED, Policy
from syncd.daemon.inbox import Inbox
from syncd.daemon.station import Station
from syncd.errors import SourceUnavailable
from syncd.ports import Clock

EVERY = 1.0
"""Seconds between two looks at whether hints can still be believed."""
FIRST = 2.0
"""Seconds after which a watch that could not be made whole is tried again, and all is scanned; doubled up to `poll_every`."""
AWAY = Policy(first=2.0, longest=5.0)
"""When a store that was not there is looked for again."""


class Tender:
    """Looks after the watch of every station. want_scan: has a source scanned, with a word that says why."""

    def __init__(self, inbox: Inbox, want_scan: Callable[[str, str], None], clock: Clock, log: FilteringBoundLogger) -> None:
        self._inbox = inbox
        self._want_scan = want_scan
        self._clock = clock
        self._log = log
        self._wake = threading.Event()

    def run(self) -> None:
        """Until the inbox stops."""
        while not self._inbox.stopping:
            with self._inbox.guarded() as stations:
                now = list(stations.values())
            for station in now:
                self.tend(station)
            self._wake.wait(EVERY)
            self._wake.clear()

    def wake(self) -> None:
        """Look now: sources were added, or the daemon stops."""
        self._wake.set()

    def close(self) -> None:
        """Stop all watches."""
        with self._inbox.guarded() as stations:
            watches = [station.watch for station in stations.values() if station.watch is not None]
            for station in stations.values():
                station.watch = None
        for watch in watches:
            watch.close()

    def tend(self, station: Station) -> None:
        """Begin, or mend what is broken; then a scan finds what nobody told of. Where nothing can be watched, have it polled."""
        if not station.watchable:
            self._poll(station)
            return
        if station.watch_rest.left(self._now()):
            return
        fault = "not watched yet" if station.watch is None else station.watch.fault()
        if fault is None and station.mends > 0:
            station.watch_rest = RESTED
            self._look_where_blind(station)
            return
        first = station.watch is None
        with self._inbox.guarded():
            station.watch_fault = fault or station.watch_fault  # all is well again by itself: what was missed nobody knows
            station.mends = -abs(station.mends)
        if not first:
            self._log.warning("watch.broken", source=station.name)
        try:
            whole = self._begin(station) if first else self._mend(station)
        except SourceUnavailable as error:
            with self._inbox.guarded():
                station.watch_fault = "its store can't be reached"
                station.down_at = self._now() if station.down_at is None else station.down_at
            self._log.warning("watch.failed", source=station.name, error=type(error).__name__)
            if self._rest(station, AWAY) == 1:
                self._want_scan(station.name, "start")  # it fails as well, and says so in ledger and history
            return
        if whole:
            with self._inbox.guarded():
                station.mends = abs(station.mends) + 1
        else:
            self._rest(station)
        self._want_scan(station.name, "start" if first else "hints-lost")

    def _begin(self, station: Station) -> bool:
        watch = station.source.watch(partial(self._inbox.hint, station.name))
        with self._inbox.guarded() as stations:
            there = stations.get(station.name) is station
            station.watch = watch if there else None
            station.watchable = watch is not None
            if watch is None:
                station.watch_fault = None
        if watch is not None and not there:  # another configuration came meanwhile: nobody would close it
            watch.close()
            return False
        return watch is None or self._checked(station)

    def _mend(self, station: Station) -> bool:
        if station.watch is not None:
            station.watch.mend()
        return self._checked(station)

    def _checked(self, station: Station) -> bool:
        """Whether nothing is amiss right after it was made whole; what is stays said, as what is blind even so."""
        if station.watch is None:
            return True
        fault, blind = station.watch.fault(), station.watch.blind()
        with self._inbox.guarded():
            station.watch_fault = fault or station.watch_fault
        self._note(station, blind)
        return fault is None

    def _look_where_blind(self, station: Station) -> None:
        """Have just those parts scanned of which nothing tells, after trying to watch them; ever more seldom up to `poll_every`.

        Of what came to be watched the watch tells by itself. A part that has just become blind was looked at: by the scan at the
        start, or because the directory above told of it.
        """
        if station.watch is None:
            return
        blind = station.watch.blind()
        if blind and station.sight.rest.times and not station.sight.rest.left(self._now()):
            try:
                station.watch.regain()
            except SourceUnavailable:
                return  # that is a fault, at the next look
            blind = station.watch.blind()
            self._note(station, blind)
            self._scan_blind(station, blind)
        else:
            self._note(station, blind)

    def _scan_blind(self, station: Station, blind: Blind) -> None:
        if not blind:
            return
        station.sight.rest = station.sight.rest.after(self._now(), self._policy(station))
        if blind.whole:
            with self._inbox.guarded():
                due = not station.asked and station.doing is None
            if due:
                self._want_scan(station.name, "poll")
        elif not station.paused:
            for tree in blind.trees:
                self._inbox.hint(station.name, Hint(What.TREE, tree))

    def _note(self, station: Station, blind: Blind) -> None:
        """Say what is blind, and since it is new, in the log too."""
        with self._inbox.guarded():
            before = station.sight.blind
            station.sight.saw(blind)
        if not blind:
            station.sight.rest = RESTED
        elif not station.sight.rest.times:
            station.sight.rest = station.sight.rest.after(self._now(), self._policy(station))
        news = [cause for cause in blind.causes if cause.code not in {each.code for each in before.causes}]
        for cause in news:
            self._log.warning("watch.blind", source=station.name, reason=cause.code, count=cause.parts)
        if before and not blind:
            self._log.info("watch.whole", source=station.name)

    def _poll(self, station: Station) -> None:
        """Have it scanned when that is due. One that waits or is under way is not asked for again."""
        now = self._now()
        with self._inbox.guarded():
            if station.polled_at is None:
                station.polled_at = now  # it was scanned when the watch could not begin
            due = now - station.polled_at >= station.poll_every and not station.asked and station.doing is None
            if due:
                station.polled_at = now
        if due:
            self._want_scan(station.name, "poll")

    def _rest(self, station: Station, policy: Policy | None = None) -> int:
        """Leave it for a while; returns how often that was so."""
        station.watch_rest = station.watch_rest.after(self._now(), policy or self._policy(station))
        return station.watch_rest.times

    def _policy(self, station: Station) -> Policy:
        return Policy(first=min(FIRST, station.poll_every), longest=station.poll_every)

    def _now(self) -> float:
        return self._clock.monotonic_ns() / 1e9
