"""The inbox: hints coalesce and wait until it is calm, deeds are waited for, and nobody waits for ever."""

import time

import pytest
from daemon_parts import Answered, StillClock, inbox_of, until

from syncd.adapters.system import SystemClock
from syncd.core.hints import LONGEST, MOMENT, Calm, Hint, What
from syncd.core.scope import Scope
from syncd.daemon import inbox as inbox_module
from syncd.daemon.inbox import Inbox
from syncd.daemon.station import HINTS, SCANS
from syncd.errors import DaemonBusy, DaemonStopping, IndexUnavailable

KEY, PAGE, TREE = What.KEY, What.PAGE, What.TREE


@pytest.fixture
def clock() -> StillClock:
    """A clock of the test's own."""
    return StillClock()


@pytest.fixture
def inbox(clock) -> Inbox:
    """An inbox with two stations."""
    return inbox_of(clock, "docs", "more")


def calm(clock: StillClock) -> None:
    """Enough time passes for everything that was done."""
    clock.seconds += Calm.DONE.value + MOMENT


# -- hints -------------------------------------------------------------------------------------------------------------


def test_a_hint_is_taken_once_it_is_calm(inbox, clock):
    """Not at once; then with all that was hinted meanwhile, doubled ones once; and then it is not there any more."""
    for name in ("x/b.md", "x/a.md", "x/b.md"):
        inbox.hint("docs", Hint(KEY, name))
    inbox.hint("docs", Hint(TREE, "z"))
    inbox.hint("docs", Hint(KEY, "z/c.md"))
    assert (inbox.urgent(), inbox.take()) == (False, None)
    calm(clock)
    assert inbox.urgent()
    station, taken = inbox.take()
    assert (station.name, taken.scope, taken.count) == ("docs", Scope(keys=("x/a.md", "x/b.md"), trees=("z",)), 3)
    assert taken.since == pytest.approx(clock.seconds - Calm.DONE.value - MOMENT)
    inbox.done(station)
    assert (inbox.urgent(), inbox.take()) == (False, None)


def test_a_file_that_is_written_to_waits_until_it_is_closed_or_long_enough(inbox, clock):
    """Each write has it wait again; the closing has it taken soon, and after the longest time it is taken anyway."""
    inbox.hint("docs", Hint(KEY, "a.md", Calm.OPEN))
    clock.seconds += 1
    inbox.hint("docs", Hint(KEY, "a.md", Calm.OPEN))
    clock.seconds += Calm.OPEN.value - 2 * MOMENT
    assert inbox.take() is None
    inbox.hint("docs", Hint(KEY, "a.md"))
    calm(clock)
    station, _ = inbox.take()
    inbox.done(station)
    for _ in range(int(LONGEST)):
        inbox.hint("docs", Hint(KEY, "log.md", Calm.OPEN))
        assert inbox.take() is None
        clock.seconds += 1
    assert inbox.take() is not None


def test_a_hint_about_a_source_that_is_not_there_is_nobodys(inbox, clock):
    """A watch that is being closed may still tell: nothing comes of it."""
    inbox.hint("gone", Hint(KEY, "a.md"))
    calm(clock)
    assert inbox.take() is None


def test_the_source_that_waits_longest_comes_first(inbox, clock):
    """Several are calm: who was hinted at first is followed first, and one at a time."""
    inbox.hint("more", Hint(KEY, "m.md"))
    clock.seconds += 0.05
    inbox.hint("docs", Hint(KEY, "d.md"))
    calm(clock)
    assert [inbox.take()[0].name, inbox.take()[0].name, inbox.take()] == ["more", "docs", None]


def test_what_is_at_work_is_not_taken_again(inbox, clock):
    """Hints of a source wait while some of it are followed; `crowded` tells, and `urgent` does not."""
    inbox.hint("docs", Hint(KEY, "a.md"))
    calm(clock)
    station, _ = inbox.take()
    inbox.hint("docs", Hint(KEY, "a.md"))
    assert not inbox.crowded()
    calm(clock)
    assert (inbox.take(), inbox.urgent(), inbox.crowded()) == (None, False, True)
    inbox.done(station)
    assert inbox.urgent()
    assert inbox.take()[1].scope == Scope(keys=("a.md",))


def test_a_paused_source_keeps_its_hints(inbox, clock):
    """Nobody follows them, and nobody is urged to; resumed, they are there."""
    inbox.hint("docs", Hint(KEY, "a.md"))
    inbox.stations["docs"].paused = True
    calm(clock)
    assert (inbox.urgent(), inbox.crowded(), inbox.take()) == (False, False, None)
    inbox.stations["docs"].paused = False
    assert inbox.take() is not None


