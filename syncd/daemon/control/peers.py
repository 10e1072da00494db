"""Who is at the other end of a connection, as the kernel says it."""

import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

_CREDENTIALS: Final = struct.Struct("iII")
"""`struct ucred`: pid, uid, gid."""
_NOBODY_LOGGED_IN: Final = 0xFFFFFFFF


class Socket(Protocol):
    """The part of a socket that is asked."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
        """The option as bytes."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that connected: its ids at that moment. auid: the account that logged in, also behind sudo; None if unknown."""

    pid: int
    uid: int
    gid: int
    auid: int | None = None


def peer_of(connection: Socket) -> Peer:
    """Who connected. The kernel noted it when they did: nothing that is sent can change it. Raises OSError."""
    pid, uid, gid = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Peer(pid, uid, gid, _login_uid(pid))


def _login_uid(pid: int) -> int | None:
    """The login account of the process `pid`; None where the kernel doesn't tell, nobody logged in, or it has gone."""
    try:
        auid = int(Path(f"/proc/{pid}/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return auid if auid != _NOBODY_LOGGED_IN else None
