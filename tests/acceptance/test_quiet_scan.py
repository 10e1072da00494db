"""A scan of everything: it writes of the pages that changed, and misses none that is gone."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from moments import FIVE

from syncd.errors import ListingFailed, SourceUnavailable
from syncd.sync import survey

KEYS = set(FIVE)


pytestmark = pytest.mark.usefixtures("calm")


def test_a_scan_that_finds_nothing_writes_nothing_of_pages_and_documents(worker):
    """Every row is the one that it was: at a million files, too, such a scan costs the ledger its own record alone."""
    before = worker.pages(), worker.rows()
    assert len(before[0]) == 4
    done = worker.whole()
    assert (done.state, done.report.documents.unchanged) == ("done", 5)
    assert (worker.pages(), worker.rows()) == before


def test_only_the_page_that_changed_is_written(worker, site):
    """One edit: its page has another stamp and the number of this scan, and no other row of a page is touched."""
    before = worker.pages()
    site.write("x/c.md", "another text")
    assert worker.whole().state == "done"
    after = worker.pages()
    assert {prefix for prefix, row in after.items() if row != before[prefix]} == {"x"}
    assert after["x"].scan == worker.source_row().scan


def test_a_folder_gone_while_another_came(worker, site):
    """As many folders as before, one of them another: what was in the old one is deleted, and nothing else."""
    shutil.rmtree(site.docs / "z")
    site.write("w/f.md", "something new")
    for _ in range(2):
        assert worker.whole().state == "done"
        assert worker.found() == KEYS - {"z/e.md"} | {"w/f.md"}
    assert set(worker.pages()) == {"", "x", "x/y", "w"}


def test_a_folder_gone_after_hints_wrote_of_others(worker, site):
    """What runs on hints wrote since the last scan counts as little as what they did not: the folder is missed all the same."""
    site.write("x/c.md", "another text")
    site.write("v/g.md", "something new")
    worker.scoped(keys=["x/c.md"], pages=["v"])
    shutil.rmtree(site.docs / "x/y")
    assert worker.whole().state == "done"
    assert worker.found() == KEYS - {"x/y/d.md"} | {"v/g.md"}
    worker.nothing_left()


def test_a_folder_gone_while_another_could_not_be_listed(worker, site, monkeypatch):
    """A page was met before the one above it failed, and is hidden after it: that many others may be gone all the same."""
    site.write("x/c.md", "another text")
    shutil.rmtree(site.docs / "z")
    real = type(worker.source).scan

    def fail():
        raise ListingFailed(source="docs", detail="x: EIO")

    def failing(source, *arguments, **named):
        for page in real(source, *arguments, **named):
            yield replace(page, load=fail) if page.prefix == "x" else page

    monkeypatch.setattr(type(worker.source), "scan", failing)
    assert worker.whole().state == "incomplete"
    assert worker.found() == {"a.md", "b.md"}
    monkeypatch.undo()
    assert worker.whole().state == "done"
    assert worker.found() == KEYS - {"z/e.md"}
    worker.sound()


def test_a_scan_that_failed_keeps_no_directory_open(worker, site, monkeypatch):
    """Its error is kept until all sources were scanned: a disk that is to be unmounted would be in use as long."""
    site.write("x/y/d.md", "another text")
    real, away = type(worker.source).scan, site.docs.with_name("away")

    def failing(source, *arguments, **named):
        for page in real(source, *arguments, **named):
            if page.prefix == "x/y":
                site.docs.rename(away)
            yield page

    monkeypatch.setattr(type(worker.source), "scan", failing)
    monkeypatch.setattr(survey, "BATCH", 1)
    outcome = worker.whole()
    assert (outcome.state, type(outcome.error)) == ("failed", SourceUnavailable)
    assert [link for fd in Path("/proc/self/fd").iterdir() if (link := os.path.realpath(fd)).startswith(f"{away}")] == []


def test_a_scan_that_was_killed_leaves_the_next_one_to_find_out(worker, site, monkeypatch):
    """It had met some pages and written others when it ended; the next one starts anew and misses the folder that is gone."""
    site.write("a.md", "another text")
    shutil.rmtree(site.docs / "z")
    real = type(worker.source).scan

    def half(source, *arguments, **named):
        pages = real(source, *arguments, **named)
        yield next(pages)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(worker.source), "scan", half)
    with pytest.raises(KeyboardInterrupt):
        worker.whole()
    monkeypatch.undo()
    assert worker.whole().state == "done"
    assert worker.found() == KEYS - {"z/e.md"}
    worker.sound()
