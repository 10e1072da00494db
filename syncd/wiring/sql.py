"""A table as a source, as a configuration names it. Imported where there is one: it takes SQLAlchemy's dialects along."""

from importlib.util import find_spec

from sqlalchemy import make_url

from syncd.adapters.keys.files import read_private
from syncd.adapters.sources.filesystem import AclRule
from syncd.adapters.sources.readers import Known
from syncd.adapters.sources.sql import Columns, Layout, ReaderColumn, Relation, SqlSource, dialect_of
from syncd.config import SqlSource as SqlConfig
from syncd.core.acl import PrincipalKind
from syncd.errors import DriverMissing
from syncd.ports import Clock


def make_sql_source(source: SqlConfig, rules: tuple[AclRule, ...], known: Known, clock: Clock) -> SqlSource:
    """The source; nothing is connected yet. Raises DriverMissing."""
    if source.file is None and find_spec("psycopg") is None:
        raise DriverMissing(source=source.name, package="psycopg", extra="postgresql")
    url, secret = make_url(source.url), source.password_file
    password = None if secret is None else lambda: read_private(secret).decode("utf-8", "surrogateescape").rstrip("\r\n")
    return SqlSource(
        source.name,
        dialect_of(url, password, source.timeout),
        url.set(query={}).render_as_string(hide_password=True),
        Relation(source.table, source.query, source.readers_query),
        Columns(
            key=source.key,
            text=source.text,
            title=source.title,
            version=source.version,
            deleted=source.deleted,
            readers=tuple(map(_reader_column, source.readers)),
        ),
        Layout(source.text, source.format),
        realm=source.realm,
        known=known,
        max_bytes=source.max_size,
        allow_everyone=source.allow_everyone,
        rules=rules,
        channel=source.channel,
        clock=clock,
    )


def _reader_column(written: str) -> ReaderColumn:
    """What `COLUMN`, `user:COLUMN` or `group:COLUMN` means."""
    kind, colon, column = written.partition(":")
    return ReaderColumn(column, PrincipalKind(kind)) if colon else ReaderColumn(written)
