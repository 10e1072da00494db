"""The process log: names, principals and text never reach it, whoever logs and however it is shown."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from enum import IntEnum, StrEnum
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

import syncd
from syncd.daemon import log
from syncd.errors import SourceUnavailable

SECRETS = (
    "/srv/notes/Salary of Alice.md",
    "user:alice",
    'line\nbreak\r\n{"event": "forged"}',
    "\x1b[31mcrimson\x1b]0;title\x07",
    "Ünïcode and \u2028 \u202e reversed",
    "the text of a document, with spaces",
    "x" * 65,
    "",
)
SPELT = int.from_bytes(SECRETS[1].encode(), "big")
"""A number that is a name."""
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    """A stream that says that a person reads it."""

    def isatty(self):
        return True


@pytest.fixture
def json_lines():
    """The log as JSON lines, read back."""
    stream = io.StringIO()
    log.aim(stream, {})
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    log.aim(io.StringIO(), {})


@pytest.fixture
def console():
    """The log as a person reads it, without colours."""
    stream = Terminal()
    log.aim(stream, {"NO_COLOR": "1"})
    yield stream.getvalue
    log.aim(io.StringIO(), {})


@pytest.fixture(params=[io.StringIO, Terminal])
def shown(request):
    """The log in both forms, as it is written."""
    stream = request.param()
    log.aim(stream, {"NO_COLOR": "1"})
    yield stream.getvalue
    log.aim(io.StringIO(), {})


def hostile():
    """Every kind of value that could carry a text, by a name that tells its kind."""

    class Number(int):
        def __repr__(self):
            return SECRETS[0]

        __str__ = __repr__

    class Word(str):
        __slots__ = ()

        def __str__(self):
            return SECRETS[1]

        __repr__ = __str__

    class Thing:
        def __repr__(self):
            return SECRETS[1]

    kind = type("user:alice", (Exception,), {})
    return [
        *SECRETS,
        *(each.encode() for each in SECRETS),
        Path(SECRETS[0]),
        [SECRETS[1]],
        {"name": SECRETS[1]},
        Thing(),
        ValueError(SECRETS[0]),
        kind(SECRETS[0]),
        kind,
        Number(7),
        Word("word"),
        float("nan"),
        float("inf"),
        SPELT,
        10**5000,
    ]


# -- the closed list ---------------------------------------------------------------------------------------------------


def test_what_a_line_says(json_lines):
    """When, how bad, what, and the facts: ids in hex, words, numbers, the class of an error."""
    log.get_logger().warning(
        "run.ended",
        run="00ff" * 8,
        doc=b"\x01" * 16,
        source="notes.2024",
        state="failed",
        seconds=1.5,
        added=3,
        ok=True,
        error=SourceUnavailable(source="notes", detail="gone"),
        held=None,
    )
    (line,) = json_lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line.pop("timestamp"))
    assert line == {
        "level": "warning", "event": "run.ended", "run": "00ff" * 8, "doc": "01" * 16, "source": "notes.2024", "state": "failed",
        "seconds": 1.5, "added": 3, "ok": True, "error": "SourceUnavailable",
    }  # fmt: skip


def test_enumerations_are_shown_by_value(json_lines):
    """States and exit codes are enumerations in the code and plain words and numbers in the log."""
    state, code = StrEnum("State", {"TOO_LARGE": "too-large"}), IntEnum("Code", {"HALTED": 4})
    log.get_logger().info("run.ended", reason=state.TOO_LARGE, exit=code.HALTED)
    assert [(line["reason"], line["exit"]) for line in json_lines()] == [("too-large", 4)]


def test_nothing_hostile_is_seen(shown):
    """Whatever stands under whatever key, as event, bound to the logger or to the thread: none of it comes through."""
    logger = log.get_logger()
    for value in hostile():
        logger.error(value if isinstance(value, str) else "event")
        logger.error("event", **dict.fromkeys(log.KEYS, value))
        logger.bind(path=value, source=value).error("event")
        with structlog.contextvars.bound_contextvars(job=value, reader=value):
            logger.error("event")
    for secret in SECRETS[:-2]:
        logger.error("event", **{secret: 1}, level=secret, timestamp=secret, stack_info=secret)
    text = shown()
    assert len(text.splitlines()) == text.count("\n") == 4 * len(hostile()) + len(SECRETS) - 2
    for secret in (
        *SECRETS[:-1],
        "alice",
        "Alice",
        "\x1b",
        "forged",
        "title",
        "crimson",
        "\u202e",
        "NaN",
        "Infinity",
        "inf",
        str(SPELT),
    ):
        assert secret not in text
        assert json.dumps(secret)[1:-1] not in text
        assert secret.encode().hex() not in text


def test_keys_that_are_not_known_are_left_out_and_counted(json_lines):
    """A line tells that it was cut, not what was cut off."""
    log.get_logger().info("run.ended", path="/srv", query="who", seconds=2)
    (line,) = json_lines()
    assert (line["dropped"], line["seconds"]) == (2, 2)
    assert line.keys() == {"timestamp", "level", "event", "dropped", "seconds"}


def test_a_value_that_its_key_does_not_allow_is_withheld(json_lines):
    """A word is no id, an id no number, and a string only an error where an error is called so."""
    log.get_logger().info("it", run="notes", added="many", error="Alice", source="Notes", doc=b"short")
    log.get_logger().info("it", error="FileNotFoundError")
    first, second = json_lines()
    assert {first[key] for key in ("run", "added", "error", "source", "doc")} == {log.WITHHELD}
    assert second["error"] == "FileNotFoundError"


@given(
    st.text(),
    st.dictionaries(
        st.sampled_from(sorted(log.KEYS)) | st.text(),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.text()),
    ),
)
def test_every_line_is_of_the_closed_form(event, facts):
    """Law: one line of JSON, of known keys, whose values are numbers, words or withheld."""
    stream = io.StringIO()
    log.aim(stream, {})
    log.get_logger().bind(**{key: value for key, value in facts.items() if key not in {"self", "event"}}).error(event)
    text = stream.getvalue()
    assert text.count("\n") == 1
    line = json.loads(text, parse_constant=pytest.fail)
    assert line.keys() <= log.KEYS.keys() | {"timestamp", "level", "event", "dropped", "causes", "at"}
    del line["timestamp"], line["level"]
    for value in line.values():
        assert isinstance(value, int | float | list) or re.fullmatch(r"[a-z0-9._-]{1,64}|\(withheld\)", value)


# -- exceptions --------------------------------------------------------------------------------------------------------


def raised():
    """An error of syncd with a cause, all of whose texts are secret."""
    try:
        syncd.errors.SyncdError("no facts by position")
    except TypeError as error:
        cause = error
    try:
        try:
            Path(SECRETS[0]).stat()
        except OSError as error:
            error.__context__ = cause
            error.add_note(SECRETS[1])
            raise SourceUnavailable(source=SECRETS[1], detail=SECRETS[0]) from error
    except SourceUnavailable as error:
        return error


def fail_somewhere():
    """Log what syncd's own code raises, and errors with causes and in groups."""
    try:
        log.aim("no stream", {})
    except AttributeError:
        log.get_logger().exception("it.failed")
    log.get_logger().error("it.failed", exc_info=raised())
    log.get_logger().error("it.failed", exc_info=ExceptionGroup(SECRETS[1], [raised()]))


