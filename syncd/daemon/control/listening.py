"""The socket: made so that at no moment anybody can connect who should not, and put in its place when it is complete."""

import grp
import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from syncd.errors import DaemonRunning, SocketRefused

FOLDER_MODE: Final = 0o750
SOCKET_MODE: Final = 0o660
_CLOSED: Final = 0o600
_BACKLOG: Final = 128
_PROBE_S: Final = 2.0
"""Seconds after which somebody who does not answer the door is taken to be at home."""
_OWN_FOLDER: Final = "give it a folder of its own in `control.socket`, or leave it where it is by default"


class Listener:
    """A listening socket at `path`, reachable for the members of `group` and nobody else.

    shared: whether that group could be given to it; else it is the daemon's own. Raises DaemonRunning when somebody listens there
    already; SocketRefused when the place is not safe or can't be used.
    """

    def __init__(self, path: Path, group: str) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._folder = -1
        self._mark = (0, 0)
        try:
            self._folder = _folder(path)
            _refuse_the_living(self._folder, path)
            wanted = _gid(group)
            _close(self._folder, path, wanted)
            self.shared = self._put(wanted)
        except OSError as error:
            self._give_up()
            raise SocketRefused(socket=path, detail=f"can't be made: {error.strerror or error}", advice=_OWN_FOLDER) from error
        except BaseException:
            self._give_up()
            raise

    def _put(self, gid: int) -> bool:
        """Make the socket under another name, closed to all; open it to the group when it is complete, and rename it."""
        name, folder = _unfinished(self.path), self._folder
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
        os.fchmod(self.socket.fileno(), _CLOSED)  # binding takes the mode from here: no umask, which all threads share
        self.socket.bind(_place(folder, name))
        shared = _given(lambda to: os.chown(name, -1, to, dir_fd=folder, follow_symlinks=False), gid)
        Path(_place(folder, name)).chmod(SOCKET_MODE)
        self.socket.listen(_BACKLOG)
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        os.rename(name, self.path.name, src_dir_fd=folder, dst_dir_fd=folder)
        self._mark = status.st_dev, status.st_ino
        return shared

    def remove(self) -> None:
        """Take the file away, unless somebody else's is in its place by now. A second call does nothing."""
        if self._folder < 0:
            return
        with suppress(FileNotFoundError):
            status = os.stat(self.path.name, dir_fd=self._folder, follow_symlinks=False)
            if (status.st_dev, status.st_ino) == self._mark:
                os.unlink(self.path.name, dir_fd=self._folder)
        os.close(self._folder)
        self._folder = -1

    def _give_up(self) -> None:
        self.socket.close()
        if self._folder >= 0:
            os.close(self._folder)


def _folder(path: Path) -> int:
    """A descriptor of the socket's folder, which is made where it is missing; it has to be the daemon's own."""
    with suppress(FileExistsError):
        path.parent.mkdir(mode=0o700)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    if os.fstat(descriptor).st_uid != os.geteuid():
        os.close(descriptor)
        raise SocketRefused(socket=path, detail="its folder belongs to another account", advice=_OWN_FOLDER)
    return descriptor


def _refuse_the_living(folder: int, path: Path) -> None:
    """Raise DaemonRunning if somebody listens at `path`, SocketRefused if something else is there. A dead socket may be replaced.

    Two daemons of one state don't come here at once: the ledger's lock sees to that.
    """
    try:
        status = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise SocketRefused(socket=path, detail="something that is no socket is in its place", advice="move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        knock.settimeout(_PROBE_S)
        try:
            knock.connect(_place(folder, path.name))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except (TimeoutError, BlockingIOError):  # a full queue at the door: somebody is at home
            pass
    raise DaemonRunning(socket=path)


def _close(folder: int, path: Path, gid: int) -> None:
    """See to it that the group can enter the folder, and nobody else but the daemon.

    A folder in which other things lie is left as it is, and has to be closed already: it may be one of the machine's.
    """
    if set(os.listdir(folder)) - {path.name, _unfinished(path)}:
        if stat.S_IMODE(os.fstat(folder).st_mode) & ~FOLDER_MODE:
            raise SocketRefused(socket=path, detail="its folder holds other things and is open to others", advice=_OWN_FOLDER)
        return
    os.fchmod(folder, FOLDER_MODE & ~stat.S_IRWXG)
    _given(lambda to: os.chown(folder, -1, to), gid)
    os.fchmod(folder, FOLDER_MODE)


def _gid(group: str) -> int:
    """The number of the group; the daemon's own where the machine has none of that name."""
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return os.getegid()


def _given(give: Callable[[int], None], gid: int) -> bool:
    """Give a file to the group, or to the daemon's own when that may not be; whether it could be."""
    try:
        give(gid)
    except OSError:  # accounts may give files only to their own groups; inside a container many have no number at all
        give(os.getegid())
        return False
    return True


def _unfinished(path: Path) -> str:
    """What the socket is called until it is complete."""
    return f".{path.name}.new"


def _place(folder: int, name: str) -> str:
    """A name in an open folder as a path, short enough for any folder: addresses of sockets end at 107 bytes."""
    return f"/proc/self/fd/{folder}/{name}"
