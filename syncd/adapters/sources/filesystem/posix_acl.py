"""What a mode and a POSIX ACL say about one permission, as a clause: owner, named users, groups, others, in the kernel's order.

Two things differ from what one may expect, and follow Linux (`acl_permission_check` in fs/namei.c). When the group bits of the
mode, which hold the mask of an ACL, are all off, the ACL is not looked at. And a reader of whom any group is named stops there:
"other" is for those of whom none is. What root may do besides is not modelled: uid 0 is a user like any other here.
"""

import errno
import os
import struct
from dataclasses import dataclass
from typing import NamedTuple

from syncd.core.acl import Clause, Entry, Principal, allow, clause, deny, everyone, group, user

READ = 4
EXECUTE = 1

_ATTRIBUTE = "system.posix_acl_access"
_NO_ACL = frozenset({errno.ENODATA, errno.EOPNOTSUPP})
_HEADER = struct.Struct("<I")
_ENTRY = struct.Struct("<HHI")
_VERSION = 2
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_TAGS = frozenset({_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER})
_GROUP_BITS = 0o070


class AclUnreadable(Exception):
    """An ACL that could not be read or understood; it permits nobody."""


class Inode(NamedTuple):
    """What decides who may use an inode: mode, numbers of owner and owning group, the ACL attribute if it has one."""

    mode: int
    owner: int
    owning_group: int
    attribute: bytes | None


@dataclass(frozen=True, slots=True)
class PosixAcl:
    """An access ACL: permission bits (read 4, write 2, execute 1) of each entry; `users` and `groups` are (id, bits)."""

    users: tuple[tuple[int, int], ...]
    owning_group: int
    groups: tuple[tuple[int, int], ...]
    mask: int
    other: int


def read_attribute(path: bytes | int, *, follow_symlinks: bool) -> bytes | None:
    """The ACL of a path or an open file as the kernel hands it out; None when it has the mode only. Raises AclUnreadable."""
    try:
        return os.getxattr(path, _ATTRIBUTE, follow_symlinks=follow_symlinks)
    except OSError as error:
        if error.errno in _NO_ACL:
            return None
        raise AclUnreadable from error


def parse(attribute: bytes) -> PosixAcl:
    """Read the binary form, version 2, little endian. Raises AclUnreadable for anything that the kernel would not write."""
    if len(attribute) < _HEADER.size or (len(attribute) - _HEADER.size) % _ENTRY.size:
        raise AclUnreadable("its length is wrong")
    if _HEADER.unpack_from(attribute) != (_VERSION,):
        raise AclUnreadable("its version is unknown")
    entries = list(_ENTRY.iter_unpack(attribute[_HEADER.size :]))
    tags = [tag for tag, _, _ in entries]
    if tags != sorted(tags) or not _TAGS.issuperset(tags) or any(bits > 7 for _, bits, _ in entries):
        raise AclUnreadable("its entries are out of order or unknown")
    if any(tags.count(tag) != 1 for tag in (_USER_OBJ, _GROUP_OBJ, _OTHER)) or tags.count(_MASK) > 1:
        raise AclUnreadable("an entry is missing or there twice")
    if _MASK not in tags and (_USER in tags or _GROUP in tags):
        raise AclUnreadable("it names somebody and has no mask")
    bits = {tag: bits for tag, bits, _ in entries}
    return PosixAcl(
        users=tuple((id_, bits) for tag, bits, id_ in entries if tag == _USER),
        owning_group=bits[_GROUP_OBJ],
        groups=tuple((id_, bits) for tag, bits, id_ in entries if tag == _GROUP),
        mask=bits.get(_MASK, 7),
        other=bits[_OTHER],
    )


def heeds_acl(mode: int) -> bool:
    """Whether the kernel looks at an ACL beside this mode."""
    return bool(mode & _GROUP_BITS)


def clause_of(inode: Inode, want: int, realm: str) -> Clause:
    """Who has the permission `want` (READ or EXECUTE) on an inode, as principals of `realm`. Raises AclUnreadable."""
    mode, owner, owning_group, attribute = inode
    first = _entry(mode >> 6 & want, user(realm, owner))
    if attribute is None or not heeds_acl(mode):
        second = _entry(mode >> 3 & want, group(realm, owning_group))
        return clause(first, second, *_others(mode & want, realm))
    acl = parse(attribute)
    named = (_entry(bits & acl.mask & want, user(realm, id_)) for id_, bits in acl.users)
    groups = ((owning_group, acl.owning_group), *acl.groups)
    granting = {id_ for id_, bits in groups if bits & acl.mask & want}
    return clause(
        first,
        *named,
        allow(*(group(realm, id_) for id_ in granting)),
        deny(*(group(realm, id_) for id_, _ in groups if id_ not in granting)),
        *_others(acl.other & want, realm),
    )


def _entry(granted: int, principal: Principal) -> Entry:
    return allow(principal) if granted else deny(principal)


def _others(granted: int, realm: str) -> tuple[Entry, ...]:
    return (allow(everyone(realm)),) if granted else ()
