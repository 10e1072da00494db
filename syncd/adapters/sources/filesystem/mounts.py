"""Which file systems tell of changes: inotify knows what this kernel does, not what another machine does on a shared disk."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_TABLE = Path("/proc/self/mountinfo")
_ESCAPE = re.compile(rb"\\([0-7]{3})")

_SILENT = frozenset(
    b"nfs nfs4 cifs smb3 smbfs 9p virtiofs vboxsf afs ceph glusterfs lustre gpfs beegfs ocfs2 gfs2 orangefs coda fuse".split()
)
"""Others may write to these behind the kernel's back. An overlay, which containers have, tells of all that is done through it."""
_SILENT_FAMILY = b"fuse."


class Mounts:
    """Looks up what kind of file system something is on; remembers, so it is good for one walk through a tree."""

    def __init__(self) -> None:
        self._silent: dict[int, bool] = {}

    def silent(self, fd: int) -> bool:
        """Whether changes may happen on the file system of the open `fd` without an event. Raises OSError."""
        device = os.fstat(fd).st_dev
        if device not in self._silent:
            kind = None
            # What is not in the table can't be trusted either: a mount that this process has no path to, or no table.
            with suppress(OSError):
                kind = _kind(fd)
            self._silent[device] = kind is None or kind in _SILENT or kind.startswith(_SILENT_FAMILY)
        return self._silent[device]


class Mounted:
    """Notices what comes to be mounted or unmounted below a directory: the kernel tells no watch that something lies over it."""

    def __init__(self) -> None:
        self._table = b""
        self._places: frozenset[tuple[bytes, bytes]] = frozenset()

    def same(self) -> bool:
        """Whether all mounts are as they were when `changed` was asked last: then nothing did."""
        return _TABLE.read_bytes() == self._table

    def changed(self, fd: int) -> list[tuple[bytes, ...]]:
        """Where below the open directory `fd` something else is mounted than when it was asked last, topmost first.

        A place is the names that lead there. At first all that is mounted counts. Raises OSError.
        """
        self._table = _TABLE.read_bytes()
        top = os.fsencode(Path(f"/proc/self/fd/{fd}").readlink()).rstrip(b"/") + b"/"
        before, self._places = self._places, frozenset(_places_below(self._table, top))
        return sorted({tuple(place.split(b"/")) for _, place in before ^ self._places}, key=lambda parts: (len(parts), parts))


def _places_below(table: bytes, top: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The number of each mount below the directory `top`, which ends in "/", and its path from there."""
    for line in table.splitlines():
        number, _, _, _, path = line.split(b" ", 5)[:5]
        path = _ESCAPE.sub(lambda found: bytes([int(found[1], 8)]), path)
        if path.startswith(top) and path != top:
            yield number, path[len(top) :]


def _kind(fd: int) -> bytes | None:
    """The type of the file system of `fd` in the kernel's table, by the number of its mount: paths may be mounted over."""
    facts = dict(line.split(b":", 1) for line in Path(f"/proc/self/fdinfo/{fd}").read_bytes().splitlines() if b":" in line)
    number = facts.get(b"mnt_id", b"").strip()
    for line in _TABLE.read_bytes().splitlines():
        mount, _, kind = line.partition(b" - ")
        if mount.split(b" ", 1)[0] == number:
            return kind.split(b" ", 1)[0]
    return None
