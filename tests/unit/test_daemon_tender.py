"""Tending watches: what is not told must not be taken for what did not happen."""

import threading

import pytest
from daemon_parts import Answered, StillClock, StillSource, away, inbox_of, outcome, quiet_log, until

from syncd.core.blind import SEEING, Blind, Cause
from syncd.core.hints import Calm, Hint, What
from syncd.core.lifecycle import RunState
from syncd.daemon.inbox import Inbox
from syncd.daemon.station import Station
from syncd.daemon.watch import AWAY, FIRST, Tender
from syncd.sync.report import Progress

LOST = "events were lost"
POLL = 300.0
"""Seconds between two scans of what can't be watched, unless the configuration has another number."""


@pytest.fixture
def clock() -> StillClock:
    """A clock of the test's own."""
    return StillClock()


@pytest.fixture
def inbox(clock) -> Inbox:
    """An inbox with one station."""
    return inbox_of(clock, "docs")


@pytest.fixture
def station(inbox) -> Station:
    """That station, of which nothing is known yet."""
    return inbox.stations["docs"]


@pytest.fixture
def scans() -> list[str]:
    """Why each scan was asked for."""
    return []


@pytest.fixture
def tender(inbox, scans, clock) -> Tender:
    """Who looks after it."""
    return Tender(inbox, lambda _, why: scans.append(why), clock, quiet_log())


def source(station: Station) -> StillSource:
    """Its source, which does as it is told."""
    assert isinstance(station.source, StillSource)
    return station.source


def scan(station: Station, clock: StillClock, *, whole: bool = True) -> None:
    """A scan from beginning to end; not `whole`: a page could not be listed."""
    station.told("scan", Progress("scan", 0), clock.unix)
    finish(station, clock, whole=whole)


def finish(station: Station, clock: StillClock, *, whole: bool = True) -> None:
    """The end of a scan."""
    clock.seconds += 1
    station.ended(outcome(RunState.DONE), clock.seconds, whole=True, complete_at=clock.unix if whole else station.complete_at)


def trouble(station: Station) -> str | None:
    """Why hints are not to be believed."""
    return station.freshness(0.0, 0.0).trouble


def test_a_watch_begins_before_the_first_scan(tender, station, inbox, clock, scans):
    """What changes while the scan is under way is told; the verdict is unknown until that scan is complete."""
    assert trouble(station) == "not watched yet"
    tender.tend(station)
    assert (scans, trouble(station)) == (["start"], "not watched yet")
    source(station).watching.tell(Hint(What.KEY, "a.md"))
    clock.seconds += Calm.DONE.value
    assert inbox.take() is not None
    scan(station, clock)
    assert trouble(station) is None
    tender.tend(station)
    assert scans == ["start"]


def test_lost_hints_are_mended_and_scanned_for(tender, station, clock, scans):
    """A fault, the mending, and a scan that began afterwards: only when that is complete the fault is over."""
    tender.tend(station)
    scan(station, clock)
    source(station).watching.broken = LOST
    tender.tend(station)
    assert (source(station).watching.mended, scans, trouble(station)) == (1, ["start", "hints-lost"], LOST)
    scan(station, clock, whole=False)
    assert trouble(station) == LOST
    scan(station, clock)
    assert trouble(station) is None


def test_a_scan_that_was_under_way_does_not_make_up_for_lost_hints(tender, station, clock):
    """It broke and was mended while the scan went on: what was lost may lie where that had been."""
    tender.tend(station)
    scan(station, clock)
    station.told("scan", Progress("scan", 0), clock.unix)
    source(station).watching.broken = LOST
    tender.tend(station)
    finish(station, clock)
    assert trouble(station) == LOST
    scan(station, clock)
    assert trouble(station) is None


def test_a_fault_that_went_by_itself_is_one(tender, station, clock, scans):
    """It broke, could not be mended, and is well when it is looked at again: what was missed meanwhile nobody knows."""
    tender.tend(station)
    scan(station, clock)
    watch = source(station).watching
    watch.broken, watch.mends = LOST, [LOST]
    tender.tend(station)
    watch.broken = None
    scan(station, clock)
    clock.seconds += POLL
    tender.tend(station)
    assert (watch.mended, scans, trouble(station)) == (2, ["start", "hints-lost", "hints-lost"], LOST)
    scan(station, clock)
    assert trouble(station) is None


def test_what_can_not_be_mended_is_tried_again_ever_more_seldom(tender, station, clock, scans):
    """More folders than watches: scanned after every try, for nobody tells of the rest, and said all the while."""
    source(station).watches = ["more folders than watches"]
    tender.tend(station)
    watch = source(station).watching
    watch.mends = ["more folders than watches"] * 20
    pauses, since = [], clock.seconds
    while watch.mends:
        before = watch.mended
        tender.tend(station)
        if watch.mended > before:
            pauses.append(clock.seconds - since)
            since = clock.seconds
        scan(station, clock)
        assert trouble(station) == "more folders than watches"
    assert pauses == sorted(pauses)
    assert POLL <= pauses[-1] <= POLL + 2
    assert len(scans) == 21


