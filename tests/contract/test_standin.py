"""What stands in for a server is strict: a client that errs is told so, with the status and in the form that Qdrant has."""

import json
from http.client import HTTPConnection

import pytest
from index_points import pid
from server_calls import ALIAS, SERVED

NOBODY = pid(9)
UPSERT = {"points": [{"id": NOBODY, "vector": [1, 0, 0, 0], "payload": {}}]}


@pytest.fixture
def ask(standin, hasty):
    """Ask for (method, path, body) as nobody's client would: status and parsed answer."""
    connection = HTTPConnection("127.0.0.1", standin.port, timeout=10)

    def ask(method: str, path: str, body: object = None) -> tuple[int, dict]:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    yield ask
    connection.close()


@pytest.mark.parametrize(
    ("status", "method", "path", "body"),
    [
        (404, "GET", "/collections/nowhere", None),
        (404, "PUT", "/collections/nowhere/points", UPSERT),
        (404, "GET", "/telemetry", None),
        (409, "PUT", f"/collections/{SERVED}", {"vectors": {"size": 4, "distance": "Dot"}}),
        (409, "PUT", f"/collections/{ALIAS}", {"vectors": {"size": 4, "distance": "Dot"}}),
        (400, "PUT", f"/collections/{SERVED}/points", {"points": [{"id": NOBODY, "vector": [1, 0, 0], "payload": {}}]}),
        (400, "PUT", f"/collections/{SERVED}/points", {"points": [{"id": "nine", "vector": [1, 0, 0, 0]}]}),
        (400, "PUT", f"/collections/{SERVED}/points", {**UPSERT, "pionts": []}),
        (400, "PUT", f"/collections/{SERVED}/points?wiat=true", UPSERT),
        (400, "PUT", f"/collections/{SERVED}/points?wait=yes", UPSERT),
        (400, "POST", f"/collections/{SERVED}/points/count", {"filter": {"must": [{"key": "doc", "mach": {"value": "d"}}]}}),
        (400, "POST", f"/collections/{SERVED}/points/delete", {"filter": {"must": [{"key": "doc"}]}, "wait": True}),
        (422, "POST", f"/collections/{SERVED}/points/scroll", {"limit": 0}),
        (501, "POST", f"/collections/{SERVED}/points/count", {"filter": {"should": [{"key": "doc", "match": {"value": "d"}}]}}),
        (501, "POST", f"/collections/{SERVED}/points/delete", {"filter": {}}),
        (501, "POST", f"/collections/{SERVED}/points/delete", {"points": [NOBODY]}),
        (501, "POST", f"/collections/{SERVED}/points/query", {"query": [1, 0, 0, 0], "filter": None}),
    ],
)
def test_it_refuses_what_it_should(ask, patient, status, method, path, body):
    """Unknown names, wrong vectors, misspelt fields and parameters, and all that it does not know (501): nothing is done."""
    said, answer = ask(method, path, body)
    assert said == status, answer
    assert isinstance(answer["status"]["error"], str)
    assert patient.count(SERVED, None) == 3


def test_it_answers_in_the_form_of_the_server(ask, standin):
    """Status, time and result; a collection can be named by its alias; who does not wait is told that the write is noted."""
    status, answer = ask("POST", f"/collections/{ALIAS}/points/count", {"exact": True})
    assert (status, answer["status"], answer["result"], answer["time"] >= 0) == (200, "ok", {"count": 3}, True)
    for query, outcome in (("?wait=true", "completed"), ("?wait=false", "acknowledged"), ("", "acknowledged")):
        _, answer = ask("PUT", f"/collections/{SERVED}/points{query}", UPSERT)
        assert answer["result"]["status"] == outcome
    assert standin.api.broken == []
