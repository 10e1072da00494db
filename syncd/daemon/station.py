"""One source as the daemon keeps it: what may have changed, what is being done, how far behind it is."""

from collections import deque
from dataclasses import dataclass, field

from syncd.core.freshness import Kind, Landed, SourceFreshness, lag
from syncd.core.hints import Dirty, Taken
from syncd.core.lifecycle import RunState
from syncd.core.retry import RESTED, Policy, Rest
from syncd.core.scope import covers
from syncd.daemon.sight import Sight
from syncd.errors import SourceUnavailable, SyncdError
from syncd.ports import Source, Watch
from syncd.sync.report import Held, Progress
from syncd.sync.run import Outcome

NOT_YET = "not watched yet"
REMEMBERED = 1_000
"""Changes of a kind over which lags are told."""
WINDOW = 3_600.0
"""Seconds over which runs on hints are added up for the guard: what one run may not do, many may not."""
STEP = 60.0
"""What goes within so many seconds is added up at once, and counts until the last of them have passed: there may be many runs."""
HINTS, SCANS = Policy(first=1.0, longest=60.0), Policy(first=1.0, longest=300.0)
"""When hints that could not be followed, and a scan that failed, are tried again."""
LOOKED = frozenset({RunState.DONE, RunState.INCOMPLETE, RunState.HALTED})
"""How a run ends that has looked at all that it was to look at."""


@dataclass(slots=True)
class Doing:
    """What a run over the whole source is at. started: Unix seconds; mends: how often the watch had been mended by then.

    owed: since when (Unix seconds) somebody waits for just that: a look at the whole source. halts: how often a run on hints had
    halted by then. planned: changes to carry out; done: of them; due: documents of a reindex; redone: of them.
    """

    kind: str
    started: float
    mends: int
    owed: float | None = None
    halts: int = -1
    phase: str = "scan"
    planned: int = 0
    done: int = 0
    due: int = 0
    redone: int = 0

    def told(self, progress: Progress) -> None:
        """A step further."""
        self.phase = progress.phase
        if progress.phase == "plan":
            self.planned, self.due = progress.total or 0, progress.backfill
        elif progress.phase == "index":
            self.done, self.redone = progress.done, progress.backfill

    def pending(self) -> int:
        """Changes that are planned and not done; what a reindex does again is no change."""
        return max(0, self.planned - self.done)

    def eta(self, now: float) -> float | None:
        """Seconds until it is through at the pace so far; None while nothing is known of it."""
        done, left = self.done + self.redone, self.pending() + max(0, self.due - self.redone)
        return (now - self.started) / done * left if done and left else None

    def words(self) -> str:
        """For people."""
        if self.planned or self.due:
            return f"{self.kind}: {self.done + self.redone} of {self.planned + self.due}"
        return f"{self.kind}: {self.phase}"


