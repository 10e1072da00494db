"""Writes that wait for company: a statement for one row costs as much as the same statement for thirty.

Rows wait as tuples of what the driver takes, in the order of the table's columns, and go to it as they are: SQLAlchemy writes
the statement, once, and is spared from converting rows one value at a time, which would double what a point costs.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Connection, Delete, Dialect, Insert, Table, Update, bindparam, delete, insert
from sqlalchemy.dialects import sqlite

Values = tuple[Any, ...]


@cache
def upsert(table: Table, dialect: str) -> Insert:
    """INSERT of a whole row that replaces the one with the same key. The two dialects agree on all but the import."""
    keys = [column.name for column in table.primary_key]
    others = [column.name for column in table.columns if column.name not in keys]
    statement = sqlite.insert(table) if dialect == "sqlite" else _postgresql_insert(table)
    return statement.on_conflict_do_update(index_elements=keys, set_={name: statement.excluded[name] for name in others})


def _postgresql_insert(table: Table) -> Any:
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  a twentieth of a second that SQLite need not pay

    return postgresql.insert(table)


@cache
def plain_insert(table: Table) -> Insert:
    """INSERT of a new row; an existing key is an error."""
    return insert(table)


@cache
def delete_by_key(table: Table) -> Delete:
    """DELETE of the row with a key."""
    return delete(table).where(*(column == bindparam(column.name) for column in table.primary_key))


def execute_many(connection: Connection, statement: Insert | Update | Delete, rows: Collection[Values]) -> None:
    """Execute `statement` for each of `rows`, whose values are in the order in which the statement names its parameters."""
    dialect: Callable[[], Dialect] = type(connection.dialect)
    text, names, positional = _compiled(statement, dialect)
    connection.exec_driver_sql(text, list(rows) if positional else [dict(zip(names, row, strict=True)) for row in rows])


@cache
def _compiled(statement: Insert | Update | Delete, dialect: Callable[[], Dialect]) -> tuple[str, tuple[str, ...], bool]:
    compiled = statement.compile(dialect=dialect())
    return str(compiled), tuple(compiled.positiontup or compiled.bind_names.values()), compiled.positional


@dataclass(slots=True)
class Replaced:
    """Pending writes of a table whose rows are put and dropped whole: of each key the last word counts, order does not."""

    table: Table
    puts: dict[Values, Values] = field(default_factory=dict)
    drops: set[Values] = field(default_factory=set)
    touched: set[Any] = field(default_factory=set)
    """The first value of every key that waits."""

    def put(self, key: Values, row: Values) -> None:
        """The row of `key` shall be `row`."""
        self.touched.add(key[0])
        self.puts[key] = row

    def drop(self, key: Values) -> None:
        """There shall be no row of `key`."""
        self.touched.add(key[0])
        self.puts.pop(key, None)
        self.drops.add(key)

    def flush(self, connection: Connection) -> None:
        """Write all of it; drops first, for a put after a drop leaves both waiting, a drop after a put only the drop."""
        if self.drops:
            execute_many(connection, delete_by_key(self.table), self.drops)
            self.drops.clear()
        if self.puts:
            execute_many(connection, upsert(self.table, connection.dialect.name), self.puts.values())
            self.puts.clear()
        self.touched.clear()


@dataclass(slots=True)
class Ordered:
    """Pending writes of a table in which order matters: rows that are only ever added, or that pass a unique value on."""

    table: Table
    replace: bool
    rows: list[Values] = field(default_factory=list)
    touched: set[Any] = field(default_factory=set)
    """The first value of every row that waits."""

    def add(self, row: Values) -> None:
        """Write `row` after those before it."""
        self.touched.add(row[0])
        self.rows.append(row)

    def flush(self, connection: Connection) -> None:
        """Write all of it."""
        if self.rows:
            statement = upsert(self.table, connection.dialect.name) if self.replace else plain_insert(self.table)
            execute_many(connection, statement, self.rows)
            self.rows.clear()
            self.touched.clear()
