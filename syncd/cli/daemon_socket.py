"""Where the daemon's socket is, and a connection to it. Standard library only, as `syncd.cli.client`."""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from syncd.errors import DaemonGone, NotPermitted, NotYet

VARIABLE: Final = "SYNCD_SOCKET"
RUNNING: Final = Path("/run/syncd/syncd.sock")
"""Where a service keeps its socket."""
CONNECT_S: Final = 2.0
_ADDRESS_BYTES: Final = 107


def places(config: Path, environ: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Where the socket may be, the likeliest first: $SYNCD_SOCKET alone if it is set, else what the configuration says.

    An account that may use the daemon need not be able to read its configuration: then where a socket usually is.
    """
    if environ.get(VARIABLE):
        return (Path(environ[VARIABLE]).absolute(),)
    configured = _configured(config)
    return (config.parent / "run/syncd.sock", RUNNING) if configured is None else (configured,)


def _configured(config: Path) -> Path | None:
    """The socket that the configuration names; None where it can't be read or understood, which is told elsewhere."""
    import tomllib

    try:
        said = tomllib.loads(config.read_text(encoding="utf-8"))
        state = said.get("state", {}).get("dir", ".")
        named = said.get("control", {}).get("socket")
        return _place(named, config.parent) if named is not None else _place(state, config.parent) / "run/syncd.sock"
    except (OSError, ValueError, RecursionError, AttributeError, TypeError, RuntimeError):
        return None


def _place(value: str, base: Path) -> Path:
    """A path as the configuration means it; the same as `syncd.config.units.place`."""
    path = base / Path(value).expanduser()
    return Path(os.path.realpath(path)) if ".." in path.parts else path


def dialled(path: Path) -> socket.socket | None:
    """A connection to the daemon at `path`; None when there is none."""
    deadline = time.monotonic() + CONNECT_S
    while True:
        dialling = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            dialling.settimeout(CONNECT_S)
            _dial(dialling, path)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            dialling.close()
            return None
        except (BlockingIOError, TimeoutError):  # the queue at the door is full
            dialling.close()
            if time.monotonic() >= deadline:
                raise NotYet(what=f"{path}: the daemon did not take the call", seconds=f"{CONNECT_S:g}") from None
            time.sleep(CONNECT_S / 40)
        except PermissionError:
            dialling.close()
            raise NotPermitted(what=f"The daemon's socket {path}", needed=_membership(path)) from None
        except OSError as error:
            dialling.close()
            raise DaemonGone(socket=path, detail=error.strerror or type(error).__name__) from error
        else:
            return dialling


def _dial(dialling: socket.socket, path: Path) -> None:
    """Connect, also to a path that is too long for an address."""
    if len(os.fsencode(path)) <= _ADDRESS_BYTES:
        dialling.connect(str(path))
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        dialling.connect(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def _membership(path: Path) -> str:
    """What an account lacks that can't reach the socket, as far as one can see from outside."""
    import grp

    try:
        name = grp.getgrgid(path.parent.stat().st_gid).gr_name
    except (OSError, KeyError):
        return "membership of its group"
    return f"membership of the group {name} (`usermod -aG {name} ACCOUNT`, then log in anew)"
