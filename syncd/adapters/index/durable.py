"""Files that are still there after a power cut."""

import os
from pathlib import Path


def sync_directory(path: Path) -> None:
    """Make the names in `path` durable."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def sync_tree(path: Path, *, files: bool) -> None:
    """Make every directory at and below `path` durable, and with `files` what the files hold."""
    for directory, _, names in os.walk(path):
        if files:
            for name in names:
                _sync(Path(directory, name), os.O_RDONLY)
        sync_directory(Path(directory))


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` at `path`: whoever reads it, at any moment, sees all of the old or all of the new."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_directory(path.parent)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
