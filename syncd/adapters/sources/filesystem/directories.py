"""Directories held open: entered name by name from `/` without following a symlink, so that what is seen is below the root."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from syncd.adapters.sources.filesystem.permissions import Passage, Permissions

_ENTER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a directory is opened whose names are to be read."""


@dataclass(frozen=True, slots=True)
class Place:
    """A directory: a descriptor that is good for look-ups relative to it, and who may pass from `/` down into it."""

    fd: int
    passage: Passage

    @property
    def identity(self) -> tuple[int, int]:
        """Its device and inode."""
        status = os.fstat(self.fd)
        return status.st_dev, status.st_ino


@contextmanager
def entered(start: Place, parts: Sequence[bytes], permissions: Permissions, *, known: int = 0) -> Iterator[Place]:
    """The directory that `parts` lead to from `start`, open while the context lasts. Raises OSError.

    The first `known` of them are in `start.passage` already, and are not asked again who may pass.
    """
    here, passage = os.dup(start.fd), start.passage
    try:
        for depth, part in enumerate(parts):
            deeper = os.open(part, _ENTER, dir_fd=here)
            os.close(here)
            here = deeper
            if depth >= known:
                passage = permissions.through(passage, here)
        yield Place(here, passage)
    finally:
        os.close(here)


@contextmanager
def entered_from_top(path: bytes, permissions: Permissions) -> Iterator[Place]:
    """The directory `path`, absolute and without symlinks, open while the context lasts. Raises OSError."""
    top = os.open(b"/", _ENTER)
    try:
        start = Place(top, permissions.through((), top))
        parts = [part for part in path.split(b"/") if part]
        with entered(start, parts, permissions) as place:
            yield place
    finally:
        os.close(top)


@contextmanager
def readable(place: Place) -> Iterator[int]:
    """A descriptor of `place` that its names can be read from. Raises OSError."""
    fd = os.open(b".", LIST, dir_fd=place.fd)
    try:
        yield fd
    finally:
        os.close(fd)
