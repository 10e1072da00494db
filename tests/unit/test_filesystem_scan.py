"""What a scan of a directory tree sees, and what it makes of trees that are broken, hostile or gone."""

import errno
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filesystem_kit import SetClock, as_account, load_all, observations, reachable_folder, source, write

from syncd.adapters.sources.filesystem.listing import Stamps
from syncd.adapters.sources.filesystem.names import parts_of
from syncd.adapters.sources.filesystem.observing import Observer
from syncd.adapters.sources.filesystem.walking import HELD
from syncd.core.acl import NOBODY
from syncd.core.model import Reason, Refusal
from syncd.errors import ListingFailed, SourceUnavailable

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account or make devices")
NOBODY_UID = 65534


def test_pages_come_in_order_with_their_members(tmp_path: Path) -> None:
    """A page a directory, parents first, siblings and members in the order of the bytes of their names."""
    for name in ("b/two.md", "b/one.md", "a/x.md", "a-b/y.md", "Z.md", "a/c/deep.md", "é.md", "z.md"):
        write(tmp_path / name)
    (tmp_path / "empty").mkdir()
    listings = load_all(source(tmp_path))
    assert [listing.prefix for listing in listings] == ["", "a", "a/c", "a-b", "b", "empty"]
    assert [[seen.key for seen in listing.members] for listing in listings] == [
        ["Z.md", "z.md", "é.md"],
        ["a/x.md"],
        ["a/c/deep.md"],
        ["a-b/y.md"],
        ["b/one.md", "b/two.md"],
        [],
    ]


def test_an_observation_tells_what_was_seen(tmp_path: Path) -> None:
    """Size, time of change and identity are the file's; the identity follows it through a rename, the version does not stay."""
    path = write(tmp_path / "a.md", "12345")
    os.utime(path, (1, 2_000_000_000))
    before = observations(source(tmp_path))["a.md"]
    assert before.size == 5
    assert before.changed_at == 2_000_000_000
    os.utime(path, (1, 1_000_000_000))
    before = observations(source(tmp_path))["a.md"]
    assert before.changed_at == max(path.stat().st_mtime_ns, path.stat().st_ctime_ns) / 1e9
    assert before.refusal is None
    path.rename(tmp_path / "b.md")
    after = observations(source(tmp_path))["b.md"]
    assert after.identity == before.identity
    write(tmp_path / "b.md", "54321")
    assert observations(source(tmp_path))["b.md"].version != after.version


@pytest.mark.parametrize("year", [1492, 2400])
def test_times_that_64_bits_do_not_hold(tmp_path: Path, year: int) -> None:
    """Anybody may give a file such a time: it is scanned, looked at and read, and two such times are two versions."""
    path, src, second = write(tmp_path / "a.md"), source(tmp_path), (year - 1970) * 31_556_952
    versions = set()
    for nanosecond in (0, 1):
        os.utime(path, ns=(0, second * 10**9 + nanosecond))
        seen = observations(src)["a.md"]
        assert src.observe("a.md") == seen
        assert src.fetch(seen).data == b"text"
        versions.add(seen.version)
    assert len(versions) == 2


def test_names_are_bytes(tmp_path: Path) -> None:
    """Names with a newline, and names that are no UTF-8, are seen, observed and read under keys that keep every byte."""
    names = [b"new\nline.md", b"\xff\xfe.md", "ü.md".encode(), b"tail\n"]
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(name)
    src = source(tmp_path)
    seen = observations(src)
    assert {key.encode("utf-8", "surrogateescape") for key in seen} == set(names)
    for key, observation in seen.items():
        assert src.observe(key) == observation
        assert src.fetch(observation).data == key.encode("utf-8", "surrogateescape")


def test_symlinks_are_not_followed(tmp_path: Path) -> None:
    """Links to files and directories, out of the root, in circles or to nothing, are no documents and no pages."""
    outside, root = tmp_path / "outside", tmp_path / "root"
    write(outside / "secret.md")
    write(root / "in/real.md")
    (root / "file.md").symlink_to(outside / "secret.md")
    (root / "dir").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "self.md").symlink_to("self.md")
    (root / "inside.md").symlink_to(root / "in/real.md")
    src = source(root)
    assert list(observations(src)) == ["in/real.md"]
    for key in ("file.md", "dir/secret.md", "loop/in/real.md", "self.md", "inside.md"):
        assert src.observe(key) is None


def test_a_root_behind_a_symlink_is_the_root(tmp_path: Path) -> None:
    """The root itself may be named by a symlink: what it leads to is scanned."""
    write(tmp_path / "real/a.md")
    (tmp_path / "link").symlink_to("real")
    assert list(observations(source(tmp_path / "link"))) == ["a.md"]


