"""A station: what is known of one source, and how runs that end change it."""

from dataclasses import replace

import pytest
from daemon_parts import StillClock, StillSource, outcome

from syncd.core.blind import SEEING, Blind, Cause
from syncd.core.freshness import Kind, Lag, Landed, Verdict, judge
from syncd.core.hints import Hint, Taken, What
from syncd.core.lifecycle import RunState
from syncd.core.scope import Scope
from syncd.daemon.station import REMEMBERED, SCANS, STEP, WINDOW, Doing, Station
from syncd.errors import IndexUnavailable
from syncd.sync.report import Held, Progress

DONE, FAILED, HALTED, INTERRUPTED = RunState.DONE, RunState.FAILED, RunState.HALTED, RunState.INTERRUPTED
LAST_RUN_FAILED = "the last run failed (IndexUnavailable)"


@pytest.fixture
def clock() -> StillClock:
    """A clock of the test's own."""
    return StillClock()


@pytest.fixture
def station() -> Station:
    """A source that is watched and was scanned."""
    return Station(StillSource(), b"docs", mends=1, watch_fault=None, complete_at=50.0)


def begun(station: Station, kind: str = "scan", now: float = 60.0) -> None:
    """A run over the whole source begins."""
    station.told(kind, Progress("scan", 0), now)


def scanned(station: Station, state: RunState = DONE, *, now: float = 70.0, complete_at: float = 70.0) -> None:
    """It is over."""
    station.ended(outcome(state), now, whole=True, complete_at=complete_at)


def hinted(station: Station, state: RunState = DONE, now: float = 70.0, **counted) -> None:
    """A run on hints is over."""
    station.ended(outcome(state, **counted), now, whole=False, complete_at=station.complete_at)


def trouble(station: Station) -> str | None:
    """Why it is not to be believed."""
    return station.freshness(100.0, 100.0).trouble


# -- what it does ------------------------------------------------------------------------------------------------------


def test_what_a_run_is_at_is_told_in_words_and_numbers(station):
    """Scanning, then so many of so many; the time it still takes follows from the pace so far."""
    assert station.freshness(60.0, 0.0).doing == "idle"
    begun(station)
    assert (station.freshness(60.0, 0.0).doing, station.freshness(60.0, 0.0).eta) == ("scan: scan", None)
    station.told("scan", Progress("plan", 0, 8, 4), 61.0)
    assert (station.freshness(62.0, 0.0).doing, station.freshness(62.0, 0.0).pending) == ("scan: 0 of 12", 8)
    station.told("scan", Progress("index", 3, None, 1), 63.0)
    known = station.freshness(68.0, 0.0)
    assert (known.doing, known.pending, known.oldest, known.eta) == ("scan: 4 of 12", 5, 60.0, pytest.approx(16.0))
    scanned(station)
    assert station.freshness(70.0, 0.0).doing == "idle"


def test_a_reindex_alone_is_no_change_that_waits():
    """What is embedded again is searchable already: nothing is pending."""
    doing = Doing("reindex", 0.0, 1)
    doing.told(Progress("plan", 0, 0, 10))
    doing.told(Progress("index", 0, None, 4))
    assert (doing.pending(), doing.words(), doing.eta(8.0)) == (0, "reindex: 4 of 10", pytest.approx(12.0))


def test_more_done_than_was_planned_is_nothing_left():
    """A page that changed meanwhile had more to do: no negative numbers."""
    doing = Doing("scan", 0.0, 1, planned=2, done=5)
    assert (doing.pending(), doing.eta(1.0)) == (0, None)


