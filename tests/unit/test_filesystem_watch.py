"""What is told of a directory tree, event by event, by the kernel that has them."""

import os
import random
import shutil
from pathlib import Path
from threading import Thread

import pytest
from filesystem_kit import ACCESS, GROUP_OBJ, MASK, OTHER, UNDEFINED, USER, USER_OBJ, acl_attribute, write
from watch_kit import Ear, eventually, key, listening, tree

from syncd.adapters.sources.filesystem.grounds import Grounds
from syncd.core.hints import Calm, What


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with a file at each level, and room beside it on the same disk."""
    for name in ("root/a.md", "root/sub/b.md", "root/sub/deep/c.md", "outside/o.md", "outside/dir/p.md"):
        write(tmp_path / name)
    return tmp_path / "root"


@pytest.fixture
def ear(root: Path):
    """The tree under watch."""
    with listening(root) as made:
        yield made


def test_a_file_that_is_written(ear: Ear) -> None:
    """Written to, it may be unfinished; closed, it is finished."""
    told = ear.told_of(lambda: (ear.root / "sub/new.md").write_text("text"))
    assert set(told) == {key("sub/new.md", Calm.OPEN), key("sub/new.md")}
    assert told[-1] == key("sub/new.md")


def test_a_file_that_stays_open(ear: Ear) -> None:
    """As long as it is not closed, nothing says that it is finished."""
    with (ear.root / "a.md").open("a") as file:
        assert set(ear.told_of(lambda: (file.write("more"), file.flush()))) == {key("a.md", Calm.OPEN)}
    assert eventually(lambda: ear.heard[-1] == key("a.md"))


def test_who_may_read_a_file(ear: Ear) -> None:
    """A change of mode, owner, times or ACL is told of the file."""
    path = ear.root / "sub/b.md"
    assert set(ear.told_of(lambda: path.chmod(0o600))) == {key("sub/b.md")}
    assert set(ear.told_of(lambda: os.utime(path, (1, 1)))) == {key("sub/b.md")}
    attribute = acl_attribute(
        (USER_OBJ, 6, UNDEFINED), (USER, 4, 5), (GROUP_OBJ, 0, UNDEFINED), (MASK, 4, UNDEFINED), (OTHER, 0, UNDEFINED)
    )

    def set_acl() -> None:
        try:
            os.setxattr(path, ACCESS, attribute)
        except OSError:
            pytest.skip("this file system has no POSIX ACLs")

    assert set(ear.told_of(set_acl)) == {key("sub/b.md")}


def test_a_file_that_goes_or_moves(ear: Ear) -> None:
    """A deleted file is told, a moved one under both names, one that comes or goes beyond the root under the one it has here."""
    outside = ear.root.parent / "outside"
    assert ear.told_of((ear.root / "sub/b.md").unlink) == [key("sub/b.md")]
    assert ear.told_of(lambda: (ear.root / "a.md").rename(ear.root / "sub/z.md")) == [key("a.md"), key("sub/z.md")]
    assert ear.told_of(lambda: (ear.root / "sub/z.md").rename(outside / "z.md")) == [key("sub/z.md")]
    assert ear.told_of(lambda: (outside / "o.md").rename(ear.root / "sub/o.md")) == [key("sub/o.md")]


def test_a_link_to_a_file(ear: Ear) -> None:
    """A second name of a file is told when it is made, and nothing more will be: it is as good as finished."""
    assert ear.told_of(lambda: os.link(ear.root / "a.md", ear.root / "sub/linked.md")) == [key("sub/linked.md")]


def test_a_directory_that_comes_or_goes(ear: Ear) -> None:
    """Made, moved in or out, or removed, it is told with all below it; moved within, under both its names."""
    outside = ear.root.parent / "outside"
    assert set(ear.told_of((ear.root / "new").mkdir)) == {tree("new")}
    assert set(ear.told_of((ear.root / "new").rmdir)) == {tree("new")}
    assert set(ear.told_of(lambda: (outside / "dir").rename(ear.root / "sub/dir"))) == {tree("sub/dir")}
    assert set(ear.told_of(lambda: (ear.root / "sub").rename(ear.root / "other"))) == {tree("sub"), tree("other")}
    assert set(ear.told_of(lambda: (ear.root / "other").rename(outside / "gone"))) == {tree("other")}
    assert ear.watch.fault() is None


def test_who_may_pass_a_directory(ear: Ear) -> None:
    """A change of a directory's mode concerns all below it; of the root's, and of those above it, everything."""
    assert set(ear.told_of(lambda: (ear.root / "sub").chmod(0o700))) == {tree("sub")}
    assert set(ear.told_of(lambda: ear.root.chmod(0o700))) == {tree("")}
    assert set(ear.told_of(lambda: ear.root.parent.chmod(0o710))) == {tree("")}
    assert ear.told_of(lambda: (os.utime(ear.root.parent), ear.root.parent.chmod(0o710))) == []


def test_a_neighbour_of_the_root_is_nobodys_business(ear: Ear) -> None:
    """What is beside the root or beside a directory above it is not told."""
    outside = ear.root.parent / "outside"
    assert ear.told_of(lambda: (outside.chmod(0o700), write(outside / "n.md"), write(ear.root.parent / "n.md", mode=0o600))) == []


def test_what_moved_is_watched_where_it_is(ear: Ear) -> None:
    """After a directory was moved, changes below it are told under its new name; below one that was moved out, not at all."""
    (ear.root / "sub").rename(ear.root / "other")
    told = ear.told_of(lambda: (ear.root / "other/deep/c.md").chmod(0o600))
    assert told == [key("other/deep/c.md")]
    outside = ear.root.parent / "outside"
    (ear.root / "other").rename(outside / "other")
    assert ear.told_of(lambda: (outside / "other/deep/c.md").chmod(0o644)) == []
    (outside / "other").rename(ear.root / "back")
    assert ear.told_of(lambda: (ear.root / "back/deep/c.md").chmod(0o600)) == [key("back/deep/c.md")]


def test_another_directory_under_an_old_name(ear: Ear) -> None:
    """Two directories that swap their names are each told, and watched, under the name that they have now."""

    def swap() -> None:
        (ear.root / "sub").rename(ear.root / "swap")
        (ear.root / "two").rename(ear.root / "sub")
        (ear.root / "swap").rename(ear.root / "two")

    write(ear.root / "two/d.md")
    assert {tree("sub"), tree("two")} <= set(ear.told_of(swap))
    assert ear.told_of((ear.root / "sub/d.md").unlink) == [key("sub/d.md")]
    assert ear.told_of((ear.root / "two/deep/c.md").unlink) == [key("two/deep/c.md")]


def test_reading_is_no_change(ear: Ear) -> None:
    """Listing directories, asking for status, reading and opening files are not told."""

    def read() -> None:
        for folder, _, names in os.walk(ear.root):
            for name in names:
                Path(folder, name).read_text()
                Path(folder, name).stat()
                Path(folder, name).open("rb").close()

    assert ear.told_of(read) == []


def test_a_tree_that_is_made_at_once(ear: Ear) -> None:
    """A file made in a directory before anybody could watch that is covered by the hint of the directory; later ones are told."""

    def make() -> None:
        (ear.root / "x/y/z").mkdir(parents=True)
        (ear.root / "x/y/z/f.md").write_text("at once")

    assert tree("x") in ear.told_of(make)
    assert ear.told_of((ear.root / "x/y/z/f.md").unlink) == [key("x/y/z/f.md")]


def test_a_burst(ear: Ear) -> None:
    """Five hundred files written at once are each told to be finished, and nothing was dropped."""
    names = [f"sub/{number}.md" for number in range(500)]
    told = ear.told_of(lambda: [(ear.root / name).write_text(name) for name in names])
    assert {hint.name for hint in told if hint.calm is Calm.DONE} == set(names)
    assert ear.watch.fault() is None


def test_names_are_bytes(ear: Ear) -> None:
    """Names that are no UTF-8 are told under the keys that a scan gives them, of files and of directories."""
    folder = ear.root / os.fsdecode(b"\xff\xfe")
    prefix = b"\xff\xfe".decode("utf-8", "surrogateescape")
    assert set(ear.told_of(folder.mkdir)) == {tree(prefix)}
    assert ear.told_of(lambda: (folder / os.fsdecode(b"new\n\xff.md")).write_text(""))[-1] == key(f"{prefix}/new\n\udcff.md")


def test_what_is_left_out_is_not_told(root: Path) -> None:
    """Files that the filters leave out, excluded directories and all below them are not told, nor watched."""
    write(root / "skip/old/d.md")
    with listening(root, include=("*.md", "*.tmp"), exclude=("*.tmp", "skip/")) as ear:
        assert ear.told_of(lambda: write(root / "sub/b.tmp")) == []
        assert ear.told_of(lambda: write(root / "sub/b.bin")) == []
        assert ear.told_of(lambda: write(root / "skip/new.md")) == []
        assert ear.told_of(lambda: (write(root / "skip/old/d.md"), (root / "skip/old").chmod(0o700))) == []
        assert ear.told_of((root / "sub/skip").mkdir) == []
        assert ear.told_of(lambda: write(root / "sub/skip/new.md")) == []
        assert ear.told_of(lambda: (root / "sub/skip").chmod(0o700)) == []
        shutil.rmtree(root / "sub/skip")
        assert ear.watch.fault() is None


def test_a_name_that_is_not_left_out_any_more(root: Path) -> None:
    """What gets a selected name is told under it, what loses it too; a directory that is no longer excluded is watched."""
    write(root / "skip/d.md")
    with listening(root, exclude=("*.tmp", "skip/")) as ear:
        write(root / "sub/n.tmp")
        assert ear.told_of(lambda: (root / "sub/n.tmp").rename(root / "sub/n.md")) == [key("sub/n.md")]
        assert ear.told_of(lambda: (root / "sub/n.md").rename(root / "sub/n.tmp")) == [key("sub/n.md")]
        assert ear.told_of(lambda: (root / "skip").rename(root / "keep")) == [tree("keep")]
        assert ear.told_of((root / "keep/d.md").unlink) == [key("keep/d.md")]
        assert ear.told_of(lambda: (root / "sub").rename(root / "skip")) == [tree("sub")]
        assert ear.told_of((root / "skip/b.md").unlink) == []


def test_symlinks_are_not_followed(ear: Ear) -> None:
    """What a link leads to is not watched."""
    outside = ear.root.parent / "outside"
    (ear.root / "link").symlink_to(outside)
    assert ear.told_of((outside / "o.md").unlink) == []


def test_deep_trees(root: Path) -> None:
    """Deeper than a path may be long, a change is told."""
    name, depth = "a-directory-with-a-name", 300

    def make() -> None:
        here = os.open(root, os.O_RDONLY)
        for _ in range(depth):
            os.mkdir(name, dir_fd=here)
            deeper = os.open(name, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
        bottom.append(here)

    bottom: list[int] = []
    with listening(root) as ear:
        ear.told_of(make)
        (here,) = bottom
        deepest = "/".join([name] * depth)
        told = ear.told_of(lambda: os.close(os.open("c.md", os.O_WRONLY | os.O_CREAT, dir_fd=here)))
        os.close(here)
        assert told[-1] == key(f"{deepest}/c.md")
        ear.watch.mend()
        assert ear.watch.fault() is None


def test_a_directory_made_while_its_parent_is_looked_at(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was too late to be listed, and is watched all the same, for its parent was watched before that was listed."""
    real = Grounds.directories

    def list_and_then_change(grounds: Grounds, fd: int, prefix: str) -> frozenset[bytes]:
        found = real(grounds, fd, prefix)
        if prefix == "sub":
            (root / "sub/late").mkdir(exist_ok=True)
        return found

    monkeypatch.setattr(Grounds, "directories", list_and_then_change)
    with listening(root) as ear:
        ear.catch_up()
        assert tree("sub/late") in ear.heard
        assert ear.told_of((root / "sub/late/x.md").touch)[-1] == key("sub/late/x.md")


