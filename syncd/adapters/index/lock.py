"""One syncd at a time in a directory."""

import fcntl
import os
import time
from pathlib import Path

from syncd.errors import IndexBusy

_POLL = 0.05


class DirectoryLock:
    """A flock on `directory`/lock, held until `release`, and by every child that inherited `descriptor` until it ends."""

    def __init__(self, directory: Path, wait: float) -> None:
        """Wait up to `wait` seconds for whoever holds it. Raises IndexBusy, OSError."""
        self.descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take(wait, directory)
        except (IndexBusy, OSError):
            self.release()
            raise

    def release(self) -> None:
        """Let the next one in."""
        os.close(self.descriptor)

    def _take(self, wait: float, directory: Path) -> None:
        deadline = time.monotonic() + wait
        while not self._taken():
            if time.monotonic() >= deadline:
                raise IndexBusy(path=directory, seconds=f"{wait:g}")
            time.sleep(_POLL)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
