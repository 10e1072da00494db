"""A directory tree under watch."""

from collections.abc import Callable
from threading import Lock

from syncd.adapters.sources.filesystem.grounds import Grounds
from syncd.adapters.sources.filesystem.listening import ROOT_GONE, ROOT_OTHER, Listener
from syncd.adapters.sources.filesystem.mounts import Mounts
from syncd.core.hints import Hint
from syncd.errors import SourceUnavailable

NO_INSTANCE = "no inotify instance is to be had"
DEAD = "nobody reads the events"
CLOSED = "it is closed"
MENDING = "it is just being mended"


def watch_below(grounds: Grounds, tell: Callable[[Hint], None]) -> "FilesystemWatch | None":
    """Tells of changes below a root; None where its file system does not tell. Raises SourceUnavailable, as `at_root` does."""
    with grounds.at_root() as root:
        if Mounts().silent(root.fd):
            return None
    return FilesystemWatch(grounds, tell)


class FilesystemWatch:
    """Tells of changes below a root from when it is made until it is closed. Raises SourceUnavailable when the root is not there.

    `mend` and `close` wait for a hint that is just being told: who calls them must not hold what `tell` waits for. Any thread
    may call anything.
    """

    def __init__(self, grounds: Grounds, tell: Callable[[Hint], None]) -> None:
        self._grounds = grounds
        self._tell = tell
        self._listener: Listener | None = None
        self._closed = False
        self._mending = Lock()
        self.mend()

    def fault(self) -> str | None:
        """Why hints are not to be believed since the last `mend`, in a few words without names; None while all is well."""
        if self._mending.locked():
            return MENDING
        listener = self._listener
        if listener is None:
            return CLOSED if self._closed else NO_INSTANCE
        if listener.fault is not None:
            return listener.fault
        if not listener.alive:
            return DEAD
        try:
            with self._grounds.at_root() as root:
                return None if root.identity == listener.root else ROOT_OTHER
        except SourceUnavailable:
            return ROOT_GONE

    def mend(self) -> None:
        """Watch everything anew; what can't be watched, as directories that can't be read, is a fault after it as before.

        What happens meanwhile is not told: the caller scans the whole source after this. Raises SourceUnavailable when the root
        is not there, and nothing is changed by it.
        """
        with self._mending:
            with self._grounds.at_root():
                pass
            self._stop()
            if not self._closed:
                self._begin()

    def close(self) -> None:
        """Stop telling. Everything that was opened or started for it is closed when this returns."""
        self._closed = True
        self._stop()  # also what is just being mended: it would go through the whole tree first
        with self._mending:
            self._stop()

    def _begin(self) -> None:
        try:
            listener = Listener(self._grounds, self._tell)
        except OSError:
            return
        self._listener = listener
        try:
            listener.listen()
        except BaseException:
            self._stop()
            raise

    def _stop(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
