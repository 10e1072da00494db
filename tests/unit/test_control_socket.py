"""The socket of the control room: who may come in, where it may be, and that the kernel says who is there."""

import asyncio
import grp
import os
import pwd
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from control_kit import serving
from filesystem_kit import as_account, reachable_folder

from syncd.daemon.control.listening import Listener
from syncd.daemon.control.peers import Peer, peer_of
from syncd.errors import DaemonRunning, SocketRefused

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away and become other accounts")


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """One that answers many tests, which leave nothing behind."""
    with serving(tmp_path_factory.mktemp("control") / "run/syncd.sock") as served:
        yield served


def test_the_kernel_says_who_is_at_the_other_end():
    """Process and account are those of whoever connected."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        peer = peer_of(ours)
    assert (peer.pid, peer.uid, peer.gid) == (os.getpid(), os.geteuid(), os.getegid())


def test_the_operation_learns_who_asks(room):
    """The actor of the audit log is the account at the other end, and that it came through the socket."""
    payload = room.post("who-am-i").document["payload"]
    assert (payload["kind"], payload["uid"], payload["via"]) == ("account", os.geteuid(), "socket")
    login = int(Path("/proc/self/loginuid").read_text())
    assert payload.get("auid", 0xFFFFFFFF) == login


@pytest.mark.parametrize("state", [None, {}, {"peer": None}, {"peer": (1, 0, 0)}])
def test_nobody_in_particular_is_not_answered(room, state):
    """Served by anything that does not say who asks, the application refuses: also what every account may see."""
    app = room.server._app
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message):
        sent.append(message)

    for method, path in (("GET", "/v1/health"), ("POST", "/v1/echo"), ("GET", "/v1/jobs"), ("GET", "/v1/openapi.json")):
        scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b"", "http_version": "1.1"}
        asyncio.run(app(scope | ({} if state is None else {"state": state}), receive, send))
        assert sent[0]["status"] == 403
        sent.clear()


def test_headers_make_nobody_somebody_else(room):
    """Nothing that is sent says who asks."""
    forged = {
        "X-Forwarded-For": "root",
        "Forwarded": "for=root",
        "X-Remote-User": "0",
        "Peer": "0",
        "Authorization": "Basic cm9vdDo=",
    }
    said = room.ask("POST", "/v1/who-am-i", {}, forged)
    assert said.document["payload"]["uid"] == os.geteuid()
    assert Peer(1, 2, 3).auid is None


# -- the socket --------------------------------------------------------------------------------------------------------


@pytest.fixture
def listen():
    """Make sockets, and close them afterwards."""
    made = []

    def listen(path: Path, group: str = "no such group") -> Listener:
        made.append(Listener(path, group))
        return made[-1]

    yield listen
    for listener in made:
        listener.remove()
        listener.socket.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat(follow_symlinks=False).st_mode)


def other_group() -> grp.struct_group:
    """A group of this machine that is not the tests' own."""
    return next(each for each in grp.getgrall() if each.gr_gid != os.getegid())


def dead_socket(path: Path) -> None:
    """What a daemon leaves that was killed."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(f"/proc/self/fd/{(folder := os.open(path.parent, os.O_PATH))}/{path.name}")
    os.close(folder)


def test_only_the_group_can_come_in(tmp_path, listen):
    """Folder 0750, socket 0660, whatever the umask of the process is; both are made where they are missing."""
    before = os.umask(0)
    try:
        listen(tmp_path / "run/s")
    finally:
        os.umask(before)
    assert (mode(tmp_path / "run"), mode(tmp_path / "run/s")) == (0o750, 0o660)
    assert (tmp_path / "run").stat().st_gid == (tmp_path / "run/s").stat().st_gid == os.getegid()


@as_root
def test_the_configured_group_gets_the_socket(tmp_path, listen):
    """Where the group exists and files can be given to it, folder and socket are its own."""
    group = other_group()
    assert listen(tmp_path / "run/s", group.gr_name).shared
    assert (tmp_path / "run").stat().st_gid == (tmp_path / "run/s").stat().st_gid == group.gr_gid


@as_root
def test_a_group_that_files_can_not_be_given_to_changes_nothing(listen):
    """A daemon that is no member keeps the socket for its own group."""
    account = pwd.getpwnam("nobody")
    group = next(each for each in grp.getgrall() if each.gr_gid not in (0, account.pw_gid))
    with reachable_folder() as folder:
        os.chown(folder, account.pw_uid, account.pw_gid)

        def work() -> bytes:
            listener = Listener(folder / "run/s", group.gr_name)
            gids = {(folder / name).stat().st_gid for name in ("run", "run/s")}
            return f"{listener.shared} {gids == {account.pw_gid}} {mode(folder / 'run/s'):o}".encode()

        assert as_account(account.pw_uid, [account.pw_gid], work) == b"False True 660"


def test_at_no_moment_others_can_connect(tmp_path):
    """From its making to its place the socket is closed; it appears under its name when it is complete and listens."""
    script = f"""
