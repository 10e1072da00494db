"""Who may read, as syncd decides it, is who may read, as the kernel decides it."""

import errno
import os
import random
import shutil
import struct
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.core.acl import Reader, everyone, group, user

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away and become other accounts")

USERS = [61001, 61002, 61003]
GROUPS = [62001, 62002, 62003]
STRANGER = 61099
TREES, FILES, READERS = 12, 6, 8


class WallClock:
    """The real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_ns(self) -> int:
        return 0


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that every account can reach: pytest's own are closed to all but their owner, and all answers would be no."""
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"):
        path = Path(parent)
        if path.is_dir() and all(step.stat().st_mode & 0o001 for step in (path.resolve(), *path.resolve().parents)):
            break
    else:
        pytest.skip("no temporary folder here that every account can reach")
    base = Path(tempfile.mkdtemp(prefix="syncd-", dir=path))
    base.chmod(0o755)
    yield base
    shutil.rmtree(base)


def random_bits(rng: random.Random) -> int:
    """Permission bits, most often with something in them."""
    return rng.choice([0, 1, 2, 4, 5, 5, 6, 7, 7])


def random_attribute(rng: random.Random) -> bytes:
    """An ACL as the kernel stores it, with up to two named users and groups."""
    users = [(2, random_bits(rng), uid) for uid in sorted(rng.sample(USERS, rng.randint(0, 2)))]
    groups = [(8, random_bits(rng), gid) for gid in sorted(rng.sample(GROUPS, rng.randint(0, 2)))]
    mask = [(16, random_bits(rng), 0xFFFFFFFF)] if users or groups or rng.random() < 0.3 else []
    first, second, last = ((tag, random_bits(rng), 0xFFFFFFFF) for tag in (1, 4, 32))
    entries = [first, *users, second, *groups, *mask, last]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def protect(rng: random.Random, path: Path) -> bool:
    """Give `path` a random owner, group and mode, and half of the time an ACL. Whether one was set."""
    os.chown(path, rng.choice(USERS), rng.choice(GROUPS))
    path.chmod(random_bits(rng) << 6 | random_bits(rng) << 3 | random_bits(rng))
    if rng.random() < 0.5:
        return False
    try:
        os.setxattr(path, "system.posix_acl_access", random_attribute(rng))
    except OSError as error:
        assert error.errno == errno.EOPNOTSUPP
        return False
    return True


def build(rng: random.Random, root: Path) -> int:
    """A tree of files behind up to three random directories each. How many ACLs it has."""
    root.mkdir()
    root.chmod(0o755)
    acls = 0
    for number in range(FILES):
        directory = root
        for depth in range(rng.randint(0, 3)):
            directory /= f"d{number}-{depth}"
            directory.mkdir()
        path = directory / f"file{number}"
        path.write_text("text")
        acls += protect(rng, path)
        while directory != root:
            # Most directories are passable to somebody, or hardly any answer would be yes.
            acls += protect(rng, directory)
            if rng.random() < 0.5:
                directory.chmod(directory.stat().st_mode | 0o011)
            directory = directory.parent
    return acls


def kernel_says(paths: list[Path], uid: int, gids: list[int]) -> list[bool]:
    """Whether a process of that account can open each of `paths` for reading."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setgroups(gids[1:])
            os.setgid(gids[0])
            os.setuid(uid)
            for path in paths:
                try:
                    os.close(os.open(path, os.O_RDONLY))
                except PermissionError:
                    os.write(writing, b"n")
                else:
                    os.write(writing, b"y")
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        said = answer.read()
    assert os.waitpid(child, 0)[1] == 0
    return [letter == ord("y") for letter in said]


def reader(uid: int, gids: list[int]) -> Reader:
    """The account's principals."""
    return frozenset({user("unix", uid), everyone("unix"), *(group("unix", gid) for gid in gids)})


@pytest.mark.parametrize("seed", range(TREES))
def test_decide_agrees_with_open(reachable: Path, seed: int) -> None:
    """For random trees of modes and POSIX ACLs, `decide` permits exactly the readers for whom open(2) succeeds."""
    rng = random.Random(seed)
    root = reachable / "root"
    build(rng, root)
    source = FilesystemSource("notes", root, max_bytes=1 << 20, allow_everyone=True, clock=WallClock())
    acls = {seen.key: seen.acl for page in source.scan() for seen in page.load().members}
    assert len(acls) == FILES
    keys = sorted(acls)
    for _ in range(READERS):
        uid, gids = rng.choice([*USERS, STRANGER]), rng.sample([*GROUPS, 62099], rng.randint(1, 3))
        decided = [acls[key] is not None and acls[key].decide(reader(uid, gids)) for key in keys]
        opened = kernel_says([root / key for key in keys], uid, gids)
        assert decided == opened, f"uid {uid}, gids {gids}: {[(k, str(acls[k].readers())) for k in keys]}"


def test_the_trees_ask_something(reachable: Path) -> None:
    """The random trees have ACLs where the file system knows them, and both answers occur often."""
    answers: list[bool] = []
    acls = 0
    for seed in range(TREES):
        rng = random.Random(seed)
        root = reachable / f"root{seed}"
        acls += build(rng, root)
        paths = [path for path in root.rglob("*") if path.is_file()]
        answers += kernel_says(paths, rng.choice(USERS), rng.sample(GROUPS, 2))
    assert min(answers.count(True), answers.count(False)) >= TREES * FILES // 10
    if not acls:
        pytest.skip("this file system has no POSIX ACLs: only modes were compared")


@pytest.mark.parametrize("mask", range(8))
def test_every_mask_agrees_with_open(reachable: Path, mask: int) -> None:
    """Under each mask, the empty one too, named users, named groups and the owning group read what the kernel lets them."""
    root = reachable / "root"
    root.mkdir(mode=0o755)
    path = root / "file"
    path.write_text("text")
    os.chown(path, USERS[0], GROUPS[0])
    for other in (0, 4):
        entries = [
            (1, 6, 0xFFFFFFFF),
            (2, 4, USERS[1]),
            (2, 0, USERS[2]),
            (4, 4, 0xFFFFFFFF),
            (8, 4, GROUPS[1]),
            (8, 0, GROUPS[2]),
            (16, mask, 0xFFFFFFFF),
            (32, other, 0xFFFFFFFF),
        ]
        attribute = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
        try:
            os.setxattr(path, "system.posix_acl_access", attribute)
        except OSError:
            pytest.skip("this file system has no POSIX ACLs")
        source = FilesystemSource("notes", root, max_bytes=1 << 20, allow_everyone=True, clock=WallClock())
        seen = source.observe("file")
        assert seen is not None
        assert seen.acl is not None
        for uid in (*USERS, STRANGER):
            for gids in ([GROUPS[0]], [GROUPS[1]], [GROUPS[2]], [GROUPS[2], GROUPS[1]], [62099]):
                assert [seen.acl.decide(reader(uid, gids))] == kernel_says([path], uid, gids), (mask, other, uid, gids)
