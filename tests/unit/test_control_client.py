"""The daemon's client: what it makes of answers, and what becomes of the work when somebody leaves or the daemon fails."""

import json
import signal
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from control_kit import FAMILIES, WAIT_S, serving, until

from syncd.cli.client import Client, Detached, Step
from syncd.errors import DaemonGone, DaemonRefused, Exit, NotYet, SyncdError
from syncd.operations.operation import Reply, Series


@pytest.fixture
def room(tmp_path):
    """A control room that answers."""
    with serving(tmp_path / "run/syncd.sock") as served:
        yield served


@pytest.fixture
def client(room) -> Client:
    """A client of it."""
    return Client(room.path)


def test_a_reply_is_what_the_operation_replied(client):
    """The same value that a direct call gives, names that are no UTF-8 included."""
    reply = client.ask("echo", {"text": "caf\udce9 née", "tags": ["a"]})
    assert reply == Reply(
        {"text": "caf\udce9 née", "k": 1, "tags": ["a"], "state": "done", "doc": None, "deep": None}, notes=("noted",)
    )
    assert reply.exit is Exit.OK


def test_a_series_is_read_as_it_is_asked_for(client):
    """Items come one at a time; what remains to be said is there when they are through."""
    series = client.ask("list", {"count": 3_000})
    assert isinstance(series, Series)
    assert series.key == "items"
    assert next(series.items)["n"] == 0
    assert series.reply == Reply({})
    assert sum(1 for _ in series.items) == 2_999
    assert series.reply == Reply({"total": 3_000}, notes=("all",))


def test_a_series_that_is_left_ends_at_the_daemon(client, room):
    """Whoever reads no further, as `head` does, holds nothing open there."""
    series = client.ask("list", {"count": 100_000, "size": 10_000})
    assert next(series.items)
    series.items.close()
    assert room.stage.closed.wait(WAIT_S)


