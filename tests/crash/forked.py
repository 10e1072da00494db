"""A doomed syncd that is forked, not started: everything is imported already, so that a kill costs a third.

It is the same program from its first line on; what it does without is the start of the interpreter, which has no state to lose.
The process that forks must have one thread only.
"""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import doomed

import syncd.cli.run
import syncd.daemon.daemon
import syncd.daemon.log
import syncd.wiring.house  # noqa: F401 - all of them: what a daemon imports on its way

FILES = 1024
"""Descriptors that may be open, and that a child has nothing to do with."""


class Forked:
    """A child, as `subprocess.Popen` would have it."""

    def __init__(self, folder: Path, log: int, environ: dict[str, str]) -> None:
        if threading.active_count() > 1:
            raise RuntimeError("one thread only")
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _live(folder, log, environ)

    def poll(self) -> int | None:
        """Its exit code, once it has one."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Its exit code. Raises TimeoutExpired."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("syncd", timeout)
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal while it is there."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def _live(folder: Path, log: int, environ: dict[str, str]) -> None:
    """The whole life of the child; it never returns."""
    code = 70
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.closerange(3, FILES)
        os.umask(0o022)
        os.environ.update(environ)
        doomed.main(folder, ["run"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 70
    finally:
        os._exit(code)
