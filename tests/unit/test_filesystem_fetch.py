"""A fetch brings exactly what was observed, or says why not."""

import hashlib
import os
from pathlib import Path

import pytest
from filesystem_kit import SetClock, source, write

from syncd.adapters.sources.filesystem import reading
from syncd.core.model import Absence, Content, Observation
from syncd.errors import SourceUnavailable


def seen(root: Path, key: str = "a.md") -> Observation:
    """The observation of `key` now."""
    found = source(root).observe(key)
    assert found is not None
    return found


def fetch(root: Path, observation: Observation) -> object:
    """What a fetch says."""
    return source(root).fetch(observation)


@pytest.fixture
def during_the_read(monkeypatch: pytest.MonkeyPatch):
    """Makes something happen after the file was opened and before its first byte is read."""

    def arrange(happens) -> None:
        real = reading.read_all

        def read_all(fd: int, size: int) -> bytes:
            happens()
            return real(fd, size)

        monkeypatch.setattr(reading, "read_all", read_all)

    return arrange


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (2 << 20) + 5])
def test_the_bytes_and_their_digest(tmp_path: Path, size: int) -> None:
    """All bytes come, with their SHA-256, for sizes around the piece that is read at once."""
    data = os.urandom(size)
    (tmp_path / "a.md").write_bytes(data)
    src = source(tmp_path, max_bytes=4 << 20)
    assert src.fetch(src.observe("a.md")) == Content(data, hashlib.sha256(data).digest())


def test_reading_leaves_no_trace(tmp_path: Path) -> None:
    """A fetch does not move the time of access of a file of one's own."""
    path = write(tmp_path / "a.md")
    os.utime(path, (1, 1))
    before = path.stat().st_atime_ns
    assert isinstance(fetch(tmp_path, seen(tmp_path)), Content)
    assert path.stat().st_atime_ns == before


def test_gone(tmp_path: Path) -> None:
    """A file that was removed, whose directory was, or that a symlink or a directory took the place of, is gone."""
    for change in ("unlink", "symlink", "rename-parent", "file-for-parent"):
        root = tmp_path / change
        path = write(root / "sub/a.md")
        before = seen(root, "sub/a.md")
        if change == "rename-parent":
            (root / "sub").rename(root / "moved")
        else:
            path.unlink()
        if change == "symlink":
            path.symlink_to(write(root / "other.md"))
        if change == "file-for-parent":
            (root / "sub").rmdir()
            write(root / "sub")
        assert fetch(root, before) is Absence.GONE


def test_changed_before(tmp_path: Path) -> None:
    """Another text, another file in its place, or another mode since the observation: changed."""
    path = write(tmp_path / "a.md", "old")
    before = seen(tmp_path)
    path.write_text("new")
    assert fetch(tmp_path, before) is Absence.CHANGED
    before = seen(tmp_path)
    write(tmp_path / "b.md", "new").rename(path)
    assert fetch(tmp_path, before) is Absence.CHANGED
    before = seen(tmp_path)
    path.chmod(0o600)
    assert fetch(tmp_path, before) is Absence.CHANGED


def test_a_special_file_in_its_place(tmp_path: Path) -> None:
    """A FIFO that took the file's place does not block the reader: changed."""
    path = write(tmp_path / "a.md")
    before = seen(tmp_path)
    path.unlink()
    os.mkfifo(path)
    assert fetch(tmp_path, before) is Absence.CHANGED


@pytest.mark.parametrize("new", ["longer than it was", "shrt", "TEXT5", ""])
def test_changed_while_it_was_read(tmp_path: Path, during_the_read, new: str) -> None:
    """A file that grows, shrinks or is overwritten while it is read: changed, never a mixture."""
    path = write(tmp_path / "a.md", "text5")
    before = seen(tmp_path)
    during_the_read(lambda: path.write_text(new))
    assert fetch(tmp_path, before) is Absence.CHANGED


def test_the_reader_notices_by_itself(tmp_path: Path, during_the_read) -> None:
    """A file that is overwritten in place, size unchanged, while it is read: the descriptor's own status tells it."""
    path = write(tmp_path / "a.md", "text5")
    before = seen(tmp_path)
    during_the_read(lambda: path.write_text("TEXT5"))
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        assert reading.read_version(directory, b"a.md", before.version) is Absence.CHANGED
    finally:
        os.close(directory)


def test_removed_while_it_was_read(tmp_path: Path, during_the_read) -> None:
    """A file that is removed while it is read brings nothing, although its bytes could be read to the end."""
    path = write(tmp_path / "a.md")
    before = seen(tmp_path)
    during_the_read(path.unlink)
    assert fetch(tmp_path, before) in (Absence.GONE, Absence.CHANGED)


def test_replaced_while_it_was_read(tmp_path: Path, during_the_read) -> None:
    """A file in whose place another is put while it is read: changed."""
    path = write(tmp_path / "a.md")
    before = seen(tmp_path)
    during_the_read(lambda: write(tmp_path / "b.md").rename(path))
    assert fetch(tmp_path, before) is Absence.CHANGED


def test_a_directory_closed_while_it_was_read(tmp_path: Path, during_the_read) -> None:
    """The ACL is looked at again after the read: a directory on the way that lets fewer pass makes it changed."""
    tmp_path.chmod(0o755)
    write(tmp_path / "sub/a.md")
    before = seen(tmp_path, "sub/a.md")
    during_the_read(lambda: (tmp_path / "sub").chmod(0o710))
    assert fetch(tmp_path, before) is Absence.CHANGED


def test_a_root_that_is_gone(tmp_path: Path) -> None:
    """Without its root a source is unavailable: its documents are not gone."""
    write(tmp_path / "root/a.md")
    before = seen(tmp_path / "root")
    (tmp_path / "root").rename(tmp_path / "moved")
    with pytest.raises(SourceUnavailable):
        fetch(tmp_path / "root", before)


def test_refused_files_are_not_read(tmp_path: Path) -> None:
    """A fetch of what was refused says the refusal again."""
    write(tmp_path / "a.md", "x" * 11)
    src = source(tmp_path, max_bytes=10, clock=SetClock())
    found = src.observe("a.md")
    assert found is not None
    assert found.refusal is not None
    assert src.fetch(found) == found.refusal
