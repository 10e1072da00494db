"""Whom the runs of a daemon let go first: a job everybody, a run on hints those who ask for a moment."""

from collections.abc import Callable

from syncd.core.model import Lane
from syncd.daemon.inbox import Inbox
from syncd.daemon.jobs import Jobs
from syncd.daemon.throttle import Throttle
from syncd.errors import RunInterrupted
from syncd.ports import Clock

BREATH = 5.0
"""Seconds after which a run on hints that takes long lets others go first."""


class JobTurns:
    """Turns of a job: it lets deeds and hints go before it, and waits until it is within its rate.

    serve: does what is most urgent of these, False when there is nothing to do. beat: tells the supervisor that work goes on.
    """

    lane = Lane.BACKFILL

    def __init__(self, inbox: Inbox, jobs: Jobs, serve: Callable[[], bool], beat: Callable[[], None], clock: Clock) -> None:
        self._inbox = inbox
        self._jobs = jobs
        self._serve = serve
        self._beat = beat
        self._throttle = Throttle(clock)

    def reset(self) -> None:
        """Another job begins."""
        self._throttle.reset()

    def wanted(self) -> bool:
        """Whether somebody waits for a turn."""
        return self._inbox.urgent() or self._interrupted() or self._throttle.waiting()

    def give(self) -> None:
        """Let everybody who waits go first. Raises RunInterrupted when the run is to end here."""
        while True:
            self._beat()
            if self._inbox.stopping or self._interrupted():
                raise RunInterrupted(source=", ".join(self._jobs.running.sources) if self._jobs.running else "")
            if not self._serve():
                left = self._throttle.left()
                if not left:
                    return
                self._inbox.wait(min(left, 1.0))

    def spent(self, chunks: int, rate: float) -> None:
        """The run has embedded `chunks` and may embed `rate` a second."""
        self._throttle.spent(chunks, rate)

    def _interrupted(self) -> bool:
        running = self._jobs.running
        return running is not None and running.interrupted


class HintTurns:
    """Turns of a run on hints, which is itself what others let go first: it lets deeds and the end go before it.

    One that has much to read ends after a while when hints wait: what it has not done is put back, and taken again with them. So
    who loses access waits for nobody's texts. deeds: does those that wait. much: a whole tree is looked at.
    """

    def __init__(self, inbox: Inbox, deeds: Callable[[], bool], clock: Clock, *, much: bool) -> None:
        self.lane = Lane.BACKFILL if much else Lane.LIVE
        self._inbox = inbox
        self._deeds = deeds
        self._clock = clock
        self._until: float | None = None

    def wanted(self) -> bool:
        """Whether somebody waits for a deed, for the end, or has waited long enough."""
        return self._inbox.brief() or self._over()

    def give(self) -> None:
        """Do the deeds. Raises RunInterrupted when the daemon stops, or when it is somebody else's turn."""
        if self._inbox.stopping:
            raise RunInterrupted(source="")
        self._deeds()
        if self._over():
            raise RunInterrupted(source="")

    def spent(self, chunks: int, rate: float) -> None:
        """No reindex is done on a hint."""

    def _over(self) -> bool:
        now = self._clock.monotonic_ns() / 1e9
        if self._until is None:
            self._until = now + BREATH
        return now >= self._until and self._inbox.crowded()
