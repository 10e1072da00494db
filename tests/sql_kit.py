"""A table of tickets for tests, in SQLite or PostgreSQL, and an install that has it for its only source."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psycopg
from kit import Site, make_site
from postgres import Database

SCHEMA = """
    CREATE TABLE ticket (
        id bigint PRIMARY KEY, subject text, body text, changed bigint NOT NULL DEFAULT 1, acl text, deleted_at text
    )
"""
SOURCE = """
[[source]]
name = "tickets"
type = "sql"
realm = "people"
url = "{url}"
table = "ticket"
key = ["id"]
text = ["body"]
title = "subject"
{more}
"""
USUAL = 'version = "changed"\ndeleted = "deleted_at"\nreaders = ["acl"]'


class Table(Protocol):
    """A table `ticket`. `execute`: one statement, with `?` for values, committed."""

    url: str

    def execute(self, statement: str, *values: object) -> list[tuple]: ...
    def take_away(self) -> None: ...
    def bring_back(self) -> None: ...
    def close(self) -> None: ...


class SqliteTable:
    """In a file."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "tickets.db"
        self.url = f"sqlite:///{self.file}"
        self._writer = sqlite3.connect(self.file, isolation_level=None)
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute(SCHEMA)

    def execute(self, statement: str, *values: object) -> list[tuple]:
        return self._writer.execute(statement, values).fetchall()

    def take_away(self) -> None:
        self.file.rename(self.file.with_name("away.db"))

    def bring_back(self) -> None:
        self.file.with_name("away.db").rename(self.file)

    def close(self) -> None:
        self._writer.close()


class PostgresTable:
    """In a database of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.url = database.url
        database.execute(SCHEMA)

    def execute(self, statement: str, *values: object) -> list[tuple]:
        return self.database.execute(statement.replace("?", "%s"), *values)

    def take_away(self) -> None:
        self.database.take_away()

    def bring_back(self) -> None:
        self.database.bring_back()

    def close(self) -> None:
        self.database.close()

    def connect(self) -> psycopg.Connection:
        """Another writer."""
        return self.database.server.connect(self.database.name)


def put(table: Table, id_: int, body: str, acl: str | None = "group:staff", subject: str = "") -> None:
    """A new ticket, or another version of one."""
    table.execute(
        "INSERT INTO ticket (id, subject, body, acl) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
        " subject = excluded.subject, body = excluded.body, acl = excluded.acl, changed = ticket.changed + 1, deleted_at = NULL",
        id_,
        subject or f"Ticket {id_}",
        body,
        acl,
    )


def sql_site(folder: Path, url: str, more: str = USUAL) -> Site:
    """An install whose only source is the table at `url`. more: further lines of the source."""
    site = make_site(folder / "docs", folder / "state")
    text = site.config.read_text()
    site.config.chmod(0o600)
    site.config.write_text(text[: text.index("[[source]]")] + SOURCE.format(url=url, more=more))
    return site


@contextmanager
def closing(make: Callable[[], Table]) -> Iterator[Table]:
    """A table while the context lasts."""
    table = make()
    try:
        yield table
    finally:
        table.close()
