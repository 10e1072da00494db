"""Hints are bounded in bytes, too: long names and deep folders make a source one thing sooner."""

import tracemalloc

from syncd.core.hints import BYTES, THINGS, Dirty, Hint, What


def traced(hints) -> tuple[Dirty, int]:
    """What they come to, and how much memory that took at most."""
    tracemalloc.start()
    try:
        found = Dirty()
        for number, hint in enumerate(hints):
            found.add(hint, number / 1e6)
        return found, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_long_names_take_no_more_than_is_allowed():
    """Names of four thousand characters: the source is looked at long before there are ten thousand."""
    found, peak = traced(Hint(What.KEY, f"{number % 300}/{number:05}{'é' * 4_000}.md") for number in range(9_000))
    assert found.pending < THINGS / 2
    assert found.covers("whatever.md")
    assert peak < 2 * BYTES


def test_deep_folders_take_no_more_than_is_allowed():
    """A thousand folders above each, no two alike."""
    found, peak = traced(Hint(What.KEY, f"{number}/" + "d/" * 1_000 + "f.md") for number in range(1_000))
    assert found.covers("whatever.md")
    assert peak < 2 * BYTES


def test_names_as_they_are_stay_apart():
    """Ten thousand of sixty characters in a few hundred folders are what they are."""
    found, peak = traced(Hint(What.KEY, f"handbook/{number % 400:03}/chapter/{number:030}.md") for number in range(THINGS))
    assert found.pending == THINGS
    assert not found.covers("whatever.md")
    assert peak < BYTES


def test_what_was_taken_weighs_nothing():
    """Round after round of long names: what was looked at is forgotten, so nothing is looked at that was not hinted at."""
    found = Dirty()
    for round_ in range(20):
        for number in range(200):
            found.add(Hint(What.KEY, f"{round_}/{number}/{'x' * 4_000}.md"), float(round_))
        taken = found.take(round_ + 0.5)
        assert taken is not None
        assert (len(taken.scope.keys), found.pending) == (200, 0)
    assert not found.covers("whatever.md")
