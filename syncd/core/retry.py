"""Retry: how long something that failed is left alone before it is tried again, and how often, as data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """The first rest in seconds, times `factor` with each failure in a row, `longest` at most; tries: in all, None for no end.

    jitter: the share of a rest that chance may take off, so that not everybody who failed together comes back together.
    """

    first: float
    longest: float
    factor: float = 2.0
    tries: int | None = None
    jitter: float = 0.0

    def rest(self, failures: int, draw: float = 0.0) -> float:
        """Seconds to rest after so many failures in a row. draw: drawn by chance, from 0 to 1."""
        return min(self.first * self.factor ** min(failures - 1, 20), self.longest) * (1.0 - self.jitter * draw)

    def again(self, failures: int) -> bool:
        """Whether it may be tried once more after so many failures in a row."""
        return self.tries is None or failures < self.tries


@dataclass(frozen=True, slots=True)
class Rest:
    """times: how often it failed in a row; until: when it may be tried again, in seconds of the clock that counts them."""

    times: int = 0
    until: float = 0.0

    def after(self, now: float, policy: Policy, draw: float = 0.0, at_least: float = 0.0) -> "Rest":
        """It failed once more. at_least: seconds that it asked for itself."""
        return Rest(self.times + 1, now + max(policy.rest(self.times + 1, draw), at_least))

    def left(self, now: float) -> float:
        """Seconds of it that are left."""
        return max(0.0, self.until - now)


RESTED = Rest()
"""It did not fail lately."""


def draw_from(byte: bytes) -> float:
    """A number from 0 up to 1 of one random byte."""
    return byte[0] / 256
