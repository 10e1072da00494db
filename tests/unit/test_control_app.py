"""The control API on a real socket: what is answered, also when something fails, and that nothing of it is logged."""

import io
import json
import sys

import pytest
from control_kit import FAMILIES, SECRET, WAIT_S, serving

import syncd
from syncd.daemon import log
from syncd.errors import Exit


@pytest.fixture
def room(tmp_path):
    """A control room that answers."""
    with serving(tmp_path / "run/syncd.sock") as served:
        yield served


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    """One that answers many tests, which leave nothing behind."""
    with serving(tmp_path_factory.mktemp("control") / "run/syncd.sock") as served:
        yield served


@pytest.fixture
def logged():
    """What the process log says meanwhile."""
    out = io.StringIO()
    log.aim(out)
    yield out
    log.aim(sys.stderr)


# -- answers -----------------------------------------------------------------------------------------------------------


def test_a_reply_is_one_document(room):
    """Payload, notes and exit code arrive as the operation gave them."""
    said = room.post("echo", text="née", k=7, tags=["a", "b"], deep={"n": 3}, state="halted")
    assert said.status == 200
    assert said.headers["Content-Type"] == "application/json"
    assert said.document == {
        "exit": 0,
        "notes": ["noted"],
        "payload": {"text": "née", "k": 7, "tags": ["a", "b"], "state": "halted", "doc": None, "deep": 3},
    }


def test_no_body_is_an_empty_request(room):
    """Where every field has a default nothing has to be sent."""
    assert room.ask("POST", "/v1/echo").document["payload"]["k"] == 1
    assert room.ask("POST", "/v1/list").status == 422


def test_names_that_are_no_utf8_come_back_as_they_were(room):
    """A name of undecodable bytes can be asked for like any other."""
    said = room.ask("POST", "/v1/echo", b'{"text": "caf\\udce9", "doc": "notes:\\udcff"}')
    assert said.body.isascii()
    assert (said.document["payload"]["text"], said.document["payload"]["doc"]) == ("caf\udce9", "notes:\udcff")


def test_every_answer_names_the_daemons_version(room):
    """Also refusals and failures: a client can tell that it talks to another version."""
    answers = [
        room.post("echo"),
        room.post("list", count=1),
        room.post("echo", k="x"),
        room.post("fail", how="zero"),
        room.ask("GET", "/v1/health"),
        room.ask("GET", "/v1/nowhere"),
        room.ask("GET", "/v1/echo"),
    ]
    assert [said.status for said in answers] == [200, 200, 422, 500, 200, 404, 405]
    assert {said.headers["Syncd-Version"] for said in answers} == {syncd.__version__}


