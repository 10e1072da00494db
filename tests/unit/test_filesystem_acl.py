"""From directories and files to ACLs."""

import os
from pathlib import Path

import pytest
from filesystem_kit import (
    ACCESS,
    GROUP_OBJ,
    MASK,
    OTHER,
    UNDEFINED,
    USER,
    USER_OBJ,
    acl_attribute,
    observations,
    reachable_folder,
    source,
    stamps,
    write,
)

from syncd.adapters.sources.filesystem import AclRule, permissions
from syncd.adapters.sources.filesystem.posix_acl import AclUnreadable
from syncd.core.acl import Acl, Entry, allow, clause, deny, everyone, group, user

ALL = everyone("unix")


def acl(*clauses: tuple[Entry, ...]) -> Acl:
    """The ACL of clauses that are given by their entries."""
    return Acl.of(clause(*entries) for entries in clauses)


@pytest.fixture
def open_tree():
    """A folder behind directories that everyone passes."""
    with reachable_folder() as folder:
        yield folder


def of(root: Path, key: str = "a.md", **settings) -> Acl | None:
    """The ACL that a scan and a single look agree on."""
    src = source(root, **settings)
    seen = observations(src)[key]
    assert src.observe(key) == seen
    return seen.acl


def test_a_file_for_everyone(open_tree: Path) -> None:
    """When nothing on the way stops anybody, one clause says so: an ACL without clauses would permit nobody."""
    write(open_tree / "a.md", mode=0o644)
    assert of(open_tree) == acl((allow(ALL),))
    assert of(open_tree, realm="ldap") == acl((allow(everyone("ldap")),))


def test_a_file_for_everyone_behind_a_closed_directory(open_tree: Path) -> None:
    """A file that everyone may read behind a directory that few may pass has that directory's clause alone."""
    write(open_tree / "sub/a.md", mode=0o644)
    (open_tree / "sub").chmod(0o710)
    me, us = os.geteuid(), os.getegid()
    assert of(open_tree, "sub/a.md") == acl((allow(user("unix", me), group("unix", us)),))


def test_every_directory_counts_once(open_tree: Path) -> None:
    """Each directory that stops anybody is a clause beside the file's own; equal ones are one."""
    write(open_tree / "one/two/a.md", mode=0o640)
    (open_tree / "one").chmod(0o700)
    (open_tree / "one/two").chmod(0o700)
    me, us = os.geteuid(), os.getegid()
    assert of(open_tree, "one/two/a.md") == acl((allow(user("unix", me)),), (allow(user("unix", me), group("unix", us)),))


def test_where_everyone_is_not_let_in(open_tree: Path) -> None:
    """Without `allow_everyone` the file's owner and group stay, denials stay, others are out; directories still let them pass."""
    me, us = user("unix", os.geteuid()), group("unix", os.getegid())
    write(open_tree / "a.md", mode=0o644)
    write(open_tree / "b.md", mode=0o604)
    write(open_tree / "c.md", mode=0o004)
    assert of(open_tree, allow_everyone=False) == acl((allow(me, us),))
    assert of(open_tree, "b.md", allow_everyone=False) == acl((allow(me),))
    assert of(open_tree, "c.md", allow_everyone=False) == acl(())


def test_the_group_is_denied_before_everyone(open_tree: Path) -> None:
    """Mode 0604 keeps its order: owner, denied group, everyone."""
    write(open_tree / "a.md", mode=0o604)
    me, us = user("unix", os.geteuid()), group("unix", os.getegid())
    assert of(open_tree) == acl((allow(me), deny(us), allow(ALL)))


