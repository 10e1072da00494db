"""Time, randomness and the machine's own facts."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The present in UTC."""
        return datetime.now(UTC)

    def monotonic_ns(self) -> int:
        """Nanoseconds since some point in this boot."""
        return time.monotonic_ns()


class SystemEntropy:
    """The kernel's random numbers."""

    def bytes(self, count: int) -> bytes:
        """`count` unpredictable bytes."""
        return os.urandom(count)


def boot_id() -> str:
    """Which boot of this machine it is; "unknown" where the kernel doesn't tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def login_uid() -> int | None:
    """The account that logged in (auid), also behind sudo; None where the kernel doesn't tell or nobody did."""
    try:
        auid = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return auid if auid != 0xFFFFFFFF else None
