"""What the filesystem tests share: a clock that tests own, sources over real trees, ACL attributes as the kernel stores them."""

import os
import shutil
import struct
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.core.model import Listing, Observation

ACCESS = "system.posix_acl_access"
UNDEFINED = 0xFFFFFFFF
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32


class SetClock:
    """A clock that is `ahead` seconds before the real one: far enough ahead, and files made just now are long settled."""

    def __init__(self, ahead: float = 60) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def monotonic_ns(self) -> int:
        return 0


def source(root: Path, **settings) -> FilesystemSource:
    """A source over `root` that lets everyone in and knows no limits, but for `settings`."""
    defaults = {"max_bytes": 1 << 20, "allow_everyone": True, "clock": SetClock()}
    return FilesystemSource("notes", root, **(defaults | settings))


def load_all(src: FilesystemSource) -> list[Listing]:
    """Every page of `src`, opened."""
    return [page.load() for page in src.scan()]


def observations(src: FilesystemSource) -> dict[str, Observation]:
    """Everything that `src` sees, by key."""
    return {seen.key: seen for listing in load_all(src) for seen in listing.members}


def stamps(src: FilesystemSource) -> dict[str, bytes | None]:
    """The stamp of every page of `src`, by prefix."""
    return {page.prefix: page.stamp for page in src.scan()}


def write(path: Path, text: str = "text", mode: int = 0o644) -> Path:
    """A file with its parents."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder that every account can reach: those of pytest are closed to all but their owner."""
    base = Path(tempfile.mkdtemp(prefix="syncd-", dir="/tmp"))
    base.chmod(0o755)
    try:
        yield base
    finally:
        shutil.rmtree(base)


def acl_attribute(*entries: tuple[int, int, int], version: int = 2) -> bytes:
    """The binary form of an ACL: (tag, bits, id) each."""
    return struct.pack("<I", version) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def as_account(uid: int, gids: list[int], work) -> bytes:
    """The bytes that `work()` returns when a child does it as an account with that number and those groups (root may ask)."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setgroups(gids[1:])
            os.setgid(gids[0])
            os.setuid(uid)
            os.write(writing, work())
            status = 0
        finally:
            if status:
                traceback.print_exc()
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        said = answer.read()
    assert os.waitpid(child, 0)[1] == 0
    return said
