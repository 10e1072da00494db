"""Who may ask for what: every operation against every role, with accounts that really connect."""

import grp
import json
import os
import pwd
import socket
from collections.abc import Mapping, Sequence

import pytest
from control_kit import Served, Stage, serving
from filesystem_kit import as_account, reachable_folder

from syncd.audit.event import Actor
from syncd.daemon.control.peers import Peer
from syncd.daemon.control.roles import RoleTable
from syncd.operations.operation import EVERY_ROLE, Operation, Role

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become other accounts")
UNUSED_UID = 3_999_999_999


def _accounts() -> list[pwd.struct_passwd]:
    """Accounts that are neither root nor the one that runs the tests, and share their number with no other."""
    uids = [entry.pw_uid for entry in pwd.getpwall()]
    return [e for e in pwd.getpwall() if e.pw_uid not in (0, os.geteuid()) and uids.count(e.pw_uid) == 1]


*NAMES, STRANGER = (entry.pw_name for entry in _accounts()[: len(Role) + 1])
ACCOUNTS = dict(zip(Role, NAMES, strict=True))
"""An account of the machine for each role; the stranger has none."""
SHARED = next(each.gr_name for each in grp.getgrall() if each.gr_gid and each.gr_gid not in {e.pw_gid for e in _accounts()})
"""The group that may reach the socket in these tests."""
REQUESTS = {"list": {"count": 1}, "fail": {"how": "usage"}}
PASSED = {"echo": 200, "who-am-i": 200, "list": 200, "fail": 400, "work": 202}
"""What an operation answers to those who may ask for it."""


def roles_of(granted: Mapping[Role, Sequence[str]], uid: int) -> frozenset[Role]:
    """The roles of an account by a table."""
    return RoleTable(granted).caller(Peer(1, uid, 0)).roles


def somebody() -> pwd.struct_passwd:
    """An account like any other."""
    return _accounts()[0]


# -- the table ---------------------------------------------------------------------------------------------------------


def test_root_and_the_daemons_own_account_may_do_everything():
    """Whatever the configuration says: they could read the keys anyway."""
    for uid in (0, os.geteuid()):
        assert roles_of({}, uid) == EVERY_ROLE
        assert roles_of({Role.SELF: ("user:nobody",)}, uid) == EVERY_ROLE


def test_nobody_else_has_a_role_that_was_not_given():
    """An empty table gives nothing, and one role brings no other along."""
    uid = somebody().pw_uid
    assert roles_of({}, uid) == frozenset()
    assert roles_of(dict.fromkeys(Role, ()), uid) == frozenset()
    for role in Role:
        assert roles_of({role: ("everyone",)}, uid) == {role}


def test_a_user_is_meant_by_name_and_nobody_like_it():
    """The account that the name stands for, by its number."""
    entry = somebody()
    other = next(e for e in pwd.getpwall() if e.pw_uid not in (0, os.geteuid(), entry.pw_uid))
    table = {Role.OPERATOR: (f"user:{entry.pw_name}",)}
    assert roles_of(table, entry.pw_uid) == {Role.OPERATOR}
    assert roles_of(table, other.pw_uid) == frozenset()
    assert roles_of({Role.OPERATOR: (f"group:{entry.pw_name}-x", "user:", "group:")}, entry.pw_uid) == frozenset()


def test_a_group_is_its_members_of_now():
    """Membership is looked up in the name service, primary group included; others are no members."""
    entry = somebody()
    mine = set(os.getgrouplist(entry.pw_name, entry.pw_gid))
    for group in grp.getgrall():
        expected = {Role.AUDITOR} if group.gr_gid in mine else set()
        assert roles_of({Role.AUDITOR: (f"group:{group.gr_name}",)}, entry.pw_uid) == expected


def test_groups_of_the_process_do_not_count():
    """A process may have the groups of yesterday, or those of a set-group-id program: the account decides."""
    entry = somebody()
    mine = set(os.getgrouplist(entry.pw_name, entry.pw_gid))
    group = next(each for each in grp.getgrall() if each.gr_gid not in mine)
    table = RoleTable({Role.ADMIN: (f"group:{group.gr_name}",)})
    assert table.caller(Peer(1, entry.pw_uid, group.gr_gid)).roles == frozenset()


@pytest.mark.parametrize(
    "name",
    [
        "user:no such account",
        "group:no such group",
        "user:0",
        "user:\0",
        "user:\ud800",
        "group:root:x",
        "root",
        "Everyone",
        "",
        "everyone:x",
    ],
)
def test_a_name_that_means_nobody_gives_nothing(name):
    """Names that the machine does not know, and texts that are no names, are nobody's: they never become everyone's."""
    assert roles_of(dict.fromkeys(Role, (name,)), somebody().pw_uid) == frozenset()


def test_an_account_without_a_name_is_everyone_and_no_more():
    """A number that the name service does not know has no user and no groups."""
    names = [*(f"user:{e.pw_name}" for e in pwd.getpwall()), *(f"group:{g.gr_name}" for g in grp.getgrall())]
    assert roles_of({Role.ADMIN: names, Role.SELF: ("everyone",)}, UNUSED_UID) == {Role.SELF}


def test_a_role_that_does_not_exist_is_an_error():
    """A misspelt role is not passed over."""
    assert RoleTable.of({"admin": ["user:root"]}).granted == {Role.ADMIN: ("user:root",)}
    with pytest.raises(ValueError, match="operators"):
        RoleTable.of({"operators": ["user:root"]})


def test_the_caller_is_who_connected():
    """The actor of the audit log has the account and the login of the peer, and says how it came."""
    caller = RoleTable({}).caller(Peer(pid=7, uid=UNUSED_UID, gid=5, auid=1000))
    assert caller.uid == UNUSED_UID
    assert caller.actor == Actor("account", uid=UNUSED_UID, auid=1000, via="socket")