def test_nothing_that_an_exception_says_is_seen(shown):
    """No message, no note, no line of source, no path of this machine."""
    fail_somewhere()
    text = shown()
    assert text.count("SourceUnavailable") == 2
    for secret in (*SECRETS[:-1], "alice", "no stream", "/tests/", "test_daemon_log", log.CODE):
        assert secret not in text


def test_an_exception_is_its_class_and_its_place(json_lines):
    """The classes of the error and its causes, and the lines of syncd that it came through."""
    fail_somewhere()
    first, second, third = json_lines()
    assert first["error"] == "AttributeError"
    assert re.fullmatch(r"syncd/daemon/log\.py:\d+", first["at"][-1])
    assert (second["error"], second["causes"], second["at"]) == ("SourceUnavailable", ["FileNotFoundError", "TypeError"], [])
    assert (third["error"], third["causes"][0]) == ("ExceptionGroup", "SourceUnavailable")


def test_causes_without_end_have_one(json_lines):
    """Errors that name each other as cause are told as far as a line is long."""
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one
    log.get_logger().error("it.failed", exc_info=one)
    assert len(json_lines()[0]["causes"]) == log.DEEPEST


# -- form and stream ---------------------------------------------------------------------------------------------------


def test_a_person_reads_one_line_without_control_characters(console):
    """What a terminal shows is printable, and one line an event."""
    for value in hostile():
        log.get_logger().info("run.ended", source="notes", seconds=1.25, reason=value, error=value)
    lines = console().splitlines()
    assert len(lines) == len(hostile())
    assert all(line.isprintable() and "run.ended" in line and "source=notes" in line for line in lines)


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colour_is_for_terminals_that_want_it(environ, coloured):
    """Colours are the only control characters, where nobody declined them."""
    stream = Terminal()
    log.aim(stream, environ)
    log.get_logger().info("run.ended", source="notes")
    log.aim(io.StringIO(), {})
    assert bool(COLOUR.search(stream.getvalue())) is coloured
    assert COLOUR.sub("", stream.getvalue()).rstrip("\n").isprintable()


def test_nothing_below_info_is_logged(json_lines):
    """Debugging is not for the process log."""
    log.get_logger().debug("run.ended")
    assert json_lines() == []