def test_a_store_that_is_away_is_looked_for_again(tender, station, clock, scans):
    """It can't be watched: unknown, and scanned once, which says so in the history; then it is there, and is scanned again."""
    source(station).watches, began = [away()] * 30, clock.unix
    while source(station).watches:
        left = len(source(station).watches)
        tender.tend(station)
        tender.tend(station)
        assert len(source(station).watches) == left - 1  # it rests in between
        assert trouble(station) == "its store can't be reached"
        clock.seconds += AWAY.longest
    assert scans == ["start"]
    assert station.freshness(clock.unix, clock.seconds).down_since == pytest.approx(began)
    tender.tend(station)
    assert (scans, station.watch) == (["start", "start"], source(station).watching)
    scan(station, clock)
    assert trouble(station) is None


def test_a_store_that_goes_away_under_watch_is_looked_for_again(tender, station, clock, scans):
    """The same where it was watched before: nothing is believed until it is back and was scanned."""
    tender.tend(station)
    scan(station, clock)
    watch = source(station).watching
    watch.broken, watch.mends = "the root is gone", [away()]
    tender.tend(station)
    assert trouble(station) == "its store can't be reached"
    clock.seconds += POLL
    tender.tend(station)
    assert (watch.mended, scans[-1]) == (1, "hints-lost")
    scan(station, clock)
    assert trouble(station) is None


def test_where_nothing_can_be_watched_only_scans_tell(tender, station, clock, scans):
    """A file system that tells of nothing: scanned at the start, and it is no trouble."""
    source(station).watchable = False
    tender.tend(station)
    scan(station, clock)
    tender.tend(station)
    assert (scans, station.watchable, station.watch, trouble(station)) == (["start"], False, None, None)


def test_what_can_not_be_watched_is_polled(tender, station, inbox, clock, scans):
    """Scanned again whenever that is due, as often as the source wants; never a second time while one waits or is under way."""
    source(station).watchable = False
    station.poll_every = 40.0
    tender.tend(station)
    scan(station, clock)
    tender.tend(station)
    clock.seconds += 39
    tender.tend(station)
    assert scans == ["start"]
    clock.seconds += 2
    tender.tend(station)
    assert scans == ["start", "poll"]
    station.asked = True
    clock.seconds += 100
    tender.tend(station)
    station.asked = False
    station.told("scan", Progress("scan", 0), clock.unix)
    tender.tend(station)
    assert scans == ["start", "poll"]
    finish(station, clock)
    tender.tend(station)
    assert scans == ["start", "poll", "poll"]


def test_a_part_that_can_not_be_watched_is_scanned_as_often_as_the_source_wants(tender, station, clock, scans):
    """A network mount in the tree: tried, and scanned, after pauses that grow up to `poll_every`; and it is told how often."""
    station.poll_every = 40.0
    source(station).watches = ["a mount in it tells of nothing"]
    tender.tend(station)
    source(station).watching.mends = ["a mount in it tells of nothing"] * 100
    scan(station, clock)
    for _ in range(400):
        clock.seconds += 1
        tender.tend(station)
    assert 10 <= len(scans) <= 16
    assert station.freshness(0.0, 0.0).poll_every == 40.0


def blind(*trees: str) -> Blind:
    """Nothing tells of these."""
    return Blind(trees, (Cause("silent-mount", "a mount in it tells of nothing", len(trees)),) if trees else ())


def hinted(inbox: Inbox, clock: StillClock) -> tuple[str, ...]:
    """The trees that are to be looked at now, which is done."""
    clock.seconds += Calm.DONE.value
    found = inbox.take()
    if found is None:
        return ()
    station, taken = found
    inbox.done(station)
    assert not (taken.scope.keys or taken.scope.pages)
    return taken.scope.trees


def test_a_blind_part_is_scanned_alone(tender, station, inbox, clock, scans):
    """Never the whole source: just the parts, tried before and scanned after pauses that grow up to `poll_every`."""
    station.poll_every = 40.0
    tender.tend(station)
    source(station).watching.blinds = blind("net", "x/y")
    scan(station, clock)
    tender.tend(station)
    assert (hinted(inbox, clock), source(station).watching.regained, trouble(station)) == ((), 0, None)
    polls = []
    for _ in range(400):
        clock.seconds += 1
        tender.tend(station)
        polls.append(hinted(inbox, clock))
    looked = [trees for trees in polls if trees]
    assert set(looked) == {("net", "x/y")}
    assert 10 <= len(looked) <= 16
    assert (source(station).watching.regained, scans) == (len(looked), ["start"])
    known = station.freshness(clock.unix, clock.seconds)
    assert (known.poll_every, known.unwatched.parts, known.unwatched.whole) == (40.0, 2, False)
    assert 0 <= clock.unix - known.unwatched.looked_at <= 42


