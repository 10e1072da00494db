"""The rate that an admin gave to a reindex: how long it has to wait until it is within it again."""

from syncd.ports import Clock


class Throttle:
    """Counts chunks against time. Not for two threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free_at = 0.0

    def reset(self) -> None:
        """Another run begins: it owes nothing."""
        self._free_at = 0.0

    def spent(self, chunks: int, rate: float) -> None:
        """`chunks` were done, of `rate` a second."""
        self._free_at = max(self._free_at, self._now()) + chunks / rate

    def left(self) -> float:
        """Seconds to wait."""
        return max(0.0, self._free_at - self._now())

    def waiting(self) -> bool:
        """Whether there is any."""
        return self._free_at > 0.0 and self.left() > 0.0

    def _now(self) -> float:
        return self._clock.monotonic_ns() / 1e9
