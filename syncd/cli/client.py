"""The daemon's client: the same questions and answers as `syncd.operations`, over its socket. Standard library only.

Nothing of the configuration's models is imported: a command that only asks the daemon starts in a fraction of the time.
"""

import json
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from syncd.cli.daemon_socket import dialled, places
from syncd.errors import DaemonGone, DaemonRefused, Exit, NotPermitted, NotYet

if TYPE_CHECKING:  # imported when there is an answer: these take longer than everything else here
    from http.client import HTTPConnection, HTTPResponse

    from syncd.operations.operation import Reply, Series

    Telling = Callable[["Step"], None]
    Planning = Callable[[Mapping[str, Any]], None]

__all__ = ["Client", "Detached", "Step", "connect", "places"]

ANSWER_S: Final = 600.0
_CHUNK: Final = 64 * 1024


class Step(NamedTuple):
    """How far a job is: as `syncd.sync.report.Progress` has it, and of which source."""

    source: str
    phase: str
    done: int
    total: int | None
    backfill: int


class Detached(KeyboardInterrupt):
    """Ctrl-C while a job was watched: nobody looks on any more, and it goes on."""

    def __init__(self, job: str) -> None:
        super().__init__(job)
        self.job = job


def connect(config: Path, environ: Mapping[str, str] = os.environ) -> "Client | None":
    """The client of the daemon of this configuration; None when none runs.

    Raises NotPermitted when one may run but this account must not reach it, NotYet when it takes nobody in.
    """
    denied: NotPermitted | None = None
    for path in places(config.absolute(), environ):
        try:
            probe = dialled(path)
        except NotPermitted as error:  # another place may still be open
            denied = denied or error
            continue
        if probe is not None:
            probe.close()
            return Client(path)
    if denied is not None:
        raise denied
    return None


