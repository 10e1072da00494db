"""A control room to test with: a small table of operations, the real server on a real socket, a thread that does the jobs."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from syncd.adapters.system import SystemClock, SystemEntropy
from syncd.cli.daemon_socket import dialled
from syncd.core.lifecycle import RunState
from syncd.daemon.control.protocol import Limits
from syncd.daemon.control.roles import RoleTable
from syncd.daemon.control.server import ControlServer
from syncd.daemon.jobs import Jobs
from syncd.errors import (
    ConfigError,
    DocUnknown,
    Forged,
    GuardHalted,
    LedgerBusy,
    NotPermitted,
    RunUnknown,
    SourcePaused,
    SourceUnavailable,
    SyncdError,
)
from syncd.operations.operation import EVERY_ROLE, Answer, Caller, Gives, Operation, Reply, Role, Series, Task
from syncd.sync.report import Progress

WAIT_S = 30.0
"""How long a test waits for what has to happen: only a failing one waits that long."""
SECRET = "canary-7f3a in an error"
FAMILIES: Mapping[str, SyncdError] = {
    "usage": RunUnknown(run="r1"),
    "permission": NotPermitted(what="x", needed="y"),
    "try-again": LedgerBusy(file="/l", seconds=1),
    "unavailable": SourceUnavailable(source="notes", detail="not mounted"),
    "integrity": Forged(what="an acl"),
    "halted": GuardHalted(source="notes", detail="too much", run="r1"),
    "config": ConfigError(file="/c", detail="no"),
    "incomplete": SourcePaused(source="notes"),
    "error": SyncdError(detail="no"),
    "unknown": DocUnknown(doc="notes:x"),
}
"""One error of each family, by the name that the operation `fail` takes."""


@dataclass(frozen=True, slots=True)
class Inner:
    """n: a number."""

    n: int


@dataclass(frozen=True, slots=True)
class EchoRequest:
    """text: comes back. k: a number. tags: a list. share: a part. deep: an object, or nothing."""

    text: str = ""
    k: int = 1
    tags: tuple[str, ...] = ()
    share: float = 0.5
    yes: bool = False
    state: RunState = RunState.DONE
    deep: Inner | None = None
    doc: str | None = None


class EchoGiven(TypedDict):
    """What `echo` says."""

    text: str
    k: int
    tags: list[str]
    state: str
    doc: str | None
    deep: int | None


@dataclass(frozen=True, slots=True)
class ListRequest:
    """count: items. fail_at: raise before that item."""

    count: int
    fail_at: int | None = None
    size: int = 10


@dataclass(frozen=True, slots=True)
class FailRequest:
    """how: the family."""

    how: str


@dataclass(frozen=True, slots=True)
class WorkRequest:
    """steps: how many. fail: end with an error."""

    steps: int = 3
    fail: bool = False


@dataclass
class Stage:
    """What the example operations do to be watched: tests hold them up and see what became of them. most: items of a list."""

    most: int = 100_000
    asked: list[str] = field(default_factory=list)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    go_on: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)
    step: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(1000))

    def echo(self, desk: Any, caller: Caller, request: EchoRequest) -> Answer:
        self.asked.append(request.text)
        said = {"text": request.text, "k": request.k, "tags": list(request.tags), "state": request.state, "doc": request.doc}
        return Reply(said | {"deep": request.deep.n if request.deep else None}, notes=("noted",))

    def who(self, desk: Any, caller: Caller, request: EchoRequest) -> Answer:
        return Reply({"roles": sorted(caller.roles), **caller.actor.fields()})

    def hold(self, desk: Any, caller: Caller, request: EchoRequest) -> Answer:
        self.entered.release()
        assert self.go_on.wait(WAIT_S)
        return Reply({"held": True})

    def many(self, desk: Any, caller: Caller, request: ListRequest) -> Answer:
        series = Series("items", iter(()))

        def items() -> Iterator[dict[str, Any]]:
            try:
                for number in range(min(request.count, self.most)):
                    if number == request.fail_at:
                        raise LedgerBusy(file="/l", seconds=1)
                    yield {"n": number, "text": "x" * max(0, min(request.size, 10_000))}
                series.reply = Reply({"total": request.count}, notes=("all",))
            finally:
                self.closed.set()

        series.items = items()
        return series

    def fail(self, desk: Any, caller: Caller, request: FailRequest) -> Answer:
        if request.how == "zero":
            raise ZeroDivisionError(SECRET)
        if request.how == "exit":
            raise SystemExit(SECRET)
        if request.how == "stop":
            raise StopIteration(SECRET)
        raise FAMILIES.get(request.how, FAMILIES["usage"])

    def work(self, desk: Any, caller: Caller, request: WorkRequest) -> Answer:
        def carry_out(telling: Callable[[str, Progress], None]) -> Reply:
            for number in range(min(request.steps, 50)):
                assert self.step.acquire(timeout=WAIT_S)
                telling("notes", Progress("index", number + 1, request.steps))
            if request.fail:
                raise SourceUnavailable(source="notes", detail="not mounted")
            return Reply({"steps": request.steps}, notes=("done",))

        return Task("work", ("notes",), carry_out, {"steps": request.steps})

    def operations(self) -> tuple[Operation[Any], ...]:
        """The table."""
        return (
            Operation("echo", "Say it again.", EchoRequest, EVERY_ROLE, self.echo, Gives(reply=EchoGiven)),
            Operation("who-am-i", "Say who asks.", EchoRequest, frozenset({Role.SELF}), self.who, Gives(reply=dict[str, Any])),
            Operation("hold", "Wait until told to go on.", EchoRequest, EVERY_ROLE, self.hold, Gives(reply=dict[str, bool])),
            Operation(
                "list",
                "A list.",
                ListRequest,
                frozenset({Role.OPERATOR, Role.AUDITOR}),
                self.many,
                Gives(item=dict[str, int | str]),
            ),
            Operation("fail", "Raise.", FailRequest, frozenset({Role.ADMIN}), self.fail, Gives(reply=dict[str, Any])),
            Operation(
                "work",
                "Long work.",
                WorkRequest,
                frozenset({Role.OPERATOR, Role.ADMIN}),
                self.work,
                Gives(plan=dict[str, int], done=dict[str, int]),
                writes=True,
            ),
        )


class Worker:
    """The thread that does the jobs, one after the other, as the daemon's coordinator does."""

    def __init__(self) -> None:
        self._news = threading.Event()
        self._over = False
        self.jobs = Jobs(SystemClock(), SystemEntropy(), kept=100, woken=self._news.set)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._over:
            self._news.wait()
            self._news.clear()
            while not self._over and (job := self.jobs.take()) is not None:
                try:
                    self.jobs.end(job, job.carry_out(lambda source, step, job=job: self.jobs.told(job, source, step)), None)
                except SyncdError as error:
                    self.jobs.end(job, None, error)

    def stop(self) -> None:
        """End it."""
        self._over = True
        self._news.set()
        self._thread.join(WAIT_S)


