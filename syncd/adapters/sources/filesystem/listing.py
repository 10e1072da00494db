"""What a directory holds, and the stamp that tells without looking inside its files that nothing changed."""

import errno
import hashlib
import os
import stat
import struct
import sys
from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple

from syncd.adapters.sources.filesystem.names import to_text
from syncd.adapters.sources.filesystem.permissions import Passage
from syncd.adapters.sources.filesystem.rules import Selection
from syncd.core.acl import Acl, Clause
from syncd.core.tlv import tlv

RACY_NS = 2_000_000_000
"""A file touched so shortly before it was looked at may change again and keep its times: clocks of file systems tick slowly."""

_VERSION = struct.Struct(">QQqQQ")
_MEMBER = struct.Struct(">QQqQQIIII")
_TIME = 2**64 - 1
"""What is kept of a time: anybody may give a file one in the year 2400, which no 64 bits of nanoseconds hold with a sign."""

# As Python read the names, whatever the locale says (os.fsencode is the same, and a function call).
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
_TEXT = (_ENCODING, _ERRORS) == ("utf-8", "surrogateescape")
_raw_name = itemgetter(0)

Member = tuple[bytes, os.stat_result | OSError]
"""A name and its status, or why that can't be had."""


class Inventory(NamedTuple):
    """What a directory holds, in the order of the bytes of the names."""

    directories: tuple[bytes, ...]
    members: tuple[Member, ...]


def take(fd: int, prefix: str, selection: Selection) -> Inventory:
    """What `selection` wants of the directory that is open as `fd`: sub-directories, and all else but symlinks with its status.

    This and `Stamps.of` are most of what a scan costs that finds nothing. Raises OSError.
    """
    directories: list[bytes] = []
    members: list[Member] = []
    omits = selection.omission(prefix)
    with os.scandir(fd) as found:
        for entry in found:
            name = entry.name
            raw = name.encode(_ENCODING, _ERRORS)
            text = name if _TEXT else to_text(raw)
            try:
                if entry.is_file(follow_symlinks=False):
                    if omits is None or not omits(text):
                        members.append((raw, entry.stat(follow_symlinks=False)))
                elif entry.is_dir(follow_symlinks=False):
                    if selection.enters(prefix, text):
                        directories.append(raw)
                elif not entry.is_symlink() and not (omits is not None and omits(text)):
                    members.append((raw, entry.stat(follow_symlinks=False)))
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno == errno.EACCES:
                    os.stat(b".", dir_fd=fd)  # raises as well where it is the directory that may not be passed
                members.append((raw, error))
                if _may_be_directory(entry) and selection.enters(prefix, text):
                    directories.append(raw)
    directories.sort()
    members.sort(key=_raw_name)
    return Inventory(tuple(directories), tuple(members))


def _may_be_directory(entry: os.DirEntry[str]) -> bool:
    """Not every file system tells what a name is without a status: what lies below one without must not be gone."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return True


def version_of(status: os.stat_result) -> bytes:
    """The stat key: equal as long as nothing gives a reason to look at the file again."""
    modified, changed = status.st_mtime_ns & _TIME, status.st_ctime_ns & _TIME
    return _VERSION.pack(status.st_dev, status.st_ino, status.st_size, modified, changed)


def is_racy(status: os.stat_result, now_ns: int) -> bool:
    """Whether it was touched within two seconds of `now_ns` (Unix nanoseconds), or will have been."""
    return max(status.st_mtime_ns, status.st_ctime_ns) > now_ns - RACY_NS


class Stamps:
    """Makes the stamps of a source: 32 bytes that change with anything that a load of the page would see.

    Owner and mode are in it although they move ctime, for not every network file system does. now_ns: Unix nanoseconds before
    anything was looked at; what is touched later is racy.
    """

    def __init__(self, settings: bytes, root: tuple[int, int], now_ns: int) -> None:
        self._settings = settings
        self._root = root
        self._settled = now_ns - RACY_NS
        self._passage: Passage = ()
        self._above = self._said_above(())

    def of(self, passage: Passage, members: Iterable[Member]) -> bytes | None:
        """The stamp of a directory behind `passage` with these members; None: look again next time."""
        if passage is None:
            return None
        if passage != self._passage:
            self._passage, self._above = passage, self._said_above(passage)
        settled, parts = self._settled, [self._above]
        for name, status in members:
            if isinstance(status, OSError):
                return None
            modified, changed = status.st_mtime_ns, status.st_ctime_ns
            if modified > settled or changed > settled:
                return None
            parts.append(
                _MEMBER.pack(
                    status.st_dev,
                    status.st_ino,
                    status.st_size,
                    modified & _TIME,
                    changed & _TIME,
                    status.st_mode,
                    status.st_uid,
                    status.st_gid,
                    len(name),
                )
            )
            parts.append(name)
        return hashlib.sha256(b"".join(parts)).digest()

    def _said_above(self, passage: tuple[Clause, ...]) -> bytes:
        """What is the same for all directories behind `passage`."""
        return tlv(self._settings, *self._root, Acl.of(passage).canonical())


def is_document(status: os.stat_result) -> bool:
    """Whether a scan reports it: directories are pages, and what a symlink leads to is reported where it is."""
    return not stat.S_ISDIR(status.st_mode) and not stat.S_ISLNK(status.st_mode)
