"""What a directory holds, and the stamp that tells without looking inside its files that nothing changed."""

import hashlib
import os
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from syncd.adapters.sources.filesystem.directories import Place, readable
from syncd.adapters.sources.filesystem.names import to_text
from syncd.adapters.sources.filesystem.permissions import Passage
from syncd.adapters.sources.filesystem.rules import Selection
from syncd.core.acl import Acl
from syncd.core.tlv import tlv

RACY_NS = 2_000_000_000
"""A file touched so shortly before it was looked at may change again and keep its times: clocks of file systems tick slowly."""

_VERSION = struct.Struct(">QQqqq")
_MEMBER = struct.Struct(">QQqqqIIII")

Member = tuple[bytes, os.stat_result | OSError]
"""A name and its status, or why that can't be had."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a directory holds, in the order of the bytes of the names."""

    directories: tuple[bytes, ...]
    members: tuple[Member, ...]


def take(place: Place, prefix: str, selection: Selection) -> Inventory:
    """What `selection` wants of a directory: sub-directories, and all else but symlinks with its status. Raises OSError."""
    directories: list[bytes] = []
    members: list[Member] = []
    with readable(place) as fd, os.scandir(fd) as found:
        for raw, entry in sorted(((os.fsencode(entry.name), entry) for entry in found), key=_raw_name):
            try:
                if entry.is_dir(follow_symlinks=False):
                    if selection.enters(prefix, to_text(raw)):
                        directories.append(raw)
                elif not entry.is_symlink() and selection.selects(prefix, to_text(raw)):
                    status = entry.stat(follow_symlinks=False)
                    if is_document(status):
                        members.append((raw, status))
            except FileNotFoundError:
                continue
            except OSError as error:
                members.append((raw, error))
    return Inventory(tuple(directories), tuple(members))


def _raw_name(item: tuple[bytes, os.DirEntry[str]]) -> bytes:
    return item[0]


def version_of(status: os.stat_result) -> bytes:
    """The stat key: equal as long as nothing gives a reason to look at the file again."""
    return _VERSION.pack(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def is_racy(status: os.stat_result, now_ns: int) -> bool:
    """Whether it was touched within two seconds of `now_ns` (Unix nanoseconds), or will have been."""
    return max(status.st_mtime_ns, status.st_ctime_ns) > now_ns - RACY_NS


def stamp_of(settings: bytes, root: tuple[int, int], passage: Passage, members: Iterable[Member], now_ns: int) -> bytes | None:
    """32 bytes that change with anything that a load of the page would see; None: look again next time.

    Owner and mode are in it although they move ctime, for not every network file system does.
    """
    if passage is None:
        return None
    parts: list[bytes] = [tlv(settings, *root, Acl.of(passage).canonical())]
    for name, status in members:
        if isinstance(status, OSError) or is_racy(status, now_ns):
            return None
        parts.append(
            _MEMBER.pack(
                status.st_dev,
                status.st_ino,
                status.st_size,
                status.st_mtime_ns,
                status.st_ctime_ns,
                status.st_mode,
                status.st_uid,
                status.st_gid,
                len(name),
            )
        )
        parts.append(name)
    return hashlib.sha256(b"".join(parts)).digest()


def is_document(status: os.stat_result) -> bool:
    """Whether a scan reports it: directories are pages, and what a symlink leads to is reported where it is."""
    return not stat.S_ISDIR(status.st_mode) and not stat.S_ISLNK(status.st_mode)
