"""The published description of the control API against the API: whatever it allows is taken, whatever it does not is refused."""

import asyncio
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from control_kit import Stage, Worker
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from syncd.daemon.control.app import ControlApp
from syncd.daemon.control.peers import Peer
from syncd.daemon.control.roles import RoleTable

EXAMPLES = int(os.environ.get("SYNCD_EXAMPLES", "25"))
PHASES = (Phase.explicit, Phase.generate)
"""No shrinking: it takes minutes, and these requests are short."""
QUIET = settings(max_examples=EXAMPLES, phases=PHASES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
CONFORMANCE = (
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
"""Answers are as described, and what the schema does not allow is refused. That a server never is unavailable is not promised."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
"""Values that Python writes as JSON: NaN, infinities, lone surrogates and huge numbers included."""


def check(app: ControlApp) -> None:
    """Raise unless `app` keeps what its description promises, and never fails unexpectedly, whatever it is asked as root."""

    async def as_root(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await app({**scope, "state": {"peer": Peer(os.getpid(), 0, 0)}}, receive, send)

    load_all_checks()
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", as_root)
    paths = []
    for found in schema.get_all_operations():
        operation = found.ok()
        _conforms(operation, GenerationMode.POSITIVE)
        if operation.method == "post":
            paths.append(operation.path)
            _conforms(operation, GenerationMode.NEGATIVE)
    assert paths
    _survives(as_root, paths)


def _conforms(operation: Any, mode: GenerationMode) -> None:
    """Ask for the operation with what its schema allows, or does not."""

    @QUIET
    @given(case=operation.as_strategy(generation_mode=mode))
    def conforms(case: Any) -> None:
        response = case.call()
        assert response.status_code != 500, case.as_curl_command()
        if mode is GenerationMode.POSITIVE:
            assert response.status_code != 422, (case.body, response.text)
        case.validate_response(response, checks=[CHECKS.get_one(name) for name in CONFORMANCE])

    conforms()


def _survives(app: Any, paths: list[str]) -> None:
    """Send what no schema generates: bytes, and JSON of any shape."""

    @QUIET
    @given(path=st.sampled_from(paths), body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
    def survives(path: str, body: bytes) -> None:
        status, said = asyncio.run(asked(app, path, body))
        assert status != 500, said
        assert status < 300 or json.loads(said)["error"], said

    survives()


async def asked(app: Any, path: str, body: bytes) -> tuple[int, bytes]:
    """One request, without a socket: status and body of the answer."""
    pieces = iter([{"type": "http.request", "body": body, "more_body": False}])
    ended = asyncio.Event()
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        for piece in pieces:
            return piece
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b"", "http_version": "1.1"}
    await app(scope, receive, send)
    ended.set()
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture
def app() -> Iterator[ControlApp]:
    """The example operations behind the application, but for the one that fails unexpectedly for those who ask for it."""
    stage, worker = Stage(most=20), Worker()
    stage.go_on.set()
    operations = tuple(operation for operation in stage.operations() if operation.name != "fail")
    made = ControlApp(operations, lambda: None, lambda: RoleTable({}), worker.jobs)
    yield made
    made.close()
    worker.stop()


def test_the_example_operations_keep_their_promise(app):
    """Generic over the table, so what holds for these holds for every operation with such requests."""
    check(app)


@pytest.mark.parametrize("depth", [10, 1_000, 80_000])
def test_depth_is_no_way_to_break_it(app, depth):
    """However deep a body is nested, in whatever way, it is refused."""

    async def as_root(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await app({**scope, "state": {"peer": Peer(os.getpid(), 0, 0)}}, receive, send)

    for begin, end in ((b"[", b"]"), (b'{"deep":', b"}"), (b'{"deep":[', b"]}")):
        status, said = asyncio.run(asked(as_root, "/v1/echo", begin * depth + b"1" + end * depth))
        assert status == 422, said


def test_the_check_notices_a_broken_promise(app, monkeypatch):
    """A server that takes what it does not describe, or fails where it should refuse, does not pass."""
    from syncd.daemon.control.requests import RequestReader

    monkeypatch.setattr(RequestReader, "read", lambda _, body: json.loads(body))
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        check(app)