def test_hints_are_pending_from_when_they_were_told(station):
    """Those that wait and those at work, in Unix seconds; `concerns` says of which documents."""
    station.dirty.add(Hint(What.KEY, "a.md"), 40.0)
    station.taken = Taken(Scope(keys=("b.md",), pages=("x",), trees=("z",)), 30.0, 3)
    known = station.freshness(1_000.0, 45.0)
    assert (known.pending, known.oldest, known.doing) == (4, 985.0, "following hints")
    concerned = {key for key in ("a.md", "b.md", "c.md", "x/a.md", "x/y/a.md", "z/y/a.md") if station.concerns(key)}
    assert concerned == {"a.md", "b.md", "x/a.md", "z/y/a.md"}


def test_a_pause_is_told_before_anything_else(station):
    """Whatever went on when it came."""
    begun(station)
    station.paused = True
    known = station.freshness(60.0, 0.0)
    assert (known.doing, known.paused) == ("paused", True)


def test_what_was_noted_keeps_its_age_when_the_clock_is_set(station):
    """What is owed, what is done and the last scan are as long ago as before, and so is the pace."""
    station.owe(20.0)
    begun(station)
    station.told("scan", Progress("plan", 0, 8), 61.0)
    station.told("scan", Progress("index", 4), 63.0)
    station.clock_set(-86_400.0)
    known = station.freshness(68.0 - 86_400.0, 0.0)
    assert (known.oldest, known.complete_at, known.eta) == (20.0 - 86_400.0, 50.0 - 86_400.0, pytest.approx(8.0))


def test_a_source_that_was_never_scanned_stays_so_when_the_clock_is_set(station):
    """Never is no time."""
    station.complete_at = 0.0
    station.clock_set(5.0)
    assert (station.complete_at, station.owed, station.doing) == (0.0, None, None)


def test_a_complete_scan_counts_also_after_the_clock_was_set_back(station):
    """The watch was whole all the while: it is believed, though the scan ended before the last one by the clock."""
    station.watch_fault = "events were dropped"
    begun(station)
    scanned(station, complete_at=10.0)
    assert (trouble(station), station.complete_at) == (None, 10.0)


# -- a look at the whole that is owed ----------------------------------------------------------------------------------


def test_a_scan_that_is_owed_counts_until_it_is_complete(station):
    """While it waits in the queue, while it is under way, and again when it did not get through: never is that fresh."""
    station.owe(20.0)
    assert (station.freshness(30.0, 0.0).pending, station.freshness(30.0, 0.0).oldest) == (1, 20.0)
    assert station.concerns("any.md")
    begun(station)
    assert station.owed is None
    assert (station.freshness(65.0, 0.0).pending, station.freshness(65.0, 0.0).oldest) == (1, 20.0)
    scanned(station, INTERRUPTED, complete_at=50.0)
    assert (station.owed, station.asked) == (20.0, False)
    begun(station)
    scanned(station)
    assert (station.owed, station.freshness(80.0, 0.0).pending, station.concerns("any.md")) == (None, 0, False)


def test_a_scan_that_failed_is_owed_after_a_rest(station):
    """One second, two, ... five minutes at most; one that gets through ends it."""
    rests = []
    for _ in range(12):
        station.asked = True
        begun(station)
        scanned(station, FAILED, now=100.0, complete_at=50.0)
        assert (station.asked, station.owed) == (False, 60.0)
        rests.append(station.scan_rest.left(100.0))
    assert rests == [1, 2, 4, 8, 16, 32, 64, 128, 256, SCANS.longest, SCANS.longest, SCANS.longest]
    begun(station)
    scanned(station)
    assert (station.scan_rest.left(100.0), station.owed, trouble(station)) == (0.0, None, None)


def test_a_scan_that_could_not_even_begin_is_owed(station):
    """The index was away before the first page was looked at: the same."""
    station.owe(20.0)
    station.asked = True
    station.missed(IndexUnavailable(detail="down"), 60.0, 100.0)
    assert (station.owed, station.asked, station.scan_rest.left(100.0), trouble(station)) == (20.0, False, 1.0, LAST_RUN_FAILED)


# -- trouble -----------------------------------------------------------------------------------------------------------


