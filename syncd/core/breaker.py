"""A breaker: what is known of whether something answers, so that nobody asks what is known to be away."""

from dataclasses import dataclass, replace
from enum import StrEnum

from syncd.core.retry import RESTED, Policy, Rest


class BreakerState(StrEnum):
    """Where the line to it stands."""

    CLOSED = "closed"
    """It answers."""
    OPEN = "open"
    """It did not, and is left alone."""
    HALF_OPEN = "half-open"
    """One asks whether it is there again; all others are refused meanwhile."""


TRANSITIONS: dict[BreakerState, frozenset[BreakerState]] = {
    BreakerState.CLOSED: frozenset({BreakerState.CLOSED, BreakerState.OPEN}),
    # Straight to closed or open once more: by who asked before it was opened, and heard only now.
    BreakerState.OPEN: frozenset({BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED}),
    BreakerState.HALF_OPEN: frozenset({BreakerState.OPEN, BreakerState.CLOSED}),
}


@dataclass(frozen=True, slots=True)
class Breaker:
    """rest: how often it failed in a row, and until when it is left alone (monotonic seconds); since: when it first failed (Unix
    seconds); cause: what it said last.
    """

    state: BreakerState = BreakerState.CLOSED
    rest: Rest = RESTED
    since: float = 0.0
    cause: str = ""

    def admits(self, now: float) -> bool:
        """Whether somebody may ask now."""
        return self.state is BreakerState.CLOSED or (self.state is BreakerState.OPEN and not self.rest.left(now))

    def asked(self) -> "Breaker":
        """Who was admitted asks."""
        return self if self.state is BreakerState.CLOSED else replace(self, state=BreakerState.HALF_OPEN)

    def failed(self, now: float, unix: float, policy: Policy, cause: str, draw: float = 0.0, at_least: float = 0.0) -> "Breaker":
        """There was no answer. One that comes late, from before it was opened, makes no rest longer."""
        if self.state is BreakerState.OPEN and self.rest.left(now):
            return self
        since = unix if self.state is BreakerState.CLOSED else self.since
        return Breaker(BreakerState.OPEN, self.rest.after(now, policy, draw, at_least), since, cause)

    def abandoned(self) -> "Breaker":
        """Who asked went away without an answer: the next one may ask."""
        return replace(self, state=BreakerState.OPEN) if self.state is BreakerState.HALF_OPEN else self


WHOLE = Breaker()
"""It answers."""


@dataclass(frozen=True, slots=True)
class Away:
    """Something that is away. name: "index" or "embedder"; since: Unix seconds; rest: seconds until it is asked again."""

    name: str
    since: float
    cause: str
    rest: float
