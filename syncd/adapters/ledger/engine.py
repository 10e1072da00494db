"""Connections to the SQLite file, and the one place where the database's errors become errors of syncd."""

import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, ExceptionContext, QueuePool, create_engine, event

from syncd.errors import LedgerBusy, LedgerCorrupt, LedgerRefused, LedgerUnavailable, SyncdError

BUSY_S = 10
"""How long one statement waits for a lock that another program holds on the file."""

COMMON = (
    "PRAGMA temp_store = MEMORY",  # sorted rows never reach a file of which nobody knows
    "PRAGMA trusted_schema = OFF",  # a file that was tampered with calls no function with side effects
    "PRAGMA cell_size_check = ON",  # a damaged page is found when it is read, not when it is used
)
WRITER = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = ON",
    "PRAGMA cache_size = -16384",  # 16 MiB: the upper levels of the tables of points at any size; the system caches the rest
    "PRAGMA journal_size_limit = 67108864",  # 64 MiB: a log that once grew is cut after its checkpoint
)
READER = ("PRAGMA query_only = ON",)


def writer_engine(path: Path) -> Engine:
    """One connection that may write to the existing file `path`; every transaction begins by taking the write lock."""
    return _engine(path, "rw", (*COMMON, *WRITER), begin=("BEGIN IMMEDIATE",), pool_size=1, max_overflow=0)


def reader_engine(path: Path) -> Engine:
    """Read-only connections; a transaction sees the state of its begin, for SQLite takes a snapshot at the first read."""
    return _engine(path, "ro", (*COMMON, *READER), begin=("BEGIN", "SELECT 1 FROM meta LIMIT 1"), pool_size=2, max_overflow=-1)


def _engine(path: Path, mode: str, pragmas: tuple[str, ...], *, begin: tuple[str, ...], **pool: int) -> Engine:
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    if mode == "ro" and not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists():
        uri += "&immutable=1"  # a copy on read-only media: SQLite could not make the files that a shared ledger needs

    def connect() -> sqlite3.Connection:
        # isolation_level None: the driver starts no transactions of its own. Threads take turns, which the pool sees to.
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_S)

    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=QueuePool, **pool)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: Any) -> None:
        for pragma in pragmas:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        for statement in begin:
            connection.exec_driver_sql(statement)

    @event.listens_for(engine, "handle_error")
    def translate_error(context: ExceptionContext) -> None:
        error = translated(context.original_exception, path)
        if error is not None:
            raise error from context.original_exception

    return engine


CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
UNAVAILABLE = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
}


def translated(error: BaseException, path: Path) -> SyncdError | None:
    """What `error` of the database at `path` means; None where it is a programming error, which stays what it is.

    SQLite's messages name tables and columns, never values.
    """
    if not isinstance(error, sqlite3.Error):
        return None
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # raised by the driver: text that is not UTF-8 is an OperationalError, misuse is none
        return LedgerCorrupt(file=path, detail=error) if isinstance(error, sqlite3.OperationalError) else None
    primary = code & 0xFF
    if primary in BUSY:
        return LedgerBusy(file=path, seconds=BUSY_S)
    if primary in UNAVAILABLE:
        return LedgerUnavailable(file=path, detail=error)
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return LedgerRefused(file=path, detail=error)
    if primary in CORRUPT or str(error).startswith(("no such table", "no such column")):
        return LedgerCorrupt(file=path, detail=error)
    return None
