"""Batches by model tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.batching import Budget, token_batches

_lengths = st.lists(st.integers(min_value=0, max_value=600), max_size=200)


@given(_lengths, st.integers(1, 4096), st.integers(1, 64))
def test_every_index_is_in_exactly_one_batch(lengths: list[int], budget: int, max_rows: int) -> None:
    """No row is lost and none is embedded twice."""
    batches = token_batches(lengths, budget, max_rows)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(batches)


@given(_lengths, st.integers(1, 4096), st.integers(1, 64))
def test_the_budget_is_kept(lengths: list[int], budget: int, max_rows: int) -> None:
    """Rows x longest stays within the budget, unless one row alone exceeds it; no batch has too many rows."""
    for batch in token_batches(lengths, budget, max_rows):
        assert len(batch) <= max_rows
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= budget


@given(_lengths, st.integers(1, 4096), st.integers(1, 64))
def test_batches_are_full(lengths: list[int], budget: int, max_rows: int) -> None:
    """A batch is closed only because the next row did not fit."""
    batches = token_batches(lengths, budget, max_rows)
    for batch in batches[:-1]:
        assert len(batch) == max_rows or (len(batch) + 1) * lengths[batch[0]] > budget


@given(_lengths, st.integers(1, 4096), st.integers(1, 64))
def test_longest_first_then_by_index(lengths: list[int], budget: int, max_rows: int) -> None:
    """The order is a function of the lengths alone: longest first, equal lengths in their own order."""
    order = [index for batch in token_batches(lengths, budget, max_rows) for index in batch]
    assert [(-lengths[index], index) for index in order] == sorted((-length, index) for index, length in enumerate(lengths))


def test_an_example() -> None:
    """Worked by hand: 9 + 8 fit 18 padded, 3 does not; then three rows of 3; then the row of 1."""
    assert token_batches([3, 9, 3, 8, 1, 3], 18, 3) == [(1, 3), (0, 2, 5), (4,)]
    assert token_batches([50], 10, 3) == [(0,)]
    assert token_batches([], 10, 3) == []


def test_a_batch_without_rows_can_not_be_asked_for() -> None:
    """max_rows of zero would never end; it is refused."""
    with pytest.raises(ValueError, match="at least one row"):
        token_batches([1], 1, 0)


def test_a_budget_halves_at_once_and_grows_back_in_steps() -> None:
    """One failure halves it, 64 successes bring it from nothing to the ceiling, never beyond."""
    budget = Budget(tokens=6400, ceiling=6400)
    assert budget.halve().tokens == 3200
    assert budget.halve().grow().tokens == 3300
    assert budget.grow() == budget
    for _ in range(20):
        budget = budget.halve()
    assert budget.tokens == 1
    for _ in range(64):
        budget = budget.grow()
    assert budget.tokens == 6400


@pytest.mark.parametrize(("tokens", "ceiling"), [(0, 10), (11, 10), (-1, 10)])
def test_an_impossible_budget_is_refused(tokens: int, ceiling: int) -> None:
    """A budget of nothing, or above its ceiling, can't be built."""
    with pytest.raises(ValueError, match="budget"):
        Budget(tokens=tokens, ceiling=ceiling)
