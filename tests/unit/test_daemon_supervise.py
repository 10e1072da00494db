"""Threads, signals and the heartbeat. Signals are real ones, sent to a process of their own."""

import io
import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from syncd.daemon import log
from syncd.daemon.supervise import Failure, Signal, Supervisor

START = """
import faulthandler, os, signal, sys, threading, time
faulthandler.dump_traceback_later(50, exit=True)  # a test that hangs leaves nothing behind; later than any test waits
from syncd.daemon import log
from syncd.daemon.supervise import Failure, Signal, Supervisor
log.set_up()

def say(*words):
    print(*words, flush=True)

def forever():
    threading.Event().wait()
"""


@contextmanager
def daemon(program):
    """A process that runs `program` and has said that it is ready."""
    command = [sys.executable, "-c", START + program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def says(process):
    """The next line that the process says; "" when it ended."""
    return process.stdout.readline().strip()


def ended(process):
    """The exit code."""
    return process.wait(25)


# -- signals -----------------------------------------------------------------------------------------------------------

LOOP = """
with Supervisor(drain=20) as supervisor:
    say("ready")
    while (news := supervisor.wait(30)) is not None:
        say(news, supervisor.stopping)
        if news is Signal.STOP:
            say(0 < supervisor.remaining() <= 20)
            break
sys.exit(7)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_to_stop_lets_work_be_ended(number):
    """The main thread is woken, knows how long it has, and ends as it wants to."""
    with daemon(LOOP) as process:
        process.send_signal(number)
        assert says(process) == "stop True"
        assert says(process) == "True"
        assert ended(process) == 7


def test_a_reload_is_asked_for_and_the_daemon_goes_on():
    """SIGHUP wakes the main thread and ends nothing."""
    with daemon(LOOP) as process:
        for _ in range(2):
            process.send_signal(signal.SIGHUP)
            assert says(process) == "reload False"
        process.send_signal(signal.SIGTERM)
        assert says(process) == "stop True"
        assert ended(process) == 7


BUSY = """
import hashlib

def tell():
    while not supervisor.stopping:
        time.sleep(0.01)
    say("draining")
    forever()

with Supervisor(drain=1000) as supervisor:
    supervisor.spawn("tell", tell)
    say("ready")
    {busy}
"""
PYTHON, C_CODE = "while True: sum(range(1000))", "hashlib.pbkdf2_hmac('sha256', b'', b'', 1 << 30)"
WAITING, JOINING = "threading.Event().wait(1000)", "supervisor.wait(30); supervisor.join()"


@pytest.mark.parametrize("busy", [PYTHON, C_CODE, WAITING, JOINING])
@pytest.mark.parametrize("numbers", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM)])
def test_the_second_signal_to_stop_ends_it_at_once(numbers, busy):
    """Exit 1, also while the main thread is busy and would not look for long: in Python, in a library, or waiting."""
    with daemon(BUSY.format(busy=busy)) as process:
        process.send_signal(numbers[0])
        assert says(process) == "draining"
        process.send_signal(numbers[1])
        assert ended(process) == 1


def test_a_signal_before_the_main_thread_waits_is_not_missed():
    """However close to each other the signal and the beginning of a wait are, the wait ends."""
    with daemon(LOOP) as process:
        for _ in range(200):
            process.send_signal(signal.SIGHUP)
            assert says(process) == "reload False"
        process.send_signal(signal.SIGTERM)
        assert says(process) == "stop True"


STACKS = """
def waiting_for_godot():
    forever()

with Supervisor(drain=1) as supervisor:
    supervisor.spawn("side", waiting_for_godot)
    say("ready")
    while supervisor.wait(30) is not Signal.STOP:
        pass
"""


def test_stacks_on_request():
    """SIGUSR1 writes the stacks of all threads to the log's stream, and the daemon goes on."""
    with daemon(STACKS) as process:
        process.send_signal(signal.SIGUSR1)
        lines = []
        while "most recent call first" not in "".join(lines) or "<module>" not in "".join(lines):
            lines.append(process.stderr.readline())
            assert lines[-1], lines
        process.send_signal(signal.SIGTERM)
        assert ended(process) == 0
        text = "".join(lines)
        assert "waiting_for_godot" in text
        assert text.count("most recent call first") == 3  # the main thread, the side thread, and the one that hears signals


def test_stacks_before_a_death_by_signal():
    """What the service manager's watchdog kills (SIGABRT) shows where it stood."""
    with daemon(STACKS) as process:
        process.send_signal(signal.SIGABRT)
        assert ended(process) == -signal.SIGABRT
        assert "waiting_for_godot" in process.stderr.read()


RESTORED = """
numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
files = os.listdir("/proc/self/fd")
signal.signal(signal.SIGHUP, signal.SIG_IGN)
before = [signal.getsignal(number) for number in numbers]
with Supervisor(drain=20) as supervisor:
    changed = [signal.getsignal(number) for number in numbers]
assert all(one != other for one, other in zip(before, changed))
assert [signal.getsignal(number) for number in numbers] == before
assert not faulthandler.unregister(signal.SIGUSR1)
assert not faulthandler.is_enabled()
assert signal.set_wakeup_fd(-1) == -1
assert os.listdir("/proc/self/fd") == files
assert threading.enumerate() == [threading.main_thread()]
say("ready")
forever()
"""


def test_handlers_are_restored():
    """After the supervisor a signal means what it meant before."""
    with daemon(RESTORED) as process:
        process.send_signal(signal.SIGTERM)
        assert ended(process) == -signal.SIGTERM


# -- threads -----------------------------------------------------------------------------------------------------------

DIES = """
go = threading.Event()

def control():
    go.wait()
    {end}

with Supervisor(drain=5) as supervisor:
    supervisor.spawn("control", control)
    supervisor.spawn("watch", forever)
    say("ready")
    go.set()
    news = supervisor.wait(15)
    say(news.name, type(news.error).__name__, news == supervisor.failed)
    sys.exit(70)
"""


@pytest.mark.parametrize(
    ("end", "error"),
    [("open('/srv/alice.md')", "FileNotFoundError"), ("return", "NoneType"), ("sys.exit()", "SystemExit")],
)
def test_a_thread_that_dies_wakes_the_main_thread(end, error):
    """Whether it raises or just ends: its name is told and logged, and the process can end; other threads do not hold it."""
    with daemon(DIES.format(end=end)) as process:
        assert says(process) == f"control {error} True"
        assert ended(process) == 70
        text = process.stderr.read()
        (line,) = [json.loads(line) for line in text.splitlines()]
        assert (line["event"], line["thread"], line["level"]) == ("thread.failed", "control", "critical")
        assert line.get("error", "NoneType") == error
        assert "alice" not in text


@pytest.fixture
def lines():
    """The process log, read back."""
    stream = io.StringIO()
    log.aim(stream, {})
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    log.aim(io.StringIO(), {})


def test_only_the_first_failure_is_news(lines):
    """The first one ends the daemon; those that follow from it are logged."""
    supervisor = Supervisor(drain=20)
    errors = [ValueError("one"), KeyError("two")]
    for error in errors:
        supervisor.fail("schedule", error)
    assert supervisor.wait(0) == Failure("schedule", errors[0])
    assert supervisor.wait(0) is None
    assert supervisor.failed == Failure("schedule", errors[0])
    assert [line["error"] for line in lines()] == ["ValueError", "KeyError"]


def test_a_thread_that_ends_because_it_was_asked_to_is_no_failure(lines):
    """When the daemon stops, its threads end; one that raises then is a failure still."""
    supervisor, go = Supervisor(drain=20), threading.Event()

    def bad():
        go.wait(20)
        raise ValueError

    supervisor.spawn("good", lambda: go.wait(20))
    supervisor.spawn("bad", bad)
    supervisor.stop()
    assert supervisor.wait(20) is Signal.STOP
    go.set()
    assert supervisor.join() == ()
    assert supervisor.failed.name == "bad"
    assert [line["thread"] for line in lines()] == ["bad"]


def test_join_gives_up_at_the_deadline():
    """What hangs is named, and does not hold the daemon longer than it has."""
    supervisor, go = Supervisor(drain=0.05), threading.Event()
    supervisor.spawn("stuck", lambda: go.wait(20))
    before = time.monotonic()
    try:
        assert supervisor.join() == ("stuck",)
        assert time.monotonic() - before < 15
    finally:
        go.set()


# -- news, time, heartbeat ---------------------------------------------------------------------------------------------


def test_requests_are_gathered():
    """Ten requests to reload before the first is taken are one; a later one is another; a stop comes once."""
    supervisor = Supervisor(drain=20)
    for _ in range(10):
        supervisor._heed(signal.SIGHUP)
    assert supervisor.wait(0) is Signal.RELOAD
    assert supervisor.wait(0) is None
    supervisor._heed(signal.SIGHUP)
    supervisor.stop()
    supervisor.stop()
    assert [supervisor.wait(0) for _ in range(3)] == [Signal.RELOAD, Signal.STOP, None]


def test_a_first_signal_while_the_daemon_stops_by_itself_is_the_first():
    """A daemon that drains because a thread died is not cut short by the one SIGTERM that a person sends."""
    supervisor = Supervisor(drain=20)
    supervisor.stop()
    supervisor._heed(signal.SIGTERM)  # a second one would end the tests
    assert supervisor.stopping


def test_time_runs_from_the_first_request():
    """The deadline is set once, and what remains is never negative."""
    now = [100.0]
    supervisor = Supervisor(drain=30, clock=lambda: now[0])
    assert (supervisor.stopping, supervisor.remaining()) == (False, None)
    supervisor.stop()
    now[0] += 10
    supervisor.stop()
    assert (supervisor.stopping, supervisor.remaining()) == (True, 20)
    now[0] += 100
    assert supervisor.remaining() == 0


def test_the_heartbeat():
    """Alive is who beat not longer ago than asked; the start counts as a beat."""
    now = [100.0]
    supervisor = Supervisor(drain=30, clock=lambda: now[0])
    now[0] += 30
    assert supervisor.alive(30)
    assert not supervisor.alive(29.9)
    supervisor.beat()
    assert supervisor.alive(0)
    now[0] += 61
    assert not supervisor.alive(60)
