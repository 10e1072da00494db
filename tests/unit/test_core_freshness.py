"""The verdict on freshness: one table, each line with its words."""

from dataclasses import replace

import pytest

from syncd.core.breaker import Away
from syncd.core.freshness import Freshness, Lag, SourceFreshness, Unwatched, Verdict, judge, lag

NOW, TARGET = 1_000.0, 60.0
GOOD = SourceFreshness("docs", complete_at=900.0)
GOOD_WORDS = "every change seen is in, or younger than 60 s"


@pytest.mark.parametrize(
    ("source", "verdict", "reason"),
    [
        (GOOD, Verdict.FRESH, "every change seen is in, or younger than 60 s"),
        (replace(GOOD, paused=True), Verdict.UNKNOWN, "docs: paused: nobody looks at it"),
        (replace(GOOD, trouble="events were lost"), Verdict.UNKNOWN, "docs: events were lost"),
        (replace(GOOD, trouble="it is away", down_since=940.0), Verdict.LATE, "docs: it is away, for 60 s"),
        (replace(GOOD, trouble="it is away", down_since=939.0), Verdict.UNKNOWN, "docs: it is away"),
        (replace(GOOD, complete_at=0.0), Verdict.UNKNOWN, "docs: not completely scanned yet"),
        (
            replace(GOOD, watched=False),
            Verdict.UNKNOWN,
            "docs: nothing tells of its changes; last scanned 100 s ago",
        ),
        (
            replace(GOOD, unwatched=Unwatched(2, "too few watches", looked_at=939.0), poll_every=300.0),
            Verdict.UNKNOWN,
            "docs: nothing tells of changes in 2 parts of it, scanned every 300 s; last scanned 61 s ago: too few watches",
        ),
        (
            replace(GOOD, unwatched=Unwatched(1, "no instance", whole=True)),
            Verdict.UNKNOWN,
            "docs: nothing tells of its changes; not scanned yet: no instance",
        ),
        (replace(GOOD, unwatched=Unwatched(2, "why", looked_at=940.0)), Verdict.FRESH, GOOD_WORDS),
        (replace(GOOD, watched=False, complete_at=940.0), Verdict.FRESH, "every change seen is in, or younger than 60 s"),
        (replace(GOOD, halted=True), Verdict.LATE, "docs: the guard halted: changes wait for a person"),
        (replace(GOOD, oldest=930.0), Verdict.LATE, "docs: a change waits for 70 s"),
        (replace(GOOD, oldest=940.0), Verdict.FRESH, "every change seen is in, or younger than 60 s"),
    ],
)
def test_the_verdict_on_one_source(source: SourceFreshness, verdict: Verdict, reason: str):
    """What is not known is said before what is late, and each with its reason."""
    judged = judge((source,), NOW, TARGET)
    assert (judged.verdict, judged.reason, judged.sources) == (verdict, reason, (source,))


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ({"paused": True}, {"trouble": "lost"}),
        ({"trouble": "lost"}, {"complete_at": 0.0}),
        ({"complete_at": 0.0}, {"watched": False}),
        ({"unwatched": Unwatched(1, "why")}, {"halted": True}),
        ({"watched": False}, {"halted": True}),
        ({"halted": True}, {"oldest": 0.0}),
    ],
)
def test_the_worst_of_a_source_is_what_is_told(worse, better):
    """Two things are wrong: the first line of the table that fits."""
    assert judge((replace(GOOD, **worse, **better),), NOW, TARGET) == replace(
        judge((replace(GOOD, **worse),), NOW, TARGET), sources=(replace(GOOD, **worse, **better),)
    )


def test_what_is_away_makes_all_late():
    """Nothing waits, and yet nobody could be answered; what nobody can say is worse, and what is late besides is told too."""
    away = (Away("index", 990.0, "no connection", 5.0),)
    told = "the index is away for 10 s (no connection)"
    assert judge((GOOD,), NOW, TARGET, away) == Freshness(Verdict.LATE, told, (GOOD,), away)
    halted = replace(GOOD, halted=True)
    assert judge((halted,), NOW, TARGET, away).reason == f"{told}; docs: the guard halted: changes wait for a person"
    assert judge((replace(GOOD, trouble="lost"),), NOW, TARGET, away).verdict is Verdict.UNKNOWN


def test_the_worst_source_decides():
    """Unknown before late before fresh; all that are as bad are named, and nobody else."""
    late, lost, gone = (
        replace(GOOD, source="late", halted=True),
        replace(GOOD, source="lost", trouble="events were lost"),
        replace(GOOD, source="gone", trouble="its store can't be reached"),
    )
    assert judge((GOOD, late), NOW, TARGET).verdict is Verdict.LATE
    judged = judge((GOOD, late, lost, gone), NOW, TARGET)
    assert (judged.verdict, judged.reason) == (Verdict.UNKNOWN, "lost: events were lost; gone: its store can't be reached")


def test_pending_changes_add_up():
    """Over all sources."""
    known = Freshness(Verdict.FRESH, "", (replace(GOOD, pending=2), replace(GOOD, pending=3)))
    assert (known.pending, Freshness(Verdict.FRESH, "").pending) == (5, 0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7.0], Lag(1, 7.0, 7.0)),
        ([2.0, 1.0], Lag(2, 1.0, 2.0)),
        ([3.0, 1.0, 2.0], Lag(3, 2.0, 3.0)),
        ([float(n) for n in range(20, 0, -1)], Lag(20, 10.0, 19.0)),
        ([float(n) for n in range(1, 101)], Lag(100, 50.0, 95.0)),
        ([0.5] * 99 + [9.0], Lag(100, 0.5, 0.5)),
    ],
)
def test_percentiles_by_nearest_rank(values, expected):
    """One of the values themselves: at least half, or 95 of a hundred, are no greater."""
    assert lag(values) == expected


@pytest.mark.parametrize(
    ("source", "seconds"),
    [
        (SourceFreshness("docs", complete_at=10.0), 0.0),
        (SourceFreshness("docs", complete_at=10.0, watched=False), 90.0),
        (SourceFreshness("docs", complete_at=10.0, unwatched=Unwatched(2, "why", looked_at=70.0)), 30.0),
    ],
)
def test_how_long_nobody_looked_where_nothing_tells(source: SourceFreshness, seconds: float):
    """Where all is watched no time at all; else since the last scan of what is not."""
    assert source.unseen(100.0) == seconds