class Client:
    """Asks the daemon at `path`. Each question has a connection of its own, so a client may be used by several threads.

    patience: seconds that an answer, or the next piece of it, may take; watching has no end. All methods raise DaemonRefused with
    the daemon's own words when it says no, DaemonGone when it ends in between, NotYet, and what `connect` raises.
    """

    def __init__(self, path: Path, patience: float = ANSWER_S) -> None:
        self.path: Final = path
        self.patience = patience

    def ask(
        self,
        operation: str,
        fields: Mapping[str, Any] | None = None,
        telling: "Telling | None" = None,
        plan: "Planning | None" = None,
    ) -> "Reply | Series":
        """What the operation answers, as if it were asked here. A list is read from the daemon as its items are asked for.

        Long work is watched to its end: `plan` is told what it will do, `telling` how far it is. Raises Detached on Ctrl-C then.
        """
        exchange = self._request("POST", f"/v1/{operation}", json.dumps(dict(fields or {})).encode())
        if exchange.response.getheader("Content-Type", "").startswith("application/x-ndjson"):
            return self._series(exchange)
        said = self._document(exchange)
        if exchange.response.status == 200:
            return _reply(said)
        if plan is not None and said.get("plan"):
            plan(said["plan"])
        return self.watch(str(said["job"]), telling or (lambda _: None))

    def begin(self, operation: str, fields: Mapping[str, Any] | None = None) -> str:
        """Have long work begun and return the id of its job, watching nothing."""
        said = self._document(self._request("POST", f"/v1/{operation}", json.dumps(dict(fields or {})).encode()))
        return str(said["job"])

    def jobs(self) -> list[dict[str, Any]]:
        """Every job that is known, oldest first."""
        return list(self._document(self._request("GET", "/v1/jobs"))["jobs"])

    def job(self, id_: str) -> dict[str, Any]:
        """The job of that id, or of the only id that begins so."""
        return self._document(self._request("GET", f"/v1/jobs/{_word(id_)}"))

    def watch(self, id_: str, telling: "Telling") -> "Reply":
        """Follow a job to its end, however long it takes. Raises what ended it, and Detached on Ctrl-C: it goes on then."""
        try:
            for line in self._lines(self._request("GET", f"/v1/jobs/{_word(id_)}/watch", endless=True)):
                if "progress" not in line:
                    return _reply(line)
                step = line["progress"]
                telling(Step(step["source"], step["phase"], step["done"], step["total"], step.get("backfill", 0)))
        except KeyboardInterrupt:
            raise Detached(id_) from None
        raise DaemonGone(socket=self.path, detail="it did not say how the job ended")

    def _series(self, exchange: "_Exchange") -> "Series":
        """A list whose items are read when they are asked for; what remains to be said stands in its reply afterwards."""
        from syncd.operations.operation import Series

        lines = self._lines(exchange)

        def items() -> Iterator[Mapping[str, Any]]:
            with closing(lines):
                for line in lines:
                    if "item" not in line:
                        series.reply = _reply(line)
                        return
                    yield line["item"]
            raise DaemonGone(socket=self.path, detail="the list has no end")

        series = Series(str(next(lines, {}).get("key")), items())
        return series

    # -- HTTP ----------------------------------------------------------------------------------------------------------

    def _request(self, method: str, path: str, body: bytes | None = None, *, endless: bool = False) -> "_Exchange":
        """Ask, and return when the answer begins; one that is a problem is raised."""
        from http.client import HTTPConnection

        line = dialled(self.path)
        if line is None:
            raise DaemonGone(socket=self.path, detail="nobody listens any more")
        line.settimeout(None if endless else self.patience)
        connection = HTTPConnection("syncd")
        connection.sock = line
        try:
            with self._telling():
                connection.request(method, path, body, {"Content-Type": "application/json", "Connection": "close"})
                exchange = _Exchange(connection, connection.getresponse())
        except BaseException:
            connection.close()
            raise
        if exchange.response.status not in {200, 202}:
            raise _refusal(self._document(exchange))
        return exchange

    def _document(self, exchange: "_Exchange") -> dict[str, Any]:
        """The whole answer."""
        with exchange, self._telling():
            said = exchange.response.read()
        return self._parsed(said)

    def _lines(self, exchange: "_Exchange") -> Generator[dict[str, Any], None, None]:
        """The answer line by line, as it comes; a line that is a problem is raised."""
        rest = b""
        with exchange:
            while part := self._part(exchange):
                *whole, rest = (rest + part).split(b"\n")
                for line in whole:
                    said = self._parsed(line)
                    if "error" in said:
                        raise _refusal(said)
                    yield said

    def _part(self, exchange: "_Exchange") -> bytes:
        """What has come; waits for something."""
        with self._telling():
            return exchange.response.read1(_CHUNK)

    def _parsed(self, text: bytes) -> dict[str, Any]:
        """A document of the daemon."""
        try:
            said = json.loads(text)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise DaemonGone(socket=self.path, detail="its answer is no JSON document")
        return said

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Errors of the connection as errors of syncd."""
        from http.client import HTTPException

        try:
            yield
        except TimeoutError:
            raise NotYet(what="The daemon did not answer", seconds=f"{self.patience:g}") from None
        except (OSError, HTTPException) as error:
            raise DaemonGone(socket=self.path, detail=type(error).__name__) from error


class _Exchange(NamedTuple):
    """A question that was asked, and its answer; both end with the block."""

    connection: "HTTPConnection"
    response: "HTTPResponse"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.response.close()
        self.connection.close()


def _reply(said: Mapping[str, Any]) -> "Reply":
    """A reply from its document."""
    from syncd.operations.operation import Reply

    return Reply(said.get("payload", {}), _exit(said), tuple(said.get("notes", ())))


def _refusal(said: Mapping[str, Any]) -> DaemonRefused:
    """A problem in the daemon's own words."""
    return DaemonRefused(message=str(said.get("message")), error=str(said.get("error")), exit=_exit(said))


def _exit(said: Mapping[str, Any]) -> Exit:
    """The exit code; one that this version does not know is an error."""
    try:
        return Exit(said.get("exit", Exit.ERROR))
    except ValueError:
        return Exit.ERROR


def _word(id_: str) -> str:
    """An id as part of a path."""
    from urllib.parse import quote

    return quote(id_, safe="")
