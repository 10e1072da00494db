"""What the server adapter makes of a server that is not there, or that answers with an error: real HTTP, canned statuses."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from index_points import point, unit

from syncd.adapters.index.qdrant import QdrantIndex
from syncd.core.model import Eq, Where
from syncd.errors import IndexInvalid, IndexNotFound, IndexUnavailable, IndexUnknownOutcome

ALL = Where((Eq("doc", "d"),))
COLLECTION = {
    "status": "green",
    "optimizer_status": "ok",
    "segments_count": 1,
    "payload_schema": {"doc": {"data_type": "keyword", "points": 0}},
    "config": {
        "params": {"vectors": {"size": 4, "distance": "Dot"}},
        "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000},
        "optimizer_config": {
            "deleted_threshold": 0.2,
            "vacuum_min_vector_number": 1000,
            "default_segment_number": 0,
            "flush_interval_sec": 5,
        },
    },
}


class Server(ThreadingHTTPServer):
    """A collection "c" that exists; every other request is answered with `status`, and remembered."""

    status = 200
    seen: list[tuple[str, str, bytes]]


class Handler(BaseHTTPRequestHandler):
    """Just enough of the REST interface."""

    server: Server

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.split("?")[0]
        if self.command == "GET" and path in {"/collections/c/exists", "/collections/c"}:
            result: object = {"exists": True} if path.endswith("exists") else COLLECTION
            self._reply(200, {"result": result, "status": "ok", "time": 0.0})
            return
        self.server.seen.append((self.command, self.path, body))
        done = {"result": {"operation_id": 0, "status": "completed"}, "status": "ok", "time": 0.0}
        self._reply(self.server.status, done if self.server.status == 200 else {"status": {"error": "canned"}})

    def _reply(self, status: int, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status == 429:
            self.send_header("Retry-After", "7")
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer  # noqa: N815 -- the names that http.server looks for

    def log_message(self, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[Server]:
    """The server, on a free port."""
    with Server(("127.0.0.1", 0), Handler) as running:
        running.seen = []
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def remote(server: Server) -> Iterator[QdrantIndex]:
    """An index on that server."""
    index = QdrantIndex(f"http://127.0.0.1:{server.server_address[1]}")
    yield index
    index.close()


READS = {
    "count": lambda index: index.count("c", None),
    "scroll": lambda index: index.scroll("c", ALL, None, 5, vectors=False),
    "retrieve": lambda index: index.retrieve("c", [point(1).id], vectors=False),
    "query": lambda index: index.query("c", unit(1, 0, 0, 0), ALL, 5),
}
WRITES = {
    "upsert": lambda index: index.upsert("c", [point(1)]),
    "set_payload": lambda index: index.set_payload("c", {"epoch": 2}, ALL),
    "delete": lambda index: index.delete("c", ALL),
    "drop": lambda index: index.drop_collection("c"),
}
STATUSES = [
    (400, IndexInvalid, IndexInvalid),
    (422, IndexInvalid, IndexInvalid),
    (404, IndexNotFound, IndexNotFound),
    (401, IndexUnavailable, IndexUnavailable),
    (403, IndexUnavailable, IndexUnavailable),
    (429, IndexUnavailable, IndexUnavailable),
    (500, IndexUnavailable, IndexUnknownOutcome),
    (503, IndexUnavailable, IndexUnknownOutcome),
]


@pytest.mark.parametrize(("status", "reading", "writing"), STATUSES)
def test_a_status_becomes_the_error_that_says_what_to_do(server, remote, status, reading, writing):
    """Park what can't succeed, retry what the server could not do, repeat a write of which the outcome is unknown."""
    server.status = status
    for call in READS.values():
        with pytest.raises(reading) as caught:
            call(remote)
        assert type(caught.value) is reading
    for call in WRITES.values():
        with pytest.raises(writing) as caught:
            call(remote)
        assert type(caught.value) is writing


def test_a_server_that_is_not_there_is_unavailable():
    """A connection refused: nothing was sent, so a write has no unknown outcome either."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    absent = QdrantIndex(f"http://127.0.0.1:{port}", timeout=5)
    with pytest.raises(IndexUnavailable):
        absent.count("c", None)
    with pytest.raises(IndexUnavailable):
        absent.ensure_collection("c", 4)
    absent.close()


def test_writes_wait_and_the_ones_that_revoke_are_ordered_strongly(server, remote):
    """Every write asks the server to wait until it is applied; payload changes and deletions go through the leader."""
    for name in ("upsert", "set_payload", "delete"):
        WRITES[name](remote)
    paths = [path for _, path, _ in server.seen]
    assert len(paths) == 3
    assert all("wait=true" in path for path in paths)
    assert ["ordering=strong" in path for path in paths] == [False, True, True]


def test_a_large_upsert_is_cut_into_batches(server, remote):
    """600 points are three requests of 256 at most."""
    remote.upsert("c", [point(n) for n in range(600)])
    assert [len(json.loads(body)["points"]) for _, _, body in server.seen] == [256, 256, 88]


def test_missing_payload_indexes_are_made_before_ingest(server, remote):
    """On a collection that a kill left half-indexed, ensuring it makes just the indexes that are missing."""
    remote.ensure_collection("c", 4)
    made = {
        (json.loads(body)["field_name"], json.loads(body)["field_schema"]) for _, path, body in server.seen if "/index" in path
    }
    assert made == {("acl_class", "keyword"), ("acl_version", "integer"), ("epoch", "integer")}


def test_a_security_filter_is_sent_as_must(server, remote):
    """What goes over the wire has the condition under `must` and no `should`."""
    server.status = 500
    with pytest.raises(IndexUnavailable):
        remote.query("c", unit(1, 0, 0, 0), ALL, 5)
    sent = json.loads(server.seen[-1][2])["filter"]
    assert [condition["key"] for condition in sent["must"]] == ["doc"]
    assert not sent.get("should")
