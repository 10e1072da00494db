"""A database under reading: snapshots, and errors without any data in them."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Select
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError

from syncd.adapters.sources.sql.dialects import Dialect
from syncd.errors import SourceUnavailable

AT_ONCE = 1_000
"""Rows that are in memory at once while many are read."""
_WORDS = {
    "57014": "a statement took too long (`timeout` of the source)",
    "SQLITE_INTERRUPT": "a statement took too long (`timeout` of the source)",
    "42501": "the account may not read what the configuration names (GRANT SELECT)",
    "42P01": "a table that the configuration names is not there",
    "42703": "a column that the configuration names is not there",
    "28P01": "the password is not accepted",
    "28000": "the account is not accepted",
    "3D000": "there is no such database",
    "SQLITE_CANTOPEN": "the file can't be opened",
    "SQLITE_BUSY": "somebody else holds the file",
    "SQLITE_NOTADB": "the file is no SQLite database",
}


class Database:
    """What is read, by one source. detail: what the database is called to people, without a password."""

    def __init__(self, source: str, detail: str, dialect: Dialect) -> None:
        self._source = source
        self._detail = detail
        self._dialect = dialect
        self._engine: Engine = dialect.engine()
        self._closing = weakref.finalize(self, self._engine.dispose)

    @contextmanager
    def reading(self, *, doubtful: bool = False) -> Iterator[Connection]:
        """One snapshot, in which nothing can be written. Raises SourceUnavailable, which tells of no data.

        doubtful: what is asked for may be no value of the key's type at all; then it is the DataError that is raised.
        """
        try:
            with self._engine.connect() as connection, connection.begin():
                yield connection
        except (SQLAlchemyError, OSError) as error:
            if doubtful and isinstance(error, DataError):
                raise
            raise self.unavailable(_said(error)) from None
        except UnicodeDecodeError:
            raise self.unavailable("a text in it is not UTF-8") from None

    def unavailable(self, detail: str) -> SourceUnavailable:
        """The error to raise."""
        return SourceUnavailable(source=self._source, detail=f"{self._detail}: {detail}")

    def stream(self, connection: Connection, asked: Select[Any], at_once: int = AT_ONCE) -> Iterator[Any]:
        """Rows as they come, a few in memory at once."""
        self._dialect.begun(connection)
        with connection.execute(asked.execution_options(yield_per=at_once)) as result:
            for some in result.partitions():
                self._dialect.begun(connection)
                yield from some

    def few(self, connection: Connection, asked: Select[Any]) -> list[Any]:
        """All rows at once, for there are few."""
        self._dialect.begun(connection)
        return list(connection.execute(asked))

    def reachable(self) -> None:
        """Raises SourceUnavailable when it is not."""
        with self.reading():
            pass


def _said(error: Exception) -> str:
    """Why, in words that hold no name and no value."""
    original = error.orig if isinstance(error, DBAPIError) else None
    code = getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorname", None)
    if code in _WORDS:
        return _WORDS[code]
    if isinstance(error, FileNotFoundError):
        return "the file is not there"
    if original is None or (code is None and type(original).__name__ == "OperationalError"):
        return f"it can't be reached ({type(original or error).__name__})"
    return f"it refused to answer ({type(original).__name__}{f', {code}' if code else ''})"
