"""The clock is set by a day, back or forth, while the daemon runs and between two runs: nothing is missed, nothing is wrong for
ever, and no number is negative.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import stepped
from coordinating import Coordinated, coordinated
from daemon_kit import PATIENCE, LiveDaemon, until
from dict_index import DictIndex
from kit import Site, make_site, open_folders
from stepped import DAY, SteppedClock

from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.cli.client import connect
from syncd.core.freshness import Verdict
from syncd.core.model import Reason, Refusal
from syncd.errors import SourcesStale
from syncd.retrieval.reader import Retriever
from syncd.wiring import Wiring

BOTH_WAYS = pytest.mark.parametrize("step", [DAY, -DAY], ids=["forth", "back"])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SteppedClock:
    """The clock of every install of the test."""
    stepped_ = SteppedClock()
    monkeypatch.setattr(Wiring, "clock", stepped_)
    return stepped_


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Three documents, not synced."""
    open_folders(tmp_path)
    made = make_site(tmp_path / "docs", tmp_path / "state")
    made.index = DictIndex()
    for name in ("a", "b", "x/c"):
        made.write(f"{name}.md", f"# {name}\n\nthe text of {name}")
    return made


@pytest.fixture
def here(site: Site, clock: SteppedClock) -> Iterator[Coordinated]:
    """A coordinator that has scanned everything."""
    with coordinated(site) as it:
        it.freshly = lambda: it.freshness().verdict is Verdict.FRESH
        it.until(it.freshly)
        yield it


def sane(here: Coordinated) -> None:
    """No number that says how long is negative, and none is a day."""
    for source in here.freshness().sources:
        assert source.eta is None or 0 <= source.eta < DAY / 2
        assert all(0 <= lag.p50 <= lag.p95 < DAY / 2 for lag in source.lags.values()), source.lags
        now = here.daemon.desk.install.now()
        assert source.oldest is None or -1 < now - source.oldest < DAY / 2
        assert -1 < now - source.complete_at < DAY / 2


# -- while it runs -----------------------------------------------------------------------------------------------------------


@BOTH_WAYS
def test_the_clock_is_set_while_it_follows(here: Coordinated, clock: SteppedClock, step: float) -> None:
    """It says so, scans everything by the new time, follows hints as before, and the history can be proved and signed."""
    clock.offset = step
    here.daemon.chores.look_at_clock()
    here.calm()
    assert here.runs()[-1] == ("clock", "done")
    here.until(here.freshly)
    sane(here)
    for number in range(3):
        here.site.write("a.md", f"# a\n\nanother text, {number}")
        here.hint("a.md")
        here.calm()
    here.site.write("new.md", "# New\n\nsince then")
    here.hint("new.md")
    here.calm()
    assert here.freshness().verdict is Verdict.FRESH
    sane(here)
    here.daemon.coordinator.at_turn(here.daemon.coordinator.sign)
    with here.daemon.desk.install.ledger.read() as view:
        assert list(view.checkpoints())[-1][0] == view.event_count()
        newest = view.runs(limit=1)[0]
        assert (newest.trigger, newest.finished_at >= newest.started_at) == ("hint", True)
    here.sound()


def test_a_clock_that_is_right_is_left_alone(here: Coordinated, clock: SteppedClock) -> None:
    """Less than a second is adjusted all the time, and is no reason to scan."""
    before = here.runs()
    for offset in (0.0, 0.4, -0.4):
        clock.offset = offset
        here.daemon.chores.look_at_clock()
        here.calm()
    assert here.runs() == before


@BOTH_WAYS
def test_what_waits_keeps_its_age(here: Coordinated, clock: SteppedClock, step: float) -> None:
    """A look at the whole that is owed for ten seconds is owed for ten seconds also by another clock."""
    now = clock.now().timestamp()
    station = here.station
    station.paused = True
    station.owe(now - 10)
    clock.offset = step
    here.daemon.chores.look_at_clock()
    assert 9 < clock.now().timestamp() - station.owed < 60
    station.paused = False


# -- between runs --------------------------------------------------------------------------------------------------------------