def test_what_could_not_be_followed_comes_again(inbox, clock):
    """Put back, it has waited since it was first hinted at, together with what came meanwhile."""
    inbox.hint("docs", Hint(KEY, "a.md"))
    first = clock.seconds
    calm(clock)
    station, _ = inbox.take()
    clock.seconds += 7
    inbox.hint("docs", Hint(KEY, "b.md"))
    inbox.put_back(station, failed=False)
    calm(clock)
    _, taken = inbox.take()
    assert (taken.scope, taken.since) == (Scope(keys=("a.md", "b.md")), pytest.approx(first))


def test_what_fails_rests_longer_each_time(inbox, clock):
    """One second, two, four, a minute at most, however often; once hints were followed, it begins anew."""
    station = inbox.stations["docs"]
    inbox.hint("docs", Hint(KEY, "a.md"))
    calm(clock)
    pauses = []
    for _ in range(2_000):
        inbox.take()
        inbox.put_back(station, failed=True)
        assert inbox.take() is None
        pauses.append(station.rest.left(clock.seconds))
        clock.seconds += pauses[-1]
    assert pauses[:8] == pytest.approx([1, 2, 4, 8, 16, 32, HINTS.longest, HINTS.longest])
    assert max(pauses) == pytest.approx(HINTS.longest)
    inbox.take()
    inbox.done(station)
    inbox.hint("docs", Hint(KEY, "a.md"))
    calm(clock)
    assert inbox.take() is not None


def held(inbox: Inbox, clock: StillClock, key: str) -> None:
    """A hint was taken, and could not be followed without what is away."""
    inbox.hint("docs", Hint(KEY, key))
    calm(clock)
    station, _ = inbox.take()
    inbox.hold(station)


def test_what_waits_for_something_that_is_away_keeps_nothing_up(inbox, clock):
    """What is hinted later is taken at once, alone; released, all that waited comes together, as old as it is."""
    first = clock.seconds
    held(inbox, clock, "a.md")
    held(inbox, clock, "b.md")
    station = inbox.stations["docs"]
    assert (inbox.urgent(), inbox.take(), station.concerns("a.md"), station.held.pending) == (False, None, True, 2)
    known = station.freshness(clock.unix, clock.seconds)
    assert (known.pending, known.oldest) == (2, pytest.approx(clock.unix - (clock.seconds - first)))
    clock.seconds += 600
    inbox.release()
    station, taken = inbox.take()
    assert (taken.scope, taken.since, station.held.pending) == (Scope(keys=("a.md", "b.md")), pytest.approx(first), 0)


def test_what_is_said_to_be_back_and_is_not_is_tried_ever_more_rarely(inbox, clock):
    """Released and held again: after a rest that doubles, a minute at most; once hints were followed, at once again."""
    station, rests = inbox.stations["docs"], []
    held(inbox, clock, "a.md")
    for _ in range(10):
        inbox.release()
        _, taken = inbox.take()
        assert taken.scope == Scope(keys=("a.md",))
        inbox.hold(station)
        inbox.release()
        assert inbox.take() is None
        rests.append(station.held_rest.left(clock.seconds))
        clock.seconds += rests[-1]
    assert rests == pytest.approx([1, 2, 4, 8, 16, 32, *[HINTS.longest] * 4])
    inbox.release()
    inbox.take()
    inbox.done(station)
    held(inbox, clock, "a.md")
    inbox.release()
    assert inbox.take() is not None


def test_a_look_at_the_whole_source_waits_for_what_is_away(inbox, clock):
    """It is owed, and nobody is to ask for it; once nothing is away it is asked for at once, whatever rest was due."""
    station = inbox.stations["docs"]
    station.missed(IndexUnavailable(detail="down"), 5.0, clock.seconds, waits=True)
    assert (station.scan_fault, station.owed, station.scan_rest.left(clock.seconds) > 0, inbox.owing()) == (None, 5.0, True, [])
    inbox.release()
    assert inbox.owing() == [station]


def test_a_rest_ends_with_the_daemon(inbox):
    """Nobody waits an hour to try something again when there is nothing to try any more."""
    assert inbox.rest(0.0)
    waiting = Answered(lambda: inbox.rest(3_600.0))
    inbox.stop()
    assert waiting.wait().value is False