# -- operations x roles, for real --------------------------------------------------------------------------------------


def ask(served: Served, account: str | int, requests: Sequence[tuple[str, str, object]], *, shared: bool = True) -> list[tuple]:
    """What an account of this machine is answered: a child that is this account connects and asks; (status, document) each."""
    uid = account if isinstance(account, int) else pwd.getpwnam(account).pw_uid
    gid = 65_534 if isinstance(account, int) else pwd.getpwnam(account).pw_gid
    groups = [gid, grp.getgrnam(SHARED).gr_gid] if shared else [gid]

    def work() -> bytes:
        answers = []
        for method, target, body in requests:
            data = json.dumps(body).encode()
            head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            with socket.socket(socket.AF_UNIX) as line:
                try:
                    line.connect(str(served.path))
                except PermissionError:
                    answers.append((0, None))
                    continue
                line.sendall(head + data)
                said = b"".join(iter(lambda: line.recv(65_536), b""))
            top, _, rest = said.partition(b"\r\n\r\n")
            status = int(top.split()[1])
            answers.append((status, None if b"chunked" in top else json.loads(rest)))
        return json.dumps(answers).encode()

    return [tuple(each) for each in json.loads(as_account(uid, groups, work))]


@pytest.fixture(scope="module")
def room():
    """A control room that members of the group can reach, with an account for each role."""
    with reachable_folder() as folder:
        granted = {role: [f"user:{account}"] for role, account in ACCOUNTS.items()}
        with serving(folder / "run/s", roles=granted, group=SHARED) as served:
            yield served


OPERATIONS = {operation.name: operation for operation in Stage().operations() if operation.name != "hold"}


@as_root
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
@pytest.mark.parametrize("role", Role)
def test_an_operation_is_for_its_roles(room, role: Role, operation: Operation):
    """An account that has exactly one role may ask for exactly what names this role; else it is refused, and nothing was done."""
    room.stage.asked.clear()
    ((status, said),) = ask(room, ACCOUNTS[role], [("POST", f"/v1/{operation.name}", REQUESTS.get(operation.name, {}))])
    if role in operation.roles:
        assert status == PASSED[operation.name]
    else:
        assert (status, said["error"], said["exit"]) == (403, "NotPermitted", 77)
        assert room.stage.asked == []


@as_root
def test_root_may_ask_for_everything(room):
    """Also without a role in the table."""
    asked = [("POST", f"/v1/{name}", REQUESTS.get(name, {})) for name in OPERATIONS]
    assert [status for status, _ in ask(room, "root", asked)] == [PASSED[name] for name in OPERATIONS]


@as_root
def test_who_is_refused_learns_nothing_of_the_request(room):
    """Without the role not even what is wrong with a request is told."""
    answers = ask(room, ACCOUNTS[Role.READER], [("POST", "/v1/fail", {"how": 5}), ("POST", "/v1/fail", {"how": "usage"})])
    assert answers[0] == answers[1]
    assert answers[0][0] == 403


@as_root
def test_an_account_without_a_role_may_do_nothing(room):
    """Reaching the socket is no role; whether the daemon lives and what it offers is no secret."""
    asked = [("POST", f"/v1/{name}", REQUESTS.get(name, {})) for name in OPERATIONS]
    assert {status for status, _ in ask(room, STRANGER, asked)} == {403}
    assert {status for status, _ in ask(room, UNUSED_UID, asked)} == {403}
    answers = ask(room, STRANGER, [("GET", "/v1/health", {}), ("GET", "/v1/openapi.json", {}), ("GET", "/v1/jobs", {})])
    assert [status for status, _ in answers] == [200, 200, 403]


@as_root
def test_who_is_not_in_the_group_does_not_even_reach_it(room):
    """Roles are asked after the door: an account with every role, but outside of the group, can't connect."""
    assert ask(room, ACCOUNTS[Role.ADMIN], [("GET", "/v1/health", {})], shared=False) == [(0, None)]


@as_root
def test_jobs_are_seen_by_those_who_run_the_house_and_whoever_asked(room):
    """An account sees its own job; other jobs only with a role for it."""
    ((_, begun),) = ask(room, ACCOUNTS[Role.OPERATOR], [("POST", "/v1/work", {})])
    targets = [("GET", f"/v1/jobs/{begun['job']}{end}", {}) for end in ("", "/watch")]
    for role in (Role.OPERATOR, Role.AUDITOR, Role.ADMIN):
        assert [status for status, _ in ask(room, ACCOUNTS[role], [*targets, ("GET", "/v1/jobs", {})])] == [200, 200, 200]
    for role in (Role.SELF, Role.READER):
        assert [status for status, _ in ask(room, ACCOUNTS[role], [*targets, ("GET", "/v1/jobs", {})])] == [403, 403, 403]


@as_root
def test_whoever_began_a_job_may_watch_it_to_its_end():
    """Also where the role that let it begin shows no other jobs."""
    stage = Stage()
    work = next(each for each in stage.operations() if each.name == "work")
    own = Operation("work", work.summary, work.request, frozenset({Role.READER}), work.answer, work.gives)
    granted = {Role.READER: [f"user:{NAMES[0]}", f"user:{NAMES[1]}"]}
    with reachable_folder() as folder, serving(folder / "run/s", operations=[own], roles=granted, group=SHARED) as served:
        ((status, begun),) = ask(served, NAMES[0], [("POST", "/v1/work", {})])
        assert status == 202
        watched = [("GET", f"/v1/jobs/{begun['job']}/watch", {})]
        assert ask(served, NAMES[0], watched)[0][0] == 200
        assert ask(served, NAMES[1], watched)[0][0] == 403
