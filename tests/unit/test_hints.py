"""When what may have changed is looked at, and how much of it is kept apart."""

import pytest

from syncd.core.hints import KEYS_OF_A_PAGE, LONGEST, THINGS, Calm, Dirty, Hint, What, page_of
from syncd.core.scope import Scope

DONE, OPEN = Calm.DONE, Calm.OPEN


def key(name: str, calm: Calm = DONE) -> Hint:
    return Hint(What.KEY, name, calm)


def page(name: str, calm: Calm = DONE) -> Hint:
    return Hint(What.PAGE, name, calm)


def tree(name: str, calm: Calm = DONE) -> Hint:
    return Hint(What.TREE, name, calm)


def dirty(*hints: Hint, at: float = 0.0) -> Dirty:
    """All of `hints`, told at one time."""
    made = Dirty()
    for hint in hints:
        made.add(hint, at)
    return made


def test_nothing_waits_at_first():
    """Where nothing was hinted there is nothing to take, and nothing to wait for."""
    empty = Dirty()
    assert (empty.pending, empty.oldest, empty.ready_in(0.0), empty.take(0.0)) == (0, None, None, None)


@pytest.mark.parametrize(("calm", "seconds"), [(DONE, 0.1), (OPEN, 2.0)])
def test_a_thing_is_left_alone_until_it_is_calm(calm, seconds):
    """A tenth of a second after it was closed, two seconds after it was written to."""
    found = dirty(key("a.md", calm), at=10.0)
    assert found.ready_in(10.0) == pytest.approx(seconds)
    assert found.take(10.0 + seconds - 0.01) is None
    assert found.ready_in(10.0 + seconds + 0.01) == 0.0
    taken = found.take(10.0 + seconds + 0.01)
    assert (taken.scope, taken.since, taken.count) == (Scope(keys=("a.md",)), 10.0, 1)
    assert found.take(99.0) is None


def test_the_latest_hint_says_how_long():
    """Written to after it was closed, it waits for two seconds again; closed after that, a tenth of a second is enough."""
    found = dirty(key("a.md"))
    found.add(key("a.md", OPEN), 0.05)
    assert found.ready_in(0.05) == pytest.approx(2.0)
    found.add(key("a.md"), 0.5)
    assert found.ready_in(0.5) == pytest.approx(0.1)
    assert found.take(0.61).since == 0.0


def test_a_file_written_all_the_time_is_looked_at():
    """What is never calm is taken half a minute after its first hint, and counts from then on anew."""
    found = Dirty()
    for second in range(31):
        if second < 30:
            assert found.take(float(second)) is None
        found.add(key("log.md", OPEN), float(second))
    assert LONGEST == 30.0
    assert found.take(30.0).since == 0.0
    found.add(key("log.md", OPEN), 31.0)
    assert found.take(32.0) is None


def test_a_burst_is_one_batch():
    """All that is calm goes together, sorted; what is not waits for the next time."""
    found = dirty(key("b.md"), key("a.md"), tree("t"), page("p"), key("open.md", OPEN))
    taken = found.take(0.2)
    assert taken.scope == Scope(keys=("a.md", "b.md"), pages=("p",), trees=("t",))
    assert (taken.count, found.pending) == (4, 1)
    assert found.take(2.1).scope == Scope(keys=("open.md",))


def test_many_keys_are_their_page():
    """Up to 128 keys of a page are kept apart; one more, and the page is looked at, since the first of them."""
    names = [f"sub/{number:03}.md" for number in range(KEYS_OF_A_PAGE + 1)]
    found = Dirty()
    for number, name in enumerate(names[:-1]):
        found.add(key(name), number / 1000)
    found.add(key("other/x.md"), 0.2)
    assert (KEYS_OF_A_PAGE, found.pending) == (128, 129)
    found.add(key(names[-1]), 0.2)
    assert found.pending == 2
    taken = found.take(0.4)
    assert (taken.scope, taken.since, taken.count) == (Scope(keys=("other/x.md",), pages=("sub",)), 0.0, 2)


def test_very_many_things_are_the_source():
    """Ten thousand things are kept apart; one more, and the whole source is looked at."""
    found = Dirty()
    for number in range(THINGS):
        found.add(key(f"{number // 100}/{number}.md"), 0.0)
    assert found.pending == THINGS == 10_000
    found.add(page("one more"), 1.0)
    assert found.pending == 1
    taken = found.take(1.2)
    assert taken.scope.whole
    assert (taken.scope, taken.since, taken.count) == (Scope(trees=("",)), 0.0, 1)


