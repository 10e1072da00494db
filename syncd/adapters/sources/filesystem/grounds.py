"""What of the directories below a root a scan comes to."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from syncd.adapters.sources.filesystem.directories import Place
from syncd.adapters.sources.filesystem.names import to_text
from syncd.adapters.sources.filesystem.permissions import Permissions
from syncd.adapters.sources.filesystem.rules import Selection


@dataclass(frozen=True, slots=True)
class Grounds:
    """A root, and which directories below it are entered. at_root: opens the root, wherever it is now; SourceUnavailable."""

    at_root: Callable[[], AbstractContextManager[Place]]
    selection: Selection
    permissions: Permissions

    def directories(self, fd: int, prefix: str) -> frozenset[bytes]:
        """The names in the open directory `prefix` of the directories that a scan enters from there. Raises OSError."""
        with os.scandir(fd) as found:
            names = [os.fsencode(entry.name) for entry in found if entry.is_dir(follow_symlinks=False)]
        return frozenset(name for name in names if self.selection.enters(prefix, to_text(name)))


def directories_above(root: Place) -> Iterator[int]:
    """Every directory above `root`, each open until the next one is asked for. Raises OSError."""
    here = os.dup(root.fd)
    try:
        identity = root.identity
        while True:
            above = os.open(b"..", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here = above
            status = os.fstat(here)
            if identity == (status.st_dev, status.st_ino):
                return
            identity = (status.st_dev, status.st_ino)
            yield here
    finally:
        os.close(here)
