"""What the daemon needs and is away: looked for when it is time, told of, and what waited for it goes on once it is back."""

import threading
from collections.abc import Callable, Sequence

from structlog.typing import FilteringBoundLogger

from syncd.core.breaker import Away
from syncd.daemon.inbox import Inbox
from syncd.errors import DependencyAway
from syncd.ports import Dependency


class Absences:
    """All but `tend` may be called from any thread; that is the coordinator's."""

    def __init__(self, dependencies: Callable[[], Sequence[Dependency]], inbox: Inbox, log: FilteringBoundLogger) -> None:
        self._dependencies = dependencies
        self._inbox = inbox
        self._log = log
        self._told: frozenset[str] = frozenset()
        self._looking: threading.Thread | None = None

    def now(self) -> tuple[Away, ...]:
        """What is away, and what is known of it."""
        return tuple(away for each in self._dependencies() if (away := each.away) is not None)

    def caused(self, error: BaseException | None) -> bool:
        """Whether something ended because of what is away: trying it again before that is back changes nothing."""
        return isinstance(error, DependencyAway) and bool(self.now())

    def tend(self, most: float) -> float:
        """Have what is away looked for if it is time, or let what waited go on. Returns seconds until it is time again, at most
        `most`.
        """
        missing = self.now()
        names = frozenset(away.name for away in missing)
        for name in sorted(names - self._told):
            self._log.warning("absence.began", kind=name)
        for name in sorted(self._told - names):
            self._log.info("absence.ended", kind=name)
        self._told = names
        if not missing:
            self._inbox.release()
            return most
        if any(not away.rest for away in missing):
            self._look()
        return min(most, *(away.rest or most for away in missing))

    def _look(self) -> None:
        """On a thread of its own: something that does not answer may take its time to do so, and who loses access can't wait."""
        if self._looking is None or not self._looking.is_alive():
            self._looking = threading.Thread(target=self._ask, name="look", daemon=True)
            self._looking.start()

    def _ask(self) -> None:
        for each in self._dependencies():
            if each.away is not None:
                each.look()
        self._inbox.poke()
