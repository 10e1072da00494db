"""Principals as the machine's name service knows them."""

import grp
import os
import pwd

import pytest

from syncd.adapters.principals import NssDirectory
from syncd.core.acl import everyone, group, user
from syncd.errors import PrincipalUnknown

DIRECTORY = NssDirectory(("unix",))
UNUSED_UID = 3_999_999_999


def test_a_user_by_name_and_by_number() -> None:
    """An account has itself, its primary and its other groups, and everyone; by name and by number it is the same."""
    for entry in pwd.getpwall()[:5]:
        same = [other for other in pwd.getpwall() if other.pw_uid == entry.pw_uid]
        if len(same) > 1:
            continue
        groups = {entry.pw_gid, *(g.gr_gid for g in grp.getgrall() if entry.pw_name in g.gr_mem)}
        expected = {user("unix", entry.pw_uid), everyone("unix"), *(group("unix", gid) for gid in groups)}
        assert DIRECTORY.user(entry.pw_name) == expected
        assert DIRECTORY.account(entry.pw_uid) == expected


def test_every_realm() -> None:
    """In two realms an account is somebody in both, and nobody in a third."""
    reader = NssDirectory(("unix", "nas")).account(0)
    assert {user("unix", 0), user("nas", 0), everyone("unix"), everyone("nas")} <= reader
    assert {principal.realm for principal in reader} == {"unix", "nas"}
    assert NssDirectory(()).account(0) == frozenset()


def test_a_group_is_its_members_of_whom_nothing_else_is_known() -> None:
    """A group is that group and everyone, and no user."""
    entry = grp.getgrall()[0]
    assert DIRECTORY.group(entry.gr_name) == {group("unix", entry.gr_gid), everyone("unix")}


@pytest.mark.parametrize("name", ["no such account", "", "0", "group:root", "user:unix:0", "nul\0", "\ud800"])
def test_unknown_names(name: str) -> None:
    """A name that the name service doesn't know is an error; numbers and prefixes in names mean nothing."""
    with pytest.raises(PrincipalUnknown, match="no such user"):
        DIRECTORY.user(name)
    with pytest.raises(PrincipalUnknown, match="no such group"):
        DIRECTORY.group(name)


def test_an_unknown_number() -> None:
    """A number that the name service doesn't know is an error, unless it is the caller's own."""
    with pytest.raises(PrincipalUnknown, match=str(UNUSED_UID)):
        DIRECTORY.account(UNUSED_UID)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become an account that nobody knows")
def test_the_callers_own_unknown_number() -> None:
    """A process under a number without a name has its own groups."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setgroups([71, 72])
            os.setgid(70)
            os.setuid(UNUSED_UID)
            os.write(writing, ",".join(sorted(map(str, DIRECTORY.account(UNUSED_UID)))).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        said = answer.read().decode()
    assert os.waitpid(child, 0)[1] == 0
    assert said == f"everyone:unix,group:unix:70,group:unix:71,group:unix:72,user:unix:{UNUSED_UID}"