def test_an_error_in_a_series_is_raised_where_it_happened(client):
    """What was there before it has been given."""
    series = client.ask("list", {"count": 10, "fail_at": 3})
    assert [next(series.items)["n"] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(DaemonRefused) as caught:
        next(series.items)
    assert caught.value.exit is Exit.TRY_AGAIN


def test_long_work_is_watched_to_its_end(client):
    """The plan comes first, then every step that is seen, and the reply of the work at last."""
    plans, steps = [], []
    reply = client.ask("work", {"steps": 3}, steps.append, plans.append)
    assert plans == [{"steps": 3}]
    assert steps[-1] == Step("notes", "index", 3, 3, 0)
    assert reply == Reply({"steps": 3}, notes=("done",))


def test_work_can_be_begun_and_watched_later(client):
    """By its id, or the beginning of it, by anybody who may."""
    job = client.begin("work", {"steps": 2})
    assert client.watch(job[:6], lambda _: None).payload == {"steps": 2}
    assert client.job(job)["state"] == "done"
    assert [each["job"] for each in client.jobs()] == [job]


def test_work_that_fails_raises_what_ended_it(client):
    """As if it had been done here."""
    with pytest.raises(DaemonRefused) as caught:
        client.ask("work", {"fail": True})
    assert caught.value.exit is Exit.UNAVAILABLE


def test_ctrl_c_leaves_the_work_alone(client, room):
    """Whoever interrupts the watching learns which job goes on, and it does."""
    while room.stage.step.acquire(blocking=False):
        pass
    room.stage.step.release()
    with pytest.raises(Detached) as caught:
        client.ask("work", {"steps": 2}, lambda _: signal.raise_signal(signal.SIGINT))
    assert isinstance(caught.value, KeyboardInterrupt)
    room.stage.step.release()
    assert client.watch(caught.value.job, lambda _: None).payload == {"steps": 2}


@pytest.mark.parametrize("how", FAMILIES)
def test_errors_keep_their_words_and_their_code(client, how):
    """A command ends as if the error had happened here."""
    error = FAMILIES[how]
    with pytest.raises(DaemonRefused) as caught:
        client.ask("fail", {"how": how})
    assert str(caught.value) == str(error)
    assert (caught.value.exit, caught.value.error) == (error.exit, type(error).__name__)


def test_words_of_the_daemon_are_not_taken_apart():
    """Braces, line ends and percent signs arrive as they were said."""
    text = "{file}: 100%  {0}\n{{x}} \udce9"
    error = DaemonRefused(message=text, error="X", exit=Exit.HALTED)
    assert (str(error), error.exit) == (text, Exit.HALTED)
    assert SyncdError(detail="").exit is Exit.ERROR


def test_an_unknown_operation_or_a_wrong_request_is_refused(client):
    """A command of another version gets a sentence, not a traceback."""
    with pytest.raises(DaemonRefused, match="no such path"):
        client.ask("no-such-operation")
    with pytest.raises(DaemonRefused, match="/k: should be a valid integer"):
        client.ask("echo", {"k": "x"})
    with pytest.raises(DaemonRefused, match="no such job"):
        client.job("zz?x")


# -- a daemon that fails -----------------------------------------------------------------------------------------------


@contextmanager
def saying(path: Path, answer: bytes, *, stay: threading.Event | None = None):
    """Somebody at `path` who says `answer` to everybody and leaves; stay: only when this is set."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()

        def serve() -> None:
            while True:
                line, _ = door.accept()
                with line:
                    if not heard(line):
                        return
                    line.sendall(answer)
                    if stay is not None:
                        stay.wait(WAIT_S)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Client(path)
        finally:
            with socket.socket(socket.AF_UNIX) as last:
                last.connect(str(path))
            thread.join(WAIT_S)


def heard(line: socket.socket) -> bytes:
    """A whole request: who leaves before it was said breaks it off, not the answer."""
    said = b""
    while part := line.recv(65_536):
        said += part
        head, end, body = said.partition(b"\r\n\r\n")
        size = next((int(each.split(b":")[1]) for each in head.split(b"\r\n") if each.lower().startswith(b"content-length")), 0)
        if end and len(body) >= size:
            break
    return said


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"
CHUNKED = HEAD % b"application/x-ndjson" + b"Transfer-Encoding: chunked\r\n\r\n"


def chunk(text: bytes) -> bytes:
    """A piece of a chunked body."""
    return f"{len(text):x}\r\n".encode() + text + b"\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        HEAD % b"application/json" + b"Content-Length: 50\r\n\r\n{",
        HEAD % b"application/json" + b"Content-Length: 3\r\n\r\n[1]",
        HEAD % b"application/json" + b"Content-Length: 4\r\n\r\n{no}",
        HEAD % b"application/json" + b"Content-Length: 2\r\n\r\n\xff\xff",
    ],
    ids=range(7),
)
def test_an_answer_that_breaks_off_is_no_answer(tmp_path, answer):
    """A daemon that was killed, or something else at its place, is told in a sentence."""
    with saying(tmp_path / "s", answer) as client, pytest.raises(DaemonGone):
        client.ask("echo")


@pytest.mark.parametrize(
    "answer",
    [
        CHUNKED + chunk(b'{"key":"items"}\n{"item":{"n":1}}\n') + b"ff\r\n",
        CHUNKED + chunk(b'{"key":"items"}\n{"item":{"n":1}}\n') + b"0\r\n\r\n",
        CHUNKED + chunk(b'{"key":"items"}\n{"item":{"n":1}}\n{"exit":0,') + b"0\r\n\r\n",
        CHUNKED + chunk(b'{"key":"items"}\n{"item":{"n":1}}\nnoise\n') + b"0\r\n\r\n",
    ],
    ids=range(4),
)
def test_a_list_that_breaks_off_does_not_look_complete(tmp_path, answer):
    """The last line says that it is the last: without it the list is an error, whatever came before."""
    with saying(tmp_path / "s", answer) as client:
        series = client.ask("list", {"count": 5})
        assert next(series.items) == {"n": 1}
        with pytest.raises(DaemonGone):
            next(series.items)


def test_watching_ends_with_a_word(tmp_path):
    """A daemon that goes away while its work is watched did not do it."""
    with saying(
        tmp_path / "s", CHUNKED + chunk(b'{"progress":{"source":"a","phase":"p","done":1,"total":null}}\n') + b"0\r\n\r\n"
    ) as client:
        steps = []
        with pytest.raises(DaemonGone, match="how the job ended"):
            client.watch("j", steps.append)
    assert steps == [Step("a", "p", 1, None, 0)]


def test_a_code_of_another_version_is_an_error(tmp_path):
    """An exit code that this version does not know is neither success nor a crash."""
    said = json.dumps({"error": "New", "message": "as it is", "exit": 99}).encode()
    head = b"HTTP/1.1 418 Teapot\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n" % len(said)
    with saying(tmp_path / "s", head + said) as client, pytest.raises(DaemonRefused, match="as it is") as caught:
        client.ask("echo")
    assert caught.value.exit is Exit.ERROR


@pytest.mark.parametrize("answer", [b"", HEAD % b"application/json" + b"Content-Length: 50\r\n\r\n{"], ids=range(2))
def test_a_daemon_that_says_nothing_is_not_waited_for_without_end(tmp_path, answer):
    """Neither before its answer nor in the midst of it."""
    leave = threading.Event()
    with saying(tmp_path / "s", answer, stay=leave) as client:
        try:
            with pytest.raises(NotYet):
                Client(client.path, patience=0.1).ask("echo")
        finally:
            leave.set()


def test_a_daemon_that_stopped_meanwhile_is_gone(room, client):
    """Between two questions the daemon may end."""
    room.server.stop(1.0)
    until(lambda: not room.path.exists())
    with pytest.raises(DaemonGone, match="nobody listens"):
        client.ask("echo")
