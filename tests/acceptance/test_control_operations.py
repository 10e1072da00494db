"""The real operations behind the control API: no request breaks them, and each is for exactly the roles that it names."""

import json
import os
import pwd
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from control_kit import Worker
from daemon_kit import LiveDaemon, running
from filesystem_kit import as_account
from kit import Site, make_site, open_folders
from test_control_schema import check

from syncd.cli.client import connect
from syncd.daemon.control.app import ControlApp
from syncd.daemon.control.roles import RoleTable
from syncd.errors import SyncdError
from syncd.operations.operation import Role
from syncd.operations.table import OPERATIONS
from syncd.wiring.desk import direct_desk

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become other accounts")


def small_site(place: Path) -> Site:
    """Three documents, one of them no text."""
    open_folders(place)
    site = make_site(place / "docs", place / "state")
    for number in range(2):
        site.write(f"{number}.md", f"# {number}\n\ntext number {number}")
    site.write("bad.md", b"\xff\xfe\x00")
    site.sync()
    return site


def test_no_request_breaks_an_operation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the published description allows is answered as it says, whatever it does not is refused; nothing ends in 500."""
    moment = [0.0]
    clock = SimpleNamespace(monotonic=lambda: moment[0], sleep=lambda seconds: moment.__setitem__(0, moment[0] + seconds))
    monkeypatch.setattr("syncd.operations.search.time", clock)  # nobody waits an hour for what will not come
    monkeypatch.setattr("syncd.operations.wait.time", clock)
    site = small_site(tmp_path)
    with site.open(writer=True) as wiring:
        desk, worker = direct_desk(wiring), Worker()
        app = ControlApp(OPERATIONS, lambda: desk, lambda: RoleTable({}), worker.jobs)
        try:
            check(app)
        finally:
            app.close()
            worker.stop()
    assert site.json("audit", "verify")["verdict"] == "good"
    assert site.sync().state == "incomplete"


S, R, O, A, M = Role.SELF, Role.READER, Role.OPERATOR, Role.AUDITOR, Role.ADMIN  # noqa: E741 - a column each
TABLE: dict[str, tuple[dict[str, object], set[Role]]] = {
    "status": ({}, {S, R, O, A, M}),
    "search": ({"query": "text"}, {S, R}),
    "wait": ({"doc": "docs:0.md"}, {R, O, M}),
    "explain": ({"doc": "docs:0.md"}, {O, M}),
    "plan": ({}, {O, M}),
    "sync": ({}, {O, M}),
    "sources-list": ({}, {O, M}),
    "sources-pause": ({"source": "none"}, {O, M}),
    "sources-resume": ({"source": "none"}, {O, M}),
    "sources-scan": ({"source": "docs"}, {O, M}),
    "sources-scrub": ({"source": "docs"}, {O, M}),
    "quarantine-list": ({}, {O, M}),
    "quarantine-show": ({"doc": "docs:bad.md"}, {O, M}),
    "quarantine-retry": ({"doc": "docs:none"}, {O, M}),
    "quarantine-drop": ({"doc": "docs:none"}, {O, M}),
    "reconcile": ({}, {O, M}),
    "reindex": ({"dry_run": True}, {M}),
    "reindex-new-space": ({"give_up": True}, {M}),
    "dump": ({}, {M}),
    "audit-log": ({}, {A, M}),
    "audit-verify": ({}, {A, M}),
}
"""Every operation: a request, and the roles that may make it."""


def accounts() -> dict[Role, pwd.struct_passwd]:
    """An account of the machine for each role, none of them root."""
    uids = [entry.pw_uid for entry in pwd.getpwall()]
    others = [e for e in pwd.getpwall() if e.pw_uid not in (0, os.geteuid()) and uids.count(e.pw_uid) == 1]
    return dict(zip(Role, others, strict=False))


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory):
    """A daemon whose configuration gives each role to one account; its socket is open to everybody for the test's sake."""
    site = small_site(tmp_path_factory.mktemp("roles"))
    granted = "\n".join(f'{role.value} = ["user:{entry.pw_name}"]' for role, entry in accounts().items())
    site.config.write_text(f"{site.config.read_text()}\n[control.roles]\n{granted}\n")
    with running(site) as daemon:
        (site.state / "run").chmod(0o755)
        (site.state / "run/syncd.sock").chmod(0o666)
        yield daemon


