"""Where the daemon's client looks for it, what it says when it may not come in, and what it costs a command."""

import grp
import os
import pwd
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from control_kit import serving
from filesystem_kit import as_account, reachable_folder

from syncd.cli import daemon_socket
from syncd.cli.client import connect, places
from syncd.config import load
from syncd.errors import NotPermitted, NotYet

SOURCE = '[[source]]\nname = "notes"\nroot = "/srv/notes"\n'
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become other accounts")


@pytest.fixture
def room(tmp_path):
    """A control room that answers."""
    with serving(tmp_path / "run/syncd.sock") as served:
        yield served


@pytest.mark.parametrize(
    "text",
    [
        "",
        '[state]\ndir = "st"',
        '[state]\ndir = "/var/lib/syncd"',
        '[state]\ndir = "link/../st"',
        '[state]\ndir = "~/syncd"',
        '[control]\nsocket = "s.sock"',
        '[state]\ndir = "st"\n[control]\nsocket = "/run/other/s.sock"',
        '[control]\nsocket = "link/../s.sock"',
        '[control]\ngroup = "ops"',
    ],
)
def test_the_socket_is_where_the_configuration_says(tmp_path, text):
    """The client reads the file by itself, and means the same place as the daemon."""
    (tmp_path / "far/away").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far/away")
    (tmp_path / "config.toml").write_text(f"{text}\n{SOURCE}")
    assert places(tmp_path / "config.toml", {}) == (load(tmp_path / "config.toml").control.socket,)


@pytest.mark.parametrize("text", ["[state", "state = 3", "[state]\ndir = 3", "control = []", "\0", "a = " + "[" * 50_000])
def test_without_a_configuration_it_looks_where_sockets_usually_are(tmp_path, text):
    """A file that can't be read or understood keeps nobody from a daemon that runs: beside it, then as a service."""
    usual = (tmp_path / "run/syncd.sock", Path("/run/syncd/syncd.sock"))
    assert places(tmp_path / "config.toml", {}) == usual
    (tmp_path / "config.toml").write_text(text)
    assert places(tmp_path / "config.toml", {}) == usual
    (tmp_path / "config.toml").unlink()
    (tmp_path / "config.toml").mkdir()
    assert places(tmp_path / "config.toml", {}) == usual


def test_the_environment_overrides_everything(tmp_path, monkeypatch):
    """$SYNCD_SOCKET is the only place then; an empty one does not count."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(SOURCE)
    assert places(tmp_path / "config.toml", {"SYNCD_SOCKET": "s"}) == (tmp_path / "s",)
    assert places(tmp_path / "config.toml", {"SYNCD_SOCKET": ""}) == (tmp_path / "run/syncd.sock",)


def test_where_no_daemon_runs_there_is_no_client(tmp_path):
    """No folder, no file, or one that a dead daemon left: all the same."""
    environ = {"SYNCD_SOCKET": str(tmp_path / "s/s")}
    assert connect(tmp_path / "config.toml", environ) is None
    (tmp_path / "s").mkdir()
    assert connect(tmp_path / "config.toml", environ) is None
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "s/s"))
    assert connect(tmp_path / "config.toml", environ) is None
    assert connect(tmp_path / "config.toml", {"SYNCD_SOCKET": str(tmp_path / "s/s/s")}) is None


def test_where_one_runs_it_is_found(room, tmp_path):
    """Through the configuration, and without one through the folder that it lies in."""
    (tmp_path / "config.toml").write_text(SOURCE)
    for _ in range(2):
        found = connect(tmp_path / "config.toml", {})
        assert found is not None
        assert found.path == room.path
        assert found.ask("echo", {"text": "here"}).payload["text"] == "here"
        (tmp_path / "config.toml").write_text("not TOML")


@as_root
def test_who_may_not_come_in_is_told_what_is_missing():
    """A daemon that can't be reached is no absent one: the message names the group, unless another place is open."""
    account, group = pwd.getpwnam("nobody"), next(each for each in grp.getgrall() if each.gr_gid)
    with reachable_folder() as folder, serving(folder / "run/syncd.sock", group=group.gr_name):
        (folder / "config.toml").write_text(SOURCE)

        def work() -> bytes:
            try:
                connect(folder / "config.toml", {})
            except NotPermitted as error:
                return str(error).encode()
            return b"reached"

        said = as_account(account.pw_uid, [account.pw_gid], work).decode()
        assert str(folder / "run/syncd.sock") in said
        assert f"usermod -aG {group.gr_name} " in said

        daemon_socket.RUNNING, usual = folder / "open/syncd.sock", daemon_socket.RUNNING
        try:
            (folder / "config.toml").chmod(0o600)
            assert b"usermod" in as_account(account.pw_uid, [account.pw_gid], work)
            (folder / "open").mkdir()
            with socket.socket(socket.AF_UNIX) as other:
                other.bind(str(folder / "open/syncd.sock"))
                (folder / "open/syncd.sock").chmod(0o666)
                other.listen()
                assert as_account(account.pw_uid, [account.pw_gid], work) == b"reached"
        finally:
            daemon_socket.RUNNING = usual


def test_a_daemon_that_takes_nobody_in_is_told_so(tmp_path, monkeypatch):
    """A full queue at the door is neither an answer nor the absence of a daemon."""
    monkeypatch.setattr(daemon_socket, "CONNECT_S", 0.1)
    with socket.socket(socket.AF_UNIX) as door, socket.socket(socket.AF_UNIX) as first:
        door.bind(str(tmp_path / "s"))
        door.listen(0)
        first.connect(str(tmp_path / "s"))
        with pytest.raises(NotYet, match="did not take the call"):
            connect(tmp_path / "config.toml", {"SYNCD_SOCKET": str(tmp_path / "s")})


# -- what it costs -----------------------------------------------------------------------------------------------------


def test_a_command_that_only_asks_loads_nothing_heavy():
    """Neither the configuration's models nor the operations nor HTTP are imported before there is somebody to ask."""
    script = """
import sys
import syncd.cli.client
heavy = ("pydantic", "starlette", "uvicorn", "http.client", "ssl", "asyncio", "rich")
ours = ("syncd.config", "syncd.operations", "syncd.daemon")
print([name for name in (*heavy, *ours) if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_client_is_cheaper_than_the_command_line():
    """Importing it takes less processor time than click took, which every command imports before (the best of some tries)."""
    script = """
import time
begun = time.process_time()
import click
between = time.process_time()
import syncd.cli.client
print(time.process_time() - between, between - begun)
"""
    tries = (subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout for _ in range(5))
    ours, theirs = zip(*(map(float, each.split()) for each in tries), strict=True)
    assert min(ours) < min(theirs)
