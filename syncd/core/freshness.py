"""Freshness: what is known of how far the index is behind its sources, and the verdict on it."""

from dataclasses import dataclass, field
from enum import StrEnum

from syncd.core.breaker import Away


class Verdict(StrEnum):
    """Whether answers can be trusted to be current."""

    FRESH = "fresh"
    LATE = "late"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """Kinds of change whose lag is told apart."""

    CONTENT = "content"
    ACL = "acl"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Landed:
    """A change that can be searched now. Unix seconds: when it was made (as far as the source tells), seen, searchable."""

    kind: Kind
    changed_at: float
    seen_at: float
    searchable_at: float


@dataclass(frozen=True, slots=True)
class Lag:
    """Seconds from change to searchable over the latest `count` changes of a kind."""

    count: int
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Unwatched:
    """Parts of a source of which nothing tells, though it is watched. parts: how many trees; why: in words, without names.

    whole: it is all of it. looked_at: since when (Unix seconds) what happened in one of them may not have been seen, 0 for ever.
    """

    parts: int
    why: str
    whole: bool = False
    looked_at: float = 0.0


@dataclass(frozen=True, slots=True)
class SourceFreshness:
    """What a daemon knows of one source.

    doing: what it does now, in words; eta: seconds until that is done. pending: changes that are seen and not in yet; oldest:
    when the first of them was noticed (Unix seconds). complete_at: the last complete scan, 0 for never. trouble: why its hints
    or its scans are not to be believed now; down_since: since when that is because its store can't be reached (Unix seconds).
    halted: the guard waits for a person; paused: a person wanted it so. watched: changes are told of at all; unwatched: but for
    those in some parts. poll_every: seconds between two scans where they, or some of them, are not.
    """

    source: str
    doing: str = "idle"
    eta: float | None = None
    pending: int = 0
    oldest: float | None = None
    complete_at: float = 0.0
    trouble: str | None = None
    down_since: float | None = None
    halted: bool = False
    paused: bool = False
    watched: bool = True
    unwatched: Unwatched | None = None
    poll_every: float | None = None
    lags: dict[Kind, Lag] = field(default_factory=dict)

    def unseen(self, now: float) -> float:
        """Seconds for which a change may have been there that nobody told of and no scan looked for; 0 where all is watched."""
        looked_at = [] if self.watched else [self.complete_at]
        looked_at += [] if self.unwatched is None else [self.unwatched.looked_at]
        return max((now - at for at in looked_at), default=0.0)


@dataclass(frozen=True, slots=True)
class Freshness:
    """The verdict over all sources, and why. away: what all of them need, and does not answer."""

    verdict: Verdict
    reason: str
    sources: tuple[SourceFreshness, ...] = ()
    away: tuple[Away, ...] = ()

    @property
    def pending(self) -> int:
        """Changes that are seen and not in yet."""
        return sum(source.pending for source in self.sources)


def lag(values: list[float]) -> Lag:
    """Percentiles of lags in seconds, by nearest rank."""
    ordered = sorted(values)
    return Lag(len(ordered), ordered[_rank(len(ordered), 50)], ordered[_rank(len(ordered), 95)])


def _rank(count: int, percent: int) -> int:
    return max(0, -(-count * percent // 100) - 1)


def judge(sources: tuple[SourceFreshness, ...], now: float, target: float, away: tuple[Away, ...] = ()) -> Freshness:
    """The worst that is true of any source: unknown before late before fresh. target: seconds that a change may take.

    What is away makes all of them late: what changes is seen, and waits.
    """
    judged = [(_judge(source, now, target), source.source) for source in sources]
    for wanted in (Verdict.UNKNOWN, Verdict.LATE):
        reasons = [f"{name}: {reason}" for (verdict, reason), name in judged if verdict is wanted]
        if wanted is Verdict.LATE:
            reasons = [f"the {each.name} is away for {now - each.since:.0f} s ({each.cause})" for each in away] + reasons
        if reasons:
            return Freshness(wanted, "; ".join(reasons), sources, away)
    return Freshness(Verdict.FRESH, f"every change seen is in, or younger than {target:g} s", sources)


def _judge(source: SourceFreshness, now: float, target: float) -> tuple[Verdict, str]:
    if source.paused:
        return Verdict.UNKNOWN, "paused: nobody looks at it"
    if source.trouble is not None:
        down = now - source.down_since if source.down_since is not None else None
        if down is not None and down <= target:
            return Verdict.LATE, f"{source.trouble}, for {down:.0f} s"
        return Verdict.UNKNOWN, source.trouble
    if not source.complete_at:
        return Verdict.UNKNOWN, "not completely scanned yet"
    if not source.watched and now - source.complete_at > target:
        return Verdict.UNKNOWN, f"nothing tells of its changes{_polled(source, now, source.complete_at)}"
    parts = source.unwatched
    if parts is not None and now - parts.looked_at > target:
        what = "its changes" if parts.whole else f"changes in {parts.parts} {'parts' if parts.parts > 1 else 'part'} of it"
        return Verdict.UNKNOWN, f"nothing tells of {what}{_polled(source, now, parts.looked_at)}: {parts.why}"
    if source.halted:
        return Verdict.LATE, "the guard halted: changes wait for a person"
    if source.oldest is not None and now - source.oldest > target:
        return Verdict.LATE, f"a change waits for {now - source.oldest:.0f} s"
    return Verdict.FRESH, ""


def _polled(source: SourceFreshness, now: float, looked_at: float) -> str:
    """How often scans stand in for hints, and how long ago one did."""
    every = f", scanned every {source.poll_every:.0f} s" if source.poll_every else ""
    return f"{every}; last scanned {now - looked_at:.0f} s ago" if looked_at else f"{every}; not scanned yet"