@dataclass
class Served:
    """A control room that answers at `path`."""

    path: Path
    stage: Stage
    jobs: Jobs
    server: ControlServer

    def connection(self) -> http.client.HTTPConnection:
        """A connection to it."""
        line = dialled(self.path)
        assert line is not None
        line.settimeout(WAIT_S)
        connection = http.client.HTTPConnection("syncd")
        connection.sock = line
        return connection

    def raw(self) -> socket.socket:
        """A connection on which anything can be said."""
        line = dialled(self.path)
        assert line is not None
        line.settimeout(WAIT_S)
        return line

    def ask(self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None) -> "Said":
        """One request on a connection of its own; a body that is not bytes is sent as JSON."""
        connection = self.connection()
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, target, data, dict(headers or {}))
            response = connection.getresponse()
            return Said(response.status, response.headers, response.read())
        finally:
            connection.close()

    def post(self, operation: str, **fields: Any) -> "Said":
        """Ask for an operation."""
        return self.ask("POST", f"/v1/{operation}", fields)


@dataclass
class Said:
    """What was answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        """The body as lines of JSON."""
        assert self.body.endswith(b"\n")
        return [json.loads(line) for line in self.body.splitlines()]


@contextmanager
def serving(
    path: Path,
    *,
    operations: Sequence[Operation[Any]] | None = None,
    roles: Mapping[str, Sequence[str]] | None = None,
    group: str = "no such group",
    limits: Limits | None = None,
) -> Iterator[Served]:
    """A control room at `path` while the block lasts."""
    stage, worker = Stage(), Worker()
    table = RoleTable.of(roles or {})
    server = ControlServer(
        stage.operations() if operations is None else operations,
        desk=lambda: None,  # type: ignore[arg-type, return-value]  # the example operations need none
        roles=lambda: table,
        path=path,
        group=group,
        jobs=worker.jobs,
        limits=limits,
    )
    server.start()
    try:
        yield Served(path, stage, worker.jobs, server)
    finally:
        stage.go_on.set()
        server.stop(5.0)
        worker.stop()
    assert server.failed is None


def until(happened: Callable[[], bool]) -> None:
    """Return when it has happened; a failing test waits `WAIT_S`."""
    deadline = time.monotonic() + WAIT_S
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)
