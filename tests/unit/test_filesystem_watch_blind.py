"""Where a part of a directory tree can't be watched: which part, why, and that it is watched as soon as it can be."""

import errno
import os
import shutil
from pathlib import Path

import pytest
from filesystem_kit import write
from watch_kit import in_namespaces, key, listening, tree
from watchdog.observers.inotify_c import Mask

from syncd.adapters.sources.filesystem import limits
from syncd.adapters.sources.filesystem.blindness import SILENT, UNWATCHED, Blindness
from syncd.adapters.sources.filesystem.grounds import Grounds
from syncd.adapters.sources.filesystem.limits import limit, too_few_instances, too_few_watches
from syncd.adapters.sources.filesystem.listening import ROOT_GONE, Listener
from syncd.adapters.sources.filesystem.watching import NO_INSTANCE
from syncd.core.blind import PARTS, SEEING
from syncd.errors import SourceUnavailable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small tree."""
    write(tmp_path / "root/a.md")
    write(tmp_path / "root/sub/deep/b.md")
    return tmp_path / "root"


# -- the limit on watches ----------------------------------------------------------------------------------------------


def test_more_directories_than_watches(tmp_path: Path) -> None:
    """A real limit leaves directories unwatched, at first or later: which, how many it takes and how to raise it is said.

    The rest is watched all the while; when there is room, so are they, and that they are is told.
    """
    script = """
import sys
limit = Path("/proc/sys/user/max_inotify_watches")
root = Path(sys.argv[1]) / "root"
(root / "a/b").mkdir(parents=True)
above = len(root.resolve().parts) - 1
limit.write_text(str(above + 3))
with listening(root) as ear:
    print(ear.watch.fault(), ear.watch.blind().trees)
    ear.told_of(lambda: (root / "c/d/e").mkdir(parents=True))
    print(ear.watch.fault(), ear.watch.blind().trees, f"it takes at least {above + 4} watches, 1 of" in ear.watch.blind().words)
    ear.watch.regain()
    print(f"it takes {above + 6} watches, 3 of" in ear.watch.blind().words)
    print(f"`user.max_inotify_watches` is {above + 3}: `sysctl -w user.max_inotify_watches=65536`" in ear.watch.blind().words)
    print(ear.watch.blind().causes[0].code)
    print(ear.told_of((root / "c/d/x.md").touch), key("a/b/x.md") in ear.told_of((root / "a/b/x.md").touch))
    limit.write_text(str(above + 6))
    print(ear.told_of(ear.watch.regain) == [tree("c")], bool(ear.watch.blind()), ear.watch.fault())
    print(key("c/d/e/y.md") in ear.told_of((root / "c/d/e/y.md").touch))
    limit.write_text("0")
    ear.watch.mend()
    print(ear.watch.fault(), ear.watch.blind().trees, f"it takes 6 watches, 6 of them are missing" in ear.watch.blind().words)
    limit.write_text("1000")
    ear.watch.regain()
    print(tree("") in ear.heard, bool(ear.watch.blind()), key("a/z.md") in ear.told_of((root / "a/z.md").touch))
"""
    assert in_namespaces(tmp_path, script, "-Ur") == [
        "None ()",
        "None ('c',) True",
        "True",
        "True",
        "user.max_inotify_watches",
        "[] True",
        "True False None",
        "True",
        "None ('',) True",
        "True False True",
    ]


def refused(monkeypatch: pytest.MonkeyPatch, names: set[str], number: int = errno.ENOSPC) -> None:
    """The kernel has no watch for directories of these names; `names` may be changed later."""
    watch = Listener._watch

    def refuse(listener: Listener, fd: int, mask: Mask) -> int | None:
        if Path(f"/proc/self/fd/{fd}").readlink().name in names:
            raise OSError(number, "no watch")
        return watch(listener, fd, mask)

    monkeypatch.setattr(Listener, "_watch", refuse)


def test_a_part_for_which_there_is_no_watch(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is blind with all below it, and no fault; when it is watched again that is told, and so is what happens in it."""
    names = {"sub"}
    refused(monkeypatch, names)
    with listening(root) as ear:
        blind = ear.watch.blind()
        assert (ear.watch.fault(), blind.trees, blind.whole) == (None, ("sub",), False)
        assert f"it takes {len(root.resolve().parts) + 2} watches, 2 of them are missing" in blind.words
        assert ear.told_of((root / "sub/deep/x.md").touch) == []
        assert ear.told_of(ear.watch.regain) == []
        names.clear()
        assert ear.told_of(ear.watch.regain) == [tree("sub")]
        assert ear.watch.blind() == SEEING
        assert set(ear.told_of((root / "sub/deep/y.md").touch)) == {key("sub/deep/y.md")}


