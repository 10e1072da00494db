"""What the service manager hears, on a real socket."""

import io
import json
import os
import socket
import time

import pytest

from syncd.daemon import log
from syncd.daemon.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """A service manager: its socket, and the address as NOTIFY_SOCKET has it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@syncd-test-{os.getpid()}-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name.replace("@", "\0"))
        listener.settimeout(20)
        yield listener, name


@pytest.fixture
def lines():
    """The process log of a test, as it is read back."""
    stream = io.StringIO()
    log.aim(stream, {})
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    log.aim(io.StringIO(), {})


def test_each_message_as_systemd_defines_it(manager):
    """One datagram a message, in the words of sd_notify(3)."""
    listener, name = manager
    notifier = Notifier.from_environ({"NOTIFY_SOCKET": name})
    for said, heard in (
        (notifier.ready, "READY=1"),
        (notifier.stopping, "STOPPING=1"),
        (notifier.watchdog, "WATCHDOG=1"),
        (lambda: notifier.status("2 sources, 14 documents"), "STATUS=2 sources, 14 documents"),
    ):
        said()
        assert listener.recv(4096).decode() == heard


def test_a_reload_tells_when_it_began(manager):
    """RELOADING comes with the monotonic clock in microseconds, then READY."""
    listener, name = manager
    notifier = Notifier.from_environ({"NOTIFY_SOCKET": name})
    before = time.monotonic_ns() // 1000
    notifier.reloading()
    after = time.monotonic_ns() // 1000
    notifier.ready()
    first, second = listener.recv(4096).decode().split("\n")
    assert first == "RELOADING=1"
    assert before <= int(second.removeprefix("MONOTONIC_USEC=")) <= after
    assert listener.recv(4096) == b"READY=1"


def test_a_status_is_one_message(manager):
    """No text can say more than a status: a line break in it would begin another message."""
    listener, name = manager
    Notifier.from_environ({"NOTIFY_SOCKET": name}).status("idle\nMAINPID=1\x1b[0m\ud800\u2028READY=1")
    assert listener.recv(4096).decode() == "STATUS=idle MAINPID=1 [0m  READY=1"


def test_without_a_service_manager_nothing_happens(lines):
    """On a terminal there is nobody to tell, and that is no error."""
    for environ in ({}, {"NOTIFY_SOCKET": ""}):
        notifier = Notifier.from_environ(environ)
        notifier.ready()
        notifier.watchdog()
    assert lines() == []


@pytest.mark.parametrize("name", ["/nowhere/notify", "@syncd-nobody-listens", "vsock:2:1", "relative", "/" + "x" * 300])
def test_a_socket_that_fails_is_logged_once(lines, name):
    """The daemon goes on without its service manager, and says so one time."""
    notifier = Notifier.from_environ({"NOTIFY_SOCKET": name})
    notifier.ready()
    notifier.status("still here")
    notifier.stopping()
    (line,) = lines()
    assert (line["event"], line["level"]) == ("notify.failed", "warning")
    assert "nowhere" not in json.dumps(line)


def test_a_service_manager_that_does_not_read_holds_nobody_up(tmp_path, lines, monkeypatch):
    """When its queue is full, a message is given up after a while."""
    monkeypatch.setattr("syncd.daemon.notify.PATIENCE", 0.05)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        notifier = Notifier.from_environ({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        for _ in range(10_000):
            notifier.watchdog()
            if lines():
                break
    assert [line["event"] for line in lines()] == ["notify.failed"]


def test_the_watchdogs_interval():
    """In seconds; None where it was not asked of this process."""
    me = str(os.getpid())
    for environ, seconds in (
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": me}, 60.0),
        ({"WATCHDOG_USEC": "1500000"}, 1.5),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_PID": me}, None),
        ({}, None),
    ):
        assert Notifier.from_environ(environ).watchdog_interval == seconds


@pytest.mark.parametrize("asked", ["0", "-1", "soon", "1e6", "²"])
def test_an_interval_that_is_none_is_told(lines, asked):
    """What systemd never sets asks for nothing, and is logged."""
    assert Notifier.from_environ({"WATCHDOG_USEC": asked}).watchdog_interval is None
    assert [line["event"] for line in lines()] == ["notify.watchdog-unreadable"]
