"""Laws of what is blind: whatever is added is covered, by few trees, none of which lies within another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.blind import PARTS, Spots, covered
from syncd.core.scope import within

NAMES = st.lists(st.sampled_from(["a", "b", "c", "a.b", "ab"]), max_size=5).map("/".join)
STEPS = st.lists(st.tuples(st.booleans(), NAMES, st.sampled_from(["limit", "mount"])), max_size=60)


@given(STEPS)
def test_what_was_added_and_not_dropped_is_covered(steps: list[tuple[bool, str, str]]) -> None:
    """Each prefix is in or below a tree that says why; what was dropped is covered only by what lies above it."""
    spots = Spots()
    for adds, prefix, why in steps:
        if adds:
            spots.add(prefix, why)
            assert covered(prefix, spots.of(why))
        else:
            spots.drop(prefix)
            assert not any(within(tree, prefix) for tree, _ in spots.items())
        trees = [tree for tree, _ in spots.items()]
        assert not any(within(a, b) for a in trees for b in trees if a != b)
        assert bool(spots) == bool(trees)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 5)), max_size=60), st.integers(1, 8))
def test_there_are_never_more_than_so_many(places: list[tuple[int, int, int]], most: int) -> None:
    """However many are added, all are covered by a bounded number of trees that say why."""
    spots = Spots()
    added = [(f"{top}/{middle}/{low}", "limit" if low % 2 else "mount") for top, middle, low in places]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncd.core.blind.PARTS", most)
        for prefix, why in added:
            spots.add(prefix, why)
            assert len(spots.items()) <= most
    assert all(covered(prefix, spots.of(why)) for prefix, why in added)


def test_the_deepest_are_taken_together_first() -> None:
    """One tree too many: what lies deepest becomes its folder, the rest stays as it was; at last it is the whole source."""
    spots = Spots()
    for number in range(PARTS - 1):
        spots.add(f"top{number}", "limit")
    spots.add("x/y/z1", "mount")
    spots.add("x/y/z2", "limit")
    assert dict(spots.items())["x/y"] == {"mount", "limit"}
    assert len(spots.items()) == PARTS
    spots.add("one more", "limit")
    assert spots.items() == [("", {"mount", "limit"})]