def test_a_tree_swallows_what_lies_in_it():
    """Keys, pages and trees at or below it, whether hinted before or after; not what only begins with the same letters."""
    below = (key("t/a.md"), key("t/s/b.md"), page("t"), page("t/s"), tree("t/s"))
    beside = (key("t2/a.md"), page("t2"), tree("tt"), key("a.md"))
    for hints in ((*below, *beside, tree("t")), (tree("t"), *below, *beside)):
        assert dirty(*hints).take(0.2).scope == Scope(keys=("a.md",), pages=("t2",), trees=("t", "tt"))
    assert dirty(*below, *beside, tree("")).take(0.2).scope == Scope(trees=("",))


def test_a_page_swallows_its_keys_alone():
    """Its members, not what lies deeper."""
    assert dirty(key("p/a.md"), key("p/s/b.md"), page("p"), key("p/c.md")).take(0.2).scope == Scope(("p/s/b.md",), ("p",))
    assert dirty(key("a.md"), page("")).take(0.2).scope == Scope(pages=("",))


def test_a_key_and_a_tree_of_one_name():
    """Where a directory took the place of a file, or the other way round, both are looked at: one of them is gone."""
    for hints in ((key("a/b"), tree("a/b")), (tree("a/b"), key("a/b"))):
        assert dirty(*hints).take(0.2).scope == Scope(keys=("a/b",), trees=("a/b",))


def test_what_is_swallowed_is_hinted_about():
    """A file that is written to keeps the tree that it lies in waiting, and when it is closed the tree is ready."""
    found = dirty(tree("t"))
    found.add(key("t/a.md", OPEN), 0.05)
    assert found.take(0.2) is None
    found.add(key("t/a.md"), 0.3)
    assert found.take(0.41).since == 0.0


def test_what_was_put_back_keeps_its_age():
    """A run that failed has looked at nothing: its hints count from their first day, and are ready again at once."""
    found = dirty(key("a.md"), page("p"), tree("t"), at=1.0)
    taken = found.take(2.0)
    found.put_back(taken, 5.0)
    assert (found.pending, found.oldest, found.ready_in(5.0)) == (3, 1.0, 0.0)
    assert found.take(5.0) == taken


def test_what_was_put_back_waits_for_what_came_meanwhile():
    """A file that was written to while the run went wrong is not looked at before it is calm, and is as old as its first hint."""
    found = dirty(key("a.md"), key("b.md"), at=1.0)
    taken = found.take(2.0)
    found.add(key("a.md", OPEN), 4.0)
    found.put_back(taken, 4.5)
    assert found.take(4.5).scope == Scope(keys=("b.md",))
    assert found.oldest == 1.0
    assert found.take(6.1).since == 1.0


def test_put_back_below_a_tree():
    """What was put back beside a tree that was hinted meanwhile is looked at with it."""
    found = dirty(key("t/a.md"), at=1.0)
    taken = found.take(2.0)
    found.add(tree("t"), 3.0)
    found.put_back(taken, 3.0)
    last = found.take(3.2)
    assert (last.scope, last.since) == (Scope(trees=("t",)), 1.0)


def test_the_time_of_the_first_is_always_known():
    """Whatever is hinted again, closed, swallowed or taken, the first one due is told right, and the memory for it is bounded."""
    found = Dirty()
    for round_ in range(3_000):
        now = round_ / 100
        found.add(key("restless.md", OPEN if round_ % 2 else DONE), now)
    assert len(found._queue._heap) < 1_000
    assert found.ready_in(29.99) == pytest.approx(0.01)
    found.add(tree(""), 29.99)
    assert found.ready_in(29.99) == pytest.approx(0.01)
    assert found.take(30.0).scope.whole
    assert found.ready_in(30.0) is None


def test_the_page_of_a_key():
    """What stands before the last slash; the root for a key without one."""
    assert [page_of(name) for name in ("a.md", "s/a.md", "s/t/a.md", "")] == ["", "s", "s/t", ""]


def test_keys_collapse_to_the_page_that_their_source_has_them_on():
    """Where a page is no folder, too many keys of one page become that page, which covers them; others stay apart."""
    found = Dirty(lambda key: key[-1])
    for number in range(KEYS_OF_A_PAGE + 1):
        found.add(Hint(What.KEY, f"a/{number}/x"), 0.0)
    found.add(Hint(What.KEY, "a/1/y"), 0.0)
    assert found.covers("anything/x")
    assert not found.covers("anything/y")
    taken = found.take(1.0)
    assert taken is not None
    assert (taken.scope.pages, taken.scope.keys) == (("x",), ("a/1/y",))
