"""Scrubbing while there is nothing else to do: so much at a time that every document is read again once in a period."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from syncd.core.hints import Hint, What
from syncd.core.retry import RESTED, Policy, Rest
from syncd.daemon.inbox import Inbox
from syncd.errors import AuditBroken, LedgerCorrupt, LedgerRefused, LedgerUnavailable, SyncdError
from syncd.operations.desk import Desk
from syncd.ports import Source
from syncd.sync.scrub import scrub

PORTION = 32
"""Documents that are read before anybody else is asked for, at most."""
TOGETHER = 60.0
"""Seconds of work, at most, that are done together: each portion is a commit, and one a document is one every half second."""
BEHIND = 3_600.0
"""Seconds of work that are caught up on: what a busy daemon, or one that slept, did not come to for longer is not made up for."""
COUNTED = 600.0
"""Seconds for which the number of documents of a source is believed, unless there are none."""
FAILED = Policy(first=60.0, longest=3_600.0)


@dataclass(slots=True)
class _Pace:
    """One source. at: when this was reckoned up last (monotonic seconds); due: documents that are to be read by now.

    portion: how many of them are waited for.
    """

    at: float
    due: float = 0.0
    portion: int = 1
    documents: int = 0
    counted_at: float | None = None
    rest: Rest = RESTED


class Scrubber:
    """The coordinator's, and of its thread.

    periods: seconds for each source by name, without those that are not scrubbed. wanted: whether somebody else waits.
    """

    def __init__(
        self,
        desk: Callable[[], Desk],
        periods: Callable[[], Mapping[str, float]],
        inbox: Inbox,
        wanted: Callable[[], bool],
        log: FilteringBoundLogger,
    ) -> None:
        self._desk = desk
        self._periods = periods
        self._inbox = inbox
        self._wanted = wanted
        self._log = log
        self._paces: dict[str, _Pace] = {}

    def step(self) -> bool:
        """Do a portion of the first source of which one is due; False when there is none. It ends early for whoever waits."""
        desk, periods = self._desk(), self._periods()
        now = desk.install.clock.monotonic_ns() / 1e9
        self._paces = {name: pace for name, pace in self._paces.items() if name in periods}
        for source in desk.sources:
            if source.name not in periods or self._paused(source.name):
                self._paces.pop(source.name, None)
                continue
            pace = self._paces.setdefault(source.name, _Pace(now))
            self._reckon(desk, source, pace, periods[source.name], now)
            if pace.due >= pace.portion and not pace.rest.left(now):
                self._portion(desk, source, pace, now)
                return True
        return False

    def _paused(self, name: str) -> bool:
        with self._inbox.guarded() as stations:
            station = stations.get(name)
            return station is None or station.paused

    def _reckon(self, desk: Desk, source: Source, pace: _Pace, period: float, now: float) -> None:
        if pace.counted_at is None or not pace.documents or now - pace.counted_at >= COUNTED:
            with desk.install.ledger.read() as view:
                pace.documents = view.live(desk.source_id(source.name))
            pace.counted_at = now
        rate = pace.documents / period
        pace.due = min(pace.due + (now - pace.at) * rate, max(1.0, BEHIND * rate))
        pace.portion = max(1, min(PORTION, int(rate * TOGETHER), pace.documents))
        pace.at = now

    def _portion(self, desk: Desk, source: Source, pace: _Pace, now: float) -> None:
        most = min(PORTION, int(pace.due))
        try:
            done = scrub(desk.install, source, most, desk.install.audit.actor, self._wanted)
        except (LedgerUnavailable, LedgerCorrupt, LedgerRefused, AuditBroken):
            raise
        except SyncdError as error:
            pace.rest = pace.rest.after(now, FAILED)
            self._log.warning("scrub.failed", source=source.name, error=type(error).__name__)
            return
        pace.rest = RESTED
        pace.due -= most if done.over else done.come_to
        for key in (*done.found, *done.unlike):
            self._inbox.hint(source.name, Hint(What.KEY, key))
        if done.found:
            self._log.warning("scrub.found", source=source.name, documents=len(done.found))
