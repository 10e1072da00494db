"""The laws where a long run lets others go first: random deeds, random hints, a reindex and an end in its turns."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest
from histories import FOLDERS, NAMES, Step, play, steps, text
from hypothesis import given
from hypothesis import strategies as st
from kit import Site
from runs import EveryTurn, Worker, page_by_page, scope_of, shows_the_tree, working
from test_hint_laws import Deed, closed, covers, deeds, files, scanned
from test_laws import NOBODY_SPECIAL, new_site, quietly

from syncd.errors import RunInterrupted

MARK, END = "reindex", "end"
Turn = Deed | str


@pytest.fixture(autouse=True)
def calm(monkeypatch) -> None:
    """Stamps hold at once, although the files are young."""
    monkeypatch.setattr("syncd.adapters.sources.filesystem.listing.RACY_NS", 0)


def turns() -> st.SearchStrategy[Sequence[Turn]]:
    """What happens in the turns of a run: deeds above all, seldom a reindex or the end."""
    return st.lists(st.one_of(deeds(), deeds(), deeds(), deeds(), st.sampled_from((MARK, MARK, END))), min_size=1, max_size=8)


def filled(folder: Path) -> Site:
    """A tree with documents in every folder, some closed."""
    site = new_site(folder)
    for number, place in enumerate(FOLDERS):
        for name in NAMES[: 2 + number % 2]:
            site.write(f"{place}/{name}" if place else name, text((number,)) + name[0], 0o600 if name == "b.md" else 0o644)
    return site


class Eventful:
    """Plays the turns of a run, and watches that nothing is undone."""

    def __init__(self, worker: Worker, turns: Sequence[Turn], *, listing: bool) -> None:
        self.turns = EveryTurn(self._taken, end=len(turns), listing=listing)
        self._worker = worker
        self._left = list(turns)
        self._issued: dict[bytes, int] = {}
        self._refused: set[str] = set()

    def _taken(self, number: int) -> None:
        turn, site = self._left[number - 1], self._worker.site
        if turn == MARK:
            self._worker.reindex()
        elif turn == END:
            raise RunInterrupted(source="")
        else:
            play(site, turn.step)
            scope = scope_of(turn.hints())
            if not scope.whole:
                assert self._worker.follow(scope).error is None
            self._refused = {key for key in self._refused if closed(site, key)}
            self._refused |= {key for key in files(site) if covers(scope, key) and closed(site, key)}
        self.nothing_undone()

    def nothing_undone(self) -> None:
        """No ACL version goes back, and who was seen to be excluded finds nothing."""
        for row in self._worker.rows().values():
            assert row.issued >= self._issued.get(row.doc, 0)
            self._issued[row.doc] = row.issued
        found = {hit.key for hit in self._worker.site.search("alpha", NOBODY_SPECIAL).hits}
        assert not self._refused & found


@quietly
@given(st.lists(steps(), max_size=6), turns(), st.booleans(), st.booleans())
def test_whatever_happens_in_its_turns_the_next_run_ends_well(
    tmp_path: Path, before: Sequence[Step], events: Sequence[Turn], again: bool, listing: bool
) -> None:
    """Deeds that are told, half told or not, a reindex, an end: nothing is undone, and one more run shows the tree.

    listing: the turns come after each folder that is listed, and not only once all are.
    """
    site = filled(tmp_path)
    with working(site) as worker:
        scanned(worker)
        for step in before:
            play(site, step)
        if again:
            worker.reindex()
        eventful = Eventful(worker, events, listing=listing)
        with page_by_page() if listing else nullcontext():
            done = worker.whole(turns=eventful.turns)
        assert done.error is None or done.state == "interrupted"
        eventful.nothing_undone()
        assert worker.open_intents() == 0
        scanned(worker)
        shows_the_tree(worker)
