"""The sources that a configuration names."""

import grp
import hashlib
import pwd
from collections.abc import Iterable

from syncd.adapters.sources.filesystem import AclRule, FilesystemSource
from syncd.adapters.sources.readers import Known, Readers
from syncd.config import FilesystemSource as FilesystemConfig
from syncd.config import ForeignSource
from syncd.config import Source as SourceConfig
from syncd.config import SqlSource as SqlConfig
from syncd.core.acl import Principal, PrincipalKind, everyone, group, user
from syncd.core.tlv import tlv
from syncd.errors import PrincipalUnknown
from syncd.ports import Clock, Source
from syncd.source_type import SourceCommon

UNIX = "unix"
"""The realm of this machine's accounts."""


def make_source(source: SourceConfig, clock: Clock, realms: Iterable[str]) -> Source:
    """One of them. realms: those whose users and groups are this machine's.

    Raises PrincipalUnknown when a rule names somebody whom nobody knows, DriverMissing.
    """
    known = _known(source.realm, local=source.realm in realms)
    rules = tuple(
        AclRule(rule.glob, tuple(_named(reader, source.realm, known) for reader in rule.readers)) for rule in source.acl
    )
    if isinstance(source, FilesystemConfig):
        return FilesystemSource(
            source.name,
            source.root,
            realm=source.realm,
            include=source.include,
            exclude=source.exclude,
            max_bytes=source.max_size,
            allow_everyone=source.allow_everyone,
            rules=rules,
            clock=clock,
        )
    if isinstance(source, SqlConfig):
        from syncd.wiring.sql import make_sql_source

        return make_sql_source(source, rules, known, clock)
    return _foreign_source(source, rules, known, clock)


def local_realms(sources: Iterable[SourceConfig]) -> tuple[str, ...]:
    """The realms whose users and groups are those of this machine.

    A number that means somebody in another realm is not the account here that happens to have it.
    """
    folders = (source.realm for source in sources if isinstance(source, FilesystemConfig))
    named = (source.realm for source in sources if source.realm == UNIX)
    return tuple(dict.fromkeys((*folders, *named)))


def _foreign_source(source: ForeignSource, rules: tuple[AclRule, ...], known: Known, clock: Clock) -> Source:
    """One of a kind that another package brings."""
    readers = Readers(source.realm, (), rules, known, clock.monotonic_ns, allow_everyone=source.allow_everyone)
    ruled = tlv(*(tlv(rule.glob, *map(str, rule.readers)) for rule in rules))
    common = SourceCommon(
        name=source.name,
        realm=source.realm,
        max_bytes=source.max_size,
        acl=lambda key, names: readers.acl(key, (), names),
        digest=hashlib.sha256(tlv("syncd/source/1", source.realm, source.max_size, int(source.allow_everyone), ruled)).digest(),
        clock=clock,
    )
    return source.made_by.make(common, source.settings)


def _named(reader: str, realm: str, known: Known) -> Principal:
    """The one principal that `user:NAME`, `group:NAME` or `everyone` is in `realm`. Raises PrincipalUnknown."""
    if reader == "everyone":
        return everyone(realm)
    kind, _, name = reader.partition(":")
    found = known(PrincipalKind(kind), name)
    if found is None:
        raise PrincipalUnknown(name=name, kind=kind, database="passwd" if kind == "user" else "group")
    return found


def _known(realm: str, *, local: bool) -> Known:
    """Who somebody is: in a realm of this machine's accounts by name, in any other the id is the name."""

    def elsewhere(kind: PrincipalKind, name: str | int) -> Principal | None:
        return Principal(kind, realm, str(name))

    def here(kind: PrincipalKind, name: str | int) -> Principal | None:
        if isinstance(name, int):
            return Principal(kind, realm, str(name))
        try:
            if kind is PrincipalKind.USER:
                return user(realm, pwd.getpwnam(name).pw_uid)
            return group(realm, grp.getgrnam(name).gr_gid)
        except (KeyError, ValueError):  # ValueError: no name can hold such a character
            return None

    return here if local else elsewhere
