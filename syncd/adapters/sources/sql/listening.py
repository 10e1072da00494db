"""Listening to a PostgreSQL: a trigger notifies of changed keys on a channel, and each is a hint."""

import select
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread

import psycopg
from psycopg import sql

from syncd.adapters.sources.sql.dialects import PostgreSql
from syncd.core.blind import SEEING, Blind
from syncd.core.hints import Hint, What
from syncd.errors import SourceUnavailable

QUIET_S = 15.0
"""Seconds without a notification after which the server is asked whether it is still there."""
CLOSED = "it is closed"
LOST = "the connection was lost"
DEAD = "nobody reads the notifications"


class PostgresWatch:
    """Tells of what is notified on `channel` from when it is made until it is closed. Raises SourceUnavailable.

    A notification holds a key, or nothing: then all is to be looked at. Any thread may call anything.
    """

    def __init__(
        self, dialect: PostgreSql, channel: str, tell: Callable[[Hint], None], unavailable: Callable[[str], SourceUnavailable]
    ) -> None:
        self._dialect = dialect
        self._channel = channel
        self._tell = tell
        self._unavailable = unavailable
        self._listener: _Listener | None = None
        self._closed = False
        self._lock = Lock()
        self.mend()

    def fault(self) -> str | None:
        """Why hints are not to be believed since the last `mend`; None while all is well."""
        listener = self._listener
        if listener is None:
            return CLOSED if self._closed else LOST
        return listener.fault or (None if listener.alive else DEAD)

    def blind(self) -> Blind:
        """Nothing: a notification is told of whatever row it names."""
        return SEEING

    def regain(self) -> None:
        """There is nothing to be regained."""

    def mend(self) -> None:
        """Listen anew, over another connection; the caller scans the whole source after this. Raises SourceUnavailable."""
        with self._lock:
            if self._closed:
                return
            try:
                listener = _Listener(self._dialect, self._channel, self._tell)
            except psycopg.Error as error:
                raise self._unavailable(f"it can't be listened to ({type(error).__name__})") from None
            former, self._listener = self._listener, listener
            if former is not None:
                former.close()

    def close(self) -> None:
        """Stop telling; the connection is closed when this returns."""
        with self._lock:
            self._closed = True
            listener, self._listener = self._listener, None
            if listener is not None:
                listener.close()


class _Listener:
    """One connection that listens, and the thread that reads from it. Raises psycopg.Error."""

    def __init__(self, dialect: PostgreSql, channel: str, tell: Callable[[Hint], None]) -> None:
        self._tell = tell
        self.fault: str | None = None
        self._connection = psycopg.connect(**dialect.parameters(), autocommit=True)
        try:
            self._connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        except BaseException:
            self._connection.close()
            raise
        self._stop, self._stopped = socket.socketpair()
        self._thread = Thread(target=self._run, name="syncd-listen", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether anybody reads."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Stop, and wait until the last hint is told."""
        with suppress(OSError):
            self._stop.send(b"x")
        self._thread.join()
        self._stop.close()

    def _run(self) -> None:
        try:
            while self._told():
                pass
        except Exception as error:  # noqa: BLE001 - whatever it is: it ends the listening, and is told
            self.fault = LOST if isinstance(error, psycopg.Error | OSError) else f"a hint was not taken ({type(error).__name__})"
        finally:
            self._stopped.close()
            self._connection.close()

    def _told(self) -> bool:
        """Wait for notifications, and tell of them; False when it is to stop."""
        ready, _, _ = select.select([self._connection.fileno(), self._stopped.fileno()], [], [], QUIET_S)
        if self._stopped.fileno() in ready:
            return False
        if not ready:
            self._connection.execute("SELECT 1")
        for notification in self._connection.notifies(timeout=0):
            key = notification.payload
            self._tell(Hint(What.KEY, key) if key else Hint(What.TREE, ""))
        return True