def test_a_part_that_is_watched_again_is_not_blind(tender, station, inbox, clock, scans):
    """It is not scanned for that any more, and nothing is said of it; one that is blind later is soon looked at."""
    tender.tend(station)
    scan(station, clock)
    watch = source(station).watching
    watch.blinds, watch.regains = blind("net"), [blind("net"), SEEING]
    for _ in range(20):
        clock.seconds += 1
        tender.tend(station)
        assert hinted(inbox, clock) in ((), ("net",))
    known = station.freshness(clock.unix, clock.seconds)
    assert (watch.regained, scans, known.unwatched, known.poll_every) == (2, ["start"], None, None)
    watch.blinds = blind("other")
    tender.tend(station)
    clock.seconds += FIRST
    tender.tend(station)
    assert hinted(inbox, clock) == ("other",)


def test_a_source_that_is_blind_as_a_whole_is_polled(tender, station, inbox, clock, scans):
    """As one that can't be watched; not while a scan of it waits or is under way."""
    source(station).blinds = blind("")
    tender.tend(station)
    scan(station, clock)
    clock.seconds += FIRST
    tender.tend(station)
    assert (scans, hinted(inbox, clock)) == (["start", "poll"], ())
    station.asked = True
    clock.seconds += POLL
    tender.tend(station)
    assert scans == ["start", "poll"]


def test_what_is_paused_is_not_looked_at_where_it_is_blind(tender, station, inbox, clock):
    """A person wants it left alone: nothing of it gathers meanwhile."""
    tender.tend(station)
    scan(station, clock)
    source(station).watching.blinds, station.paused = blind("net"), True
    for _ in range(10):
        tender.tend(station)
        clock.seconds += POLL
    assert station.dirty.pending == 0


def test_a_store_that_is_away_when_blind_parts_are_tried(tender, station, inbox, clock, scans):
    """It is no end of the thread, and a fault at the next look, which has the whole source scanned."""
    tender.tend(station)
    scan(station, clock)
    watch = source(station).watching
    watch.blinds, watch.regains = blind("net"), [away()]
    tender.tend(station)
    clock.seconds += FIRST
    tender.tend(station)
    watch.broken = "the root is gone"
    tender.tend(station)
    assert (watch.mended, scans, hinted(inbox, clock)) == (1, ["start", "hints-lost"], ())


def test_a_fault_is_healed_by_a_scan_of_the_whole(tender, station, inbox, clock, scans):
    """Also where a part is blind besides: what was lost has no name."""
    tender.tend(station)
    scan(station, clock)
    watch = source(station).watching
    watch.blinds, watch.broken = blind("net"), LOST
    tender.tend(station)
    assert (watch.mended, scans, trouble(station), hinted(inbox, clock)) == (1, ["start", "hints-lost"], LOST, ())


def test_a_watch_that_is_whole_is_not_polled(tender, station, clock, scans):
    """Nobody says how often it is scanned, for it needs none."""
    tender.tend(station)
    scan(station, clock)
    clock.seconds += 10 * POLL
    tender.tend(station)
    assert (scans, station.freshness(0.0, 0.0).poll_every) == (["start"], None)


def test_a_source_with_other_settings_does_not_wait_for_the_rest_of_the_former(tender, station, inbox, clock, scans):
    """Its root was wrong, and rests; the configuration names another one: that is watched at once."""
    source(station).watches = [away()] * 8
    for _ in range(8):
        tender.tend(station)
        clock.seconds += AWAY.longest
    source(station).watches = [away()]
    tender.tend(station)
    fresh = Station(StillSource("docs"), b"docs")
    with inbox.guarded():
        inbox.stations["docs"] = fresh
    tender.tend(fresh)
    assert (fresh.watch is not None, scans[-1]) == (True, "start")


def test_a_watch_that_begins_for_nobody_is_closed(tender, station, inbox):
    """Another configuration came while it was set up: it tells nobody of a place that nobody asks for any more."""
    real = source(station).watch

    def watch(tell):
        with inbox.guarded():
            inbox.stations["docs"] = Station(StillSource("docs"), b"docs")
        return real(tell)

    source(station).watch = watch
    tender.tend(station)
    assert (source(station).watching.closed, station.watch) == (True, None)
    tender.tend(inbox.stations["docs"])
    assert inbox.stations["docs"].watch is not None


def test_the_tender_works_until_the_end(inbox, station, clock, scans):
    """On a thread of its own: it begins by itself, looks again when it is woken, and ends with the inbox."""
    tender = Tender(inbox, lambda _, why: scans.append(why), clock, quiet_log())
    thread = Answered(tender.run)
    until(lambda: scans == ["start"])
    scan(station, clock)
    source(station).watching.broken = LOST
    tender.wake()
    until(lambda: scans == ["start", "hints-lost"])
    inbox.stop()
    tender.wake()
    assert thread.wait().error is None
    tender.close()
    assert (source(station).watching.closed, station.watch) == (True, None)


def test_a_hint_that_is_told_while_watches_are_closed_hangs_nobody(inbox, station, clock):
    """Closing waits for a hint that is just being told, and telling takes the lock of the inbox: the two must not meet."""
    tender = Tender(inbox, lambda *_: None, clock, quiet_log())
    tender.tend(station)
    watch, told = source(station).watching, threading.Event()

    def close() -> None:
        telling = Answered(lambda: (watch.tell(Hint(What.KEY, "a.md")), told.set()))
        telling.wait()

    watch.close = close
    Answered(tender.close).wait()
    assert told.is_set()
