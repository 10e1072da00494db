"""The questions that are asked of the database. Names of columns are quoted, values are bound: no data becomes a statement."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Select, and_, column, literal, or_, select, table, text
from sqlalchemy.sql import quoted_name

from syncd.adapters.sources.readers import ReaderColumn
from syncd.adapters.sources.sql.dialects import Dialect, Unknown, bounded

GRANTED = "principal"
"""What the last column of a readers query is called here."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a row mean what."""

    key: tuple[str, ...]
    text: tuple[str, ...]
    title: str | None = None
    version: str | None = None
    deleted: str | None = None
    readers: tuple[ReaderColumn, ...] = ()

    def names(self) -> tuple[str, ...]:
        """All of them, once each."""
        optional = (name for name in (self.title, self.version, self.deleted) if name is not None)
        return tuple(dict.fromkeys([*self.key, *self.text, *optional, *(reader.column for reader in self.readers)]))


@dataclass(frozen=True, slots=True)
class Relation:
    """Where rows come from: `table` (with its schema before a dot) or a query. readers: a query of (key columns, principal)."""

    table: str | None = None
    query: str | None = None
    readers: str | None = None


class Line(NamedTuple):
    """One row as it came. sizes, texts: of the text columns, then of the title; None where they were not asked for."""

    key: tuple[object, ...]
    deleted: object
    readers: tuple[object, ...]
    version: object
    sizes: tuple[int | None, ...] | None
    texts: tuple[str | None, ...] | None


class Statements:
    """Builds them, for one relation in one dialect. max_bytes: a larger text is not asked for."""

    def __init__(self, dialect: Dialect, relation: Relation, columns: Columns, max_bytes: int) -> None:
        self._dialect = dialect
        self._columns = columns
        self._max_bytes = max_bytes
        self._from = _rows(relation, columns)
        self._granted = _granted(relation, columns)

    @property
    def grants(self) -> bool:
        """Whether there is a readers query."""
        return self._granted is not None

    def rows(self, keys: Sequence[Sequence[str]] | None = None, *, sizes: bool, texts: bool) -> Select[Any]:
        """Rows in key order: all, or those of some keys (the texts of their columns), and perhaps a few more."""
        source, columns, dialect = self._from, self._columns, self._dialect
        chosen: list[ColumnElement[Any]] = [dialect.as_key(source.c[name]) for name in columns.key]
        chosen += [source.c[columns.deleted]] if columns.deleted else []
        chosen += [source.c[reader.column] for reader in columns.readers]
        chosen += [dialect.as_version(source.c[columns.version])] if columns.version else []
        written = [source.c[name] for name in (*columns.text, *([columns.title] if columns.title else []))]
        chosen += [dialect.size(each) for each in written] if sizes or texts else []
        chosen += [bounded(dialect.size(each), dialect.as_text(each), self._max_bytes) for each in written] if texts else []
        labelled = [each.label(f"c{place}") for place, each in enumerate(chosen)]
        asked = select(*labelled).select_from(source)
        if keys is not None:
            asked = asked.where(self._among(source, keys))
        return asked.order_by(*(source.c[name] for name in columns.key))

    def reader(self, *, sizes: bool, texts: bool) -> Callable[[Sequence[Any]], Line]:
        """What tells of each row of such a question what its values mean."""
        columns = self._columns
        written = len(columns.text) + (columns.title is not None)
        keys = slice(0, len(columns.key))
        deleted = keys.stop if columns.deleted else None
        readers = slice(keys.stop + (deleted is not None), keys.stop + (deleted is not None) + len(columns.readers))
        version = readers.stop if columns.version else None
        counted = slice(readers.stop + (version is not None), readers.stop + (version is not None) + written)
        read = slice(counted.stop, counted.stop + written)

        def line(row: Sequence[Any]) -> Line:
            return Line(
                tuple(row[keys]),
                None if deleted is None else row[deleted],
                tuple(row[readers]),
                None if version is None else row[version],
                tuple(row[counted]) if sizes or texts else None,
                tuple(row[read]) if texts else None,
            )

        return line

    def grants_of(self, keys: Sequence[Sequence[str]] | None = None) -> Select[Any]:
        """Key columns and principal, a row each, in the order of `rows`."""
        source, granted, columns = self._from, self._granted, self._columns
        assert granted is not None  # noqa: S101 - asked only where `grants`
        same = and_(*(source.c[name] == granted.c[f"k{place}"] for place, name in enumerate(columns.key)))
        chosen = [self._dialect.as_key(source.c[name]).label(f"c{place}") for place, name in enumerate(columns.key)]
        asked = select(*chosen, granted.c[GRANTED].label("who")).select_from(source.join(granted, same))
        if keys is not None:
            asked = asked.where(self._among(source, keys))
        return asked.order_by(*(source.c[name] for name in columns.key))

    def keys(self) -> Select[Any]:
        """Key columns alone, in key order."""
        source, names = self._from, self._columns.key
        chosen = [self._dialect.as_key(source.c[name]).label(f"c{place}") for place, name in enumerate(names)]
        return select(*chosen).select_from(source).order_by(*(source.c[name] for name in names))

    def no_row(self, parts: Sequence[str]) -> Select[Any]:
        """The row of a key, and not even that: nothing is read of any, so that only the key itself can be what is wrong."""
        return select(literal(1)).select_from(self._from).where(self._among(self._from, [parts])).limit(0)

    def _among(self, source: FromClause, keys: Sequence[Sequence[str]]) -> ColumnElement[bool]:
        names = self._columns.key
        if len(names) == 1:
            values = [value for (part,) in keys for value in self._dialect.candidates(part)]
            return source.c[names[0]].in_(values)
        return or_(*(self._one(source, parts) for parts in keys))

    def _one(self, source: FromClause, parts: Sequence[str]) -> ColumnElement[bool]:
        combinations = product(*(self._dialect.candidates(part) for part in parts))
        pairs = (zip(self._columns.key, values, strict=True) for values in combinations)
        return or_(*(and_(*(source.c[name] == value for name, value in pair)) for pair in pairs))


def _rows(relation: Relation, columns: Columns) -> FromClause:
    names = [column(quoted_name(name, quote=True), Unknown()) for name in columns.names()]
    if relation.table is not None:
        schema, _, name = relation.table.rpartition(".")
        whole = table(quoted_name(name, quote=True), *names, schema=quoted_name(schema, quote=True) if schema else None)
        return whole.alias("doc")
    return _subquery(relation.query or "", names, "doc")


def _granted(relation: Relation, columns: Columns) -> FromClause | None:
    """The readers query, its columns called k0, k1 ... and principal by their places."""
    if relation.readers is None:
        return None
    names = [*(f"k{place}" for place in range(len(columns.key))), GRANTED]
    inner = f"WITH granted({', '.join(names)}) AS (\n{_plain(relation.readers)}\n) SELECT * FROM granted"  # noqa: S608 - the configuration's
    return _subquery(inner, [column(name, Unknown()) for name in names], "granted")


def _subquery(query: str, names: Iterable[ColumnElement[Any]], alias: str) -> FromClause:
    """A query as a table. A colon in it is a colon, and no parameter; a remark at its end ends with the line."""
    return text(_plain(query).replace(":", "\\:") + "\n").columns(*names).subquery(alias)


def _plain(query: str) -> str:
    return query.strip().rstrip(";").rstrip()
