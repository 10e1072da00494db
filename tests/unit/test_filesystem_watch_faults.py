"""When what is told of a directory tree can't be believed, that this is known, and what it takes to be whole again."""

import gc
import os
import shutil
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest
from filesystem_kit import as_account, reachable_folder, source, write
from watch_kit import Ear, eventually, in_namespaces, key, listening, tree
from watchdog.observers.inotify_c import InotifyEvent, InotifyFD

from syncd.adapters.sources.filesystem import mounts
from syncd.adapters.sources.filesystem.grounds import Grounds
from syncd.adapters.sources.filesystem.listening import OVERFLOW, ROOT_GONE, ROOT_OTHER
from syncd.adapters.sources.filesystem.mounts import Mounts
from syncd.adapters.sources.filesystem.watching import CLOSED, DEAD, MENDING
from syncd.core.blind import SEEING
from syncd.core.hints import Hint
from syncd.errors import SourceUnavailable

QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")
NOBODY = 65534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small tree."""
    write(tmp_path / "root/a.md")
    write(tmp_path / "root/sub/b.md")
    return tmp_path / "root"


class SlowEar(Ear):
    """One that can be made to wait with the hint that it is just being told."""

    def __init__(self, root: Path, **settings) -> None:
        self.go_on = Event()
        self.go_on.set()
        super().__init__(root, **settings)

    def hear(self, hint: Hint) -> None:
        super().hear(hint)
        self.go_on.wait()


def overflow(ear: SlowEar) -> None:
    """More events than the kernel keeps, while nobody reads them."""
    most = int(QUEUE.read_text())
    if most > 50_000:
        pytest.skip("the kernel keeps very many events here")
    ear.go_on.clear()
    for number in range(most // 2 + 1_100):
        # Two files in turn, for equal events are merged; the reader has taken a few hundred before it came to a stop.
        os.utime(ear.root / "a.md", (number, number))
        os.utime(ear.root / "sub/b.md", (number, number))


def held() -> tuple[int, int]:
    """Open files and threads of this process: a thread that was joined may be in the kernel for a moment yet."""
    gc.collect()  # what earlier tests have left
    process = psutil.Process()
    return process.num_fds(), process.num_threads()


def test_dropped_events(root: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    """A real overflow of the kernel's queue is a fault until the watch is mended; what was made meanwhile is watched then.

    The library says something of its own about it, which may hold names: it is not heard.
    """
    caplog.set_level("DEBUG")
    ear = SlowEar(root)
    try:
        overflow(ear)
        write(root / "missed/c.md")
        ear.go_on.set()
        assert eventually(lambda: ear.watch.fault() == OVERFLOW)
        assert ear.watch.fault() == OVERFLOW
        ear.watch.mend()
        assert ear.watch.fault() is None
        assert ear.told_of((root / "missed/c.md").unlink) == [key("missed/c.md")]
        assert (caplog.records, capfd.readouterr()) == ([], ("", ""))
    finally:
        ear.go_on.set()
        ear.watch.close()


def test_another_root_in_its_place(root: Path) -> None:
    """A root that was replaced is a fault; mended, the new one is watched and the old one is not."""
    with listening(root) as ear:
        root.rename(root.with_name("old"))
        write(root / "other/c.md")
        assert ear.watch.fault() == ROOT_OTHER
        ear.watch.mend()
        assert ear.watch.fault() is None
        assert ear.told_of((root / "other/c.md").unlink) == [key("other/c.md")]
        assert ear.told_of((root.with_name("old") / "a.md").unlink) == []


def test_a_link_that_leads_elsewhere(root: Path) -> None:
    """A root that is a symlink is replaced by letting it lead to another directory."""
    write(root.with_name("second") / "c.md")
    link = root.with_name("link")
    link.symlink_to(root)
    with listening(link) as ear:
        link.unlink()
        link.symlink_to(root.with_name("second"))
        assert ear.watch.fault() == ROOT_OTHER
        ear.watch.mend()
        assert ear.watch.fault() is None
        assert ear.told_of((link / "c.md").unlink) == [key("c.md")]


def test_a_root_that_goes(root: Path) -> None:
    """Nothing breaks when the root is removed: it is a fault, can't be mended while it is away, and is when it is back.

    The new root may well have the inode of the old one.
    """
    with listening(root) as ear:
        shutil.rmtree(root)
        assert ear.watch.fault() == ROOT_GONE
        assert eventually(lambda: tree("") in ear.heard)
        with pytest.raises(SourceUnavailable):
            ear.watch.mend()
        assert ear.watch.fault() == ROOT_GONE
        root.mkdir()
        assert ear.watch.fault() == ROOT_GONE
        ear.watch.mend()
        assert ear.watch.fault() is None
        assert key("new.md") in ear.told_of(lambda: write(root / "new.md"))


def test_a_root_that_was_never_there(tmp_path: Path) -> None:
    """Where there is no root there is nothing to watch, and nothing is left behind."""
    before = held()
    with pytest.raises(SourceUnavailable):
        source(tmp_path / "missing").watch(lambda _: None)
    assert held() == before


def test_who_is_told_fails(root: Path) -> None:
    """An error of whoever is told costs hints, which is a fault, and not the thread that tells."""

    class Broken(Ear):
        def hear(self, hint: Hint) -> None:
            if hint.name == "a.md":
                raise ValueError(hint.name)
            super().hear(hint)

    ear = Broken(root)
    try:
        assert ear.told_of((root / "a.md").unlink) == []
        assert ear.watch.fault() == "an event could not be followed (ValueError)"
        assert ear.told_of((root / "sub/b.md").unlink) == [key("sub/b.md")]
        ear.watch.mend()
        assert ear.watch.fault() is None
    finally:
        ear.watch.close()


def test_a_table_of_mounts_that_can_not_be_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks what is blind hears no error, as where the process has no more files to open: it is a fault while that lasts.

    Who begins to watch then is polled, for nobody knows what kind of file system that is.
    """
    with listening(root) as ear:
        with monkeypatch.context() as patch:
            patch.setattr(mounts, "_TABLE", root / "missing")
            assert ear.watch.blind() == SEEING
            assert ear.watch.fault() == "an event could not be followed (FileNotFoundError)"
            ear.watch.mend()
            assert ear.watch.fault() == "an event could not be followed (FileNotFoundError)"
            assert source(root).watch(print) is None
        ear.watch.mend()
        assert ear.watch.fault() is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_reads(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that died is a fault, and there is a new one after mending."""

    def die(_self: InotifyFD, _event: InotifyEvent) -> None:
        raise MemoryError

    with listening(root) as ear:
        with monkeypatch.context() as patch:
            patch.setattr(InotifyFD, "handle_event", die)
            (root / "a.md").unlink()
            assert eventually(lambda: ear.watch.fault() is not None)
        assert ear.watch.fault() == DEAD
        ear.watch.mend()
        assert ear.watch.fault() is None
        assert ear.told_of((root / "sub/b.md").unlink) == [key("sub/b.md")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_directories_that_can_not_be_read() -> None:
    """What may not be listed is not watched, which is no fault, for no scan sees it; it is watched once it can be read."""

    def look() -> bytes:
        with listening(folder) as ear:
            said = [str(ear.watch.fault())]
            ear.watch.mend()
            said.append(str(ear.watch.fault()))
            (folder / "closed").chmod(0o700)
            ear.catch_up()
            said.append(str(key("closed/deep/c.md") in ear.told_of((folder / "closed/deep/c.md").unlink)))
            ear.watch.mend()
            said.append(str(ear.watch.fault()))
        return "\n".join(said).encode()

    with reachable_folder() as folder:
        write(folder / "closed/deep/c.md")
        for path in (folder, folder / "closed", folder / "closed/deep"):
            os.chown(path, NOBODY, NOBODY)
        (folder / "closed").chmod(0o300)
        assert as_account(NOBODY, [NOBODY], look).decode().splitlines() == ["None", "None", "True", "None"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_mounts_come_and_go(tmp_path: Path) -> None:
    """What is mounted below the root is watched under each of its names; when it is gone, what lay under it is watched again."""
    script = """
import sys
base = Path(sys.argv[1])
root = base / "root"
(root / "disk/under").mkdir(parents=True)
(root / "twice").mkdir()
def mount(*arguments): subprocess.run(["mount", *arguments], check=True)
mount("-t", "tmpfs", "none", str(root / "disk"))
(root / "disk/in").mkdir()
mount("--bind", str(root / "disk/in"), str(root / "twice"))
with listening(root) as ear:
    print(ear.watch.fault())
    print(sorted({hint.name for hint in ear.told_of((root / "disk/in/x.md").touch)}))
    print(sorted({hint.name for hint in ear.told_of(lambda: (root / "disk").chmod(0o700))}))
    subprocess.run(["umount", str(root / "twice")], check=True)
    subprocess.run(["umount", str(root / "disk")], check=True)
    print(tree("disk") in ear.heard or eventually(lambda: tree("disk") in ear.heard))
    print(sorted({hint.name for hint in ear.told_of((root / "disk/under/y.md").touch)}))
    print(ear.watch.fault())
"""
    assert in_namespaces(tmp_path, script, "-m") == [
        "None",
        "['disk/in/x.md', 'twice/x.md']",
        "['disk']",
        "True",
        "['disk/under/y.md']",
        "None",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_directory_above_the_root_is_mounted_in_it(tmp_path: Path) -> None:
    """The kernel has one watch for both: what happens in it is told, and so is who may pass it on the way to the root."""
    script = """
import sys
base = Path(sys.argv[1])
root = base / "root"
(root / "loop").mkdir(parents=True)
subprocess.run(["mount", "--bind", str(base), str(root / "loop")], check=True)
with listening(root) as ear:
    print(key("loop/x.md") in ear.told_of((base / "x.md").touch))
    print(tree("") in ear.told_of(lambda: base.chmod(0o700)), ear.watch.fault())
"""
    tmp_path.chmod(0o755)
    assert in_namespaces(tmp_path, script, "-m") == ["True", "True None"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_an_overlay_is_watched(tmp_path: Path) -> None:
    """The file system of containers tells of what is done through it, to files of either layer."""
    script = """
import sys
subprocess.run(["mount", "-t", "tmpfs", "none", sys.argv[1]], check=True)
base = Path(sys.argv[1])
for name in ("lower/sub", "upper", "work", "root"):
    (base / name).mkdir(parents=True)
(base / "lower/sub/a.md").write_text("below")
layers = f"lowerdir={base}/lower,upperdir={base}/upper,workdir={base}/work"
subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, str(base / "root")], check=True)
with listening(base / "root") as ear:
    print(ear.watch.fault())
    print(key("sub/a.md") in ear.told_of(lambda: (base / "root/sub/a.md").write_text("above")))
    print(key("sub/n.md") in ear.told_of(lambda: (base / "root/sub/n.md").write_text("new")))
