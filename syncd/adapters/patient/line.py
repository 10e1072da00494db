"""The line to something that may be away: what fails is tried again a little; then nobody asks until its rest is over."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Final, TypeVar

from syncd.core.breaker import WHOLE, Away, Breaker, BreakerState
from syncd.core.retry import Policy, draw_from
from syncd.errors import DependencyAway, SyncdError
from syncd.ports import Clock, Entropy

T = TypeVar("T")
AGAIN: Final = Policy(first=0.2, longest=2.0, tries=3, jitter=0.5)
"""While it is believed to be there: a connection that was cut, an engine that is just being started again."""
LEFT_ALONE: Final = Policy(first=1.0, longest=15.0, jitter=0.2)
"""Once it is known to be away."""
LONG: Final = 5.0
"""Seconds of one call after which it is not tried again at once: who called has waited long enough."""
MOST_ASKED_FOR: Final = 300.0
"""Seconds of a rest that it asks for itself, at most: who asks for more is asked anyway."""


def rest(seconds: float) -> bool:
    """Wait, where nothing can come between."""
    time.sleep(seconds)
    return True


class Line:
    """name: of what is at its other end. away: the error that says so. probe: asks something harmless.

    pause: rests for so many seconds; False when nothing is to be tried any more, because the daemon stops. Any thread may ask.
    """

    def __init__(
        self,
        name: str,
        away: type[DependencyAway],
        probe: Callable[[], object],
        clock: Clock,
        entropy: Entropy,
        pause: Callable[[float], bool] = rest,
    ) -> None:
        self.name = name
        self._error = away
        self._probe = probe
        self._clock = clock
        self._entropy = entropy
        self._pause = pause
        self._lock = Lock()
        self._breaker = WHOLE

    @property
    def away(self) -> Away | None:
        """What is known of it while it is away; None while it answers."""
        breaker = self._breaker
        if breaker.state is BreakerState.CLOSED:
            return None
        return Away(self.name, breaker.since, breaker.cause, breaker.rest.left(self._now()))

    def look(self) -> None:
        """Ask whether it is there again, if it may be asked now."""
        if self._breaker.admits(self._now()):
            try:
                self.ask(self._probe)
            except SyncdError:
                return  # what is known of it by now says so

    def ask(self, call: Callable[[], T]) -> T:
        """What `call` answers, which is safe to repeat. Raises what it raises; at once, where it is known to be away."""
        known = self._begin()
        failures = 0
        try:
            while True:
                began = self._now()
                try:
                    answer = call()
                except DependencyAway as error:
                    failures += 1
                    seconds = max(AGAIN.rest(failures, self._draw()), error.retry_after())
                    waited = seconds > AGAIN.longest or self._now() - began > LONG
                    enough = known.state is not BreakerState.CLOSED or waited or not AGAIN.again(failures)
                    if enough or not self._pause(seconds):
                        self._failed(error)
                        raise
                else:
                    self._answered()
                    return answer
        except DependencyAway:
            raise
        except SyncdError:  # no to what was asked is an answer
            self._answered()
            raise
        except BaseException:
            self._change(Breaker.abandoned)
            raise

    # -- what is known -------------------------------------------------------------------------------------------------

    def _begin(self) -> Breaker:
        with self._lock:
            breaker = self._breaker
            if not breaker.admits(self._now()):
                left = breaker.rest.left(self._now())
                when = f"the next try is in {left:.0f} s" if left else "it is just being tried"
                raise self._error(detail=f"{breaker.cause}; {when}", retry_after=left)
            self._breaker = breaker.asked()
            return self._breaker

    def _failed(self, error: DependencyAway) -> None:
        cause, asked = str(error.facts.get("detail", "")), min(error.retry_after(), MOST_ASKED_FOR)
        unix, now, draw = self._clock.now().timestamp(), self._now(), self._draw()
        self._change(lambda breaker: breaker.failed(now, unix, LEFT_ALONE, cause, draw, asked))

    def _answered(self) -> None:
        if self._breaker is not WHOLE:
            self._change(lambda _: WHOLE)

    def _change(self, change: Callable[[Breaker], Breaker]) -> None:
        with self._lock:
            self._breaker = change(self._breaker)

    def _draw(self) -> float:
        return draw_from(self._entropy.bytes(1))

    def _now(self) -> float:
        return self._clock.monotonic_ns() / 1e9
