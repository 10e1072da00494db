"""Scrub: bytes that changed behind the whole stat key are found by reading, told by name, and brought in; nothing else."""

import json
import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from following import Following, following
from kit import TESTER, Site
from moments import FIVE, new_site, texts
from runs import Worker, working

from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.adapters.sources.filesystem.listing import version_of
from syncd.cli.output import clock
from syncd.core.rows import Due
from syncd.errors import SourceUnavailable
from syncd.sync.scrub import Portion, Round, scrub, scrubbed

pytestmark = pytest.mark.usefixtures("calm")


def portion(worker: Worker, most: int = 100, **how) -> Portion:
    """Read some again."""
    return scrub(worker.install, worker.source, most, TESTER, **how)


def place(worker: Worker) -> Round:
    """How far it is."""
    with worker.install.ledger.read() as view:
        return scrubbed(view, worker.source_id)


def events(worker: Worker, *types: str) -> list:
    """What the history has of these types."""
    with worker.install.ledger.read() as view:
        return [event for event in view.events() if event.type in types or not types]


class Mapped:
    """A file that a program keeps mapped, and has written to once: what it writes next moves no time of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self.write(b"# ")

    def write(self, data: bytes) -> None:
        """Other bytes at the beginning."""
        self._map[: len(data)] = data

    def write_unseen(self, data: bytes) -> None:
        """The same, behind the stat key; skips where this file system tells."""
        before = version_of(self.path.stat())
        self.write(data)
        if version_of(self.path.stat()) != before:
            pytest.skip("this file system, or its flusher, has just moved the times of a mapped file")


@contextmanager
def escaped(worker: Worker, key: str = "x/c.md") -> Iterator[None]:
    """A real escape: synced while it is mapped, and then written to through the mapping."""
    mapped = Mapped(worker.site.docs / key)
    worker.whole()
    mapped.write_unseen(b"# ESCAPED")
    yield


def test_what_a_mapping_wrote_is_found_and_brought_in(worker: Worker, site: Site) -> None:
    """No scan sees it; a scrub does, names the document in the history, and the next run embeds its one changed text."""
    with escaped(worker):
        before = worker.whole()
        assert (before.report.documents.updated, "ESCAPED" in texts(site)["x/c.md"]) == (0, False)
        row = worker.rows()["x/c.md"]
        done = portion(worker)
        assert (done.found, done.read, done.over) == (["x/c.md"], 5, True)
        (event,) = events(worker, "scrub.found")
        assert (event.doc, event.phase) == (row.doc.hex(), "outcome")
        assert worker.rows()["x/c.md"].due is Due.LOOK
        after = worker.scoped(keys=done.found)
        assert (after.report.documents.updated, after.report.chunks.embedded) == (1, 1)
        assert "ESCAPED" in texts(site)["x/c.md"]
        assert worker.rows()["x/c.md"].doc == row.doc
        assert portion(worker).found == []
        worker.sound()


def test_a_whole_scan_brings_it_in_as_well(worker: Worker, site: Site) -> None:
    """Killed between what is found and what is read anew, nothing is lost: it is due, and its page is open."""
    with escaped(worker):
        portion(worker)
        assert worker.whole().report.documents.updated == 1
        assert "ESCAPED" in texts(site)["x/c.md"]


def test_a_version_that_lies_is_found(worker: Worker, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ctime ticks slowly or not at all, an edit of the same length with its mtime restored is found, too."""
    path = site.docs / "a.md"
    facts = path.stat()

    class Coarse:
        """The status of a file on such a file system."""

        def __init__(self, status: os.stat_result) -> None:
            self._status = status

        def __getattr__(self, name: str):
            return facts.st_ctime_ns if name == "st_ctime_ns" else getattr(self._status, name)

    for module in ("observing", "reading"):
        monkeypatch.setattr(f"syncd.adapters.sources.filesystem.{module}.version_of", lambda status: version_of(Coarse(status)))
    worker.reindex()
    worker.whole()
    with path.open("r+b") as file:
        file.write(b"# TITLE")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    done = portion(worker)
    assert done.found == ["a.md"]
    assert worker.scoped(keys=done.found).report.documents.updated == 1
    assert "TITLE" in texts(site)["a.md"]


def test_a_round_that_finds_nothing_does_nothing(worker: Worker, site: Site) -> None:
    """No text, no write to the index, no row of a document or page; the history says how many were read."""
    rows, pages, writes, before = worker.rows(), worker.pages(), list(site.index.writes), len(events(worker))
    assert portion(worker) == Portion(5, 5, sum((site.docs / key).stat().st_size for key in FIVE), over=True)
    assert (worker.rows(), worker.pages(), site.index.writes) == (rows, pages, writes)
    (event,) = events(worker)[before:]
    body = json.loads(event.leaf)["body"]
    assert (event.type, body["documents"], body["found"]) == ("scrub.finished", 5, 0)
    assert worker.whole().report.chunks.embedded == 0