"""
    assert in_namespaces(tmp_path, script, "-m") == ["None", "True", "True"]


@pytest.mark.parametrize("kind", [b"nfs4", b"cifs", b"fuse", b"fuse.sshfs", b"9p", b"ceph", None])
def test_file_systems_that_do_not_tell(root: Path, monkeypatch: pytest.MonkeyPatch, kind: bytes | None) -> None:
    """Where others can write behind the kernel's back, or nobody knows, nothing is watched: only scans find changes."""
    monkeypatch.setattr(mounts, "_kind", lambda _fd: kind)
    before = held()
    assert source(root).watch(lambda _: None) is None
    assert held() == before


@pytest.mark.parametrize("kind", [b"ext4", b"xfs", b"btrfs", b"tmpfs", b"overlay", b"fuseblk", b"zfs"])
def test_file_systems_that_tell(root: Path, monkeypatch: pytest.MonkeyPatch, kind: bytes) -> None:
    """Local disks are watched, those of containers too."""
    monkeypatch.setattr(mounts, "_kind", lambda _fd: kind)
    fd = os.open(root, os.O_RDONLY)
    assert not Mounts().silent(fd)
    os.close(fd)


def test_the_kind_of_a_mount_is_the_kernels_word() -> None:
    """The type of a file system is what the table of mounts says of the very mount that something was opened on."""
    with Path("/proc/self/stat").open() as file:
        assert mounts._kind(file.fileno()) == b"proc"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_mount_over_the_root(tmp_path: Path) -> None:
    """What is mounted over the root is another root, and so is the one below it when that is gone: a fault until it is mended."""
    script = f"""
import sys
root = Path(sys.argv[1]) / "root"
root.mkdir()
with listening(root) as ear:
    subprocess.run(["mount", "-t", "tmpfs", "none", str(root)], check=True)
    print(ear.watch.fault() == {ROOT_OTHER!r})
    ear.watch.mend()
    print(ear.watch.fault(), key("x.md") in ear.told_of((root / "x.md").touch))
    subprocess.run(["umount", str(root)], check=True)
    print(ear.watch.fault() in ({ROOT_OTHER!r}, {ROOT_GONE!r}))
    ear.watch.mend()
    print(ear.watch.fault(), key("y.md") in ear.told_of((root / "y.md").touch))
"""
    assert in_namespaces(tmp_path, script, "-m") == ["True", "None True", "True", "None True"]


