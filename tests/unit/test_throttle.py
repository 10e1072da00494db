"""The rate of a reindex: so many chunks a second on average, and no credit for idle time."""

import pytest
from daemon_parts import StillClock

from syncd.daemon.throttle import Throttle


@pytest.fixture
def clock() -> StillClock:
    """A clock of the test's own."""
    return StillClock()


@pytest.fixture
def throttle(clock) -> Throttle:
    """One that nothing was spent of."""
    return Throttle(clock)


def test_who_spent_nothing_waits_for_nothing(throttle):
    """Nor does who spent no chunk."""
    assert (throttle.waiting(), throttle.left()) == (False, 0.0)
    throttle.spent(0, 10.0)
    assert (throttle.waiting(), throttle.left()) == (False, 0.0)


def test_what_was_spent_has_to_be_waited_for(throttle, clock):
    """Twenty of ten a second are two seconds; what is spent meanwhile is added."""
    throttle.spent(20, 10.0)
    assert (throttle.waiting(), throttle.left()) == (True, pytest.approx(2.0))
    clock.seconds += 1.5
    throttle.spent(10, 10.0)
    assert throttle.left() == pytest.approx(1.5)
    clock.seconds += 1.5
    assert (throttle.waiting(), throttle.left()) == (False, 0.0)


def test_idle_time_is_no_credit(throttle, clock):
    """After a long while at rest it is the same as at the beginning."""
    clock.seconds += 3_600
    throttle.spent(10, 10.0)
    assert throttle.left() == pytest.approx(1.0)


def test_another_job_owes_nothing(throttle):
    """A debt is that of the job which made it."""
    throttle.spent(1_000, 1.0)
    throttle.reset()
    assert (throttle.waiting(), throttle.left()) == (False, 0.0)
