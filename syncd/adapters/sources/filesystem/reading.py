"""Reading exactly the version of a file that was observed."""

import os

from syncd.adapters.sources.filesystem.listing import version_of
from syncd.core.model import Absence

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_PIECE = 1 << 20


def read_version(directory: int, name: bytes, version: bytes) -> bytes | Absence:
    """The bytes of `name` in the open directory if it is of `version` before and after they are read. Raises OSError."""
    fd = _open(directory, name)
    try:
        status = os.fstat(fd)
        if version_of(status) != version:
            return Absence.CHANGED
        data = read_all(fd, status.st_size)
        return data if version_of(os.fstat(fd)) == version and len(data) == status.st_size else Absence.CHANGED
    finally:
        os.close(fd)


def read_all(fd: int, size: int) -> bytes:
    """All bytes of an open file of `size` bytes; one more at most, which tells that it grew."""
    pieces: list[bytes] = []
    left = size + 1
    while left and (piece := os.read(fd, min(left, _PIECE))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _open(directory: int, name: bytes) -> int:
    """Open without leaving a trace in atime, where the kernel lets this account do so."""
    try:
        return os.open(name, _OPEN | os.O_NOATIME, dir_fd=directory)
    except PermissionError:
        return os.open(name, _OPEN, dir_fd=directory)
