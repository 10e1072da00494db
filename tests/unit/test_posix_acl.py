"""Modes and POSIX ACLs become clauses that decide as POSIX does."""

import errno
import os

import pytest
from filesystem_kit import GROUP, GROUP_OBJ, MASK, OTHER, UNDEFINED, USER, USER_OBJ, acl_attribute

from syncd.adapters.sources.filesystem.posix_acl import (
    EXECUTE,
    READ,
    AclUnreadable,
    Inode,
    PosixAcl,
    clause_of,
    parse,
    read_attribute,
)
from syncd.core.acl import Clause, allow, clause, deny, everyone, group, user

OWNER, TEAM = user("unix", 1), group("unix", 10)


def of_mode(mode: int, want: int = READ) -> Clause:
    """The clause of a file of user 1 and group 10 without an ACL."""
    return clause_of(Inode(mode, 1, 10, None), want, "unix")


def of_acl(*named: tuple[int, int, int], mask: int = 7, own_group: int = 4, other: int = 0) -> Clause:
    """The reading clause of a file of user 1 and group 10 with an ACL: (tag, bits, id) of whom it names."""
    users, groups = ([entry for entry in named if entry[0] == tag] for tag in (USER, GROUP))
    attribute = acl_attribute(
        (USER_OBJ, 6, UNDEFINED),
        *users,
        (GROUP_OBJ, own_group, UNDEFINED),
        *groups,
        (MASK, mask, UNDEFINED),
        (OTHER, other, UNDEFINED),
    )
    return clause_of(Inode(0o600 | mask << 3 | other, 1, 10, attribute), READ, "unix")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (0o640, clause(allow(OWNER), allow(TEAM))),
        (0o600, clause(allow(OWNER), deny(TEAM))),
        (0o604, clause(allow(OWNER), deny(TEAM), allow(everyone("unix")))),
        (0o044, clause(deny(OWNER), allow(TEAM), allow(everyone("unix")))),
        (0o711, clause(allow(OWNER), deny(TEAM))),
    ],
)
def test_a_mode_in_clauses(mode: int, expected: Clause) -> None:
    """The owner's bits decide for the owner, the group's for its members, and the others' for all else."""
    assert of_mode(mode) == expected


def test_search_permission_is_asked_for_by_itself() -> None:
    """Mode 0711 lets everyone through a directory although nobody but its owner may list it."""
    assert of_mode(0o711, EXECUTE).passes_everyone()
    assert not of_mode(0o711, READ).passes_everyone()


def test_the_owner_in_the_group_of_0604() -> None:
    """Mode 0604: the owner reads though he is in the denied group, another member doesn't, a stranger does."""
    decide = of_mode(0o604).permits
    assert decide(frozenset({OWNER, TEAM, everyone("unix")}))
    assert not decide(frozenset({user("unix", 2), TEAM, everyone("unix")}))
    assert decide(frozenset({user("unix", 2), everyone("unix")}))


def test_named_users_are_masked() -> None:
    """A named user has what his entry and the mask both grant; an entry without it denies him what his groups have."""
    assert of_acl((USER, 4, 2)).entries[1] == allow(user("unix", 2))
    assert of_acl((USER, 4, 2), mask=2).entries[1] == deny(user("unix", 2))
    assert of_acl((USER, 2, 2)).entries[1] == deny(user("unix", 2))


def test_any_granting_group_wins_over_a_denying_one() -> None:
    """A member of one group that grants and one that doesn't may read; of the second alone he may not, whatever others may."""
    own = of_acl((GROUP, 4, 11), (GROUP, 0, 12), other=4)
    assert own.permits(frozenset({user("unix", 9), group("unix", 11), group("unix", 12), everyone("unix")}))
    assert not own.permits(frozenset({user("unix", 9), group("unix", 12), everyone("unix")}))
    assert own.permits(frozenset({user("unix", 9), everyone("unix")}))


def test_the_mask_holds_for_the_owning_group_not_for_the_owner() -> None:
    """A mask without read stops the owning group and every named one, never the owner."""
    own = of_acl((GROUP, 4, 11), mask=2, own_group=6)
    assert own == clause(allow(OWNER), deny(TEAM, group("unix", 11)))


@pytest.mark.parametrize("failure", [errno.EIO, errno.EACCES, errno.EPERM, errno.ESTALE])
def test_an_acl_that_can_not_be_read_is_not_none(monkeypatch: pytest.MonkeyPatch, failure: int) -> None:
    """Only where there is no ACL, or no file system that has any, does the mode stand alone; every other failure is unknown."""

    def failing(number: int) -> None:
        def fail(*_: object, **__: object) -> bytes:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "getxattr", fail)

    for absent in (errno.ENODATA, errno.EOPNOTSUPP):
        failing(absent)
        assert read_attribute(b"/", follow_symlinks=True) is None
    failing(failure)
    with pytest.raises(AclUnreadable):
        read_attribute(b"/", follow_symlinks=True)


def test_parse_takes_the_entries_apart() -> None:
    """Each entry lands where it belongs, with its bits and its number; without a mask nothing is masked."""
    named = acl_attribute(
        (USER_OBJ, 7, UNDEFINED),
        (USER, 5, 1000),
        (GROUP_OBJ, 4, UNDEFINED),
        (GROUP, 1, 2000),
        (MASK, 5, UNDEFINED),
        (OTHER, 2, UNDEFINED),
    )
    assert parse(named) == PosixAcl(users=((1000, 5),), owning_group=4, groups=((2000, 1),), mask=5, other=2)
    plain = acl_attribute((USER_OBJ, 7, UNDEFINED), (GROUP_OBJ, 4, UNDEFINED), (OTHER, 2, UNDEFINED))
    assert parse(plain) == PosixAcl(users=(), owning_group=4, groups=(), mask=7, other=2)


BASE = [(USER_OBJ, 6, UNDEFINED), (GROUP_OBJ, 4, UNDEFINED), (OTHER, 0, UNDEFINED)]


@pytest.mark.parametrize(
    "attribute",
    [
        b"",
        b"\x02\x00\x00",
        acl_attribute(),
        acl_attribute(*BASE)[:-1],
        acl_attribute(*BASE) + b"\0",
        acl_attribute(*BASE, version=3),
        acl_attribute(*BASE[:-1]),
        acl_attribute(*BASE[1:]),
        acl_attribute(*reversed(BASE)),
        acl_attribute(*BASE, BASE[-1]),
        acl_attribute(*BASE, (64, 4, 1)),
        acl_attribute(BASE[0], (USER, 4, 7), *BASE[1:]),
        acl_attribute((USER_OBJ, 8, UNDEFINED), *BASE[1:]),
    ],
)
def test_what_the_kernel_would_not_write_is_refused(attribute: bytes) -> None:
    """Cut, padded, of another version, without or with too many of an entry, out of order, unknown: unreadable, never guessed."""
    with pytest.raises(AclUnreadable):
        parse(attribute)
    with pytest.raises(AclUnreadable):
        clause_of(Inode(0o640, 1, 10, attribute), READ, "unix")