@dataclass(slots=True)
class Station:
    """A source under watch. Its fields are read and written under the inbox's lock alone.

    taken: hints at work now; rest: after some that could not be followed. held: those that wait for what is away to come back;
    released: they went on, and were not followed yet; held_rest: after that failed. owed: since when (Unix seconds) it is known
    that only a look at the whole source will do, while none has begun; asked: that one is on its way; waits: it waits for what is
    away; scan_rest: after one that failed. watch_fault: why hints can't be believed until the next complete scan; hint_fault,
    scan_fault: why the last run failed. halted: the guard waits for a person; halts: how often a run on hints had it wait.
    mends: how often the watch was made whole again, negative while it is not; watch_rest: after it could not be. down_at: since
    when (monotonic seconds) the store can't be reached. poll_every: seconds between two scans while it is not watched; polled_at:
    when one was wanted last (monotonic seconds). sight: parts of which nothing tells though the watch is whole.
    """

    source: Source
    id: bytes
    dirty: Dirty = field(init=False)
    watch: Watch | None = None
    watchable: bool = True
    watch_fault: str | None = NOT_YET
    hint_fault: str | None = None
    scan_fault: str | None = None
    mends: int = 0
    paused: bool = False
    halted: bool = False
    halts: int = 0
    complete_at: float = 0.0
    doing: Doing | None = None
    taken: Taken | None = None
    rest: Rest = RESTED
    held: Dirty = field(init=False)
    held_rest: Rest = RESTED
    released: bool = False
    waits: bool = False
    owed: float | None = None
    asked: bool = False
    scan_rest: Rest = RESTED
    watch_rest: Rest = RESTED
    down_at: float | None = None
    poll_every: float = 300.0
    polled_at: float | None = None
    sight: Sight = field(default_factory=Sight)
    earlier: deque[tuple[float, Held]] = field(default_factory=deque)
    lags: dict[Kind, deque[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dirty, self.held = Dirty(self.source.page_of), Dirty(self.source.page_of)

    @property
    def name(self) -> str:
        """The source's name."""
        return self.source.name

    def concerns(self, key: str) -> bool:
        """Whether a hint that is not followed yet is about `key`."""
        if self.owing() or self.dirty.covers(key) or self.held.covers(key):
            return True
        if self.taken is None:
            return False
        return covers(self.taken.scope, key, self.source.page_of(key))

    def recent(self, now: float) -> Held:
        """What runs on hints took away and opened within the window."""
        while self.earlier and self.earlier[0][0] < now - WINDOW:
            self.earlier.popleft()
        return Held(
            deletions=sum(held.deletions for _, held in self.earlier), widenings=sum(held.widenings for _, held in self.earlier)
        )

    def owing(self) -> list[float]:
        """Since when (Unix seconds) somebody waits for a look at the whole source: for one to come, for the one under way."""
        return [at for at in (self.owed, self.doing.owed if self.doing else None) if at is not None]

    def owe(self, since: float) -> None:
        """Only a look at the whole source will do, which is known since then (Unix seconds)."""
        self.owed = since if self.owed is None else min(self.owed, since)

    def clock_set(self, step: float) -> None:
        """The clock that Unix seconds come from was set by `step` seconds: what was noted by it is as long ago as before."""
        self.owed = self.owed + step if self.owed is not None else None
        self.complete_at = self.complete_at + step if self.complete_at else 0.0
        if self.doing is not None:
            self.doing.started += step
            self.doing.owed = self.doing.owed + step if self.doing.owed is not None else None

    def told(self, kind: str, progress: Progress, now: float) -> None:
        """A run over the whole source has begun, or is a step further. now: Unix seconds.

        A run that this station does not know from its beginning began under other settings: it proves nothing of these.
        """
        if self.doing is None and progress.phase == "scan":
            self.doing, self.owed = Doing(kind, now, self.mends, self.owed, self.halts), None
        elif self.doing is None:
            self.doing = Doing(kind, now, 0)
        self.doing.told(progress)

    def ended(self, outcome: Outcome, now: float, *, whole: bool, complete_at: float, waits: bool = False) -> None:
        """A run of this source is over. now: monotonic seconds; waits: it failed because of what is away, and told of."""
        self._land(outcome.landed)
        self._reached(outcome.error, now)
        failed = outcome.state is RunState.FAILED and not waits
        fault = f"the last run failed ({type(outcome.error).__name__})" if failed else None
        if whole:
            self._scanned(outcome, now, fault, complete_at, waits=waits)
            return
        if outcome.state is not RunState.INTERRUPTED:
            self.hint_fault = fault
        if outcome.state is RunState.HALTED:
            self.halted = True
            self.halts += 1
        # What was held back is counted by the scan that this asks for.
        gone = Held(outcome.report.documents.deleted, outcome.report.opened)
        if gone.deletions or gone.widenings:
            self._went(now // STEP * STEP + STEP, gone)

    def _went(self, until: float, gone: Held) -> None:
        """Add what was taken away or opened in the step that ends then."""
        if self.earlier and self.earlier[-1][0] == until:
            _, before = self.earlier.pop()
            gone = Held(before.deletions + gone.deletions, before.widenings + gone.widenings)
        self.earlier.append((until, gone))

    def _reached(self, error: SyncdError | None, now: float) -> None:
        """The source was looked at, or could not be."""
        if isinstance(error, SourceUnavailable):
            self.down_at = now if self.down_at is None else self.down_at
        elif error is None:
            self.down_at = None

    def _scanned(self, outcome: Outcome, now: float, fault: str | None, complete_at: float, *, waits: bool) -> None:
        doing, self.doing, self.asked = self.doing, None, False
        if outcome.state in LOOKED:
            if complete_at != self.complete_at:
                self.sight.looked(("",), now - outcome.seconds)
            if doing is not None and doing.mends == self.mends > 0 and complete_at != self.complete_at:
                self.watch_fault = None  # the watch was whole before this scan began, and has been ever since
            if outcome.state is RunState.HALTED:
                self.halted = True
            elif self.halted and doing is not None and doing.halts == self.halts:
                self.halted = False  # what it was for was looked at: a person has agreed to it, or it has come back
                self.earlier.clear()
            self.scan_fault = self.hint_fault = None
            self.scan_rest = RESTED
            self.waits = self.released = False
        elif doing is not None and (doing.owed is not None or fault is not None or waits):
            self.owe(doing.owed if doing.owed is not None else doing.started)
        if fault is not None or waits:
            self.scan_fault = fault or self.scan_fault
            self.scan_rest = self.scan_rest.after(now, SCANS)
            self.waits |= waits
        self.complete_at = complete_at

    def missed(self, error: SyncdError, now: float, monotonic: float, *, waits: bool = False) -> None:
        """A scan that was asked for could not begin, or raised. now: Unix seconds; waits: for what is away."""
        if self.doing is not None and self.doing.owed is not None:
            self.owe(self.doing.owed)
        self.owe(now)
        self.asked = False
        self.waits |= waits
        self.scan_fault = self.scan_fault if waits else f"the last run failed ({type(error).__name__})"
        self.scan_rest = self.scan_rest.after(monotonic, SCANS)

    def _land(self, landed: tuple[Landed, ...]) -> None:
        for change in landed:
            lags = self.lags.setdefault(change.kind, deque(maxlen=REMEMBERED))
            lags.append(max(0.0, change.searchable_at - change.changed_at))

    def freshness(self, now: float, monotonic: float) -> SourceFreshness:
        """What is known of it. now: Unix seconds; monotonic: the clock of the hints."""
        known = (self.dirty.oldest, self.held.oldest, self.taken.since if self.taken else None)
        oldest = [now - (monotonic - at) for at in known if at is not None]
        pending = self.dirty.pending + self.held.pending + (self.taken.count if self.taken else 0)
        owed = self.owing()
        oldest += owed
        pending += len(owed)
        if self.doing is not None and self.doing.pending():
            pending += self.doing.pending()
            oldest.append(self.doing.started)
        return SourceFreshness(
            source=self.name,
            doing=self._words(),
            eta=self.doing.eta(now) if self.doing else None,
            pending=pending,
            oldest=min(oldest, default=None),
            complete_at=self.complete_at,
            trouble=self._trouble(),
            down_since=None if self.down_at is None else now - (monotonic - self.down_at),
            halted=self.halted,
            paused=self.paused,
            watched=self.watchable,
            unwatched=self.sight.unwatched(now, monotonic),
            poll_every=self.poll_every if self._polled() else None,
            lags={kind: lag(list(values)) for kind, values in self.lags.items() if values},
        )

    def _polled(self) -> bool:
        """Whether scans stand in for a watch, or for a part of one that could not be made whole."""
        return not self.watchable or bool(self.sight.blind) or (self.watch_rest.times > 0 and self.down_at is None)

    def _trouble(self) -> str | None:
        """What is to be told first: where it is not watched yet because the scan for that fails, why it does."""
        watch = self.watch_fault if self.watchable and not (self.watch_fault == NOT_YET and self.scan_fault) else None
        return watch or self.scan_fault or self.hint_fault

    def _words(self) -> str:
        if self.paused:
            return "paused"
        if self.doing is None:
            return "idle" if self.taken is None else "following hints"
        return self.doing.words()
