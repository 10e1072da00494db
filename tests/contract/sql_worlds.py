"""Tables as worlds for the suite that says what every source does."""

import sqlite3
from pathlib import Path

from postgres import Database
from sqlalchemy import make_url

from syncd.adapters.sources.sql import Columns, Layout, ReaderColumn, Relation, SqlSource, dialect_of
from syncd.core.acl import Principal
from syncd.ports import Source
from syncd.testing.sources import LaterClock

VERSIONED = Columns(key=("name",), text=("body",), version="version", readers=(ReaderColumn("readers"),))
PLAIN = Columns(key=("name",), text=("body",), deleted="gone", readers=(ReaderColumn("readers"),))
JOINED = Columns(key=("name",), text=("body",), version="version")
TABLE = Relation(table="document")
QUERY = Relation(query="SELECT * FROM document WHERE ':x' <> '%s' AND NOT hidden;")
GRANTED = Relation(table="document", readers="SELECT name, who FROM grants -- a remark\n")
SCHEMA = """
    CREATE TABLE document (
        name text PRIMARY KEY, body text, version bigint NOT NULL, readers text, gone boolean, hidden boolean DEFAULT false);
    CREATE TABLE grants (name text NOT NULL, who text);
"""
PUT = """
    INSERT INTO document (name, body, version, readers) VALUES (?, ?, 1, 'everyone')
    ON CONFLICT (name) DO UPDATE SET body = excluded.body, version = document.version + 1, gone = NULL
"""
TRIGGER = """
    CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_notify('changed', coalesce(NEW.name, OLD.name)); RETURN NULL; END $$;
    CREATE TRIGGER told AFTER INSERT OR UPDATE OR DELETE ON document FOR EACH ROW EXECUTE FUNCTION told();
"""


def source(url: str, relation: Relation, columns: Columns, channel: str | None = None) -> SqlSource:
    """A source over one of the tables here, in a realm where ids are names."""
    return SqlSource(
        "tickets",
        dialect_of(make_url(url), None, 30),
        "a database of tests",
        relation,
        columns,
        Layout(columns.text, "text"),
        realm="people",
        known=lambda kind, name: Principal(kind, "people", str(name)),
        max_bytes=1 << 20,
        allow_everyone=True,
        channel=channel,
        clock=LaterClock(),
    )


class SqlWorld:
    """A table of documents. `execute` runs one statement with `?` for values."""

    def __init__(self, url: str, relation: Relation, columns: Columns, channel: str | None = None) -> None:
        self._columns = columns
        self._granted = relation.readers is not None
        self.source: Source = source(url, relation, columns, channel)

    def execute(self, statement: str, *values: object) -> None:
        raise NotImplementedError

    def put(self, key: str, data: bytes) -> None:
        self.execute(PUT, key, data.decode())
        if self._granted:
            self.execute("DELETE FROM grants WHERE name = ?", key)
            self.execute("INSERT INTO grants VALUES (?, 'everyone'), (?, 'group:staff')", key, key)

    def remove(self, key: str) -> None:
        if self._columns.deleted:
            self.execute("UPDATE document SET gone = ? WHERE name = ?", True, key)
        else:
            self.execute("DELETE FROM document WHERE name = ?", key)

    def close_to_others(self, key: str) -> None:
        if self._granted:
            self.execute("DELETE FROM grants WHERE name = ? AND who = 'everyone'", key)
            self.execute("UPDATE document SET hidden = hidden WHERE name = ?", key)
        else:
            self.execute("UPDATE document SET readers = 'user:owner' WHERE name = ?", key)


class SqliteWorld(SqlWorld):
    """In a file."""

    def __init__(self, folder: Path, relation: Relation, columns: Columns) -> None:
        self._file = folder / "tickets.db"
        self._writer = sqlite3.connect(self._file, isolation_level=None)
        self._writer.executescript(f"PRAGMA journal_mode = WAL; {SCHEMA}")
        super().__init__(f"sqlite:///{self._file}", relation, columns)

    def execute(self, statement: str, *values: object) -> None:
        self._writer.execute(statement, values)

    def take_away(self) -> None:
        self._file.rename(self._file.with_name("away.db"))

    def close(self) -> None:
        self._writer.close()


class PostgresWorld(SqlWorld):
    """In a database of its own."""

    def __init__(self, database: Database, relation: Relation, columns: Columns, channel: str | None = None) -> None:
        self._database = database
        database.execute(SCHEMA)
        if channel is not None:
            database.execute(TRIGGER)
        super().__init__(database.url, relation, columns, channel)

    def execute(self, statement: str, *values: object) -> None:
        self._database.execute(statement.replace("?", "%s"), *values)

    def take_away(self) -> None:
        self._database.take_away()

    def close(self) -> None:
        self._database.close()
