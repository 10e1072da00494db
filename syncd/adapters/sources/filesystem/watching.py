"""A directory tree under watch."""

import errno
import os
from collections.abc import Callable
from threading import Lock

from syncd.adapters.sources.filesystem.grounds import Grounds
from syncd.adapters.sources.filesystem.limits import limit, too_few_instances
from syncd.adapters.sources.filesystem.listening import ROOT_GONE, ROOT_OTHER, Listener
from syncd.adapters.sources.filesystem.mounts import Mounts
from syncd.adapters.sources.filesystem.names import error_name
from syncd.core.blind import SEEING, Blind, Cause
from syncd.core.hints import Hint, What
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
        self._none = SEEING
        """Why there is no listener, where none is to be had."""
        self._closed = False
        self._mending = Lock()
        self.mend()

    def fault(self) -> str | None:
        """Why hints are not to be believed since the last `mend`, in a few words without names; None while all is well.

        Where there are none, as nothing tells of the source or of a part of it, that is no fault: `blind` says it.
        """
        if self._mending.locked():
            return MENDING
        listener = self._listener
        if self._closed or (listener is None and not self._none):
            return CLOSED
        if listener is not None and listener.fault is not None:
            return listener.fault
        if listener is not None and not listener.alive:
            return DEAD
        try:
            with self._grounds.at_root() as root:
                return None if listener is None or root.identity == listener.root else ROOT_OTHER
        except SourceUnavailable:
            return ROOT_GONE

    def blind(self) -> Blind:
        """What of it is not watched, though there is no fault. What was mounted in it or unmounted meanwhile is told of first."""
        listener = self._listener
        if listener is None:
            return self._none
        if self._mending.acquire(blocking=False):  # else it is just being looked at
            try:
                listener.remounted()
            finally:
                self._mending.release()
        return listener.blind()

    def regain(self) -> None:
        """Watch what is blind, where that is possible by now, and tell of what came to be watched: its changes were not told.

        Raises SourceUnavailable.
        """
        with self._mending:
            listener = self._listener
            if listener is not None:
                listener.regain()
            elif not self._closed:
                self._begin()
                if self._listener is not None:
                    self._tell(Hint(What.TREE, ""))

    def mend(self) -> None:
        """Watch everything anew; what can't be watched, as directories for which there is no watch, is blind after it as before.

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
        except OSError as error:
            self._none = Blind(("",), (_without_instance(error),))
            return
        self._none = SEEING
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


def _without_instance(error: OSError) -> Cause:
    """Why there is none. The kernel has one number for both: its limit, and that of this process on open files."""
    try:
        os.close(os.open(b"/", os.O_PATH | os.O_CLOEXEC))
    except OSError as other:
        error = other
    else:
        if error.errno == errno.EMFILE:
            return Cause(limit("instances").name, f"{NO_INSTANCE}: {too_few_instances()}", 1)
    return Cause("no-instance", f"{NO_INSTANCE} ({error_name(error)})", 1)