def test_a_stream_that_fails_stops_nothing():
    """A line that can't be written is counted, and told with the next one that can."""

    class Pipe(io.StringIO):
        broken = True

        def write(self, text):
            if self.broken:
                raise BrokenPipeError
            return super().write(text)

    pipe = Pipe()
    log.aim(pipe, {})
    for _ in range(3):
        log.get_logger().info("it")
    pipe.broken = False
    log.get_logger().info("it")
    log.get_logger().info("it")
    log.aim(io.StringIO(), {})
    assert [json.loads(line).get("lost") for line in pipe.getvalue().splitlines()] == [3, None]


# -- everything else that would write, in a process of its own -----------------------------------------------------------

SET_UP = """
import sys
from syncd.daemon import log
{before}
log.set_up()
{after}
"""


def run(after, before="", **options):
    """Run a program that sets the log up; what it wrote on stderr, read back, and as it was."""
    program = SET_UP.format(before=before, after=after)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60, **options)
    return [json.loads(line) for line in done.stderr.splitlines()], done.stderr


def test_other_libraries_are_heard_without_their_words():
    """Level, module and class of error of what another library says, from its own handlers too; INFO and below: nothing."""
    lines, text = run(
        before="""
import logging, sqlalchemy.engine, apscheduler
early = logging.getLogger("sqlalchemy.engine.Engine.alice")
""",
        after="""
early.error("SELECT %s", "alice", extra={"user": "alice"})
logging.getLogger("apscheduler.scheduler").info("alice")
chatty = logging.getLogger("apscheduler")
chatty.setLevel(logging.DEBUG)
chatty.addHandler(logging.StreamHandler())
chatty.handlers[0].setFormatter(logging.Formatter('{"own": "%(message)s"}'))
chatty.debug("alice")
try:
    open("/srv/alice.md")
except OSError:
    chatty.exception("can't open %r", "/srv/alice.md", stack_info=True)
logging.getLogger("/srv/alice.md").critical("alice")
logging.warning("alice %s")
logging.warning("alice %d", "not a number")
import structlog
structlog.get_logger().info("direct", path="alice")
""",
    )
    assert "alice" not in text
    own = [line for line in lines if "own" in line]
    assert [line["own"] for line in own] == [log.WITHHELD] * 2
    assert (lines[-1]["event"], lines[-1]["dropped"]) == ("direct", 1)
    told = [(line["event"], line["level"], line["logger"], line.get("error")) for line in lines[:-1] if "own" not in line]
    assert told == [
        ("library.message", "error", "sqlalchemy.engine", None),
        ("library.message", "error", "apscheduler", "FileNotFoundError"),
        ("library.message", "critical", log.WITHHELD, None),
        ("library.message", "warning", log.WITHHELD, None),
        ("library.message", "warning", log.WITHHELD, None),
    ]


def test_errors_that_nobody_caught():
    """In the main thread, another thread, a finaliser or a warning: the class and the place, never the text."""
    lines, text = run(
        after="""
import threading, warnings
from syncd.errors import SourceUnavailable
def fall():
    raise SourceUnavailable(source="alice", detail="/srv/alice.md")
thread = threading.Thread(target=fall, name="user:alice")
thread.start()
thread.join()
thread = threading.Thread(target=fall, name="control")
thread.start()
thread.join()
thread = threading.Thread(target=sys.exit)
thread.start()
thread.join()
class Alice:
    def __del__(self):
        fall()
Alice()
warnings.warn("alice.md", UserWarning)
log.aim("alice", {})
""",
    )
    assert "alice" not in text.lower()
    assert [(line["event"], line["level"], line.get("thread"), line["error"]) for line in lines] == [
        ("thread.crashed", "error", log.WITHHELD, "SourceUnavailable"),
        ("thread.crashed", "error", "control", "SourceUnavailable"),
        ("error.ignored", "error", None, "SourceUnavailable"),
        ("library.warning", "warning", None, "UserWarning"),
        ("process.crashed", "critical", None, "AttributeError"),
    ]
    assert lines[-1]["at"][0].startswith("syncd/daemon/log.py:")


def test_on_a_real_terminal():
    """A person at a terminal gets lines to read, in colour, and no control character besides."""
    ours, theirs = pty.openpty()
    try:
        environ = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {
            "TERM": "xterm",
            "JOURNAL_STREAM": "1:2",
        }
        code = SET_UP.format(before="", after='log.get_logger().info("run.ended", source="notes", path="alice", state="\\x1bc")')
        subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True, timeout=60, env=environ)
        shown = os.read(ours, 65536).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert COLOUR.search(shown)
    plain = COLOUR.sub("", shown).removesuffix("\r\n")
    assert plain.isprintable()
    assert "run.ended" in plain
    assert "source=notes" in plain
    assert "alice" not in plain