def test_health_and_description_are_there(room):
    """Whether it answers, and what can be asked: every operation, with its roles, its request and the words of its docstring."""
    assert room.ask("GET", "/v1/health").document == {"status": "ok", "version": syncd.__version__}
    document = room.ask("GET", "/v1/openapi.json").document
    assert document["openapi"].startswith("3.1")
    asked = document["paths"]["/v1/list"]["post"]
    assert asked["x-roles"] == ["auditor", "operator"]
    assert "count: items." in asked["description"]
    name = asked["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert document["components"]["schemas"][name]["required"] == ["count"]
    assert asked["requestBody"]["required"] is True
    assert document["paths"]["/v1/echo"]["post"]["requestBody"]["required"] is False
    assert {f"/v1/{each.name}" for each in room.stage.operations()} < set(document["paths"])


# -- lists -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 5_000])
def test_a_series_comes_line_by_line(room, count):
    """Its key, its items, and what remains to be said, whether it is empty or long."""
    first, *items, last = room.post("list", count=count).lines
    assert first == {"key": "items"}
    assert [line["item"]["n"] for line in items] == list(range(count))
    assert last == {"exit": 0, "notes": ["all"], "payload": {"total": count}}


def test_an_error_before_the_first_item_has_its_status(room):
    """Nothing was said yet, so the answer is the error."""
    said = room.post("list", count=5, fail_at=0)
    assert (said.status, said.document["error"]) == (503, "LedgerBusy")


def test_an_error_midway_is_the_last_line(room):
    """A list that breaks off says so, and does not look complete."""
    lines = room.post("list", count=40_000, fail_at=30_000).lines
    assert lines[-1]["error"] == "LedgerBusy"
    assert lines[-1]["exit"] == Exit.TRY_AGAIN
    assert len(lines) == 30_002


def test_a_client_that_leaves_a_list_ends_it(room):
    """What the list holds open, such as a snapshot of the ledger, is let go."""
    connection = room.connection()
    connection.request("POST", "/v1/list", json.dumps({"count": 100_000, "size": 10_000}))
    assert connection.getresponse().read(1000)
    connection.close()
    assert room.stage.closed.wait(WAIT_S)


# -- jobs --------------------------------------------------------------------------------------------------------------


def test_long_work_is_a_job_that_can_be_watched(room):
    """It is begun and named at once; whoever watches sees its steps and its reply."""
    said = room.post("work", steps=3)
    assert said.status == 202
    assert said.document["plan"] == {"steps": 3}
    job = said.document["job"]
    *steps, last = room.ask("GET", f"/v1/jobs/{job}/watch").lines
    assert steps[-1]["progress"].items() >= {"source": "notes", "phase": "index", "done": 3, "total": 3}.items()
    assert last == {"exit": 0, "notes": ["done"], "payload": {"steps": 3}}
    assert room.ask("GET", f"/v1/jobs/{job}").document["state"] == "done"
    assert [each["job"] for each in room.ask("GET", "/v1/jobs").document["jobs"]] == [job]


def test_progress_comes_while_the_work_goes_on(room):
    """A step is told before the next one is made, not when all is over."""
    while room.stage.step.acquire(blocking=False):
        pass
    job = room.post("work", steps=2).document["job"]
    connection = room.connection()
    connection.request("GET", f"/v1/jobs/{job}/watch")
    response = connection.getresponse()
    room.stage.step.release()
    assert json.loads(response.readline())["progress"]["done"] == 1
    room.stage.step.release()
    assert json.loads(response.readline())["progress"]["done"] == 2
    assert json.loads(response.readline())["payload"] == {"steps": 2}
    connection.close()


def test_a_job_that_fails_says_why_in_the_last_line(room):
    """The error that ended it arrives as every other error does."""
    job = room.post("work", fail=True).document["job"]
    last = room.ask("GET", f"/v1/jobs/{job}/watch").lines[-1]
    assert (last["error"], last["exit"]) == ("SourceUnavailable", Exit.UNAVAILABLE)


def test_a_client_that_goes_away_stops_no_job(room):
    """Whoever watched leaves in the middle; the work is done all the same."""
    while room.stage.step.acquire(blocking=False):
        pass
    job = room.post("work", steps=2).document["job"]
    connection = room.connection()
    connection.request("GET", f"/v1/jobs/{job}/watch")
    response = connection.getresponse()
    room.stage.step.release()
    assert response.readline()
    response.close()
    connection.close()
    room.stage.step.release()
    assert room.ask("GET", f"/v1/jobs/{job}/watch").lines[-1]["payload"] == {"steps": 2}


def test_an_unknown_job_is_not_there(room):
    """Watching or asking for what does not exist is a 404, not an empty answer."""
    for target in ("/v1/jobs/zz", "/v1/jobs/zz/watch"):
        said = room.ask("GET", target)
        assert (said.status, said.document["error"]) == (404, "JobUnknown")


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("usage", 400),
        ("error", 400),
        ("permission", 403),
        ("unknown", 404),
        ("integrity", 409),
        ("halted", 409),
        ("config", 409),
        ("incomplete", 409),
        ("try-again", 503),
        ("unavailable", 503),
    ],
)
def test_each_family_of_errors_has_its_status(lasting, how, status):
    """The message, the exit code and the class arrive, under the status that fits."""
    said = lasting.post("fail", how=how)
    assert said.status == status
    assert said.headers["Content-Type"] == "application/problem+json"
    error = FAMILIES[how]
    assert said.document == {"error": type(error).__name__, "message": str(error), "exit": int(error.exit)}
    assert (said.headers["Retry-After"] is not None) == (how == "try-again")


@pytest.mark.parametrize("how", ["zero", "exit", "stop"])
def test_what_nobody_foresaw_is_told_without_its_text(room, logged, how):
    """The answer says nothing of it, the log only its class, and the daemon goes on."""
    said = room.post("fail", how=how)
    assert (said.status, said.document["error"], said.document["exit"]) == (500, "internal", Exit.ERROR)
    assert SECRET not in said.body.decode()
    assert SECRET not in logged.getvalue()
    assert "control.failed" in logged.getvalue()
    assert room.post("echo").status == 200


def test_the_log_knows_nothing_of_what_is_asked(room, logged):
    """Questions, names and wrong input leave no trace in the process log, whatever becomes of them."""
    for body in ({"text": SECRET}, {"text": 5, SECRET: 1}, SECRET):
        room.ask("POST", "/v1/echo", body)
    room.ask("GET", "/v1/canary-7f3a?canary-7f3a")
    with room.raw() as line:
        line.sendall(b"GET canary-7f3a\r\n\r\n")
        assert b" 400 " in line.recv(4096)
    assert "canary" not in logged.getvalue()