def test_hints_that_failed_are_no_trouble_once_they_are_followed(station):
    """Put back and followed a moment later: nothing was missed."""
    hinted(station, FAILED)
    assert trouble(station) == LAST_RUN_FAILED
    hinted(station, INTERRUPTED)
    assert trouble(station) == LAST_RUN_FAILED
    hinted(station)
    assert trouble(station) is None


def test_a_scan_that_failed_is_trouble_until_one_is_complete(station):
    """However many hints are followed meanwhile; one that was interrupted ends nothing."""
    begun(station)
    scanned(station, FAILED, complete_at=50.0)
    hinted(station)
    begun(station)
    scanned(station, INTERRUPTED, complete_at=50.0)
    assert trouble(station) == LAST_RUN_FAILED
    begun(station)
    scanned(station)
    assert trouble(station) is None


@pytest.mark.parametrize(
    ("mends", "kind", "phase", "complete_at", "ends"),
    [
        (1, "scan", "scan", 70.0, True),
        (1, "sync", "scan", 70.0, True),
        (-1, "scan", "scan", 70.0, False),  # it broke again before the scan
        (0, "scan", "scan", 70.0, False),  # it never was whole
        (1, "scan", "scan", 50.0, False),  # a page could not be listed
        (1, "new-space", "plan", 70.0, False),  # nothing is scanned
    ],
)
def test_lost_hints_are_made_up_for_by_a_complete_scan_that_began_afterwards(mends, kind, phase, complete_at, ends):
    """Only then the trouble ends: the watch was whole when it began, and it saw everything."""
    station = Station(StillSource(), b"docs", mends=mends, watch_fault="events were lost", complete_at=50.0)
    station.told(kind, Progress(phase, 0), 60.0)
    scanned(station, complete_at=complete_at)
    assert (trouble(station) is None) is ends


def test_a_scan_that_began_before_the_watch_was_mended_makes_up_for_nothing(station):
    """It broke and was mended while the scan was under way: what was lost may lie where the scan had been."""
    begun(station)
    station.watch_fault, station.mends = "events were lost", 2
    scanned(station)
    assert trouble(station) == "events were lost"


def test_a_run_under_former_settings_proves_nothing_of_these(station):
    """The configuration changed in its midst: the new station hears the end of a run that it did not see begin."""
    fresh = replace(station, watch_fault="not watched yet", doing=None)
    fresh.told("scan", Progress("index", 1), 65.0)
    scanned(fresh)
    assert trouble(fresh) == "not watched yet"


def test_where_nothing_can_be_watched_that_is_no_trouble(station):
    """Scans alone tell, and the verdict says so."""
    station.watchable, station.watch_fault = False, "whatever"
    known = station.freshness(60.0, 0.0)
    assert (known.trouble, known.watched) == (None, False)
    assert judge((known,), 60.0, 60.0).verdict is Verdict.FRESH
    assert judge((known,), 120.0, 60.0).verdict is Verdict.UNKNOWN


# -- parts of which nothing tells --------------------------------------------------------------------------------------


def looked_at(station: Station) -> float | None:
    """Since when (Unix seconds) what happened in a blind part may not have been seen."""
    known = station.freshness(100.0, 100.0).unwatched
    return known.looked_at if known is not None else None


def test_a_blind_part_is_known_as_far_as_it_was_looked_at(station):
    """A look at all of each part counts, from when it was wanted; the part that was looked at longest ago decides."""
    station.sight.saw(Blind(("a", "b"), (Cause("code", "why", 2),)))
    assert looked_at(station) == 0.0
    station.sight.looked(("a/x", "b", "c"), 40.0)
    assert looked_at(station) == 0.0
    station.sight.looked(("a",), 80.0)
    assert looked_at(station) == 40.0
    begun(station)
    scanned(station, complete_at=50.0)
    assert looked_at(station) == 40.0  # a page could not be listed
    begun(station)
    scanned(station)
    assert looked_at(station) == pytest.approx(69.9)


