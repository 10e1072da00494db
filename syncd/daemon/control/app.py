"""The application: from a request over HTTP to an operation of the table, and from its answer back. Generic over the table."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Message, Receive, Scope, Send

from syncd import __version__
from syncd.daemon.control.answers import Listing, document, reply_of, watching
from syncd.daemon.control.hands import Hands
from syncd.daemon.control.jobs_port import Jobs, JobView
from syncd.daemon.control.openapi import described
from syncd.daemon.control.peers import Peer
from syncd.daemon.control.problems import RETRY_AFTER, Refused, encoded, problem, response_of
from syncd.daemon.control.protocol import VERSION_HEADER
from syncd.daemon.control.requests import RequestReader
from syncd.daemon.control.roles import RoleTable
from syncd.errors import Exit, JobUnknown, NotPermitted
from syncd.operations.operation import Caller, Operation, Reply, Role, Series

if TYPE_CHECKING:
    from syncd.operations.desk import Desk

BODY_LIMIT: Final = 1 << 20
"""Bytes of a request."""
WORKERS: Final = 32
"""Operations at work at once; others wait for their turn. So many, because some only wait for a document to come in."""
OF_ONE: Final = 16
"""Of these for one account; what it asks beyond is refused."""
WATCHERS: Final = 32
"""Clients that watch a job at once."""
_SEES_JOBS: Final = (Role.OPERATOR, Role.AUDITOR, Role.ADMIN)
_UNKNOWN: Final = {
    HTTPStatus.NOT_FOUND: problem("PathUnknown", "There is no such path. Next: see GET /v1/openapi.json.", Exit.USAGE),
    HTTPStatus.METHOD_NOT_ALLOWED: problem("MethodUnknown", "Not by that method. Next: see GET /v1/openapi.json.", Exit.USAGE),
}


class ControlApp:
    """The ASGI application. Who asks has to be in the scope's state as "peer": without one nobody is answered.

    desk, roles: asked for each question. All that blocks is done by threads of its own, at most `WORKERS` and `WATCHERS`.
    """

    def __init__(
        self,
        operations: Sequence[Operation[Any]],
        desk: Callable[[], "Desk"],
        roles: Callable[[], RoleTable],
        jobs: Jobs,
    ) -> None:
        self._desk = desk
        self._roles = roles
        self._jobs = jobs
        self._workers = Hands(WORKERS, "control-work")
        self._watchers = Hands(WATCHERS, "control-watch")
        self._asking: Counter[int] = Counter()
        self._readers = {operation.name: RequestReader(operation.request) for operation in operations}
        self._description = encoded(described(operations, self._readers))
        routes = [
            Route("/v1/health", self._health, methods=["GET"]),
            Route("/v1/openapi.json", self._openapi, methods=["GET"]),
            Route("/v1/jobs", self._all_jobs, methods=["GET"]),
            Route("/v1/jobs/{job}", self._one_job, methods=["GET"]),
            Route("/v1/jobs/{job}/watch", self._watch, methods=["GET"]),
            *(Route(f"/v1/{each.name}", partial(self._operate, each), methods=["POST"]) for each in operations),
        ]
        self._app = ExceptionMiddleware(Router(routes, redirect_slashes=False), handlers={HTTPException: _no_such_thing})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. Whatever fails is told here, and no further: what is above would log its text."""
        begun = False

        async def with_version(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message.get("headers", ()), (VERSION_HEADER.lower().encode(), __version__.encode())]
            await send(message)

        scope["app"] = self  # without one, Starlette would answer unknown paths by itself
        try:
            await self._app(scope, receive, with_version)
        except ClientDisconnect:
            return  # nobody is there to be told
        except Exception as error:  # noqa: BLE001 - the last line of defence
            response = response_of(error)
            if not begun:
                await response(scope, receive, with_version)

    def close(self) -> None:
        """Let the threads end, each when it is through."""
        self._workers.dismiss()
        self._watchers.dismiss()

    # -- operations ----------------------------------------------------------------------------------------------------

    async def _operate(self, operation: Operation[Any], request: Request) -> Response:
        body = await _body(request)
        peer = _peer(request)
        return await self._work(peer, lambda: self._answer(operation, peer, body))

    async def _work(self, peer: Peer, answer: Callable[[], Response]) -> Response:
        """Have a thread answer."""
        if self._asking[peer.uid] >= OF_ONE:
            told = problem("TooManyQuestions", "This account asks too much at once. Next: wait for an answer.", Exit.TRY_AGAIN)
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, told, {"Retry-After": str(RETRY_AFTER)})
        self._asking[peer.uid] += 1
        try:
            return await self._workers.run(lambda: _safely(answer))
        finally:
            self._asking[peer.uid] -= 1

    def _answer(self, operation: Operation[Any], peer: Peer, body: bytes) -> Response:
        """Ask the operation. Runs in a thread: names are looked up, and ledger and model take their time."""
        caller = self._caller(peer)
        _need(caller, f"`{operation.name}`", operation.roles)
        answer = operation.answer(self._desk(), caller, self._readers[operation.name].read(body))
        if isinstance(answer, Reply):
            return document(reply_of(answer))
        if isinstance(answer, Series):
            return Listing(answer).response(self._workers)
        job = self._jobs.start(answer.kind, answer.sources, answer.carry_out, caller.actor)
        return document({"job": job, "plan": dict(answer.plan)}, HTTPStatus.ACCEPTED)

    # -- jobs ----------------------------------------------------------------------------------------------------------

    async def _all_jobs(self, request: Request) -> Response:
        peer = _peer(request)

        def listed() -> Response:
            _need(self._caller(peer), "the list of jobs", _SEES_JOBS)
            return document({"jobs": self._jobs.all()})

        return await self._work(peer, listed)

    async def _one_job(self, request: Request) -> Response:
        peer, asked = _peer(request), request.path_params["job"]

        def shown() -> Response:
            job = self._visible(peer, asked)
            for each in self._jobs.all():
                if each["job"] == job.id:
                    return document(each)
            raise JobUnknown(job=asked)

        return await self._work(peer, shown)

    async def _watch(self, request: Request) -> Response:
        peer, asked = _peer(request), request.path_params["job"]
        if not self._watchers.free:
            told = problem("TooManyWatchers", "Too many clients watch jobs at once. Next: try again later.", Exit.TRY_AGAIN)
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, told, {"Retry-After": str(RETRY_AFTER)})

        def begun() -> Response:
            job = self._visible(peer, asked)
            return watching(iter(self._jobs.watch(job.id)), self._watchers)

        return await self._work(peer, begun)

    def _visible(self, peer: Peer, asked: str) -> JobView:
        """The job, for whoever may see jobs at all, or asked for this one. Raises JobUnknown, NotPermitted."""
        caller = self._caller(peer)
        job = self._jobs.get(asked)
        if job.actor.uid != peer.uid:
            _need(caller, "a job of another account", _SEES_JOBS)
        return job

    def _caller(self, peer: Peer) -> Caller:
        return self._roles().caller(peer)

    # -- the rest ------------------------------------------------------------------------------------------------------

    async def _health(self, request: Request) -> Response:
        _peer(request)
        return document({"status": "ok", "version": __version__})

    async def _openapi(self, request: Request) -> Response:
        _peer(request)
        return Response(self._description, media_type="application/json")


