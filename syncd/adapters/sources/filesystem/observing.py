"""Members of a directory as a scan sees them."""

import os
import stat
import struct
from collections.abc import Callable

from syncd.adapters.sources.filesystem.listing import Member, is_document, is_racy, version_of
from syncd.adapters.sources.filesystem.names import below, error_name, to_text
from syncd.adapters.sources.filesystem.permissions import Access, access_of_member
from syncd.adapters.sources.filesystem.posix_acl import AclUnreadable
from syncd.core.acl import Acl
from syncd.core.model import Observation, Reason, Refusal

_IDENTITY = struct.Struct(">QQ")


class Observer:
    """Looks at the members of one directory, at one moment.

    acl_of: the ACL of a file by its key and inode. now_ns: Unix nanoseconds before anything was looked at.
    """

    def __init__(
        self, directory: int, prefix: str, acl_of: Callable[[str, Access], Acl | None], now_ns: int, max_bytes: int
    ) -> None:
        self._directory = directory
        self._prefix = prefix
        self._acl_of = acl_of
        self._now_ns = now_ns
        self._max_bytes = max_bytes

    def look(self, member: Member) -> tuple[Member, Observation] | None:
        """What is known of `member` now, and the status that this rests on; None when it is gone."""
        name, status = member
        key = below(self._prefix, to_text(name))
        if isinstance(status, OSError):
            return member, unreadable(key, status)
        acl: Acl | None = None
        try:
            access = access_of_member(self._directory, name, status)
        except AclUnreadable:
            pass  # the ACL stays unknown, which permits nobody
        except FileNotFoundError:
            return None
        except OSError as error:
            return (name, error), unreadable(key, error)
        else:
            status = access.status
            acl = self._acl_of(key, access)
        if not is_document(status):
            return None
        return (name, status), self._observation(key, status, acl)

    def _observation(self, key: str, status: os.stat_result, acl: Acl | None) -> Observation:
        return Observation(
            key=key,
            version=version_of(status),
            identity=_IDENTITY.pack(status.st_dev, status.st_ino),
            size=status.st_size,
            changed_at=max(status.st_mtime_ns, status.st_ctime_ns) / 1e9,
            acl=acl,
            racy=is_racy(status, self._now_ns),
            refusal=self._refusal(status),
        )

    def _refusal(self, status: os.stat_result) -> Refusal | None:
        if not stat.S_ISREG(status.st_mode):
            return Refusal(Reason.SPECIAL)
        if status.st_size > self._max_bytes:
            return Refusal(Reason.TOO_LARGE, f"larger than {self._max_bytes} bytes")
        return None


def unreadable(key: str, error: OSError) -> Observation:
    """The observation of something of which nothing but the name can be had."""
    refusal = Refusal(Reason.UNREADABLE, error_name(error))
    return Observation(key, version=b"", identity=None, size=0, changed_at=0.0, acl=None, racy=True, refusal=refusal)
