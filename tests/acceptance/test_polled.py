"""Where nothing tells of changes, as on a network mount: scans by the clock bring them in, and that is said."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from coordinating import ADMIN
from following import Following, following
from moments import new_site

from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.adapters.sources.filesystem.blindness import SILENT
from syncd.adapters.sources.filesystem.mounts import Mounts
from syncd.cli.sources import _watching
from syncd.cli.status import hints
from syncd.core.freshness import Verdict
from syncd.core.hints import Calm, Hint, What
from syncd.errors import NotYet
from syncd.operations.search import SearchRequest, search
from syncd.operations.sources import SourcesRequest, sources
from syncd.operations.status import StatusRequest, status


def test_a_silent_root_is_scanned_as_often_as_the_source_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No watch and no hint: what is made, closed and removed comes in by polls; both lists say that nothing tells of it."""
    monkeypatch.setattr(Mounts, "silent", lambda _self, _fd: True)
    site = new_site(tmp_path)
    site.change('name = "docs"', 'name = "docs"\npoll_every = "1s"')
    site.write("a.md", "text a")
    with following(site) as here:
        assert here.station.watch is None
        site.write("new.md", "new text")
        here.until(lambda: here.tend() or "new.md" in site.found())
        (site.docs / "a.md").unlink()
        here.until(lambda: here.tend() or "a.md" not in site.found())
        assert here.heard == []
        assert {trigger for trigger, _ in here.runs()} == {"start", "poll"}
        told = hints(status(here.daemon.desk, ADMIN, StatusRequest()).payload)
        assert "docs: nothing tells of its changes: it is scanned every 1 s (`source.poll_every`)" in told
        (line,) = sources(here.daemon.desk, ADMIN, SourcesRequest()).payload["sources"]
        assert _watching(line) == "no, scanned every 1 s"


@contextmanager
def scans(patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the source is asked for, as long as the context lasts: the prefix at and below which it lists all pages."""
    asked: list[str] = []
    real = FilesystemSource.scan

    def scan(self: FilesystemSource, below: str = "", *, deep: bool = True):
        asked.append(below if deep else f"{below} alone")
        return real(self, below, deep=deep)

    with patch.context() as within:
        within.setattr(FilesystemSource, "scan", scan)
        yield asked


def told(here: Following) -> list[str]:
    """What stands below the table, for people."""
    return hints(status(here.daemon.desk, ADMIN, StatusRequest()).payload)


def test_a_silent_part_is_scanned_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes in a mount that tells of nothing comes in by scans of just that; the rest is told of as ever.

    It is said that a part is not watched, and why, but not which. Once it is, as after unmounting, that is over.
    """
    site = new_site(tmp_path)
    site.change('name = "docs"', 'name = "docs"\npoll_every = "1s"')
    for key in ("a.md", "own/b.md", "secret/c.md", "secret/deep/d.md"):
        site.write(key, f"text of {key}")
    silent = {(site.docs / "secret").stat().st_ino}
    monkeypatch.setattr(Mounts, "silent", lambda _self, fd: os.fstat(fd).st_ino in silent)
    with following(site) as here, scans(monkeypatch) as asked:
        assert here.station.sight.blind.trees == ("secret",)
        site.write("secret/deep/new.md", "new text")
        (site.docs / "secret/c.md").unlink()
        here.until(lambda: here.tend() or ("secret/deep/new.md" in site.found() and "secret/c.md" not in site.found()))
        assert here.heard
        assert set(here.heard) == {Hint(What.TREE, "secret")}
        assert set(asked) == {"secret"}
        assert {trigger for trigger, _ in here.runs()} == {"start", "hint"}
        polled = "docs: nothing tells of changes in 1 part of it: it is scanned every 1 s (`source.poll_every`)"
        assert f"{polled}: {SILENT}" in told(here)
        assert "secret" not in json.dumps(status(here.daemon.desk, ADMIN, StatusRequest()).payload)
        (line,) = sources(here.daemon.desk, ADMIN, SourcesRequest()).payload["sources"]
        assert _watching(line) == "in part, scanned every 1 s"
        assert here.freshness().verdict is Verdict.FRESH  # looked at within `freshness.target`
        site.write("own/e.md", "told of")
        here.until(lambda: Hint(What.KEY, "own/e.md", Calm.DONE) in here.heard)
        silent.clear()
        here.until(lambda: here.tend() or not here.station.sight.blind)
        assert not any("nothing tells" in line for line in told(here))
        site.write("secret/late.md", "told of, too")
        here.until(lambda: Hint(What.KEY, "secret/late.md", Calm.DONE) in here.heard)
        here.quiet()
        assert "" not in asked
        here.shows_the_tree()


def test_an_answer_is_as_stale_as_what_was_last_scanned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`max_staleness` counts from the last scan of a part of which nothing tells, and not at all where all is watched."""
    site = new_site(tmp_path)
    for key in ("own/a.md", "secret/b.md"):
        site.write(key, f"text of {key}")
    silent: set[int] = set()
    monkeypatch.setattr(Mounts, "silent", lambda _self, fd: os.fstat(fd).st_ino in silent)
    strict, lenient = (SearchRequest("text", max_staleness=seconds, timeout=0.0) for seconds in (0.0, 60.0))
    with following(site) as here:
        assert search(here.daemon.desk, ADMIN, strict).payload["hits"]
    silent.add((site.docs / "secret").stat().st_ino)
    with following(site) as here:
        assert here.freshness().verdict is Verdict.FRESH
        assert search(here.daemon.desk, ADMIN, lenient).payload["hits"]
        with pytest.raises(NotYet, match="nothing tells of some changes in docs"):
            search(here.daemon.desk, ADMIN, strict)
