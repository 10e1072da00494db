"""From the account at the other end to what it may do, looked up for each question."""

import grp
import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from syncd.audit.event import Actor
from syncd.daemon.control.peers import Peer
from syncd.operations.operation import EVERY_ROLE, Caller, Role

EVERYONE: Final = "everyone"
ROOT: Final = 0


@dataclass(frozen=True, slots=True)
class RoleTable:
    """Who has which role: "user:NAME", "group:NAME", or "everyone" for whoever can reach the socket.

    Names are looked up, never compared as texts, and nothing is kept between two questions: who left a group has lost its roles.
    A name that the machine does not know is nobody's.
    """

    granted: Mapping[Role, Sequence[str]]

    @classmethod
    def of(cls, granted: Mapping[str, Sequence[str]]) -> "RoleTable":
        """The table from roles by name, as the configuration has them. Raises ValueError for a role that does not exist."""
        return cls({Role(name): tuple(names) for name, names in granted.items()})

    def caller(self, peer: Peer) -> Caller:
        """Who asks, with all roles it has now. The name service may take its time."""
        actor = Actor("account", uid=peer.uid, auid=peer.auid, via="socket")
        return Caller(peer.uid, self._roles(peer.uid), actor)

    def _roles(self, uid: int) -> frozenset[Role]:
        if uid in {ROOT, os.geteuid()}:
            return EVERY_ROLE
        groups = _groups(uid)
        return frozenset(role for role, names in self.granted.items() if any(_means(name, uid, groups) for name in names))


def _means(name: str, uid: int, groups: frozenset[int]) -> bool:
    """Whether the account is one that `name` stands for."""
    kind, _, who = name.partition(":")
    try:
        if kind == "user":
            return pwd.getpwnam(who).pw_uid == uid
        if kind == "group":
            return grp.getgrnam(who).gr_gid in groups
    except (KeyError, ValueError):  # ValueError: no name can hold such a character
        return False
    return name == EVERYONE


def _groups(uid: int) -> frozenset[int]:
    """The groups that the account is a member of now; none where the name service does not know it.

    Not those of its process: they are from when it logged in.
    """
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return frozenset()
    return frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid))