def stir(root: Path, dice: random.Random, steps: int) -> None:
    """Make, move, swap and remove directories below `root`, up to three deep, as fast as it goes."""

    def somewhere() -> Path:
        return root.joinpath(*(dice.choice("abc") for _ in range(dice.randint(1, 3))))

    for _ in range(steps):
        path, other = somewhere(), somewhere()
        try:
            match dice.randrange(6):
                case 0 | 1:
                    path.mkdir(parents=True)
                case 2 | 3:
                    path.rename(other)
                case 4:
                    shutil.rmtree(path)
                case 5:
                    path.rename(root.parent / "away")
                    (root.parent / "away").rename(other)
        except OSError:
            continue


def assert_watched(ear: Ear) -> None:
    """A file made in any directory is told under its one key, and there is no fault."""
    for folder in [Path(folder) for folder, _, _ in os.walk(ear.root)]:
        told = ear.told_of((folder / "here.md").touch)
        assert {hint.name for hint in told if hint.what is What.KEY} == {str((folder / "here.md").relative_to(ear.root))}
    assert ear.watch.fault() is None


@pytest.mark.parametrize("chance", range(3))
def test_a_tree_that_never_rests(root: Path, chance: int) -> None:
    """However directories are made, moved, swapped and removed: once it rests, a change in any of them is told as it is called.

    Nothing waits between two steps, so that watching always lags behind.
    """
    with listening(root) as ear:
        stir(root, random.Random(chance), 1_000)
        ear.catch_up()
        assert_watched(ear)


def test_watching_begins_while_the_tree_does_not_rest(root: Path) -> None:
    """What comes and goes while the watches are made is watched as well."""
    with listening(root) as ear:
        for chance in range(5):
            stirring = Thread(target=stir, args=(root, random.Random(chance), 300))
            stirring.start()
            ear.watch.mend()
            stirring.join()
            ear.catch_up()
            assert_watched(ear)
