"""The sources that a configuration names."""

from syncd.adapters.principals import NssDirectory
from syncd.adapters.sources.filesystem import AclRule, FilesystemSource
from syncd.config.source import Source as SourceConfig
from syncd.core.acl import Principal, PrincipalKind, everyone
from syncd.ports import Clock


def make_source(source: SourceConfig, clock: Clock) -> FilesystemSource:
    """One of them. Raises PrincipalUnknown when a rule names somebody whom nobody knows."""
    rules = tuple(
        AclRule(rule.glob, tuple(p for reader in rule.readers for p in _named(reader, source.realm))) for rule in source.acl
    )
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


def _named(reader: str, realm: str) -> list[Principal]:
    """The one principal that `user:NAME`, `group:NAME` or `everyone` is in `realm`."""
    if reader == "everyone":
        return [everyone(realm)]
    kind, _, name = reader.partition(":")
    known = NssDirectory((realm,))
    principals = known.user(name) if kind == "user" else known.group(name)
    return [p for p in principals if p.kind is PrincipalKind(kind)]
