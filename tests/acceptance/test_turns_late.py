"""What a long run holds over the turns of others: pages that it records late, deletions that it has to decide, counts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kit import Site
from moments import new_site
from runs import FLAT, NESTED, EveryTurn, Worker, delete, edit, filled, shows_the_tree, working

from syncd.core.rows import Due
from syncd.errors import RunInterrupted
from syncd.sync.report import Held

pytestmark = pytest.mark.usefixtures("calm")


# -- pages that are recorded late --------------------------------------------------------------------------------------


@contextmanager
def busy(site: Site) -> Iterator[Worker]:
    """At work where a whole run finds something missing in the first folder, and something to read in each."""
    filled(site, NESTED)
    with working(site) as worker:
        worker.whole()
        (site.docs / "x/0.md").unlink()
        for key in ("x/1.md", "x/y/1.md", "z/1.md"):
            edit(site, key)
        yield worker


@pytest.fixture
def late(tmp_path) -> Iterator[Worker]:
    """The same, where the guard lets everything go."""
    with busy(new_site(tmp_path)) as worker:
        yield worker


def test_a_reindex_that_is_asked_for_in_a_turn_misses_no_page(late):
    """Of a page from which something is deleted as well: all that was marked meanwhile is embedded by this run or the next."""
    late.whole(turns=EveryTurn(lambda turn: late.reindex() if turn == 2 else None))
    late.whole()
    assert {row.due for row in late.rows().values()} == {Due.NO}


def test_a_folder_that_left_in_a_turn_is_looked_into_when_it_is_back(late):
    """The page of a folder is recorded at the end; it was renamed meanwhile: its stamp must not vouch for what moved away."""
    docs = late.site.docs

    def taken(turn: int) -> None:
        if turn == 2:
            (docs / "x").rename(docs / "w")
            late.scoped(trees=["x", "w"])

    late.whole(turns=EveryTurn(taken))
    (docs / "w").rename(docs / "x")
    late.whole()
    shows_the_tree(late)


def test_pages_are_recorded_late_where_nobody_wanted_a_turn(late):
    """Without turns a page from which something was deleted is done with: the next run does not look into it."""
    late.whole()
    assert all(page.stamp is not None for page in late.pages().values())


def test_what_an_interrupted_run_found_missing_is_found_again(late):
    """A run on hints had its turn in that folder and left what is missing to the long run, which then ended early."""

    def taken(turn: int) -> None:
        if turn == 3:
            raise RunInterrupted(source="")
        late.scoped(pages=["x"])

    assert late.whole(turns=EveryTurn(taken)).state == "interrupted"
    assert late.whole().report.documents.deleted == 1
    shows_the_tree(late)


def test_what_the_guard_gave_back_is_found_again(tmp_path):
    """The same where the long run halts: once it is confirmed, what was held back is deleted."""
    with busy(new_site(tmp_path, "[guard]\nmax_delete_share = 0.01\nmin_deletes = 1\n")) as worker:
        halted = worker.whole(turns=EveryTurn(lambda turn: worker.scoped(pages=["x"]) if turn == 2 else None))
        assert halted.state == "halted"
        assert worker.whole(confirmed=halted.report.held).report.documents.deleted == 1
        shows_the_tree(worker)


# -- what is told, and what counts ----------------------------------------------------------------------------------------


def test_what_needed_no_text_counts_as_done(tmp_path):
    """Moved, closed, touched, deleted, edited: when all pages are through, nothing that was planned is left."""
    site = new_site(tmp_path)
    filled(site, NESTED)
    with working(site) as worker:
        worker.whole()
        (site.docs / "x").rename(site.docs / "w")
        (site.docs / "z/0.md").chmod(0o600)
        os.utime(site.docs / "z/1.md")
        (site.docs / "w/y/2.md").unlink()
        edit(site, "z/2.md")
        worker.told.clear()
        worker.whole()
        (planned,) = [step.total for step in worker.told if step.phase == "plan"]
        assert 0 < planned <= worker.told[-1].done


def test_what_went_in_turns_counts_for_the_guard(tmp_path):
    """A long run found half of the documents missing, the others go one by one in its turns: the last ones wait for a person."""
    site = new_site(tmp_path)
    filled(site, FLAT)
    with working(site) as worker:
        worker.whole()
        worker.reindex()
        for key in FLAT[:4]:
            delete(site, key)
        gone = [0]

        def taken(turn: int) -> None:
            if turn <= 4:
                done = worker.scoped(keys=delete(site, FLAT[3 + turn]), earlier=earlier)
                gone[0] += done.report.documents.deleted

        def earlier(_: str) -> Held:
            return Held(deletions=gone[0])

        done = worker.whole(turns=EveryTurn(taken), earlier=earlier)
        assert (done.state, done.report.documents.deleted) == ("halted", 0)
        assert "all 8 documents are gone" in done.reason
