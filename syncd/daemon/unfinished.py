"""Long work that ended because something was away, and is begun again by itself once that is back."""

from collections.abc import Callable
from typing import Final

from syncd.core.retry import RESTED, Policy, Rest
from syncd.errors import DependencyAway, SyncdError
from syncd.ports import Clock

AGAIN: Final = Policy(first=5.0, longest=300.0)
"""When it is begun again: what is said to be back may be gone again in a moment."""


class Unfinished:
    """Belongs to the coordinator's thread. begin: how work of a kind is begun again."""

    def __init__(self, clock: Clock) -> None:
        self.begin: dict[str, Callable[[], None]] = {}
        self._clock = clock
        self._left: set[str] = set()
        self._rests: dict[str, Rest] = {}

    def ended(self, kind: str, error: SyncdError | None) -> None:
        """Work of a kind is over. error: why it failed."""
        if isinstance(error, DependencyAway) and kind in self.begin:
            self._left.add(kind)
            self._rests[kind] = self._rests.get(kind, RESTED).after(self._now(), AGAIN)
        elif error is None:
            self._left.discard(kind)
            self._rests.pop(kind, None)

    def go_on(self) -> None:
        """Begin again what has rested. To be called while nothing is away."""
        now = self._now()
        for kind in sorted(kind for kind in self._left if not self._rests[kind].left(now)):
            self._left.discard(kind)
            self.begin[kind]()

    def _now(self) -> float:
        return self._clock.monotonic_ns() / 1e9