def test_rules_speak_where_modes_say_nothing(open_tree: Path) -> None:
    """The first rule that matches replaces all clauses, directories' too; `everyone` in one needs `allow_everyone`, too."""
    boss = user("ldap", "boss")
    for name in ("a.md", "hr/b.md", "hr/public/c.md"):
        write(open_tree / name, mode=0o600)
    (open_tree / "hr").chmod(0o700)
    rules = (AclRule("/hr/public/", (ALL,)), AclRule("/hr/", (boss,)), AclRule("*.bin", ()))
    assert of(open_tree, "hr/public/c.md", rules=rules) == acl((allow(ALL),))
    assert of(open_tree, "hr/public/c.md", rules=rules, allow_everyone=False) == acl(())
    assert of(open_tree, "hr/b.md", rules=rules) == acl((allow(boss),))
    assert of(open_tree, "a.md", rules=rules) == acl((allow(user("unix", os.geteuid())),))


def test_an_acl_on_the_file_system(open_tree: Path) -> None:
    """A real ACL is read from the file and from a directory."""
    write(open_tree / "sub/a.md")
    me = user("unix", os.geteuid())
    for path, bits in ((open_tree / "sub/a.md", 4), (open_tree / "sub", 1)):
        entries = ((USER_OBJ, 7), (USER, bits), (GROUP_OBJ, 0), (MASK, 7), (OTHER, 0))
        numbers = {USER: 5 if bits == 4 else 6}
        try:
            os.setxattr(path, ACCESS, acl_attribute(*((tag, b, numbers.get(tag, UNDEFINED)) for tag, b in entries)))
        except OSError:
            pytest.skip("this file system has no POSIX ACLs")
    assert of(open_tree, "sub/a.md") == acl((allow(me, user("unix", 5)),), (allow(me, user("unix", 6)),))


@pytest.mark.parametrize("broken", [b"", b"\x03\x00\x00\x00", None])
def test_an_acl_that_can_not_be_understood(open_tree: Path, monkeypatch: pytest.MonkeyPatch, broken: bytes | None) -> None:
    """An ACL that fails to be read or parsed is unknown: of a file for that file, of a directory for all below, and no stamp
    then lets it pass as unchanged.
    """
    write(open_tree / "a.md")
    write(open_tree / "sub/b.md")
    write(open_tree / "sub/deep/c.md")
    write(open_tree / "other/d.md")
    real = permissions.read_attribute
    bad: set[bytes] = set()

    def read(path: bytes | int, *, follow_symlinks: bool) -> bytes | None:
        if os.path.realpath(b"/proc/self/fd/%d" % path if isinstance(path, int) else path) not in bad:
            return real(path, follow_symlinks=follow_symlinks)
        if broken is None:
            raise AclUnreadable
        return broken

    monkeypatch.setattr(permissions, "read_attribute", read)
    bad.add(os.fsencode(open_tree / "a.md"))
    bad.add(os.fsencode(open_tree / "sub"))
    src = source(open_tree)
    seen = observations(src)
    assert {key for key, one in seen.items() if one.acl is None} == {"a.md", "sub/b.md", "sub/deep/c.md"}
    assert src.observe("sub/deep/c.md") == seen["sub/deep/c.md"]
    assert {prefix for prefix, stamp in stamps(src).items() if stamp is None} == {"sub", "sub/deep"}
    assert {page.prefix for page in src.scan() if page.load().stamp is None} == {"", "sub", "sub/deep"}


def test_mode_and_acl_are_of_one_moment(open_tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the mode changes between looking at it and at the ACL, both are looked at again; if it never rests, nobody reads."""
    path = write(open_tree / "a.md", mode=0o644)
    real = permissions.read_attribute
    modes = [0o640, 0o644]

    def read(target: bytes | int, *, follow_symlinks: bool) -> bytes | None:
        if not follow_symlinks and modes:
            path.chmod(modes.pop())
        return real(target, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(permissions, "read_attribute", read)
    me, us = user("unix", os.geteuid()), group("unix", os.getegid())
    seen = source(open_tree).observe("a.md")
    assert seen is not None
    assert seen.acl == acl((allow(me, us),))
    modes[:] = [0o640, 0o644] * 5
    seen = source(open_tree).observe("a.md")
    assert seen is not None
    assert seen.acl is None
