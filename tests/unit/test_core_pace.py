"""Pace and rest: how much is done in one go, and how long what failed is left alone."""

import pytest

from syncd.core.pace import Pace
from syncd.core.retry import RESTED, Policy, Rest


@pytest.mark.parametrize(
    ("chunks", "seconds", "limit"),
    [
        (32, 1.0, 32),  # just right
        (32, 0.8, 40),
        (32, 1.6, 20),
        (32, 0.001, 64),  # never more than doubled
        (32, 0.0, 64),
        (32, 1_000.0, 16),  # never less than halved
        (3, 0.1, 30),  # a group that was not full says as much
        (0, 5.0, 32),  # nothing was done
    ],
)
def test_a_group_says_how_large_the_next_may_be(chunks, seconds, limit):
    """Towards a second a group, by a factor of two at most."""
    assert Pace(limit=32).after(chunks, seconds).limit == limit


def test_the_pace_stays_within_its_bounds():
    """However fast or slow it goes; and it comes to where a group takes a second."""
    fast = slow = pace = Pace(most=100)
    for _ in range(20):
        fast, slow, pace = fast.after(fast.limit, 0.001), slow.after(slow.limit, 60.0), pace.after(pace.limit, pace.limit / 50)
    assert (fast.limit, slow.limit, pace.limit) == (100, 8, 50)


def test_a_rest_grows_with_each_failure():
    """Doubled up to the longest, for any number of failures; nothing is left of it once its time is over."""
    rest, rests = RESTED, []
    for _ in range(3_000):
        rest = rest.after(10.0, Policy(first=1.0, longest=60.0))
        rests.append(rest.left(10.0))
    assert (rests[:7], rests[-1], rest.times) == ([1, 2, 4, 8, 16, 32, 60], 60, 3_000)
    assert (rest.left(40.0), rest.left(70.0), rest.left(100.0)) == (30.0, 0.0, 0.0)
    assert (RESTED.left(0.0), RESTED) == (0.0, Rest())
