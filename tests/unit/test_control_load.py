"""Nobody can keep others waiting: slow questions, slow clients, many of them, and the end of the server."""

import io
import json
import socket
import sys
import threading
from http.client import HTTPConnection

import pytest
from control_kit import WAIT_S, serving, until

import syncd
from syncd.daemon import log
from syncd.daemon.control.app import OF_ONE
from syncd.daemon.control.protocol import Limits
from syncd.errors import Exit


@pytest.fixture
def room(tmp_path):
    """A control room that answers."""
    with serving(tmp_path / "run/syncd.sock") as served:
        yield served


@pytest.fixture
def logged():
    """What the process log says meanwhile."""
    out = io.StringIO()
    log.aim(out)
    yield out
    log.aim(sys.stderr)


def test_operations_that_take_long_keep_nobody_waiting(room):
    """While one account's questions are held up, others are answered, and so is whoever asks whether the daemon lives."""
    held = [_asked(room, "hold") for _ in range(3)]
    for _ in held:
        assert room.stage.entered.acquire(timeout=WAIT_S)
    assert room.ask("GET", "/v1/health").status == 200
    assert room.post("echo").status == 200
    room.stage.go_on.set()
    assert [_answer(each)["payload"] for each in held] == [{"held": True}] * 3


def test_one_account_gets_no_more_than_its_share_of_threads(room):
    """What it asks beyond its share is refused, so there are threads left for others."""
    held = [_asked(room, "hold") for _ in range(OF_ONE)]
    for _ in held:
        assert room.stage.entered.acquire(timeout=WAIT_S)
    said = room.post("echo")
    assert (said.status, said.document["error"], said.document["exit"]) == (503, "TooManyQuestions", Exit.TRY_AGAIN)
    room.stage.go_on.set()
    assert all(_answer(each)["payload"] == {"held": True} for each in held)
    assert room.post("echo").status == 200


def test_there_is_room_for_so_many_connections(tmp_path):
    """One more is told to come again, and can when another has left."""
    with serving(tmp_path / "s/s", limits=Limits(connections=2, of_one=2)) as room:
        first, second, third = room.connection(), room.connection(), room.connection()
        for connection in (first, second):
            connection.request("GET", "/v1/health")
            assert connection.getresponse().read()
        third.request("GET", "/v1/health")
        response = third.getresponse()
        assert (response.status, response.headers["Retry-After"] is not None) == (503, True)
        assert json.loads(response.read())["error"] == "TooManyConnections"
        assert response.headers["Syncd-Version"] == syncd.__version__
        for connection in (first, second, third):
            connection.close()
        until(lambda: room.ask("GET", "/v1/health").status == 200)


def test_one_account_gets_no_more_than_its_share_of_connections(tmp_path):
    """Room that is kept for others is kept."""
    with serving(tmp_path / "s/s", limits=Limits(connections=10, of_one=1)) as room:
        first, second = room.connection(), room.connection()
        for connection, status in ((first, 200), (second, 503)):
            connection.request("GET", "/v1/health")
            response = connection.getresponse()
            assert response.status == status
            response.read()
        first.close()
        second.close()


@pytest.mark.parametrize("begin", [b"", b"POST /v1/echo HT", b"POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n{"])
def test_a_request_that_does_not_come_is_not_waited_for(tmp_path, begin):
    """Whoever says nothing, or not all, is cut off."""
    with serving(tmp_path / "s/s", limits=Limits(request=0.1)) as room, room.raw() as line:
        line.sendall(begin)
        assert line.recv(1) == b""


def test_a_trickle_is_no_request(tmp_path):
    """A byte now and then does not buy more time."""
    with serving(tmp_path / "s/s", limits=Limits(request=0.3)) as room, room.raw() as line:
        line.sendall(b"POST /v1/echo HTTP/1.1\r\nX: ")
        line.settimeout(0.05)
        assert any(_cut_off(line) for _ in range(int(WAIT_S / 0.05)))


def _cut_off(line: socket.socket) -> bool:
    """Send one more byte; whether the other side has gone."""
    try:
        line.sendall(b"x")
        return line.recv(1) == b""
    except TimeoutError:
        return False
    except (BrokenPipeError, ConnectionResetError):
        return True


def test_an_idle_connection_ends(tmp_path):
    """One that was used and is not any more makes room."""
    with serving(tmp_path / "s/s", limits=Limits(keep_alive=1)) as room:
        connection = room.connection()
        connection.request("GET", "/v1/health")
        connection.getresponse().read()
        assert connection.sock.recv(1) == b""
        connection.close()


def test_a_client_that_does_not_read_is_cut_off(tmp_path):
    """Its answer is not kept for ever, and what it holds open is let go."""
    with serving(tmp_path / "s/s", limits=Limits(stall=0.2)) as room:
        connection = room.connection()
        connection.request("POST", "/v1/list", json.dumps({"count": 100_000, "size": 10_000}))
        assert room.stage.closed.wait(WAIT_S)
        assert room.post("echo").status == 200
        connection.close()


def test_a_client_that_reads_slowly_holds_no_thread(tmp_path):
    """As many slow readers as there are threads, and others are answered all the same."""
    with serving(tmp_path / "s/s") as room:
        slow = [room.connection() for _ in range(40)]
        for connection in slow:
            connection.request("POST", "/v1/list", json.dumps({"count": 100_000, "size": 10_000}))
            assert connection.getresponse().status == 200
        assert room.post("echo").status == 200
        for connection in slow:
            connection.close()


def _asked(room, operation: str) -> HTTPConnection:
    """A question whose answer is not waited for."""
    connection = room.connection()
    connection.request("POST", f"/v1/{operation}", b"{}")
    return connection


def _answer(connection: HTTPConnection) -> dict:
    """The answer."""
    with connection.getresponse() as response:
        said = json.loads(response.read())
    connection.close()
    return said


# -- beginning and end -------------------------------------------------------------------------------------------------


def test_stopping_gives_those_inside_their_answers(tmp_path):
    """A question that was asked before is answered; after it nobody is let in."""
    with serving(tmp_path / "s/s") as room:
        held = _asked(room, "hold")
        assert room.stage.entered.acquire(timeout=WAIT_S)
        stopper = threading.Thread(target=room.server.stop, args=(WAIT_S,))
        stopper.start()
        until(lambda: not room.path.exists())  # the first thing that stopping does
        room.stage.go_on.set()
        assert _answer(held)["payload"] == {"held": True}
        stopper.join(WAIT_S)
        assert not stopper.is_alive()


def test_stopping_waits_no_longer_than_it_is_told(tmp_path, logged):
    """A question that never ends does not keep the daemon from ending, and that it was cut off is logged."""
    with serving(tmp_path / "s/s") as room:
        held = _asked(room, "hold")
        assert room.stage.entered.acquire(timeout=WAIT_S)
        room.server.stop(0.0)
        assert not room.stage.go_on.is_set()
        assert "control.late" in logged.getvalue()
        assert room.server.failed is None
        held.close()


def test_a_server_that_ends_by_itself_has_failed(tmp_path, logged):
    """Whoever watches over the daemon's threads sees that nobody answers any more, and why."""
    with serving(tmp_path / "s/s") as room:
        room.server._server.should_exit = True
        room.server._thread.join(WAIT_S)
        assert isinstance(room.server.failed, RuntimeError)
        assert "control.ended" in logged.getvalue()
        room.server.failed = None
