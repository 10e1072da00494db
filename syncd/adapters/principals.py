"""Who somebody is, from the machine's name service (NSS): the users and groups that modes and ACLs mean."""

import grp
import os
import pwd

from syncd.core.acl import Reader, everyone, group, user
from syncd.errors import PrincipalUnknown


class NssDirectory:
    """Principals of the accounts of this machine, in every realm whose users and groups are this machine's.

    Names are only ever looked up, never taken apart: a user may be called "group:a" or "1000". Nothing is kept between calls, so
    a change of groups holds for the next one. A name service that leaves groups out where it should fail is not noticed.
    """

    def __init__(self, realms: tuple[str, ...]) -> None:
        self._realms = realms

    def account(self, uid: int) -> Reader:
        """All principals of the account `uid`. Raises PrincipalUnknown.

        One without an entry in the name service is known to be itself only when it is the caller's own: its groups are those
        of this process.
        """
        try:
            entry = pwd.getpwuid(uid)
        except KeyError as error:
            if uid == os.geteuid():
                return self._reader({uid}, {os.getegid(), *os.getgroups()})
            raise PrincipalUnknown(name=uid, kind="user", database="passwd") from error
        return self._reader({uid}, set(os.getgrouplist(entry.pw_name, entry.pw_gid)))

    def user(self, name: str) -> Reader:
        """All principals of the user `name`. Raises PrincipalUnknown."""
        try:
            entry = pwd.getpwnam(name)
        except (KeyError, ValueError) as error:  # ValueError: no name can hold such a character
            raise PrincipalUnknown(name=name, kind="user", database="passwd") from error
        return self._reader({entry.pw_uid}, set(os.getgrouplist(entry.pw_name, entry.pw_gid)))

    def group(self, name: str) -> Reader:
        """The principals of a member of group `name` of whom nothing else is known. Raises PrincipalUnknown."""
        try:
            entry = grp.getgrnam(name)
        except (KeyError, ValueError) as error:
            raise PrincipalUnknown(name=name, kind="group", database="group") from error
        return self._reader(set(), {entry.gr_gid})

    def _reader(self, uids: set[int], gids: set[int]) -> Reader:
        return frozenset(
            principal
            for realm in self._realms
            for principal in (
                *(user(realm, uid) for uid in uids),
                *(group(realm, gid) for gid in gids),
                everyone(realm),
            )
        )
