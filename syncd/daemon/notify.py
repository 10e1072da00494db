"""What the service manager is told (sd_notify): ready, reloading, stopping, alive. Without one, nothing is sent."""

import os
import socket
import time
from collections.abc import Mapping
from typing import Final, Self

from syncd.daemon.log import get_logger

PATIENCE: Final = 1.0
"""Seconds that a message may wait for a service manager that does not read. The daemon has other work."""

_log = get_logger()


class Notifier:
    """Speaks to the service manager at `address` (None: there is none). An abstract socket begins with "@".

    watchdog_interval: seconds within which the manager wants to hear `watchdog()`; None where it does not ask. A socket that
    fails stops nothing, and is logged the first time.
    """

    def __init__(self, address: str | None, watchdog_interval: float | None = None) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self.watchdog_interval = watchdog_interval
        self._failed = False

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """As the service manager set NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID for this process."""
        return cls(environ.get("NOTIFY_SOCKET") or None, _watchdog_interval(environ))

    def ready(self) -> None:
        """The daemon works: the end of its start, and of a reload."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`. Everybody can read it there: the law of the process log holds for `text` too."""
        line = "".join(char if char.isprintable() else " " for char in text)  # a line break would begin another message
        self._send(f"STATUS={line}")

    def reloading(self) -> None:
        """The configuration is read again. `ready()` must follow, whatever comes of it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The daemon has begun to stop."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """Work progresses. To be said at least twice in `watchdog_interval` seconds, else the manager kills the daemon."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(PATIENCE)
                sender.sendto(message.encode(), os.fsencode(self._address))
        except OSError as error:
            if not self._failed:
                self._failed = True
                _log.warning("notify.failed", error=error)


def _watchdog_interval(environ: Mapping[str, str]) -> float | None:
    """Seconds, or None: not asked for, or asked of another process (a wrapper's environment is inherited)."""
    asked, pid = environ.get("WATCHDOG_USEC"), environ.get("WATCHDOG_PID")
    if not asked or (pid and pid != str(os.getpid())):
        return None
    if not asked.isdecimal() or int(asked) == 0:
        _log.warning("notify.watchdog-unreadable")
        return None
    return int(asked) / 1e6
