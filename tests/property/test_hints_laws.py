"""The laws of hints: whatever is hinted in whatever order, none is lost, all is bounded, and nothing is looked at too early."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core import hints
from syncd.core.hints import LONGEST, MOMENT, Calm, Dirty, Hint, Taken, What, page_of
from syncd.core.scope import Scope, within

A_PAGE, ALL = 3, 9
"""Small bounds, which a short history can exceed."""
INSTANT = 1e-6
"""What floating point may cost."""

more = settings(max_examples=int(os.environ.get("SYNCD_EXAMPLES", "200")))


@dataclass(frozen=True)
class Told:
    """A hint that has not been taken. again: it was taken and put back, with all its calm."""

    hint: Hint
    at: float
    again: bool = False


@dataclass
class Player:
    """Plays a history to the real thing and remembers what is still to be looked at."""

    dirty: Dirty = field(default_factory=Dirty)
    now: float = 1000.0
    waiting: list[Told] = field(default_factory=list)
    taken: list[tuple[Taken, list[Told]]] = field(default_factory=list)

    def add(self, hint: Hint) -> None:
        self.dirty.add(hint, self.now)
        self.waiting.append(Told(hint, self.now))

    def take(self) -> Taken | None:
        ready = self.dirty.ready_in(self.now)
        found = self.dirty.take(self.now)
        assert (found is not None) == (ready == 0.0)
        if found is not None:
            self.check(found)
            gone = [told for told in self.waiting if covers(found.scope, told.hint)]
            self.waiting = [told for told in self.waiting if told not in gone]
            self.taken.append((found, gone))
        return found

    def put_back(self) -> None:
        if self.taken:
            found, gone = self.taken.pop()
            self.dirty.put_back(found, self.now)
            self.waiting += [Told(told.hint, found.since, again=True) for told in gone]

    def check(self, found: Taken) -> None:
        """What must hold of whatever is taken."""
        here = [told for told in self.waiting if covers(found.scope, told.hint)]
        assert found.since == min(told.at for told in here)
        things = list(one_by_one(found.scope))
        assert found.count == len(things)
        for thing in things:
            about = [told for told in self.waiting if covers(thing, told.hint)]
            assert about
            fresh = [told for told in about if not told.again]
            waited = self.now - min(told.at for told in about)
            calm = self.now - fresh[-1].at >= fresh[-1].hint.calm.value - MOMENT - INSTANT if fresh else True
            assert calm or waited >= LONGEST - MOMENT - INSTANT


def covers(scope: Scope, hint: Hint) -> bool:
    """Whether looking at `scope` looks at all that `hint` names."""
    if any(within(hint.name, tree) and (hint.name != tree or hint.what is not What.KEY or not tree) for tree in scope.trees):
        return True
    match hint.what:
        case What.KEY:
            return hint.name in scope.keys or page_of(hint.name) in scope.pages
        case What.PAGE:
            return hint.name in scope.pages
        case What.TREE:
            return False


def one_by_one(scope: Scope) -> Iterator[Scope]:
    """Each thing of a scope as a scope of its own."""
    yield from (Scope(keys=(key,)) for key in scope.keys)
    yield from (Scope(pages=(page,)) for page in scope.pages)
    yield from (Scope(trees=(tree,)) for tree in scope.trees)


names = st.lists(st.sampled_from(["a", "b", "a-", "é"]), max_size=3).map("/".join)
keys = st.tuples(names, st.sampled_from(["a", "b", "1.md", "2.md", "3.md", "4.md"])).map(
    lambda pair: "/".join(filter(None, pair))
)
hinted = st.one_of(
    st.builds(Hint, st.just(What.KEY), keys, st.sampled_from(Calm)),
    st.builds(Hint, st.sampled_from([What.PAGE, What.TREE]), names, st.sampled_from(Calm)),
)
step = st.one_of(
    hinted, hinted, hinted, st.sampled_from([0.04, 0.1, 0.5, 1.0, 2.0, 12.0, 31.0]), st.sampled_from(["take", "put back"])
)
history = st.lists(step, max_size=60)


@pytest.fixture(autouse=True, scope="module")
def _small_bounds():
    """Let short histories reach them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hints, "KEYS_OF_A_PAGE", A_PAGE)
        patch.setattr(hints, "THINGS", ALL)
        yield


def play(steps: list) -> Iterator[Player]:
    """The state before and after each step of a history."""
    player = Player()
    yield player
    for each in steps:
        match each:
            case Hint():
                player.add(each)
            case float():
                player.now += each
            case "take":
                player.take()
            case "put back":
                player.put_back()
        yield player


@more
@given(history)
def test_nothing_hinted_is_ever_lost(steps):
    """All that was hinted is in something taken, at the latest when it was left alone; after that nothing is left.

    On the way every take holds what it promises: only what is calm or has waited for the longest, since the first hint.
    """
    *_, player = play(steps)
    player.now += LONGEST + 1
    player.take()
    assert player.waiting == []
    assert (player.dirty.pending, player.dirty.oldest, player.dirty.ready_in(player.now)) == (0, None, None)
    assert player.dirty.take(player.now) is None


@more
@given(history)
def test_what_waits_is_bounded(steps):
    """At no time are more things kept apart than the bound says, and whatever waits is known to be waiting."""
    for player in play(steps):
        assert player.dirty.pending <= ALL
        assert bool(player.waiting) == (player.dirty.pending > 0) == (player.dirty.ready_in(player.now) is not None)
        assert player.dirty.oldest == min((told.at for told in player.waiting), default=None)


@more
@given(history)
def test_what_is_taken_together_does_not_overlap(steps):
    """No key is beside its page or below a tree, no page or tree below a tree; keys are sorted and few of one page."""
    for player in play(steps):
        for found, _ in player.taken:
            scope = found.scope
            assert scope.keys == tuple(sorted(set(scope.keys)))
            assert not {page_of(key) for key in scope.keys} & set(scope.pages)
            assert not any(within(key, tree) and key != tree for key in scope.keys for tree in scope.trees)
            assert not any(within(page, tree) for page in scope.pages for tree in scope.trees)
            assert not any(within(one, other) for one, other in itertools.permutations(scope.trees, 2))
            pages = [page_of(key) for key in scope.keys]
            assert all(pages.count(page) <= A_PAGE for page in pages)


@more
@given(history)
def test_what_is_left_alone_is_ready(steps):
    """Something is ready when it was said to be; all is, once it was left alone for as long as any hint asks."""
    *_, player = play(steps)
    ready = player.dirty.ready_in(player.now)
    if ready is not None:
        assert ready <= Calm.OPEN.value + INSTANT
        player.now += ready + INSTANT
        assert player.take() is not None
        player.now += Calm.OPEN.value - ready + INSTANT
        player.take()
        assert player.waiting == []
