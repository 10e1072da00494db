"""A long run lets others go first: whatever they do in their turns, nothing of it is undone, and nothing is done twice."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from kit import Site
from moments import OWNER, STRANGER, cut_short, killed, new_site, unplugged
from runs import (
    FLAT,
    NESTED,
    EveryTurn,
    Worker,
    close,
    delete,
    edit,
    filled,
    from_nothing,
    move,
    shows_the_tree,
    view,
    working,
)

from syncd.adapters.embed.hash import HashEmbedder
from syncd.core.model import Reason, Refusal
from syncd.core.rows import Due
from syncd.errors import RunInterrupted
from syncd.sync import contents

pytestmark = pytest.mark.usefixtures("calm")


@pytest.fixture
def embedded(monkeypatch) -> list[str]:
    """Every text that is embedded."""
    texts: list[str] = []
    real = HashEmbedder.embed

    def embed(self, asked, *rest):
        texts.extend(asked)
        return real(self, asked, *rest)

    monkeypatch.setattr(HashEmbedder, "embed", embed)
    return texts


@pytest.fixture(params=[FLAT, NESTED], ids=["flat", "nested"])
def keys(request) -> tuple[str, ...]:
    """Many files in one folder, or a few in each of several."""
    return request.param


@pytest.fixture
def site(tmp_path) -> Site:
    """An install over no files yet."""
    return new_site(tmp_path)


@pytest.fixture
def worker(site, keys) -> Iterator[Worker]:
    """Somebody at work there, where all those keys have documents, of which none is indexed yet, but another one is."""
    site.write("other/kept.md", "the kept text")
    with working(site) as worker:
        worker.whole()
        filled(site, keys)
        yield worker


# -- one deed in every turn --------------------------------------------------------------------------------------------


DEEDS = (edit, close, delete, move)
Choice = Callable[[tuple[str, ...], int], str]


def first_come(keys: tuple[str, ...], turn: int) -> str:
    """One that the run has been at."""
    return keys[(turn - 1) % len(keys)]


def last_come(keys: tuple[str, ...], turn: int) -> str:
    """One that the run comes to at the end."""
    return keys[-1 - (turn - 1) % len(keys)]


@pytest.mark.parametrize("choose", [first_come, last_come])
@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("again", [False, True], ids=["first", "reindex"])
def test_what_is_done_in_a_turn_stays_done(worker, site, keys, deed, choose: Choice, again, embedded):
    """One deed on a document that the run has come to or not yet, told and followed in the turn: it is never taken back.

    Each text is embedded once, but for what a reindex embeds again.
    """
    if again:
        worker.whole()
        worker.reindex()
    embedded.clear()
    closed: set[str] = set()
    issued: dict[bytes, int] = {}

    def taken(turn: int) -> None:
        key = choose(keys, turn)
        if turn <= 3 and (site.docs / key).exists():
            told = deed(site, key)
            assert worker.scoped(keys=told).state == "done"
            closed.update(told if deed is close else ())
        assert not closed & worker.found(STRANGER)
        for row in worker.rows().values():
            assert row.issued >= issued.get(row.doc, 0)
            issued[row.doc] = row.issued

    done = worker.whole(turns=EveryTurn(taken))
    assert done.state in ("done", "incomplete")
    assert not closed & worker.found(STRANGER)
    assert len(embedded) == len(set(embedded))
    worker.whole()
    shows_the_tree(worker)
    assert {row.due for row in worker.rows().values()} == {Due.NO}


@pytest.mark.parametrize("hinted", [False, True], ids=["untold", "told"])
def test_a_folder_that_is_renamed_in_a_turn_keeps_its_documents(tmp_path, hinted):
    """There, and back in a later turn, told or not: no document is lost, and no text is embedded."""
    site = new_site(tmp_path)
    filled(site, NESTED)
    with working(site) as worker:
        worker.whole()
        worker.reindex("z/")

        def taken(turn: int) -> None:
            here, there = ("x", "w") if turn == 1 else ("w", "x")
            if turn <= 2:
                (site.docs / here).rename(site.docs / there)
                if hinted:
                    worker.scoped(trees=[here, there])

        assert worker.whole(turns=EveryTurn(taken)).report.chunks.embedded == 3
        again = worker.whole()
        assert (again.report.chunks.embedded, again.report.documents.deleted) == (0, 0)
        shows_the_tree(worker)


# -- a run that comes to its end ---------------------------------------------------------------------------------------


def test_turns_without_end_do_not_keep_a_page_from_its_end(worker, site, keys, monkeypatch):
    """A turn is wanted after every document, and one text is refused again and again: each document is read once a visit."""
    real, refused = HashEmbedder.embed, []

    def embed(self, asked, *rest):
        vectors = real(self, asked, *rest)
        bad = [number for number, asked_text in enumerate(asked) if f"the text of {keys[0]}" in asked_text]
        refused.extend(bad)
        return [Refusal(Reason.EMBEDDING) if number in bad else vector for number, vector in enumerate(vectors)]

    monkeypatch.setattr(HashEmbedder, "embed", embed)
    turns = EveryTurn(lambda _: None)
    done = worker.whole(turns=turns)
    assert (done.state, worker.found(OWNER)) == ("incomplete", {*keys[1:], "other/kept.md"})
    assert (len(refused), turns.given < 4 * len(keys)) == (1, True)


def test_a_huge_folder_is_opened_again_only_now_and_then(tmp_path, monkeypatch):
    """Opening it takes long by itself: the more members it has, the more of them are read between two turns."""
    monkeypatch.setattr(contents, "MEMBERS_A_READ", 2)
    site = new_site(tmp_path)
    with working(site) as worker:
        filled(site, FLAT)
        turns = EveryTurn(lambda _: None)
        assert worker.whole(turns=turns).report.documents.added == len(FLAT)
        assert turns.given == 3  # after the fourth, after the eighth, after the page


def test_a_file_that_is_read_and_closed_in_the_next_turn_is_closed(worker, site, keys):
    """Nobody tells of it: when the page is opened again after the turn, who must not read it any more is seen and kept out."""
    worker.whole()
    for key in keys:
        edit(site, key)

    def taken(turn: int) -> None:
        if turn == 1:
            edit(site, keys[0])
            close(site, keys[0])

    worker.whole(turns=EveryTurn(taken))
    assert keys[0] not in worker.found(STRANGER)
    worker.whole()
    shows_the_tree(worker)


@pytest.mark.parametrize("deed", DEEDS)
def test_a_run_that_is_ended_at_any_turn_is_made_up_for(tmp_path, keys, deed):
    """Interrupted at every turn there is, after a deed that nobody told of: the next run makes all well, nothing is in doubt."""
    turn = 0
    while True:
        turn += 1
        site = new_site(tmp_path / str(turn))
        filled(site, keys)
        with working(site) as worker:
            worker.whole()
            delete(site, keys[-1])
            for key in keys[:-1]:
                edit(site, key)

            def taken(now: int, site: Site = site, turn: int = turn) -> None:
                if now == turn:
                    deed(site, keys[turn % 3])
                    raise RunInterrupted(source="")

            turns = EveryTurn(taken)
            done = worker.whole(turns=turns)
            assert worker.open_intents() == 0
            if turns.given < turn:
                assert (done.state, turn > len(keys)) == ("done", True)
                return
            assert (done.state, done.report.documents.deleted) == ("interrupted", 0)
            assert worker.whole().state == "done"
            shows_the_tree(worker)
        shutil.rmtree(tmp_path / str(turn))


@pytest.mark.parametrize("interrupt", [killed, unplugged])
def test_a_run_that_is_cut_short_in_the_turn_of_another_is_made_up_for(site, interrupt):
    """A reindex has lent its turn to hints, and all of it is killed or loses its source anywhere: one run makes all well."""
    filled(site, NESTED)
    with working(site) as worker:
        worker.whole()
        worker.reindex()
    told = [*edit(site, "x/1.md"), *close(site, "z/1.md"), *delete(site, "x/0.md"), *move(site, "x/y/0.md")]

    def act(here: Site) -> None:
        with working(here) as worker:
            worker.whole(turns=EveryTurn(lambda turn: worker.scoped(keys=told if turn == 1 else told[:1]), end=2))

    expected, moments = from_nothing(site), 0
    for here in cut_short(site, interrupt, act):
        with working(here) as worker:
            assert worker.whole().state == "done", moments
            assert view(here) == expected, moments
            worker.sound()
            worker.nothing_left()
        moments += 1
    assert moments > 20
