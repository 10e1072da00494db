"""`ports.Ledger` on a SQLite file."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from syncd.adapters.ledger import migrate
from syncd.adapters.ledger.engine import reader_engine, writer_engine
from syncd.adapters.ledger.lock import FileLock
from syncd.adapters.ledger.tx import SqlTx
from syncd.adapters.ledger.view import SqlView
from syncd.errors import LedgerBusy, LedgerMissing, LedgerOlder, LedgerUnavailable

TURN_S = 60.0
"""How long a thread waits for the transaction of another one of this process; each takes milliseconds."""


class SqlLedger:
    """The ledger in one file, opened by `SqlLedger.open`. One process writes; any number read, and wait for nobody."""

    def __init__(self, path: Path, readers: Engine, writer: Engine | None, lock: FileLock | None) -> None:
        self.path = path
        self._readers = readers
        self._writer = writer
        self._lock = lock
        self._writing = threading.Lock()
        self._writes: int | None = None
        """The thread whose transaction is open."""

    @classmethod
    def open(cls, path: Path, *, writer: bool, lock_wait: float = 10.0) -> "SqlLedger":
        """Open the ledger at `path`.

        writer=True takes the writer's lock, waiting up to `lock_wait` seconds for it (LedgerBusy), makes the file where there is
        none, and brings an older schema up to date. writer=False writes nothing and takes no lock; LedgerMissing when there is
        no file, LedgerOlder when a writer has to come first. Both raise LedgerNewer, LedgerCorrupt, LedgerUnavailable.
        """
        if not writer:
            if not _exists(path):
                raise LedgerMissing(file=path)
            return cls(path, _checked(path, writer=False), None, None)
        lock = FileLock.acquire(path, lock_wait)
        try:
            if not _exists(path):
                migrate.create(path)
            migrate.make_private(path)
            return cls(path, _checked(path, writer=True), writer_engine(path), lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def set_aside(cls, path: Path, mark: str, lock_wait: float = 10.0) -> Path | None:
        """Give a ledger of no use, and what belongs to it, another name: `PATH.mark`, which is returned; None where nothing was.

        Raises LedgerBusy, LedgerUnavailable.
        """
        lock = FileLock.acquire(path, lock_wait)
        aside = path.with_name(f"{path.name}.{mark}")
        try:
            parts = [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "")]
            found = [part for part in parts if part.exists()]
            for part in found:
                part.rename(aside.with_name(part.name.replace(path.name, aside.name, 1)))
        except OSError as error:
            raise LedgerUnavailable(file=path, detail=error.strerror) from error
        finally:
            lock.release()
        return aside if found else None

    @contextmanager
    def write(self) -> Iterator[SqlTx]:
        """One write transaction, of one thread at a time: others wait for their turn. An exception inside rolls all of it back.

        Raises RuntimeError when this ledger was opened for reading, or while this thread has a transaction of it open; LedgerBusy
        when another thread does not end its own.
        """
        if self._writer is None:
            raise RuntimeError("this ledger was opened for reading")
        me = threading.get_ident()
        if self._writes == me:
            raise RuntimeError("a write transaction of this ledger is open already")
        if not self._writing.acquire(timeout=TURN_S):
            raise LedgerBusy(file=self.path, seconds=f"{TURN_S:g}")
        self._writes = me
        try:
            with self._writer.begin() as connection:
                tx = SqlTx(connection, self.path)
                yield tx
                tx.flush()
        finally:
            self._writes = None
            self._writing.release()

    @contextmanager
    def read(self) -> Iterator[SqlView]:
        """One snapshot, as of now; from any thread, also beside an open write transaction, whose rows it does not see."""
        with self._readers.begin() as connection:
            yield SqlView(connection, self.path)

    def checkpoint(self) -> bool:
        """Fold the write-ahead log into the file and empty it; False when a reader or writer was in the way.

        Only after this are replaced and deleted values gone from the disk (`secure_delete` overwrites them in the file).
        """
        if self._writer is None:
            raise RuntimeError("this ledger was opened for reading")
        with self._writer.connect() as connection:
            cursor = connection.connection.cursor()  # outside a transaction, which SQLAlchemy would begin
            busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy

    def close(self) -> None:
        """Release the file and the lock; a second call does nothing."""
        self._readers.dispose()
        if self._writer is not None:
            self._writer.dispose()  # the last connection of all folds the log into the file and removes it
        if self._lock is not None:
            self._lock.release()


def _checked(path: Path, *, writer: bool) -> Engine:
    """Readers of the ledger at `path`, once it proved sound and current; a writer makes it current.

    Looked at read-only first: a file that is no ledger of this syncd is left as it is.
    """
    readers = reader_engine(path)
    try:
        found = migrate.revision(readers, path)
        if found != migrate.REVISIONS[-1]:
            _upgrade(path, found, writer=writer)
    except BaseException:
        readers.dispose()
        raise
    return readers


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise LedgerUnavailable(file=path, detail=error.strerror) from error
    return True


def _upgrade(path: Path, found: str, *, writer: bool) -> None:
    if not writer:
        raise LedgerOlder(file=path, found=found, known=migrate.REVISIONS[-1])
    engine = writer_engine(path)
    try:
        migrate.upgrade(engine)
    finally:
        engine.dispose()