def test_closed_is_closed(root: Path) -> None:
    """After closing, any number of mends or faults before, no thread and no open file is left, and nothing is told."""
    before = held()
    ears = [Ear(root) for _ in range(3)]
    for ear in ears:
        assert ear.told_of(lambda: write(root / "sub/n.md")) != []
        ear.watch.mend()
        shutil.rmtree(root / "sub")
        ear.watch.mend()
    assert eventually(lambda: held()[1] == before[1] + 3)
    for ear in ears:
        ear.watch.close()
        ear.watch.close()
    assert eventually(lambda: held() == before)
    heard = len(ears[0].heard)
    write(root / "after.md")
    ears[0].watch.mend()
    assert (ears[0].watch.fault(), len(ears[0].heard)) == (CLOSED, heard)
    assert eventually(lambda: held() == before)


def test_closing_waits_for_the_hint_that_is_told(root: Path) -> None:
    """Closed while a tree is being followed, it neither hangs nor goes on."""
    for _ in range(5):
        with listening(root) as ear:
            for number in range(20):
                (root / f"{number}/x/y").mkdir(parents=True)
            ear.watch.close()
            heard = len(ear.heard)
            for number in range(20):
                shutil.rmtree(root / f"{number}")
            assert len(ear.heard) == heard


def test_closed_while_it_is_mended(root: Path) -> None:
    """Whoever closes it while another thread mends it has it closed: nothing is opened after that."""
    for number in range(400):
        (root / f"{number}").mkdir()
    before = held()
    for _ in range(5):
        ear = Ear(root)
        started = Event()

        def mend(ear: Ear = ear, started: Event = started) -> None:
            started.set()
            for _ in range(3):
                ear.watch.mend()

        mending = Thread(target=mend)
        mending.start()
        started.wait()
        ear.watch.close()
        mending.join()
        assert ear.watch.fault() == CLOSED
        assert eventually(lambda: held() == before)


def test_what_is_being_mended_is_not_whole(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the watches are made again there is a fault, whoever asks."""
    said: list[str | None] = []
    real = Grounds.directories

    def ask(grounds: Grounds, fd: int, prefix: str) -> frozenset[bytes]:
        said.append(ear.watch.fault())
        return real(grounds, fd, prefix)

    with listening(root) as ear:
        monkeypatch.setattr(Grounds, "directories", ask)
        ear.watch.mend()
        assert set(said) == {MENDING}
        assert ear.watch.fault() is None