import os, socket, stat, sys
from pathlib import Path
from syncd.daemon.control.listening import Listener
os.umask(0)
folder = Path({str(tmp_path / "run")!r})
seen = []
def watch(event, args):
    if event in ("os.chown", "os.chmod", "os.rename") and folder.exists():
        for each in os.scandir(folder):
            seen.append((event, each.name == "s", stat.S_IMODE(each.stat().st_mode)))
sys.addaudithook(watch)
listener = Listener(folder / "s", "no such group")
assert ("os.chown", False, 0o600) in seen, seen
assert ("os.rename", False, 0o660) in seen, seen
assert not any(final for _, final, _ in seen), seen
assert {{mode for event, _, mode in seen if event != "os.rename"}} == {{0o600}}, seen
listener.remove()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_the_socket_of_a_dead_daemon_is_replaced(tmp_path, listen):
    """One that was killed leaves its file, and what it was about to put there; neither keeps the next from starting."""
    (tmp_path / "run").mkdir(mode=0o750)
    dead_socket(tmp_path / "run/s")
    dead_socket(tmp_path / "run/.s.new")
    listen(tmp_path / "run/s")
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(tmp_path / "run/s"))
    assert [each.name for each in (tmp_path / "run").iterdir()] == ["s"]


def test_a_living_daemon_is_left_alone(tmp_path, listen):
    """A second one is refused, and the first is reached as before."""
    first = listen(tmp_path / "run/s")
    with pytest.raises(DaemonRunning):
        listen(tmp_path / "run/s")
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(tmp_path / "run/s"))
        accepted, _ = first.socket.accept()  # the one who knocked
        accepted.close()


def test_what_is_no_socket_is_left_alone(tmp_path, listen):
    """A file in its place is an error, not something to be removed; nor is a link followed."""
    (tmp_path / "run").mkdir(mode=0o750)
    (tmp_path / "run/s").write_text("mine")
    with pytest.raises(SocketRefused, match="no socket"):
        listen(tmp_path / "run/s")
    assert (tmp_path / "run/s").read_text() == "mine"
    (tmp_path / "run/s").rename(tmp_path / "elsewhere")
    (tmp_path / "run/s").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SocketRefused, match="no socket"):
        listen(tmp_path / "run/s")


@as_root
def test_a_folder_of_somebody_else_is_refused(tmp_path, listen):
    """Its owner could put another socket there, and be told what people ask."""
    (tmp_path / "run").mkdir(mode=0o750)
    os.chown(tmp_path / "run", pwd.getpwnam("nobody").pw_uid, -1)
    with pytest.raises(SocketRefused, match="another account"):
        listen(tmp_path / "run/s")


@pytest.mark.parametrize("open_to", [0o755, 0o770, 0o1777, 0o751])
def test_a_folder_that_is_used_for_more_keeps_its_mode(tmp_path, listen, open_to):
    """It may be one of the machine's, so it is not closed, and the socket is not put where others can enter or write."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run/other").touch()
    (tmp_path / "run").chmod(open_to)
    with pytest.raises(SocketRefused, match="other things"):
        listen(tmp_path / "run/s")
    assert mode(tmp_path / "run") == open_to
    (tmp_path / "run").chmod(0o700)
    listen(tmp_path / "run/s")
    assert mode(tmp_path / "run") == 0o700


def test_an_open_folder_of_its_own_is_closed(tmp_path, listen):
    """One in which nothing else lies is the socket's, and gets the mode that it should have."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(0o777)
    listen(tmp_path / "run/s")
    assert mode(tmp_path / "run") == 0o750


def test_a_folder_that_can_not_be_made_is_an_error(tmp_path, listen):
    """Where the socket can't be, the daemon says so."""
    (tmp_path / "file").touch()
    for place in (tmp_path / "no/such/s", tmp_path / "file/s"):
        with pytest.raises(SocketRefused, match="can't be made"):
            listen(place)


def test_removing_takes_away_no_other_socket(tmp_path, listen):
    """What another daemon has put in its place meanwhile stays."""
    first = listen(tmp_path / "run/s")
    (tmp_path / "run/s").unlink()
    second = listen(tmp_path / "run/s")
    first.remove()
    assert (tmp_path / "run/s").exists()
    second.remove()
    second.remove()
    assert not (tmp_path / "run/s").exists()


def test_no_path_is_too_long(tmp_path):
    """Addresses of sockets end at 107 bytes; a state folder may lie deeper."""
    deep = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 8)
    deep.mkdir(parents=True)
    with serving(deep / "run/syncd.sock") as served:
        assert served.ask("GET", "/v1/health").status == 200
    assert not (deep / "run/syncd.sock").exists()