def test_what_came_to_be_watched_is_told_whatever_comes_after(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A root that is away for a moment costs the words about what is blind, and no hint: nobody would miss it afterwards."""
    names = {"sub"}
    refused(monkeypatch, names)
    real = Blindness.count

    def count(blindness: Blindness) -> None:
        root.rename(root.with_name("away"))
        try:
            real(blindness)
        finally:
            root.with_name("away").rename(root)

    def regain() -> None:
        with pytest.raises(SourceUnavailable):
            ear.watch.regain()

    with listening(root) as ear:
        names.clear()
        monkeypatch.setattr(Blindness, "count", count)
        assert ear.told_of(regain) == [tree("sub")]
        assert (ear.watch.fault(), ear.watch.blind()) == (None, SEEING)


def test_a_part_that_is_gone_is_not_blind(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Removed, or moved out, it is no part any more; moved to another name, it is blind there."""
    refused(monkeypatch, {"deep"})
    with listening(root) as ear:
        ear.told_of(lambda: (root / "sub").rename(root / "other"))
        assert ear.watch.blind().trees == ("other/deep",)
        ear.told_of(lambda: (root / "other/deep").rename(root.with_name("outside")))
        assert ear.watch.blind() == SEEING
        ear.told_of(lambda: root.with_name("outside").rename(root / "deep"))
        assert ear.watch.blind().trees == ("deep",)
        ear.told_of(lambda: shutil.rmtree(root / "deep"))
        assert ear.watch.blind() == SEEING


def test_very_many_parts_are_their_parent(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many are kept apart; the folder that they lie in is blind then, though it has a watch itself."""
    names = {f"n{number}" for number in range(PARTS + 1)}
    for name in names:
        (root / "sub/deep" / name).mkdir()
    refused(monkeypatch, names)
    with listening(root) as ear:
        blind = ear.watch.blind()
        assert (blind.trees, blind.causes[0].parts) == (("sub/deep",), 1)
        assert f", {PARTS + 1} of them are missing" in blind.words
        assert set(ear.told_of((root / "sub/deep/x.md").touch)) == {key("sub/deep/x.md")}
        one = names.pop()
        ear.watch.regain()
        assert ear.watch.blind().trees == tuple(sorted(f"sub/deep/{name}" for name in names))
        assert set(ear.told_of((root / "sub/deep" / one / "x.md").touch)) == {key(f"sub/deep/{one}/x.md")}


def test_what_is_being_looked_at_anew_is_still_blind(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks while watches are tried again hears what was blind before, also where that breaks off."""
    refused(monkeypatch, {"sub"})
    said: list[tuple[str, ...]] = []
    real = Grounds.directories

    def ask(grounds: Grounds, fd: int, prefix: str) -> frozenset[bytes]:
        said.append(ear.watch.blind().trees)
        if len(said) == 1:
            raise RuntimeError(prefix)
        return real(grounds, fd, prefix)

    with listening(root) as ear:
        monkeypatch.undo()
        monkeypatch.setattr(Grounds, "directories", ask)
        root.rename(root.with_name("away"))
        with pytest.raises(SourceUnavailable):
            ear.watch.regain()
        assert ear.watch.blind().trees == ("sub",)
        root.with_name("away").rename(root)
        with pytest.raises(RuntimeError):
            ear.watch.regain()
        assert ear.watch.blind().trees == ("sub",)
        ear.watch.regain()
        assert (set(said), ear.watch.blind()) == ({("sub",)}, SEEING)


def test_a_directory_that_can_not_be_watched(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever keeps it from being watched, beside that it may not be read: it is blind, and not for want of watches."""
    refused(monkeypatch, {"deep"}, errno.EIO)
    with listening(root) as ear:
        blind = ear.watch.blind()
        assert (ear.watch.fault(), blind.trees, blind.words) == (None, ("sub/deep",), UNWATCHED)


# -- the words ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Limits of the test's own."""
    monkeypatch.setattr(limits, "_PROC", tmp_path)
    for folder, names in (("fs/inotify", "max_user"), ("user", "max_inotify")):
        for what, value in (("watches", 65_536), ("instances", 128)):
            write(tmp_path / folder / f"{names}_{what}", f"{value}\n")
    return tmp_path


def test_the_command_that_raises_the_limit(proc: Path) -> None:
    """The sysctl, what it is, how many watches it takes, and the command: a quarter more than needed, as a power of two."""
    raised = "`fs.inotify.max_user_watches` is 65536: `sysctl -w fs.inotify.max_user_watches=131072`, and keep it in"
    assert too_few_watches(80_000, 30_000, exact=True) == (
        f"it takes 80000 watches, 30000 of them are missing, and {raised} /etc/sysctl.d/60-syncd.conf"
    )
    assert too_few_watches(80_000, 1, exact=False).startswith("it takes at least 80000 watches, 1 of them are missing, and ")
    assert "=262144`" in too_few_watches(180_000, 130_000, exact=True)
    assert too_few_instances().startswith("`fs.inotify.max_user_instances` is 128: `sysctl -w fs.inotify.max_user_instances=256`")
    (proc / "fs/inotify/max_user_instances").write_text("256")
    (proc / "user/max_inotify_instances").write_text("256")
    assert "=512`" in too_few_instances()


def test_the_limit_of_a_container_is_the_one_that_is_named(proc: Path) -> None:
    """The lower one of both; where neither can be read that is said, and the command is given all the same."""
    (proc / "user/max_inotify_watches").write_text("1000")
    assert limit("watches").name == "user.max_inotify_watches"
    for path in proc.rglob("max_*"):
        path.unlink()
    assert "`fs.inotify.max_user_watches` can't be read: `sysctl -w fs.inotify.max_user_watches=65536`" in too_few_watches(
        9, 1, exact=True
    )


def test_no_inotify_instance(tmp_path: Path) -> None:
    """Where the kernel has none left nothing is told at all: the limit and the command are named, until there is one."""
    script = f"""
import sys
limit = Path("/proc/sys/user/max_inotify_instances")
root = Path(sys.argv[1])
limit.write_text("0")
ear = Ear(root)
blind = ear.watch.blind()
print(ear.watch.fault(), blind.trees, blind.words.startswith({NO_INSTANCE!r}), blind.causes[0].code)
print("`user.max_inotify_instances` is 0: `sysctl -w user.max_inotify_instances=256`" in blind.words)
ear.watch.regain()
ear.watch.mend()
print(ear.watch.fault(), ear.watch.blind() == blind)
root.rename(root.with_name("gone"))
print(ear.watch.fault())
root.with_name("gone").rename(root)
limit.write_text("1")
ear.watch.regain()
print(ear.watch.fault(), bool(ear.watch.blind()), tree("") in ear.heard, key("x.md") in ear.told_of((root / "x.md").touch))
ear.watch.mend()
print(ear.watch.fault(), bool(ear.watch.blind()))
ear.watch.close()
"""
    (tmp_path / "root").mkdir()
    assert in_namespaces(tmp_path / "root", script, "-Ur") == [
        "None ('',) True user.max_inotify_instances",
        "True",
        "None True",
        ROOT_GONE,
        "None False True True",
        "None False",
    ]


def test_no_file_may_be_opened(root: Path) -> None:
    """The kernel's number for that is the same; the limit on instances is not blamed for it."""
    script = """
import resource, sys
from syncd.adapters.sources.filesystem.watching import _without_instance
error = OSError(24, "no instance")
print(_without_instance(error).code)
resource.setrlimit(resource.RLIMIT_NOFILE, (0, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
cause = _without_instance(error)
print(cause.code, cause.words)
"""
    code, other = in_namespaces(root, script, "-Ur")
    assert code.endswith("instances")
    assert other == f"no-instance {NO_INSTANCE} (EMFILE)"


# -- mounts ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_silent_mount_below_the_root(tmp_path: Path) -> None:
    """A part of the tree that does not tell is blind, and the rest is watched; once it is unmounted all of it is."""
    script = f"""
import sys
from syncd.adapters.sources.filesystem import mounts
kind = mounts._kind
mounts._kind = lambda fd: b"nfs4" if kind(fd) == b"ramfs" else kind(fd)
root = Path(sys.argv[1]) / "root"
for name in ("shared/under", "own"):
    (root / name).mkdir(parents=True)
subprocess.run(["mount", "-t", "ramfs", "none", str(root / "shared")], check=True)
with listening(root) as ear:
    blind = ear.watch.blind()
    print(ear.watch.fault(), blind.trees, blind.words == {SILENT!r}, blind.causes[0].code)
    print(ear.told_of((root / "shared/x.md").touch))
    print(key("own/x.md") in ear.told_of((root / "own/x.md").touch))
    ear.watch.regain()
    print(ear.watch.blind() == blind)
    subprocess.run(["umount", str(root / "shared")], check=True)
    print(tree("shared") in ear.told_of(ear.watch.regain), bool(ear.watch.blind()))
    print(key("shared/under/y.md") in ear.told_of((root / "shared/under/y.md").touch))
"""
    assert in_namespaces(tmp_path, script, "-m") == [
        "None ('shared',) True silent-mount",
        "[]",
        "True",
        "True",
        "True False",
        "True",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_what_is_mounted_later_is_noticed(tmp_path: Path) -> None:
    """Nothing tells a watch that something lies over its directory: it is seen when it is asked what is blind.

    What tells is watched; what does not is blind; what is excluded is nothing. Names may hold what the table of mounts escapes.
    """
    script = """
import sys
from syncd.adapters.sources.filesystem import mounts
kind = mounts._kind
mounts._kind = lambda fd: b"nfs4" if kind(fd) == b"ramfs" else kind(fd)
root = Path(sys.argv[1]) / "root"
for name in ("a b", "shared/under", "left/out"):
    (root / name).mkdir(parents=True)
def mount(kind, name): subprocess.run(["mount", "-t", kind, "none", str(root / name)], check=True)
def look(): ear.seen = ear.watch.blind().trees
with listening(root, exclude=("left/",)) as ear:
    mount("tmpfs", "a b")
    print(ear.told_of((root / "a b/x.md").touch))
    print(ear.told_of(look) == [tree("a b")], ear.seen, ear.watch.fault())
    print(key("a b/y.md") in ear.told_of((root / "a b/y.md").touch), ear.told_of(look))
    mount("ramfs", "shared")
    print(ear.told_of(look) == [tree("shared")], ear.seen, ear.watch.fault())
    mount("ramfs", "left/out")
    print(ear.told_of(look), ear.seen)
    subprocess.run(["umount", str(root / "shared")], check=True)
    print(ear.told_of(look) == [tree("shared")], ear.seen, ear.watch.fault())
    print(key("shared/under/z.md") in ear.told_of((root / "shared/under/z.md").touch))
"""
    assert in_namespaces(tmp_path, script, "-m") == [
        "[]",
        "True () None",
        "True []",
        "True ('shared',) None",
        "[] ('shared',)",
        "True () None",
        "True",
    ]
