"""Small file systems of their own, to be filled to the last byte."""

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Disk:
    """A small file system of its own."""

    def __init__(self, place: Path, size: str) -> None:
        self.place = place
        place.mkdir(exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0711", "tmpfs", place], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")

    def resize(self, size: str) -> None:
        """Another limit, the same files."""
        subprocess.run(["mount", "-o", f"remount,size={size}", self.place], check=True)

    def fill(self, *, but: int = 0) -> None:
        """Leave `but` bytes free."""
        with (self.place / "filler").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            file.truncate(max(0, file.tell() - but))

    def clear(self) -> None:
        """As before `fill`."""
        (self.place / "filler").unlink()

    def close(self) -> None:
        """Unmount."""
        subprocess.run(["umount", "--lazy", self.place], check=True)


@contextmanager
def mounted() -> Iterator[Callable[[Path, str], Disk]]:
    """Makes disks, and takes them away in the end."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts file systems")
    made: list[Disk] = []

    def make(place: Path, size: str) -> Disk:
        disk = Disk(place, size)
        made.append(disk)
        return disk

    try:
        yield make
    finally:
        for disk in reversed(made):
            disk.close()