def answered(daemon: LiveDaemon, role: Role, operation: str, fields: dict[str, object]) -> str:
    """What an account with just that role is told: "ok", or the name of the error."""
    entry = accounts()[role]

    def ask() -> bytes:
        client = connect(daemon.site.config, {"SYNCD_SOCKET": str(daemon.site.state / "run/syncd.sock")})
        assert client is not None
        try:
            answer = client.ask(operation, fields)
            list(getattr(answer, "items", ()))
        except SyncdError as error:
            return str(getattr(error, "error", type(error).__name__)).encode()
        return b"ok"

    return as_account(entry.pw_uid, [entry.pw_gid], ask).decode()


def test_every_operation_is_in_the_table() -> None:
    """The table below says of each operation who may ask for it, as the code does."""
    assert {operation.name: operation.roles for operation in OPERATIONS} == {name: roles for name, (_, roles) in TABLE.items()}


@as_root
@pytest.mark.parametrize("operation", TABLE)
def test_an_operation_is_for_its_roles(live: LiveDaemon, operation: str) -> None:
    """Real accounts with one role each: who has none of the named roles is refused before anything is looked at."""
    fields, allowed = TABLE[operation]
    for role in Role:
        said = answered(live, role, operation, fields)
        assert (said != "NotPermitted") == (role in allowed), (operation, role, said)


@as_root
def test_only_a_reader_asserts_and_only_an_admin_confirms_and_repairs(live: LiveDaemon) -> None:
    """What takes a role of its own within an operation that others may ask for."""
    asserting = {"query": "text", "principals": ["user:root"]}
    assert answered(live, Role.SELF, "search", asserting) == "NotPermitted"
    assert answered(live, Role.READER, "search", asserting) == "ok"
    assert answered(live, Role.OPERATOR, "sync", {"confirm": "0" * 32}) == "NotPermitted"
    assert answered(live, Role.ADMIN, "sync", {"confirm": "0" * 32}) == "RunUnknown"
    assert answered(live, Role.OPERATOR, "reconcile", {"repair": True}) == "NotPermitted"
    assert answered(live, Role.ADMIN, "reconcile", {"repair": True}) == "ok"


@as_root
def test_who_searches_for_himself_finds_what_he_may_read(live: LiveDaemon) -> None:
    """An account without any other role searches with its own principals, looked up by the daemon, and sees the verdict."""
    live.site.write("mine.md", "# mine\n\nprivate text", mode=0o600)
    mine = accounts()[Role.SELF]
    os.chown(live.site.docs / "mine.md", mine.pw_uid, mine.pw_gid)
    live.wait("mine.md")

    def found() -> bytes:
        client = connect(live.site.config, {"SYNCD_SOCKET": str(live.site.state / "run/syncd.sock")})
        return json.dumps(sorted(hit["key"] for hit in client.ask("search", {"query": "text"}).payload["hits"])).encode()

    assert json.loads(as_account(mine.pw_uid, [mine.pw_gid], found)) == ["0.md", "1.md", "mine.md"]
    other = accounts()[Role.READER]
    assert json.loads(as_account(other.pw_uid, [other.pw_gid], found)) == ["0.md", "1.md"]


@as_root
def test_who_asserted_whom_is_in_the_history(live: LiveDaemon) -> None:
    """A search for somebody else is recorded with the account that asked, and with nothing that names the other."""
    before = time.time()
    answered(live, Role.READER, "search", {"query": "canary question", "principals": ["user:root"]})
    (event,) = [
        json.loads(item["leaf"])
        for item in live.client.ask("audit-log", {"types": ["retrieval.impersonated"]}).items
        if item["ts"] / 1e6 >= before
    ]
    assert event["actor"]["uid"] == accounts()[Role.READER].pw_uid
    assert event["actor"]["via"] == "socket"
    assert "canary" not in json.dumps(event)