def test_a_look_at_the_whole_source_is_owed_until_somebody_asks(inbox, clock):
    """What hints say of the whole is no run on hints: a job is asked for, once, and not while the source rests or is paused."""
    inbox.hint("docs", Hint(TREE, ""))
    calm(clock)
    station, taken = inbox.take()
    assert taken.scope.whole
    inbox.owe(station, 5.0)
    assert (station.owed, station.taken, inbox.owing()) == (5.0, None, [station])
    inbox.owe(station, 9.0)
    assert station.owed == 5.0
    for name, value in (("asked", True), ("paused", True)):
        setattr(station, name, value)
        assert inbox.owing() == []
        setattr(station, name, False)
    station.scan_rest = station.scan_rest.after(clock.seconds, SCANS)
    assert inbox.owing() == []
    clock.seconds += 1
    assert inbox.owing() == [station]


# -- deeds -------------------------------------------------------------------------------------------------------------


def carried_out(inbox: Inbox) -> int:
    """What a coordinator does with deeds at its turn; returns how many there were."""
    done = 0
    for future, deed in inbox.deeds():
        done += 1
        try:
            future.set_result(deed())
        except Exception as error:  # noqa: BLE001 - it is the business of who asked
            future.set_exception(error)
    return done


def test_who_asks_for_a_deed_gets_what_it_returns(inbox):
    """It is done by whoever takes it, after those that came before."""
    order: list[str] = []
    first = inbox.post(lambda: order.append("first"))
    asked = Answered(lambda: inbox.deed(lambda: order.append("second") or "done"))
    until(lambda: inbox.brief() and len(inbox._deeds) == 2)
    assert inbox.urgent()
    assert carried_out(inbox) == 2
    assert (first.done(), asked.wait().value, order) == (True, "done", ["first", "second"])
    assert not inbox.brief()


def test_the_error_of_a_deed_reaches_who_asked(inbox):
    """Also one that looks like running out of time."""
    for error in (ValueError("wrong"), TimeoutError("slow")):

        def deed(error: Exception = error) -> None:
            raise error

        asked = Answered(lambda deed=deed: inbox.deed(deed))
        until(inbox.brief)
        carried_out(inbox)
        assert asked.wait().error is error


def test_a_deed_that_nobody_comes_to_is_given_up(inbox, monkeypatch):
    """Who asked hears that all are busy, and what he gave up is not done later."""
    monkeypatch.setattr(inbox_module, "PATIENCE", 0.01)
    done: list[int] = []
    asked = Answered(lambda: inbox.deed(lambda: done.append(1))).wait()
    assert isinstance(asked.error, DaemonBusy)
    assert (carried_out(inbox), done) == (0, [])


def test_a_deed_that_has_begun_is_waited_for(inbox, monkeypatch):
    """The time is up while it is being done: its result counts."""
    monkeypatch.setattr(inbox_module, "PATIENCE", 0.02)

    def begun() -> Answered | None:
        """Who asked, where his deed was begun before he gave up."""
        asked = Answered(lambda: inbox.deed(lambda: "late"))
        until(lambda: inbox.brief() or asked.error)
        for future, deed in inbox.deeds():
            time.sleep(0.1)  # his time is up by now
            future.set_result(deed())
            return asked.wait()
        return None

    assert until(begun).value == "late"


def test_a_deed_may_be_left_to_itself(inbox):
    """Posted, nobody waits for it; what it came to is in its future."""
    future = inbox.post(lambda: 7)
    assert not future.done()
    carried_out(inbox)
    assert future.result(0) == 7


def test_after_the_end_there_are_no_deeds(inbox):
    """Who asks afterwards hears so at once; who waits hears so when the coordinator is gone."""
    waiting = Answered(lambda: inbox.deed(lambda: 1))
    until(inbox.brief)
    inbox.drain()
    assert isinstance(waiting.wait().error, DaemonStopping)
    for ask in (inbox.deed, inbox.post):
        with pytest.raises(DaemonStopping):
            ask(lambda: 1)
    assert inbox.stopping


# -- waiting -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("news", ["deed", "poke", "stop", "hint"])
def test_whoever_waits_is_woken_by_news(news):
    """A deed, a poke, the end, a hint that is calm by then: the wait returns long before its time."""
    inbox = inbox_of(SystemClock(), "docs")
    waiting = Answered(lambda: inbox.wait(3_600.0))
    {
        "deed": lambda: inbox.post(lambda: 1),
        "poke": inbox.poke,
        "stop": inbox.stop,
        "hint": lambda: inbox.hint("docs", Hint(KEY, "a.md")),
    }[news]()
    waiting.wait()


def test_news_that_came_before_are_not_slept_through(inbox, clock):
    """What there is to do when the waiting begins has it return at once; a poke does so once."""
    inbox.poke()
    inbox.wait(3_600.0)
    inbox.wait(0.001)
    inbox.hint("docs", Hint(KEY, "a.md"))
    calm(clock)
    inbox.wait(3_600.0)
    inbox.post(lambda: 1)
    inbox.wait(3_600.0)
