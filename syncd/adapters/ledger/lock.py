"""One writer a ledger, across processes: an advisory lock on a file beside it, gone with its holder however that ends."""

import errno
import fcntl
import os
import time
from pathlib import Path

from syncd.errors import LedgerBusy, LedgerUnavailable

POLL_S = 0.05
"""How often a waiting writer asks again; flock itself can't wait for a bounded time."""


class FileLock:
    """A held lock. The file stays when the lock goes: removing it would let two writers lock two files of one name."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, ledger: Path, wait: float) -> "FileLock":
        """Take the writer's lock of `ledger`, waiting up to `wait` seconds. Raises LedgerBusy, LedgerUnavailable."""
        path = ledger.with_name(ledger.name + ".lock")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LedgerUnavailable(file=ledger, detail=f"{path.name}: {error.strerror}") from error
        try:
            os.fchmod(descriptor, 0o600)
            _wait_for(descriptor, ledger, wait)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Let the next writer in; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _wait_for(descriptor: int, ledger: Path, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise LedgerUnavailable(file=ledger, detail=f"its lock: {error.strerror}") from error
            left = deadline - time.monotonic()
            if left <= 0:
                raise LedgerBusy(file=ledger, seconds=f"{wait:g}") from error
            time.sleep(min(POLL_S, left))
        else:
            return