def _safely(answer: Callable[[], Response]) -> Response:
    """What `answer` returns, or what is said of its error."""
    try:
        return answer()
    except Exception as error:  # noqa: BLE001 - each becomes an answer; of those that nobody foresaw the log has the class
        return response_of(error)


def _need(caller: Caller, what: str, roles: Iterable[Role]) -> None:
    """Raise NotPermitted unless the caller has one of `roles`."""
    caller.need(what, *sorted(roles))


def _peer(request: Request) -> Peer:
    """Who asks. Raises NotPermitted where nobody knows."""
    peer = request.scope.get("state", {}).get("peer")
    if not isinstance(peer, Peer):
        raise NotPermitted(what="the control API", needed="a connection that says who you are: the Unix socket")
    return peer


async def _body(request: Request) -> bytes:
    """The body. Raises Refused for what is too large or said to be no JSON; what is left of it is passed over."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        told = problem("NotJson", "Requests are application/json. Next: see GET /v1/openapi.json.", Exit.USAGE)
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, told)
    body = bytearray()
    async with aclosing(request.stream()) as parts:
        async for part in parts:
            body += part
            if len(body) > BODY_LIMIT:
                told = problem("TooLarge", "A request may have 1 MiB. Next: ask for less at once.", Exit.USAGE)
                raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, told)
    return bytes(body)


def _no_such_thing(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    """What Starlette found: no such path, or not by that method."""
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    return response_of(Refused(status, _UNKNOWN[status], error.headers))