def test_special_files_are_refused(tmp_path: Path) -> None:
    """A FIFO and a socket under a selected name are refused without being opened; others are not mentioned."""
    os.mkfifo(tmp_path / "fifo.md")
    os.mkfifo(tmp_path / "fifo.bin")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(tmp_path / "s.md"))
        src = source(tmp_path, include=("*.md",))
        seen = observations(src)
    assert {key: one.refusal for key, one in seen.items()} == dict.fromkeys(("fifo.md", "s.md"), Refusal(Reason.SPECIAL))
    assert src.fetch(seen["fifo.md"]) == Refusal(Reason.SPECIAL)


@needs_root
def test_devices_are_refused(tmp_path: Path) -> None:
    """A device under a selected name is refused."""
    try:
        os.mknod(tmp_path / "zero.md", 0o020666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("this root may not make devices")
    assert observations(source(tmp_path))["zero.md"].refusal == Refusal(Reason.SPECIAL)


def test_large_files_are_refused(tmp_path: Path) -> None:
    """A file of the limit is taken, one byte more is refused with the limit in the detail."""
    write(tmp_path / "fits.md", "x" * 100)
    write(tmp_path / "large.md", "x" * 101)
    seen = observations(source(tmp_path, max_bytes=100))
    assert seen["fits.md"].refusal is None
    assert seen["large.md"].refusal == Refusal(Reason.TOO_LARGE, "larger than 100 bytes")


def test_deep_trees(tmp_path: Path) -> None:
    """Three hundred directories deep, beyond what a path may hold, everything is seen and can be read."""
    here = os.open(tmp_path, os.O_RDONLY)
    depth, name = 300, "a-directory-with-a-name"
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        deeper = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    with os.fdopen(os.open("deep.md", os.O_WRONLY | os.O_CREAT, dir_fd=here), "w") as file:
        file.write("deep")
    os.close(here)
    src = source(tmp_path)
    key = "/".join([name] * depth + ["deep.md"])
    assert len(key) > os.pathconf(tmp_path, "PC_PATH_MAX")
    seen = observations(src)[key]
    assert src.fetch(seen).data == b"deep"


def open_files() -> int:
    """How many descriptors this process has."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_deep_tree_takes_few_descriptors(tmp_path: Path) -> None:
    """However deep it is, no more directories are open than are held, and none once the scan is over or was given up."""
    deep = tmp_path
    for number in range(3 * HELD):
        deep = deep / "d"
        write(deep / f"{number}.md")
        write(deep / "e/f.md")
    before = open_files()
    scan, most, seen = source(tmp_path).scan(), 0, set()
    for page in scan:
        most = max(most, open_files())
        seen.add(page.prefix)
        if len(page.prefix) > 2 * HELD:
            break
    assert before < most <= before + HELD + 4  # the root, twice, the one that is listed, and its names
    scan.close()
    assert open_files() == before
    seen = {page.prefix for page in source(tmp_path).scan()}
    assert len(seen) == 1 + 6 * HELD
    assert open_files() == before


def test_a_directory_moved_while_its_own_are_visited(tmp_path: Path) -> None:
    """It counts as where it was, this once; what is opened later by its key is gone, and nothing from where it is now is read."""
    for name in ("root/sub/a/1.md", "root/sub/b/2.md", "root/z/3.md"):
        write(tmp_path / name)
    src = source(tmp_path / "root")
    pages = {}
    for page in src.scan():
        pages[page.prefix] = page
        if page.prefix == "sub/a":
            (tmp_path / "root/sub").rename(tmp_path / "elsewhere")
            write(tmp_path / "elsewhere/b/secret.md", mode=0o600)
    assert list(pages) == ["", "sub", "sub/a", "sub/b", "z"]
    assert pages["sub/b"].load().members == ()
    assert [page.prefix for page in src.scan()] == ["", "z"]


@pytest.mark.parametrize("kind", ["missing", "file", "loop"])
def test_a_root_that_is_no_directory(tmp_path: Path, kind: str) -> None:
    """A missing root, a file and a symlink loop in its place make the source unavailable: never empty, never gone."""
    root = tmp_path / "root"
    if kind == "file":
        root.write_text("")
    if kind == "loop":
        root.symlink_to("root")
    src = source(root)
    with pytest.raises(SourceUnavailable, match=r"notes: .*root"):
        list(src.scan())
    with pytest.raises(SourceUnavailable):
        src.observe("a.md")


def test_a_root_replaced_during_the_scan(tmp_path: Path) -> None:
    """When another directory takes the root's place, neither the scan nor a page opened late calls anything gone."""
    root = tmp_path / "root"
    write(root / "sub/a.md")
    scan = source(root).scan()
    pages = [next(scan), next(scan)]
    root.rename(tmp_path / "old")
    root.mkdir()
    with pytest.raises(SourceUnavailable, match="replaced"):
        next(scan)
    with pytest.raises(SourceUnavailable, match="replaced"):
        pages[1].load()


def test_a_directory_that_vanished_before_it_was_opened(tmp_path: Path) -> None:
    """A page whose directory is gone by the time it is opened has no members, and is looked at again."""
    write(tmp_path / "sub/a.md")
    pages = {page.prefix: page for page in source(tmp_path).scan()}
    (tmp_path / "sub/a.md").unlink()
    (tmp_path / "sub").rmdir()
    listing = pages["sub"].load()
    assert (listing.prefix, listing.members, listing.stamp) == ("sub", (), None)


def test_a_directory_that_became_a_symlink(tmp_path: Path) -> None:
    """A directory replaced by a symlink between scan and load is gone, and what the link leads to is not read."""
    write(tmp_path / "outside/secret.md")
    write(tmp_path / "root/sub/a.md")
    src = source(tmp_path / "root")
    page = {page.prefix: page for page in src.scan()}["sub"]
    seen = src.observe("sub/a.md")
    assert seen is not None
    (tmp_path / "root/sub").rename(tmp_path / "moved")
    (tmp_path / "root/sub").symlink_to(tmp_path / "outside")
    assert page.load().members == ()
    assert src.observe("sub/secret.md") is None


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that other accounts can reach."""
    with reachable_folder() as folder:
        yield folder


@needs_root
def test_what_the_account_may_not_see(reachable: Path) -> None:
    """A closed directory fails as a page and its siblings go on; a file that may not be read is seen, and refused on reading."""
    write(reachable / "closed/a.md").parent.chmod(0o000)
    write(reachable / "names-only/b.md").parent.chmod(0o444)
    write(reachable / "open/c.md")
    write(reachable / "open/d.md", mode=0o600)

    def look() -> bytes:
        src = source(reachable)
        pages = {page.prefix: page for page in src.scan()}
        said = [f"{prefix}: {page.failure} {page.stamp}" for prefix, page in pages.items() if page.failure]
        try:
            pages["closed"].load()
        except ListingFailed:
            said.append("ListingFailed")
        said += [
            f"{seen.key}: {seen.refusal} {src.fetch(seen)}" for seen in pages["open"].load().members if seen.key == "open/d.md"
        ]
        hidden = src.observe("closed/a.md")
        said.append(f"{hidden.refusal} {hidden.acl}")
        return "\n".join(said).encode()

    assert as_account(NOBODY_UID, [NOBODY_UID], look).decode().splitlines() == [
        f"closed: {Refusal(Reason.LISTING, 'EACCES')} None",
        f"names-only: {Refusal(Reason.LISTING, 'EACCES')} None",
        "ListingFailed",
        f"open/d.md: None {Refusal(Reason.UNREADABLE, 'EACCES')}",
        f"{Refusal(Reason.UNREADABLE, 'EACCES')} None",
    ]


@needs_root
def test_a_root_that_may_not_be_listed(reachable: Path) -> None:
    """A root that this account may not list makes the source unavailable."""
    root = reachable / "root"
    write(root / "a.md")
    root.chmod(0o711)

    def look() -> bytes:
        try:
            return repr(list(source(root).scan())).encode()
        except SourceUnavailable as error:
            return str(error).encode()

    assert f"Source notes: {root}: Permission denied.".encode() in as_account(NOBODY_UID, [NOBODY_UID], look)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_a_directory_that_can_not_be_listed_is_not_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """It is a page that failed, and its siblings go on; where it is the root, the source is unavailable."""
    write(tmp_path / "closed/a.md")
    write(tmp_path / "open/b.md")
    closed = [tmp_path / "closed"]
    real = os.scandir

    def scandir(directory: int) -> object:
        if Path(f"/proc/self/fd/{directory}").resolve() in closed:
            raise OSError(number, os.strerror(number))
        return real(directory)

    monkeypatch.setattr(os, "scandir", scandir)
    pages = {page.prefix: page.failure for page in source(tmp_path).scan()}
    assert pages == {"": None, "closed": Refusal(Reason.LISTING, errno.errorcode[number]), "open": None}
    closed.append(tmp_path)
    with pytest.raises(SourceUnavailable):
        list(source(tmp_path).scan())


class Failing:
    """A directory entry whose status can't be had."""

    def __init__(self, entry: os.DirEntry[str]) -> None:
        self.name = entry.name
        self.is_file, self.is_dir, self.is_symlink = entry.is_file, entry.is_dir, entry.is_symlink

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        raise OSError(errno.EIO, "Input/output error")


class Unknown(Failing):
    """One of which the file system does not tell either what it is."""

    def __init__(self, entry: os.DirEntry[str]) -> None:
        super().__init__(entry)
        self.is_file = self.is_dir = self.is_symlink = self.stat


def test_what_may_be_a_directory_is_not_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a name alone does not tell what it is, and its status fails, it is looked at as both: a file, and a page."""
    write(tmp_path / "a.md")
    write(tmp_path / "open/b.md")
    write(tmp_path / "closed/c.md")
    write(tmp_path / "left-out/d.md")
    real = os.scandir

    @contextmanager
    def scandir(directory: int) -> Iterator[list[Unknown]]:
        if Path(f"/proc/self/fd/{directory}").readlink().name == "closed":
            raise OSError(errno.EIO, "Input/output error")
        with real(directory) as found:
            yield [Unknown(entry) for entry in found]

    monkeypatch.setattr(os, "scandir", scandir)
    pages = {page.prefix: page for page in source(tmp_path, exclude=("left-out/",)).scan()}
    assert {prefix: page.failure for prefix, page in pages.items()} == {
        "": None,
        "closed": Refusal(Reason.LISTING, "EIO"),
        "open": None,
    }
    assert {seen.key: seen.refusal for seen in pages["open"].load().members} == {"open/b.md": Refusal(Reason.UNREADABLE, "EIO")}


def test_a_member_whose_status_fails_is_not_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails for one file takes the page's stamp, and the file is reported as unreadable beside the others."""
    write(tmp_path / "a.md")
    write(tmp_path / "b.md")
    real = os.scandir

    @contextmanager
    def scandir(directory: int) -> Iterator[list[os.DirEntry[str] | Failing]]:
        with real(directory) as found:
            yield [Failing(entry) if entry.name == "a.md" else entry for entry in found]

    monkeypatch.setattr(os, "scandir", scandir)
    (page,) = source(tmp_path).scan()
    listing = page.load()
    assert [(seen.key, seen.refusal) for seen in listing.members] == [
        ("a.md", Refusal(Reason.UNREADABLE, "EIO")),
        ("b.md", None),
    ]
    assert (page.stamp, listing.stamp) == (None, None)


def test_a_status_that_can_not_be_had(tmp_path: Path) -> None:
    """A member whose status fails for another reason than being gone is refused, permits nobody, and takes the page's stamp."""
    broken = (b"a.md", OSError(errno.EIO, "Input/output error"))
    observer = Observer(-1, "sub", lambda _key, _access: NOBODY, 0, 100)
    member, seen = observer.look(broken)
    assert member == broken
    assert (seen.key, seen.refusal, seen.acl, seen.racy) == ("sub/a.md", Refusal(Reason.UNREADABLE, "EIO"), None, True)
    fine = write(tmp_path / "b.md").stat()
    stamps = Stamps(b"", (0, 0), time.time_ns() + 10**10)
    assert stamps.of((), [(b"b.md", fine)]) is not None
    assert stamps.of((), [broken, (b"b.md", fine)]) is None


@pytest.mark.parametrize("key", ["", "/", "/etc/passwd", "../a.md", "sub/../a.md", "./a.md", "a//b", "a/", "nul\0", "\ud800"])
def test_keys_that_lead_elsewhere(tmp_path: Path, key: str) -> None:
    """Absolute keys, keys with dots or empty names, and text that no name can be, name nothing."""
    write(tmp_path / "a.md")
    write(tmp_path / "root/sub/x.md")
    assert parts_of(key) is None
    assert source(tmp_path / "root").observe(key) is None


def test_directories_and_missing_names_are_nothing_to_observe(tmp_path: Path) -> None:
    """Only documents can be observed: a directory, a missing name, one below a file or too long for a name are not there."""
    write(tmp_path / "sub/a.md")
    src = source(tmp_path)
    for key in ("sub", "missing.md", "missing/a.md", "sub/a.md/b", "x" * 300):
        assert src.observe(key) is None


def test_recent_changes_are_racy(tmp_path: Path) -> None:
    """A file touched within two seconds, or dated in the future, is racy, and its page has no stamp; an older one doesn't."""
    write(tmp_path / "a.md")
    clock = SetClock(ahead=0)
    src = source(tmp_path, clock=clock)
    for ahead, racy in ((0, True), (1.0, True), (-3600, True), (60, False)):
        clock.ahead = ahead
        (page,) = src.scan()
        (seen,) = page.load().members
        assert seen.racy is racy
        assert (page.stamp is None) is racy
        assert (page.load().stamp is None) is racy
        observed = src.observe("a.md")
        assert observed is not None
        assert observed.racy is racy
