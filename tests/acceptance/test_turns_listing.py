"""A source is listed in batches, and others go first between two of them: nothing of theirs is missed, undone or done twice."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from kit import Site
from moments import STRANGER, cut_short, killed, new_site
from runs import (
    NESTED,
    EveryTurn,
    Worker,
    close,
    delete,
    edit,
    filled,
    from_nothing,
    move,
    page_by_page,
    shows_the_tree,
    view,
    working,
)

from syncd.errors import RunInterrupted

pytestmark = pytest.mark.usefixtures("calm", "by_page")

FOLDERS = 4
"""Those of the tree: its root, x, x/y and z."""


@pytest.fixture
def by_page() -> Iterator[None]:
    with page_by_page():
        yield


@pytest.fixture
def site(tmp_path) -> Site:
    """An install over a few files in each of several folders."""
    site = new_site(tmp_path)
    filled(site, NESTED)
    return site


@pytest.fixture
def worker(site) -> Iterator[Worker]:
    """Somebody at work there, where all of it is indexed."""
    with working(site) as worker:
        worker.whole()
        yield worker


@pytest.mark.parametrize("key", ["x/0.md", "z/2.md"], ids=["listed first", "listed last"])
@pytest.mark.parametrize("turn", range(1, FOLDERS + 1))
@pytest.mark.parametrize("deed", [edit, close, delete, move])
def test_what_is_told_while_folders_are_listed_is_done_before_the_next(worker, site, deed: Callable, turn: int, key: str):
    """It shows in the turn itself, whether its folder was listed before or not, and what is left of the run undoes nothing."""
    seen: list[tuple[bool, bool]] = []

    def taken(now: int) -> None:
        if now == turn:
            assert worker.scoped(keys=deed(site, key)).state == "done"
        seen.append((key in worker.found(), key in worker.found(STRANGER)))

    assert worker.whole(turns=EveryTurn(taken, listing=True)).state == "done"
    after = (deed is edit or deed is close, deed is edit)
    assert len(seen) >= FOLDERS
    assert seen == [*[(True, True)] * (turn - 1), *[after] * (len(seen) - turn + 1)]
    shows_the_tree(worker)


@pytest.mark.parametrize("turn", range(1, FOLDERS + 1))
def test_a_folder_that_is_told_while_others_are_listed_stays(worker, site, turn):
    """The folder that it is in may have been listed before it came: that the run did not meet it says nothing."""

    def taken(now: int) -> None:
        if now == turn:
            site.write("a/b/new.md", "the new text")
            worker.scoped(trees=["a"])

    done = worker.whole(turns=EveryTurn(taken, listing=True))
    assert (done.state, done.report.documents.deleted) == ("done", 0)
    assert "a/b/new.md" in worker.found()
    shows_the_tree(worker)


def test_a_folder_that_went_is_missed_although_another_went_in_a_turn(worker, site):
    """One is met and then gone, told in the turn, another nobody told of: as many as were met are recorded, but not the same."""

    def taken(turn: int) -> None:
        if turn == 3:
            shutil.rmtree(site.docs / "x/y")
            worker.scoped(trees=["x/y"])
            worker.scoped(trees=["x/y"])
            shutil.rmtree(site.docs / "z")

    pages = len(worker.pages())
    worker.whole(turns=EveryTurn(taken, end=FOLDERS, listing=True))
    assert len(worker.pages()) <= pages - 1
    assert not {key for key in worker.found() if key.startswith(("x/y/", "z/"))}
    worker.whole()
    shows_the_tree(worker)


@pytest.mark.parametrize("deed", [edit, close, delete, move])
@pytest.mark.parametrize("end", range(1, FOLDERS + 1))
def test_a_run_that_is_ended_while_it_lists_is_made_up_for(worker, site, deed: Callable, end: int):
    """After a deed that nobody told of, and with things missing that it had seen: the next run makes all well."""
    delete(site, "x/1.md")
    close(site, "x/y/1.md")

    def taken(turn: int) -> None:
        if turn == end:
            deed(site, NESTED[2 * turn])
            raise RunInterrupted(source="")

    done = worker.whole(turns=EveryTurn(taken, listing=True))
    assert (done.state, done.report.documents.deleted, worker.open_intents()) == ("interrupted", 0, 0)
    assert worker.whole().state == "done"
    shows_the_tree(worker)


def test_a_run_that_is_killed_in_a_turn_of_its_listing_is_made_up_for(site):
    """Killed anywhere while it lists, lends its turn to hints and goes on: one run makes all well."""
    with working(site) as worker:
        worker.whole()
    told = [*edit(site, "x/1.md"), *close(site, "z/1.md"), *delete(site, "x/0.md"), *move(site, "x/y/0.md")]

    def act(here: Site) -> None:
        with working(here) as worker:
            worker.whole(turns=EveryTurn(lambda _: worker.scoped(keys=told), end=2, listing=True))

    expected, moments = from_nothing(site), 0
    for here in cut_short(site, killed, act):
        with working(here) as worker:
            assert worker.whole().state == "done", moments
            assert view(here) == expected, moments
            worker.sound()
            worker.nothing_left()
        moments += 1
    assert moments > 20