def test_it_goes_on_where_it_was(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few at a time, each by a process of its own: every document is read once, in one order, and the round then ends."""
    read: list[str] = []
    real = FilesystemSource.fetch
    monkeypatch.setattr(FilesystemSource, "fetch", lambda self, seen: (read.append(seen.key), real(self, seen))[1])
    orders, overs = [], []
    with working(site) as worker:
        worker.whole()
    for _ in range(2):
        read.clear()
        for _ in range(3):
            with working(site) as worker:
                overs.append(portion(worker, 2).over)
        orders.append(list(read))
    assert overs == [False, False, True] * 2
    assert orders[0] == orders[1]
    assert sorted(orders[0]) == sorted(FIVE)


def test_whoever_waits_goes_first(worker: Worker) -> None:
    """Asked before each document; what was not read then is read by the next portion."""
    answers = iter([False, False, True])
    assert portion(worker, wanted=lambda: next(answers)).come_to == 2
    assert place(worker).read == 2
    assert portion(worker).come_to == 3
    assert (place(worker).read, place(worker).last_read) == (0, 5)


def test_nobody_had_time(worker: Worker) -> None:
    """Somebody else waits at once: nothing is read, and nothing is written."""
    before = len(events(worker))
    assert portion(worker, wanted=lambda: True).come_to == 0
    assert (place(worker), len(events(worker))) == (Round(), before)


def test_what_the_stat_key_tells_is_left_to_who_looks_at_it(worker: Worker, site: Site) -> None:
    """Edited, removed or replaced in the usual way: it is looked at, and it is no finding."""
    site.write("a.md", "another text")
    (site.docs / "b.md").unlink()
    (site.docs / "x/c.md").unlink()
    (site.docs / "x/c.md").mkdir()
    done = portion(worker)
    assert (done.found, sorted(done.unlike), done.read, done.over) == ([], ["a.md", "b.md", "x/c.md"], 2, True)
    assert events(worker, "scrub.found") == []


def test_a_source_that_is_away_is_not_scrubbed(worker: Worker, site: Site) -> None:
    """Nothing is found or forgotten: it goes on from where it was when the root is back."""
    portion(worker, 2)
    before = place(worker)
    site.docs.rename(site.docs.with_name("away"))
    with pytest.raises(SourceUnavailable):
        portion(worker, 2)
    site.docs.with_name("away").rename(site.docs)
    assert place(worker) == before
    assert portion(worker).over


# -- under a daemon ----------------------------------------------------------------------------------------------------


@pytest.fixture
def here(site: Site) -> Iterator[Following]:
    """A coordinator that scrubs all of it in a second, again and again."""
    site.change('name = "docs"', 'name = "docs"\nscrub_every = "1s"')
    with following(site) as here:
        yield here


def in_spare_time(here: Following, condition: Callable[[], object]) -> None:
    """Wait for what comes in spare time; it is poked, for it looks only every few seconds whether there is any."""
    here.until(lambda: here.daemon.inbox.poke() or condition())


def rounds(here: Following) -> int:
    """How many have ended."""
    return len(here.events("scrub.finished"))


def test_a_daemon_scrubs_when_it_has_nothing_to_do(here: Following, site: Site) -> None:
    """What a mapping wrote comes in without any hint or scan; rounds that find nothing embed and write nothing."""
    mapped = Mapped(site.docs / "x/c.md")  # which nobody tells of either: there is no event
    before = here.rows()["x/c.md"].version
    in_spare_time(here, lambda: here.rows()["x/c.md"].version != before)
    mapped.write_unseen(b"# ESCAPED")
    in_spare_time(here, lambda: "ESCAPED" in texts(site).get("x/c.md", ""))
    assert len(here.events("scrub.found")) == 1
    here.quiet()
    before, writes, embedded = rounds(here), len(here.index.writes), len(here.texts)
    in_spare_time(here, lambda: rounds(here) >= before + 2)
    assert (len(here.index.writes), len(here.texts), len(here.events("scrub.found"))) == (writes, embedded, 1)
    here.shows_the_tree()


def test_a_source_that_is_paused_is_not_scrubbed(here: Following) -> None:
    """Nobody looks at it: not a document is read; resumed, it goes on."""
    here.daemon.paused("docs", paused=True)
    here.daemon.at_turn(lambda: None)
    before = rounds(here)
    assert here.daemon.at_turn(here.daemon.chores.scrubber.step) is False
    assert rounds(here) == before
    here.daemon.paused("docs", paused=False)
    in_spare_time(here, lambda: rounds(here) > before)


def test_a_source_that_is_never_scrubbed(site: Site) -> None:
    """`off` is off."""
    site.change('name = "docs"', 'name = "docs"\nscrub_every = "off"')
    with following(site) as here:
        assert here.daemon.at_turn(here.daemon.chores.scrubber.step) is False
        assert here.daemon.chores.scrubber._paces == {}


# -- by hand -----------------------------------------------------------------------------------------------------------


def test_a_round_by_hand(tmp_path: Path) -> None:
    """`sources scrub` reads all of it, brings in what differs, and says so; `sources list` and `status` tell of the round."""
    site = new_site(tmp_path)
    site.index = None
    site.write("a.md", "# Title\n\nthe text")
    site.write("b.md", "other")
    mapped = Mapped(site.docs / "a.md")
    site.sync()
    site.age()
    site.sync()  # nothing is racy any more
    mapped.write_unseen(b"# ESCAPED")
    done = site.cli("sources", "scrub", "docs")
    assert "2 documents read again, 1 had changed." in done.stdout
    assert "had changed behind its times" in done.stderr
    assert "ESCAPED" in texts(site)["a.md"]
    assert site.json("sources", "scrub", "docs")["found"] == 0
    status = site.json("status")["sources"][0]["scrub"]
    assert (status["last_found"], status["read"], status["last"] is not None) == (0, 0, True)
    assert f"done {clock(status['last'])}" in site.cli("sources", "list").stdout