@BOTH_WAYS
def test_the_clock_is_set_between_two_runs(site: Site, clock: SteppedClock, step: float) -> None:
    """Whatever changed is found, the last run counts as the last one, and all is as in a fresh install."""
    site.sync()
    clock.offset = step
    stamp = (site.docs / "b.md").stat()
    site.write("b.md", "# b\n\nthe text of B")  # as long as before, and as old
    os.utime(site.docs / "b.md", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    site.write("ahead.md", "# Ahead\n\nits time is yet to come")
    os.utime(site.docs / "ahead.md", (clock.now().timestamp() + DAY,) * 2)
    (site.docs / "x/c.md").unlink()
    site.write("x/d.md", "# d\n\nanother")
    done = site.sync()
    assert (done.state, done.report.documents.updated, done.report.documents.added) == ("done", 1, 2)
    assert 0 <= done.seconds < 600
    clock.offset = 0.0
    assert site.sync().state == "done"
    with site.open() as wiring, wiring.ledger.read() as view:
        rows = view.runs()
        assert rows[0].run != done.run
        assert all(row.finished_at >= row.started_at for row in rows)
        assert [row.started_at for row in rows] == sorted((row.started_at for row in rows), reverse=True)
    fresh = site.fresh("fresh")
    fresh.index = DictIndex()
    fresh.sync()
    assert site.dump() == fresh.dump()
    assert site.json("audit", "verify")["verdict"] == "good"


def test_a_run_that_halts_after_the_clock_was_set_back_can_be_confirmed(site: Site, clock: SteppedClock) -> None:
    """It is the last one, whatever the clock says of the one before it."""
    site.config.chmod(0o600)
    with site.config.open("a") as file:
        file.write("\n[guard]\nmax_delete_share = 0.1\nmin_deletes = 3\n")
    for number in range(12):
        site.write(f"many/{number}.md", f"text {number}")
    clock.offset = DAY
    site.sync()
    clock.offset = 0.0
    for path in (site.docs / "many").iterdir():
        path.unlink()
    halted = site.sync()
    assert halted.state == "halted"
    with site.open() as wiring, wiring.ledger.read() as view:
        assert view.deciding_run(view.sources()[0].source).run == halted.run


@BOTH_WAYS
def test_quarantine_is_tried_again(site: Site, clock: SteppedClock, step: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed at first and would succeed now does not rest for a day because the clock was set back."""
    real = FilesystemSource.fetch
    monkeypatch.setattr(FilesystemSource, "fetch", lambda *_: Refusal(Reason.CHANGING))
    for _ in range(3):
        site.sync()
    assert set(site.quarantined()) == {"a.md", "b.md", "x/c.md"}
    monkeypatch.setattr(FilesystemSource, "fetch", real)
    site.sync()
    assert len(site.quarantined()) == 3, "it rests"
    clock.offset = step
    site.sync()
    assert site.quarantined() == {}
    assert site.found("text") == {"a.md", "b.md", "x/c.md"}


@pytest.mark.parametrize(("step", "answers"), [(0.0, True), (2 * DAY, False), (-2 * DAY, False)], ids=["not", "forth", "back"])
def test_permissions_do_not_stay_young(site: Site, clock: SteppedClock, step: float, answers: bool) -> None:
    """`acl.stale_after` of a day: two days ahead or back nobody knows how old they are, until they are scanned again."""
    site.sync()
    clock.offset = step
    assert answered(site, clock) is answers
    site.sync()
    assert answered(site, clock)


def answered(site: Site, clock: SteppedClock) -> bool:
    """Whether a search is answered under `acl.stale_after = "1d"`."""
    with site.open() as wiring:
        retriever = Retriever(wiring.holdings(site.collection(wiring)), wiring.embedder, clock, DAY)
        try:
            return bool(retriever.search("text", wiring.caller(), 10).hits)
        except SourcesStale:
            return False


# -- a whole daemon ------------------------------------------------------------------------------------------------------------


@BOTH_WAYS
def test_the_clock_is_set_under_a_whole_daemon(tmp_path: Path, step: float) -> None:
    """It notices by itself, is fresh again by itself, follows what changes, and ends with a history that is good."""
    open_folders(tmp_path)
    site = make_site(tmp_path / "docs", tmp_path / "state")
    site.write("a.md", "# a\n\nthe text of a")
    offset, log = tmp_path / "offset", tmp_path / "log"
    offset.write_text("0")
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, stepped.__file__, str(offset), "run"],
            env={**os.environ, "SYNCD_CONFIG": str(site.config), "HF_HUB_OFFLINE": "1"},
            stderr=file,
        )
    try:
        daemon = LiveDaemon(site, process, log, until(lambda: connect(site.config)))
        daemon.calm()
        fresh_offset = tmp_path / "offset.new"
        fresh_offset.write_text(str(step))
        fresh_offset.rename(offset)
        until(lambda: any(line["event"] == "clock.set" for line in daemon.lines()))
        site.write("late.md", "# Late\n\nsince then")
        daemon.wait("late.md")
        status = daemon.calm()
        assert "late.md" in daemon.found()
        assert all(value >= 0 for lag in status["sources"][0]["lag"].values() for value in lag.values())
        assert daemon.stop() == 0
    finally:
        process.kill()
        process.wait(PATIENCE)
    assert not [line for line in daemon.lines() if line.get("seconds", 0) < 0 and line["event"] != "clock.set"]
    assert site.json("audit", "verify")["verdict"] == "good"
    assert site.sync().state == "done"
    fresh = site.fresh("fresh")
    fresh.sync()
    assert site.dump() == fresh.dump()