def test_parts_that_become_others_stay_known(station):
    """What lies in one that was looked at was looked at; what takes in more was not, nor is what is new."""
    station.sight.saw(Blind(("a", "b")))
    station.sight.looked(("a", "b"), 80.0)
    station.sight.saw(Blind(("a/x", "a/y", "b")))
    assert looked_at(station) == 80.0
    station.sight.saw(Blind(("a", "b")))
    assert looked_at(station) == 0.0
    station.sight.saw(SEEING)
    assert (looked_at(station), station.sight.looked_at) == (None, {})


# -- the guard ---------------------------------------------------------------------------------------------------------


def test_who_halts_and_who_ends_it(station):
    """Any run may halt; only a whole one that passes ends it."""
    hinted(station, HALTED)
    assert station.halted
    hinted(station)
    begun(station)
    scanned(station, INTERRUPTED)
    assert station.halted
    begun(station)
    scanned(station, HALTED)
    assert station.halted
    begun(station)
    scanned(station)
    assert not station.halted


def test_a_scan_does_not_end_a_halt_that_came_in_its_midst(station):
    """Hints halted in its turn: it had looked before, so the wait, and what was added up, stay for the next one."""
    begun(station)
    hinted(station, HALTED, deleted=5)
    scanned(station)
    assert (station.halted, station.recent(80.0)) == (True, Held(5))
    begun(station)
    scanned(station)
    assert (station.halted, station.recent(80.0)) == (False, Held())


def test_what_runs_on_hints_took_away_is_added_up_for_an_hour(station):
    """Deletions and openings; what was held back is counted by the next run, which sees it again. Then it is forgotten."""
    hinted(station, now=0.0, deleted=3, opened=1)
    hinted(station, now=WINDOW / 2, deleted=2, held=Held(7, 7))
    hinted(station, now=WINDOW / 2)
    assert station.recent(WINDOW) == Held(5, 1)
    assert station.recent(WINDOW + STEP + 1) == Held(2, 0)
    assert station.recent(2 * WINDOW) == Held(0, 0)


def test_many_runs_on_hints_are_remembered_in_few_numbers(station):
    """However many there are in an hour: what they took away within a minute is one number, and none of it is lost."""
    for number in range(7_200):
        hinted(station, now=number / 2, deleted=1)
    assert station.recent(WINDOW) == Held(7_200)
    assert len(station.earlier) <= WINDOW / STEP + 1


def test_what_a_person_has_agreed_to_is_not_added_up_any_more(station):
    """After a halt that a whole run ended, the next deletion is judged by itself; a scan with no halt before forgives nothing."""
    hinted(station, deleted=3)
    begun(station)
    scanned(station)
    assert station.recent(80.0) == Held(3, 0)
    hinted(station, HALTED, deleted=2)
    begun(station)
    scanned(station, HALTED)
    assert station.recent(80.0) == Held(5, 0)
    begun(station)
    scanned(station)
    assert station.recent(80.0) == Held()


# -- lags --------------------------------------------------------------------------------------------------------------


def test_lags_are_told_by_kind_over_the_latest_changes(station):
    """Of runs of either sort; a clock that was ahead at the source makes no negative lag."""
    late = [Landed(Kind.CONTENT, 10.0, 11.0, 10.0 + seconds) for seconds in range(REMEMBERED + 5)]
    station.ended(outcome(DONE, *late), 0.0, whole=False, complete_at=50.0)
    station.ended(outcome(DONE, Landed(Kind.ACL, 20.0, 11.0, 12.0)), 0.0, whole=True, complete_at=50.0)
    lags = station.freshness(60.0, 0.0).lags
    assert lags == {Kind.CONTENT: Lag(REMEMBERED, 504.0, 954.0), Kind.ACL: Lag(1, 0.0, 0.0)}
