"""What is no request of the control API: refused with its place, whatever it is, and never repeated."""

import json

import pytest
from control_kit import serving

from syncd.daemon.control.app import BODY_LIMIT
from syncd.errors import Exit


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """One that answers many tests, which leave nothing behind."""
    with serving(tmp_path_factory.mktemp("control") / "run/syncd.sock") as served:
        yield served


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"not json", ""),
        (b"{", ""),
        (b'{"text": "a"} x', ""),
        (b"null", ""),
        (b"[]", ""),
        (b'"x"', ""),
        (b"\xff\xfe", ""),
        (b"\xef\xbb\xbf{}", ""),
        (b'{"text": "\xff"}', ""),
        (b'{"k": NaN}', ""),
        (b'{"k": -Infinity}', ""),
        (b'{"text": "a", "text": "b"}', ""),
        (b"[" * 500_000, ""),
        (b'{"deep":' * 100_000, ""),
        (b'{"k": ' + b"9" * 100_000 + b"}", ""),
        (b'{"k": 9223372036854775808}', "/k"),
        (b'{"k": 1.5}', "/k"),
        (b'{"k": 1e300}', "/k"),
        (b'{"k": true}', "/k"),
        (b'{"k": "1"}', "/k"),
        (b'{"share": 1e999}', "/share"),
        (b'{"share": "0.5"}', "/share"),
        (b'{"yes": 1}', "/yes"),
        (b'{"text": null}', "/text"),
        (b'{"text": "a\\u0000b"}', "/text"),
        (b'{"tags": "a"}', "/tags"),
        (b'{"tags": ["a", 1]}', "/tags/1"),
        (b'{"tags": {"a": 1}}', "/tags"),
        (b'{"state": "elsewhere"}', "/state"),
        (b'{"state": "\\ud800"}', "/state"),
        (b'{"deep": {"n": "x"}}', "/deep/n"),
        (b'{"deep": {"n": 1, "m": 2}}', "/deep/m"),
        (b'{"unknown~/key": 1}', "/unknown~0~1key"),
        (b'{"\\ud800": 1}', ""),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else None,
)
def test_wrong_input_is_refused_with_its_place(room, body, pointer):
    """Whatever is sent, the answer is 422 and a JSON pointer to what is wrong; the operation is not asked."""
    room.stage.asked.clear()
    said = room.ask("POST", "/v1/echo", body)
    assert said.status == 422
    assert said.headers["Content-Type"] == "application/problem+json"
    assert said.document["exit"] == Exit.USAGE
    assert said.document["faults"][0]["pointer"] == pointer
    assert len(said.body) < 2_000
    assert room.stage.asked == []


def test_wrong_input_is_not_repeated(room):
    """A secret in the wrong place is not spread by the answer."""
    said = room.ask(
        "POST", "/v1/echo", {"k": "hunter2", "tags": ["hunter2", {"a": "hunter2"}], "state": "hunter2", "deep": "hunter2"}
    )
    assert said.status == 422
    assert b"hunter2" not in said.body


def test_what_is_not_there_and_what_is_not_meant(room):
    """Unknown paths, methods and kinds of bodies are told apart; nothing is guessed or forwarded."""
    assert room.ask("POST", "/v1/echo/").status == 404
    assert room.ask("POST", "/echo").status == 404
    assert room.ask("POST", "/v2/echo").status == 404
    assert room.ask("GET", "/v1/%ff%00").status == 404
    wrong = room.ask("PUT", "/v1/echo")
    assert (wrong.status, wrong.headers["Allow"], wrong.document["error"]) == (405, "POST", "MethodUnknown")
    assert room.ask("POST", "/v1/health").status == 405
    assert room.ask("POST", "/v1/echo", b"k=1", {"Content-Type": "application/x-www-form-urlencoded"}).status == 415
    assert room.ask("POST", "/v1/echo", b"{}", {"Content-Type": "application/json; charset=utf-8"}).status == 200


def test_a_body_has_an_end(room):
    """A request larger than 1 MiB is refused, whether it says so or not, and the connection can be used again."""
    connection = room.connection()
    connection.request("POST", "/v1/echo", b" " * (BODY_LIMIT + 1))
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["error"]) == (413, "TooLarge")
    connection.request(
        "POST", "/v1/echo", (b" " * 65_536 for _ in range(20)), {"Transfer-Encoding": "chunked"}, encode_chunked=True
    )
    response = connection.getresponse()
    assert response.status == 413
    response.read()
    connection.request("POST", "/v1/echo", b" " * (BODY_LIMIT - 2) + b"{}")
    response = connection.getresponse()
    assert response.status == 200
    response.read()
    connection.close()


def test_what_is_no_http_is_told_so(room):
    """Noise is answered like everything else, and the connection ends."""
    with room.raw() as line:
        line.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        said = b"".join(iter(lambda: line.recv(4096), b""))
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["error"] == "NotHttp"
    assert b"Syncd-Version" in head


def test_a_whole_number_is_an_integer_however_it_is_written(room):
    """JSON has one kind of number: some clients write 3 as 3.0."""
    assert room.ask("POST", "/v1/echo", b'{"k": 3.0, "share": 1}').document["payload"]["k"] == 3
