"""When a page says that nothing changed, and when it may not."""

import os
import time
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
    source,
    stamps,
    write,
)

from syncd.adapters.sources.filesystem.listing import Stamps


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two siblings, one with a child."""
    for name in ("top.md", "a/one.md", "a/two.md", "a/deep/three.md", "b/four.md"):
        write(tmp_path / name)
    return tmp_path


def changed(tree: Path, change) -> set[str]:
    """The prefixes whose stamps `change()` changes; none of them is None before or after, and loading agrees with scanning."""
    before = stamps(source(tree))
    change()
    src = source(tree)
    after = stamps(src)
    assert None not in {*before.values(), *after.values()}
    assert {page.prefix: page.load().stamp for page in src.scan()} == after
    return {prefix for prefix in before.keys() | after.keys() if before.get(prefix) != after.get(prefix)}


def test_nothing_changed(tree: Path) -> None:
    """Reading files and listing directories changes no stamp."""
    assert changed(tree, lambda: [(tree / "a/one.md").read_text(), list((tree / "b").iterdir())]) == set()


def test_a_changed_text(tree: Path) -> None:
    """A file written anew changes the stamp of its directory alone, also when size and mtime are restored."""
    path = tree / "a/one.md"
    times = path.stat()

    def write_the_same_size() -> None:
        path.write_text("TEXT")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert changed(tree, write_the_same_size) == {"a"}


def test_added_removed_and_renamed(tree: Path) -> None:
    """A member more, a member less, and a member under another name each change the stamp of their directory alone."""
    assert changed(tree, lambda: write(tree / "b/new.md")) == {"b"}
    assert changed(tree, (tree / "b/new.md").unlink) == {"b"}
    assert changed(tree, lambda: (tree / "a/one.md").rename(tree / "a/three.md")) == {"a"}


def test_swapped_files(tree: Path) -> None:
    """Two members that swap their names change the stamp."""

    def swap() -> None:
        (tree / "a/one.md").rename(tree / "a/tmp")
        (tree / "a/two.md").rename(tree / "a/one.md")
        (tree / "a/tmp").rename(tree / "a/two.md")

    assert changed(tree, swap) == {"a"}


def test_a_member_that_no_one_selected(tree: Path) -> None:
    """What the filters leave out changes no stamp."""
    before = stamps(source(tree, include=("*.md",)))
    write(tree / "a/one.bin")
    assert stamps(source(tree, include=("*.md",))) == before


def test_a_directory_more_or_less(tree: Path) -> None:
    """A new directory is a page of its own and leaves its parent's stamp alone."""
    assert changed(tree, (tree / "a/empty").mkdir) == {"a/empty"}


def test_a_mode_and_an_acl_of_a_file(tree: Path) -> None:
    """A member's mode or POSIX ACL changes the stamp of its directory alone."""
    assert changed(tree, lambda: (tree / "a/one.md").chmod(0o600)) == {"a"}
    attribute = acl_attribute(
        (USER_OBJ, 6, UNDEFINED), (USER, 4, 5), (GROUP_OBJ, 0, UNDEFINED), (MASK, 4, UNDEFINED), (OTHER, 0, UNDEFINED)
    )
    assert changed(tree, lambda: set_acl(tree / "a/one.md", attribute)) == {"a"}


def set_acl(path: Path, attribute: bytes) -> None:
    """Give `path` an ACL, or skip where the file system has none."""
    try:
        os.setxattr(path, ACCESS, attribute)
    except OSError:
        pytest.skip("this file system has no POSIX ACLs")


def test_the_permissions_of_a_directory(tree: Path) -> None:
    """Who may pass a directory changes its own stamp and those of all pages below, not its parent's or its siblings'."""
    assert changed(tree, lambda: (tree / "a").chmod(0o710)) == {"a", "a/deep"}
    attribute = acl_attribute(
        (USER_OBJ, 7, UNDEFINED), (USER, 1, 5), (GROUP_OBJ, 0, UNDEFINED), (MASK, 7, UNDEFINED), (OTHER, 0, UNDEFINED)
    )
    assert changed(tree, lambda: set_acl(tree / "a", attribute)) == {"a", "a/deep"}


def test_the_permissions_above_the_root(tree: Path) -> None:
    """Who may pass the directories above the root changes every stamp."""
    tree.chmod(0o755)
    (tree / "root").mkdir(mode=0o755)
    for name in ("x.md", "sub/y.md"):
        write(tree / "root" / name)
    assert changed(tree / "root", lambda: tree.chmod(0o711)) == set()
    assert changed(tree / "root", lambda: tree.chmod(0o710)) == {"", "sub"}


def test_other_settings_open_every_page(tree: Path) -> None:
    """What was left out, refused or closed by other settings is looked at: no stamp of theirs holds."""
    before = stamps(source(tree))
    for other in ({"exclude": ("*.bin",)}, {"max_bytes": 5}, {"allow_everyone": False}, {"realm": "ldap"}):
        after = stamps(source(tree, **other))
        assert after.keys() == before.keys()
        assert [prefix for prefix in before if after[prefix] == before[prefix]] == []


def test_another_root_in_the_same_place(tree: Path) -> None:
    """A root that was put in place of another has other stamps for every page, the empty ones too."""
    (tree / "root/empty").mkdir(parents=True)

    def replace() -> None:
        (tree / "root").rename(tree / "old")
        (tree / "root/empty").mkdir(parents=True)

    assert changed(tree / "root", replace) == {"", "empty"}


def test_a_change_between_scan_and_load(tree: Path) -> None:
    """The listing tells what it listed: a member added after the scan saw the page is in it, and its stamp is the later one."""
    page = {page.prefix: page for page in source(tree).scan()}["b"]
    write(tree / "b/late.md")
    listing = page.load()
    assert [seen.key for seen in listing.members] == ["b/four.md", "b/late.md"]
    assert listing.stamp != page.stamp
    assert listing.stamp == stamps(source(tree))["b"]


def test_a_time_that_64_bits_do_not_hold(tree: Path) -> None:
    """Some file systems keep years like 1492: a stamp has them, too."""
    fields = tuple((tree / "top.md").stat())
    long_ago = [os.stat_result((*fields, None, None, None), {"st_mtime_ns": -(2**63) - one, "st_ctime_ns": 0}) for one in (1, 2)]
    stamps = Stamps(b"", (0, 0), time.time_ns())
    assert len({None, *(stamps.of((), [(b"top.md", status)]) for status in long_ago)}) == 3
