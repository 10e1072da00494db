"""Parts of a daemon for tests: a clock that stands still, a source that is never scanned, a watch that does as it is told."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from syncd.core.blind import SEEING, Blind
from syncd.core.freshness import Landed
from syncd.core.hints import Hint, page_of
from syncd.core.lifecycle import RunState
from syncd.daemon.inbox import Inbox
from syncd.daemon.station import Station
from syncd.errors import IndexUnavailable, SourceUnavailable
from syncd.sync.report import Documents, Held, Report
from syncd.sync.run import Outcome

PATIENCE = 30.0
"""Seconds until a test gives up waiting: long, for a slow machine is no failure."""
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class StillClock:
    """`ports.Clock` that moves when the test says so."""

    seconds: float = 1_000.0

    def now(self) -> datetime:
        """A time of day."""
        return MIDNIGHT + timedelta(seconds=self.seconds)

    def monotonic_ns(self) -> int:
        """The same, counted."""
        return round(self.seconds * 1e9)

    @property
    def unix(self) -> float:
        """The time of day in Unix seconds."""
        return self.now().timestamp()


@dataclass
class StillWatch:
    """`ports.Watch`. broken: what it says is wrong; mends: what each mending leaves wrong, or an error that it raises.

    blinds: what it says is blind; regains: what is after each attempt to watch that, or an error that it raises.
    """

    tell: Callable[[Hint], None]
    broken: str | None = None
    mends: list[str | Exception | None] = field(default_factory=list)
    mended: int = 0
    blinds: Blind = SEEING
    regains: list[Blind | Exception] = field(default_factory=list)
    regained: int = 0
    closed: bool = False

    def fault(self) -> str | None:
        """What the test says."""
        return self.broken

    def mend(self) -> None:
        """As well as the test lets it."""
        left = self.mends.pop(0) if self.mends else None
        if isinstance(left, Exception):
            raise left
        self.mended += 1
        self.broken = left

    def blind(self) -> Blind:
        """What the test says."""
        return self.blinds

    def regain(self) -> None:
        """As well as the test lets it."""
        left = self.regains.pop(0) if self.regains else self.blinds
        if isinstance(left, Exception):
            raise left
        self.regained += 1
        self.blinds = left

    def close(self) -> None:
        """Never again."""
        self.closed = True


@dataclass
class StillSource:
    """As much of `ports.Source` as a station needs. watches: what each `watch` brings, a fault it begins with, or an error.

    blinds: what each is blind to.
    """

    name: str = "docs"
    watchable: bool = True
    watches: list[str | Exception | None] = field(default_factory=list)
    blinds: Blind = SEEING
    watching: StillWatch | None = None

    def page_of(self, key: str) -> str:
        """The folder."""
        return page_of(key)

    def watch(self, tell: Callable[[Hint], None]) -> StillWatch | None:
        """A watch, where there can be one."""
        begins = self.watches.pop(0) if self.watches else None
        if isinstance(begins, Exception):
            raise begins
        self.watching = StillWatch(tell, begins, blinds=self.blinds) if self.watchable else None
        return self.watching


def away() -> SourceUnavailable:
    """The store is not there."""
    return SourceUnavailable(source="docs", detail="the mount went away")


def inbox_of(clock: StillClock, *names: str) -> Inbox:
    """An inbox with a station for each name."""
    inbox = Inbox(clock)
    with inbox.guarded():
        inbox.stations.update({name: Station(StillSource(name), name.encode()) for name in names})
    return inbox


def outcome(state: RunState, *landed: Landed, deleted: int = 0, opened: int = 0, held: Held | None = None) -> Outcome:
    """How a run ended."""
    report = Report(documents=Documents(deleted=deleted), held=held or Held(), opened=opened)
    error = IndexUnavailable(detail="it is down") if state is RunState.FAILED else None
    return Outcome(b"run", "docs", state, report, 0.1, "", error, landed)


def quiet_log():
    """A log that nobody reads."""
    return structlog.get_logger()


def until(condition: Callable[[], object], patience: float = PATIENCE) -> object:
    """Ask again and again until `condition` gives something true, and return that."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)
    return value


class Answered:
    """What a call on another thread came to."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self.value: object = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.value = self._call()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def wait(self) -> "Answered":
        """Until it has returned."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "it did not return"
        return self
