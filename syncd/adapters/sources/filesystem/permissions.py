"""From inodes to ACLs: who may pass the directories from `/` down, and who may read the file at their end."""

import os
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

from syncd.adapters.sources.filesystem.posix_acl import EXECUTE, READ, AclUnreadable, Inode, clause_of, heeds_acl, read_attribute
from syncd.adapters.sources.filesystem.rules import AclRule, Globs
from syncd.core.acl import Acl, Clause, allow, clause, everyone

Passage = tuple[Clause, ...] | None
"""The clauses of the directories from `/` down that stop anybody; None when one of them could not be read."""

_ATTEMPTS = 3


class Access(NamedTuple):
    """An inode's status and its ACL attribute, both of one moment."""

    status: os.stat_result
    attribute: bytes | None

    @property
    def inode(self) -> Inode:
        """What of it decides about permissions."""
        return Inode(self.status.st_mode, self.status.st_uid, self.status.st_gid, self.attribute)


def access_of_member(directory: int, name: bytes, status: os.stat_result) -> Access:
    """The access of `name` in an open directory, of which `status` was seen. Raises as `_steady` does."""
    # No call reads an ACL relative to a descriptor, but /proc names the descriptor's directory, whatever it is called by now.
    path = b"/proc/self/fd/%d/%b" % (directory, name)
    look_again = partial(os.stat, name, dir_fd=directory, follow_symlinks=False)
    return _steady(status, partial(read_attribute, path, follow_symlinks=False), look_again)


def access_of_directory(directory: int, *, listable: bool) -> Access:
    """The access of an open directory. listable: it was opened to be listed, not just to be passed. Raises as `_steady` does."""
    # An ACL can't be read by a descriptor that is good for passing only. To go by way of /proc costs twice as much.
    path = directory if listable else b"/proc/self/fd/%d" % directory
    return _steady(os.fstat(directory), partial(read_attribute, path, follow_symlinks=True), partial(os.fstat, directory))


def _steady(before: os.stat_result, read: Callable[[], bytes | None], look_again: Callable[[], os.stat_result]) -> Access:
    """Status and ACL of one moment: read again when the status changed meanwhile, for beside an ACL the group bits are its mask.

    Raises OSError when the status can't be had, AclUnreadable when the ACL can't, or never holds still.
    """
    for _ in range(_ATTEMPTS):
        if not heeds_acl(before.st_mode):
            return Access(before, None)
        try:
            attribute = read()
        except AclUnreadable:
            look_again()  # is it gone? That is another matter
            raise
        after = look_again()
        if (after.st_ino, after.st_dev, after.st_ctime_ns) == (before.st_ino, before.st_dev, before.st_ctime_ns):
            return Access(after, attribute)
        before = after
    raise AclUnreadable("it kept changing")


class Permissions:
    """How inodes become ACLs of one source: its realm, whether everyone may be let in, and its rules, the first match of
    which replaces what modes say.
    """

    def __init__(self, realm: str, rules: tuple[AclRule, ...], *, allow_everyone: bool) -> None:
        self._realm = realm
        self._allow_everyone = allow_everyone
        self._rules = [(Globs((rule.glob,)), self._ruled(rule)) for rule in rules]

    def through(self, passage: Passage, directory: int, *, listable: bool = False) -> Passage:
        """The passage one step further, into an open directory (listable: open to be listed). Raises OSError."""
        if passage is None:
            return None
        try:
            stops = _who_pass(access_of_directory(directory, listable=listable).inode, self._realm)
        except AclUnreadable:
            return None
        return passage if stops is None else (*passage, stops)

    def behind(self, passage: Passage) -> Callable[[str, Access], Acl | None]:
        """What gives the ACL of a file, from its key and inode, behind `passage`; None where it is not known.

        It remembers: most files of a directory have the same owner and mode.
        """
        known: dict[Inode, Acl | None] = {}

        def acl(key: str, access: Access) -> Acl | None:
            for globs, ruled in self._rules:
                if globs.match(key):
                    return ruled
            inode = access.inode
            if inode not in known:
                known[inode] = self._acl(passage, inode)
            return known[inode]

        return acl

    def _acl(self, passage: Passage, inode: Inode) -> Acl | None:
        if passage is None:
            return None
        try:
            own = clause_of(inode, READ, self._realm)
        except AclUnreadable:
            return None
        kept = own if self._allow_everyone else own.without_everyone()
        clauses = passage if kept.passes_everyone() else (*passage, kept.reduced())
        return Acl.of(clauses or (clause(allow(everyone(self._realm))),))

    def _ruled(self, rule: AclRule) -> Acl:
        readers = clause(allow(*rule.readers))
        return Acl.of((readers if self._allow_everyone else readers.without_everyone(),))


@lru_cache(maxsize=4096)
def _who_pass(directory: Inode, realm: str) -> Clause | None:
    """Who may pass a directory; None when everyone may. Raises AclUnreadable."""
    own = clause_of(directory, EXECUTE, realm)
    return None if own.passes_everyone() else own.reduced()
