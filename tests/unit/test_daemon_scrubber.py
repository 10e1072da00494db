"""The pace of the scrub: how much is read again when, and what a source that is away costs the others."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from daemon_parts import StillClock, StillSource, away, inbox_of, quiet_log

from syncd.daemon.scrubber import BEHIND, FAILED, PORTION, TOGETHER, Scrubber
from syncd.sync.scrub import Portion

PERIOD = 10_000.0
DOCUMENTS = 1_000


class Reader:
    """Stands for the reading: notes how much is wanted of whom. down: sources that are away."""

    def __init__(self) -> None:
        self.wanted: list[tuple[str, int]] = []
        self.down: set[str] = set()

    def __call__(self, _install: Any, source: StillSource, most: int, *_: Any) -> Portion:
        self.wanted.append((source.name, most))
        if source.name in self.down:
            raise away()
        return Portion(come_to=most, read=most)

    def come_to(self, name: str) -> int:
        """Documents of a source so far."""
        return sum(most for each, most in self.wanted if each == name and name not in self.down)


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    made = Reader()
    monkeypatch.setattr("syncd.daemon.scrubber.scrub", made)
    return made


@pytest.fixture
def scrubber(clock: StillClock) -> Scrubber:
    """Over two sources of a thousand documents each."""
    return scrubber_of(clock, DOCUMENTS)


def scrubber_of(clock: StillClock, documents: int) -> Scrubber:
    """Over two sources of so many documents each."""
    view = SimpleNamespace(live=lambda _: documents)
    install = SimpleNamespace(
        clock=clock, ledger=SimpleNamespace(read=lambda: nullcontext(view)), audit=SimpleNamespace(actor=None)
    )
    desk: Any = SimpleNamespace(install=install, sources=[StillSource("a"), StillSource("b")], source_id=str.encode)
    periods = {"a": PERIOD, "b": PERIOD}
    return Scrubber(lambda: desk, lambda: periods, inbox_of(clock, "a", "b"), lambda: False, quiet_log())


def all_due(scrubber: Scrubber) -> None:
    """As the coordinator does when it has nothing else to do."""
    while scrubber.step():
        pass


def test_nothing_is_read_at_once(scrubber, reader):
    """A daemon that has just started has other things to do."""
    all_due(scrubber)
    assert reader.wanted == []


def test_a_round_takes_a_period(scrubber, reader, clock):
    """Whatever the steps: in a tenth of the period a tenth of the documents of each source is read, but for one portion."""
    all_due(scrubber)
    for _ in range(200):
        clock.seconds += PERIOD / 2_000
        all_due(scrubber)
    for name in ("a", "b"):
        assert abs(reader.come_to(name) - DOCUMENTS / 10) <= TOGETHER * DOCUMENTS / PERIOD
    assert max(most for _, most in reader.wanted) <= PORTION


def test_what_nobody_came_to_for_long_is_not_made_up_for(scrubber, reader, clock):
    """After a day of sleep an hour's work is done, in portions, and no more."""
    all_due(scrubber)
    clock.seconds += 86_400
    all_due(scrubber)
    assert reader.come_to("a") == BEHIND * DOCUMENTS / PERIOD
    assert max(most for _, most in reader.wanted) == PORTION


def test_a_source_that_is_away_costs_the_others_nothing(scrubber, reader, clock):
    """It is tried again after rests that grow; the other one is read as ever."""
    all_due(scrubber)
    reader.down.add("a")
    for _ in range(100):
        clock.seconds += FAILED.first
        all_due(scrubber)
    tried = sum(name == "a" for name, _ in reader.wanted)
    assert 2 <= tried <= 10
    assert abs(reader.come_to("b") - 100 * FAILED.first * DOCUMENTS / PERIOD) <= TOGETHER * DOCUMENTS / PERIOD


@pytest.mark.parametrize(
    ("documents", "portion"),
    [
        (1_000_000, PORTION),  # a hundred a second
        (1_000, 6),  # six a minute
        (100, 1),  # one in a hundred seconds
    ],
)
def test_documents_are_read_in_portions(reader, clock, documents, portion):
    """Each go is a commit: it waits for a portion, a minute's work at most; where that is less than a document, for one."""
    scrubber = scrubber_of(clock, documents)
    all_due(scrubber)
    for _ in range(3_000):
        clock.seconds += 0.2
        all_due(scrubber)
    goes = [most for name, most in reader.wanted if name == "a"]
    assert set(goes) == {portion}
    assert abs(sum(goes) - 600 * documents / PERIOD) <= portion


def test_a_source_with_fewer_documents_than_a_portion_is_not_waited_for(reader, clock):
    """Scrubbed all the time, a handful of documents is read as often as the period says."""
    scrubber = scrubber_of(clock, 5)
    scrubber._periods = lambda: {"a": 1.0}
    all_due(scrubber)
    clock.seconds += 1.0
    all_due(scrubber)
    assert reader.wanted == [("a", 5)]
