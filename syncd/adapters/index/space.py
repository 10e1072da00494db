"""Room on the disk: what is free, and what files take."""

import os
import shutil
from contextlib import suppress
from pathlib import Path


def free_bytes_of(path: Path) -> int:
    """What an unprivileged process can still write at `path`."""
    return shutil.disk_usage(path).free


def occupied_bytes(path: Path) -> int:
    """Bytes on the disk of the files below `path`; those that go away meanwhile count nothing."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(folder, name).stat().st_blocks * 512
    return total
