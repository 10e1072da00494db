"""What PostgreSQL and SQLite do each in their own way: connecting, snapshots that nothing is written in, and text of values."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    QueuePool,
    Text,
    case,
    cast,
    create_engine,
    event,
    func,
    literal,
    null,
)
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.types import LargeBinary, UserDefinedType

Password = Callable[[], str] | None
"""Reads the password, for each connection anew."""
CONNECT_S = 10
"""Seconds within which a server has to answer, and a lock on an SQLite file has to go."""
STEPS = 10_000
"""Steps of SQLite's machine between two looks at the clock."""


class Unknown(UserDefinedType[Any]):
    """A value of a type that only the database knows: a text that it is compared with is read as that type."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Never in a statement: nothing is created."""
        return "unknown"


class Dialect(Protocol):
    """A kind of database."""

    def engine(self) -> Engine:
        """Connections whose transactions are snapshots in which nothing can be written. Nothing is connected yet."""

    def as_key(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """A key column as it is selected."""

    def as_version(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """A version column as it is selected."""

    def as_text(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """A text column as text."""

    def size(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """The bytes of a text column's text."""

    def candidates(self, text: str) -> Sequence[object]:
        """The values that may be the key of that text; what is found is looked at again."""

    def begun(self, connection: Connection) -> None:
        """A statement begins now: the clock of what has no timeout of its own."""


def bounded(size: ColumnElement[Any], text: ColumnElement[Any], max_bytes: int) -> ColumnElement[Any]:
    """`text` unless it is larger than `max_bytes`."""
    return case((size <= literal(max_bytes), text), else_=null())


class PostgreSql:
    """Reads over psycopg 3. url: without a password."""

    def __init__(self, url: URL, password: Password, timeout_s: int) -> None:
        self._url = url.set(drivername="postgresql+psycopg")
        self._password = password
        self._timeout_s = timeout_s

    def parameters(self) -> dict[str, Any]:
        """What psycopg connects with, the password too."""
        _, given = create_engine(self._url).dialect.create_connect_args(self._url)
        return self._completed(dict(given))

    def engine(self) -> Engine:
        """One connection at a time for most; they are looked at before use, for a server may have been started anew meanwhile."""
        engine = create_engine(
            self._url,
            isolation_level="REPEATABLE READ",
            execution_options={"postgresql_readonly": True},
            pool_size=1,
            max_overflow=4,
            pool_pre_ping=True,
            hide_parameters=True,
        )
        settings = (
            f"SET statement_timeout = {self._timeout_s * 1000}",  # of each FETCH, where rows come by and by
            f"SET lock_timeout = {self._timeout_s * 1000}",
            "SET default_transaction_read_only = on",
            "SET TIME ZONE 'UTC'",  # the text of a time is the same for every connection
            "SET DateStyle = 'ISO'",
            "SET extra_float_digits = 1",
        )

        @event.listens_for(engine, "do_connect")
        def connect(_: object, __: object, ___: list[Any], given: dict[str, Any]) -> None:
            given.update(self._completed(given))

        @event.listens_for(engine, "connect", insert=True)
        def configure(connection: Any, _: object) -> None:
            with connection.cursor() as cursor:
                cursor.execute("; ".join(settings))
            connection.commit()

        return engine

    def _completed(self, given: dict[str, Any]) -> dict[str, Any]:
        asked = {"connect_timeout": CONNECT_S, "application_name": "syncd", "client_encoding": "utf8"} | given
        return asked | {"password": self._password()} if self._password is not None else asked

    def as_key(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Its text, which the database also reads back."""
        return cast(column, Text)

    def as_version(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Its text, whatever type it is of."""
        return cast(column, Text)

    def as_text(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Its text."""
        return cast(column, Text)

    def size(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Known without reading a large value."""
        return func.octet_length(cast(column, Text))

    def candidates(self, text: str) -> Sequence[object]:
        """The text: the database reads it as the column's type."""
        return (text,)

    def begun(self, connection: Connection) -> None:
        """It has a timeout of its own."""


class Sqlite:
    """Reads a file, which it never makes and never writes."""

    def __init__(self, file: Path, timeout_s: int) -> None:
        self._file = file
        self._timeout_s = timeout_s

    def engine(self) -> Engine:
        """A transaction sees the state of its first read."""
        uri = f"file:{quote(str(self._file.absolute()))}?mode=ro"

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=CONNECT_S)
            connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")  # one bad text costs itself only
            for pragma in ("query_only = ON", "trusted_schema = OFF", "cell_size_check = ON"):
                connection.execute(f"PRAGMA {pragma}")
            return connection

        # Threads take turns, which the pool sees to. A file that was put into the place of another one is opened anew.
        pool = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 4}
        engine = create_engine("sqlite+pysqlite://", creator=connect, hide_parameters=True, **pool)
        opened: dict[int, tuple[int, int]] = {}

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            self.begun(connection)
            connection.exec_driver_sql("BEGIN")

        @event.listens_for(engine, "checkout")
        def same_file(_: Any, record: Any, __: object) -> None:
            status = self._file.stat()
            if opened.setdefault(id(record), (status.st_dev, status.st_ino)) != (status.st_dev, status.st_ino):
                opened.pop(id(record))
                raise DisconnectionError

        return engine

    def as_key(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """As it is: any column holds values of any type."""
        return column

    def as_version(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """As it is: the text of a number would have fewer digits."""
        return column

    def as_text(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Its text."""
        return cast(column, Text)

    def size(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Of its text."""
        return func.length(cast(cast(column, Text), LargeBinary))

    def candidates(self, text: str) -> Sequence[object]:
        """The text itself, the number that is written so, the bytes that are."""
        found: list[object] = [text]
        with suppress(ValueError, OverflowError):
            number = int(text)
            if str(number) == text and -(2**63) <= number < 2**63:
                found.append(number)
        with suppress(ValueError):
            if text.startswith("\\x"):
                found.append(bytes.fromhex(text[2:]))
        return found

    def begun(self, connection: Connection) -> None:
        """Whatever still runs when the time is over is interrupted."""
        end = time.monotonic() + self._timeout_s
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(lambda: time.monotonic() > end, STEPS)
