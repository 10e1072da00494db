"""The inbox: whatever reaches the coordinator from other threads. Bounded: hints coalesce, deeds are waited for by who asked."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from math import inf
from threading import Condition, Event
from typing import Any, TypeVar

from syncd.core.hints import Hint, Taken
from syncd.core.retry import RESTED
from syncd.daemon.station import HINTS, Station
from syncd.errors import DaemonBusy, DaemonStopping
from syncd.ports import Clock

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds that somebody waits for his deed to be done."""


class Inbox:
    """Hints by source, deeds for the next turn, and the wish to end. stations: by name; what they hold is guarded here."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = Condition()
        self._deeds: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._poked = False
        self._end = Event()
        self.stations: dict[str, Station] = {}
        self.stopping = False

    @contextmanager
    def guarded(self) -> Iterator[Mapping[str, Station]]:
        """The stations, which nobody else changes meanwhile. Never wait for anything in here."""
        with self._changed:
            yield self.stations

    # -- from any thread -----------------------------------------------------------------------------------------------

    def hint(self, source: str, hint: Hint) -> None:
        """Something of `source` may have changed."""
        with self._changed:
            station = self.stations.get(source)
            if station is not None:
                station.dirty.add(hint, self._now())
                self._changed.notify_all()

    def post(self, deed: Callable[[], T]) -> "Future[T]":
        """Have `deed` done at the next turn, whenever that is. Raises DaemonStopping."""
        future: Future[T] = Future()
        with self._changed:
            if self.stopping:
                raise DaemonStopping
            self._deeds.append((future, deed))
            self._changed.notify_all()
        return future

    def deed(self, deed: Callable[[], T]) -> T:
        """Have `deed` done at the next turn, and return what it returns or raises. Raises DaemonBusy, DaemonStopping."""
        future = self.post(deed)
        try:
            return future.result(PATIENCE)
        except TimeoutError as error:
            if future.cancel():
                raise DaemonBusy(seconds=f"{PATIENCE:g}") from error
            return future.result()  # it began just now: what it does is short

    def poke(self) -> None:
        """Something else is to be done."""
        with self._changed:
            self._poked = True
            self._changed.notify_all()

    def stop(self) -> None:
        """No more work: the coordinator ends at its next turn."""
        self._end.set()
        with self._changed:
            self.stopping = True
            self._changed.notify_all()

    # -- from the coordinator ------------------------------------------------------------------------------------------

    def urgent(self) -> bool:
        """Whether something waits that a long run should let go first. Read without the lock: it is asked for every document."""
        return self.stopping or bool(self._deeds) or self._next_in(self._now()) == 0.0

    def brief(self) -> bool:
        """Whether a deed waits, or the end."""
        return self.stopping or bool(self._deeds)

    def crowded(self) -> bool:
        """Whether hints are calm by now, also of a source whose hints are being followed. Read without the lock."""
        now = self._now()
        return any(self._calm_in(station, now) == 0.0 for station in list(self.stations.values()))

    def wait(self, most: float) -> None:
        """Return when there may be something to do, after `most` seconds at the latest."""
        with self._changed:
            if self.stopping or self._deeds or self._poked:
                self._poked = False
                return
            first = self._next_in(self._now())
            if first != 0.0:
                self._changed.wait(most if first is None else min(first, most))
            self._poked = False

    def deeds(self) -> Iterator[tuple[Future[Any], Callable[[], Any]]]:
        """Those that wait, each begun: who asked for it waits to its end."""
        while self._deeds:
            future, deed = self._deeds.popleft()
            if future.set_running_or_notify_cancel():
                yield future, deed

    def take(self) -> tuple[Station, Taken] | None:
        """The hints that are calm, of the source whose first one is the oldest."""
        with self._changed:
            now = self._now()
            ready = [s for s in self.stations.values() if self._ready_in(s, now) == 0.0]
            for station in sorted(ready, key=lambda s: s.dirty.oldest or now):
                taken = station.dirty.take(now)
                if taken is not None:
                    station.taken = taken
                    return station, taken
            return None

    def done(self, station: Station) -> None:
        """What was taken is followed."""
        with self._changed:
            if station.taken is not None:
                station.sight.looked(station.taken.scope.trees, station.taken.since)
            station.taken = None
            station.rest = station.held_rest = RESTED
            station.released = False

    def hold(self, station: Station) -> None:
        """What was taken waits for what is away to come back, and keeps nothing up: what is hinted from now on is followed.

        Held again as soon as it was released, it rests as well: something says that it is back, and is not.
        """
        with self._changed:
            taken, station.taken = station.taken, None
            if taken is not None:
                station.held.put_back(taken, self._now())
            if station.released:
                station.held_rest = station.held_rest.after(self._now(), HINTS)
                station.released = False

    def release(self) -> None:
        """Nothing is away any more: what waited for it goes on, but for what rests."""
        with self._changed:
            now = self._now()
            for station in self.stations.values():
                if not (station.waits or station.held.pending) or station.held_rest.left(now):
                    continue
                if not station.held_rest.times:
                    station.scan_rest = RESTED
                taken = station.held.take(inf)
                if taken is not None:
                    station.dirty.put_back(taken, now)
                station.waits, station.released = False, True
                self._changed.notify_all()

    def rest(self, seconds: float) -> bool:
        """Wait, on any thread; False as soon as there is nothing to wait for, because the daemon stops."""
        return not self._end.wait(seconds)

    def owe(self, station: Station, since: float) -> None:
        """What was taken is the whole source, of which this was first known then (Unix seconds): a job has to look at it."""
        with self._changed:
            station.taken = None
            station.owe(since)

    def owing(self) -> list[Station]:
        """The stations that need a look at their whole source for which nobody asked yet."""
        with self._changed:
            now = self._now()
            return [
                station
                for station in self.stations.values()
                if station.owed is not None
                and not (station.asked or station.paused or station.waits or station.scan_rest.left(now))
            ]

    def put_back(self, station: Station, *, failed: bool) -> None:
        """What was taken is not followed yet; failed: nor will be at once."""
        with self._changed:
            taken, station.taken = station.taken, None
            if taken is not None:
                station.dirty.put_back(taken, self._now())
            if failed:
                station.rest = station.rest.after(self._now(), HINTS)

    def drain(self) -> None:
        """The coordinator has ended: who waits for a deed hears so."""
        with self._changed:
            self.stopping = True
            while self._deeds:
                future, _ = self._deeds.popleft()
                if future.set_running_or_notify_cancel():
                    future.set_exception(DaemonStopping())

    # -- inside --------------------------------------------------------------------------------------------------------

    def _ready_in(self, station: Station, now: float) -> float | None:
        return self._calm_in(station, now) if station.taken is None else None

    def _calm_in(self, station: Station, now: float) -> float | None:
        ready = station.dirty.ready_in(now) if not station.paused else None
        return None if ready is None else max(ready, station.rest.left(now))

    def _next_in(self, now: float) -> float | None:
        return min((ready for s in list(self.stations.values()) if (ready := self._ready_in(s, now)) is not None), default=None)

    def _now(self) -> float:
        return self._clock.monotonic_ns() / 1e9
