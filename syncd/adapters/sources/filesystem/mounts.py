"""Which file systems tell of changes: inotify knows what this kernel does, not what another machine does on a shared disk."""

import os
from pathlib import Path

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
            kind = _kind(fd)
            # What is not in the table can't be trusted either: a mount that this process has no path to.
            self._silent[device] = kind is None or kind in _SILENT or kind.startswith(_SILENT_FAMILY)
        return self._silent[device]


def _kind(fd: int) -> bytes | None:
    """The type of the file system of `fd` in the kernel's table, by the number of its mount: paths may be mounted over."""
    facts = dict(line.split(b":", 1) for line in Path(f"/proc/self/fdinfo/{fd}").read_bytes().splitlines() if b":" in line)
    number = facts.get(b"mnt_id", b"").strip()
    for line in Path("/proc/self/mountinfo").read_bytes().splitlines():
        mount, _, kind = line.partition(b" - ")
        if mount.split(b" ", 1)[0] == number:
            return kind.split(b" ", 1)[0]
    return None
