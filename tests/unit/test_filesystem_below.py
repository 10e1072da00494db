"""A scan that begins below the root: what it sees is what a scan of everything sees there, under the same ACLs."""

import errno
import os
from pathlib import Path

import pytest
from filesystem_kit import as_account, reachable_folder, source, write

from syncd.core.model import Reason, Refusal
from syncd.errors import SourceUnavailable

NOBODY = 65534


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree in which every directory on the way stops somebody else."""
    for name in ("root/top.md", "root/a/one.md", "root/a/b/two.md", "root/a/b/c/three.md", "root/a/other/four.md"):
        write(tmp_path / name)
    root = tmp_path / "root"
    root.chmod(0o750)
    (root / "a").chmod(0o705)
    (root / "a/b").chmod(0o510)
    return root


def test_the_way_down_counts(tree: Path) -> None:
    """The ACLs of all directories from `/` down are in the stamp and in every ACL, wherever the scan begins."""
    src = source(tree)
    whole = {page.prefix: (page.stamp, page.load()) for page in src.scan()}
    assert None not in {stamp for stamp, _ in whole.values()}
    for below in ("a", "a/b", "a/b/c"):
        assert [(page.stamp, page.load()) for page in src.scan(below, deep=False)] == [whole[below]]
    (tree / "a").chmod(0o700)
    changed = {page.prefix: page.stamp for page in src.scan("a/b")}
    assert set(changed) == {"a/b", "a/b/c"}
    assert all(changed[prefix] != whole[prefix][0] for prefix in changed)


def test_pages_come_in_order(tree: Path) -> None:
    """Parents first, siblings in the order of their names, and nothing from beside."""
    assert [page.prefix for page in source(tree).scan("a")] == ["a", "a/b", "a/b/c", "a/other"]
    assert [page.size for page in source(tree).scan("a")] == [1, 1, 1, 1]


def test_an_excluded_directory_on_the_way(tree: Path) -> None:
    """What a scan of everything does not enter has no pages, however deep the scan begins."""
    src = source(tree, exclude=("b/",))
    assert [page.prefix for page in src.scan("a")] == ["a", "a/other"]
    for below in ("a/b", "a/b/c"):
        assert list(src.scan(below)) == []
    anchored = source(tree, exclude=("/a/b/c/",))
    assert [page.prefix for page in anchored.scan("a/b")] == ["a/b"]
    assert list(anchored.scan("a/b/c")) == []


def test_a_symlink_on_the_way(tree: Path) -> None:
    """Where a link is on the way, or at its end, there is no page."""
    (tree / "link").symlink_to("a")
    for below in ("link", "link/b"):
        assert list(source(tree).scan(below)) == []


def test_a_directory_on_the_way_that_can_not_be_entered(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page has failed, which is no sign that anything is gone."""
    real = os.open

    def broken(path: bytes, flags: int, *, dir_fd: int | None = None) -> int:
        if path == b"b":
            raise OSError(errno.EIO, "Input/output error")
        return real(path, flags, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", broken)
    (page,) = source(tree).scan("a/b/c")
    assert (page.prefix, page.stamp, page.failure) == ("a/b/c", None, Refusal(Reason.LISTING, "EIO"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_a_directory_on_the_way_that_may_not_be_passed() -> None:
    """What lies behind a directory that this account may not pass is a page that failed."""

    def look() -> bytes:
        return repr([(page.prefix, page.failure) for page in source(folder).scan("closed/in")]).encode()

    with reachable_folder() as folder:
        write(folder / "closed/in/a.md")
        (folder / "closed").chmod(0o700)
        expected = repr([("closed/in", Refusal(Reason.LISTING, "EACCES"))])
        assert as_account(NOBODY, [NOBODY], look).decode() == expected


def test_a_root_replaced_meanwhile(tree: Path) -> None:
    """Another root in its place makes the source unavailable, as for a scan of everything."""
    scan = source(tree).scan("a")
    next(scan)
    tree.rename(tree.with_name("old"))
    tree.mkdir()
    with pytest.raises(SourceUnavailable, match="replaced"):
        list(scan)
