"""The coordinator: one thread that does the most urgent thing first, whatever goes wrong with it."""

import threading

import pytest
from coordinating import Coordinated, coordinated, gates
from kit import Site
from moments import OWNER, STRANGER, new_site, texts
from runs import from_nothing, view

from syncd.adapters.ledger import SqlLedger
from syncd.core.freshness import Verdict
from syncd.core.hints import What
from syncd.core.retry import Policy
from syncd.daemon import coordinator, inbox, turns
from syncd.errors import DaemonStopping, Exit, IndexUnavailable, LedgerUnavailable
from syncd.operations.sync import SyncRequest, sync

MANY = tuple(f"many/{number:03}.md" for number in range(80))
"""More than a group takes, so that there are turns between them."""
FIRST, LAST = "the text of many/000", "the text of many/079"


pytestmark = pytest.mark.usefixtures("calm")


@pytest.fixture
def site(tmp_path) -> Site:
    """An install over three documents."""
    site = new_site(tmp_path)
    for key in ("a.md", "x/b.md", "z/c.md"):
        site.write(key, f"# Title of {key}\n\nthe text of {key}")
    return site


def fill(site: Site) -> None:
    """Many more documents."""
    for key in MANY:
        site.write(key, f"# Title of {key}\n\nthe text of {key}")


def shows_the_tree(here: Coordinated) -> None:
    """The index equals one built from nothing, and nothing is in doubt."""
    assert view(here.site) == from_nothing(here.site)
    here.sound()


# -- the order ---------------------------------------------------------------------------------------------------------


def test_deeds_go_before_hints_and_hints_before_jobs(site):
    """All three wait when it begins: a deed sees no run yet, and the first run is the one on hints."""
    with coordinated(site):
        pass
    with coordinated(site, scanned=False) as here:
        before = len(here.runs())
        here.daemon.scan("docs")
        site.write("a.md", "another text")
        here.hint("a.md")
        here.until(here.daemon.inbox.urgent)
        seen = here.daemon.inbox.post(lambda: len(here.runs()) - before)
        here.start()
        here.calm()
        assert seen.result(0) == 0
        assert here.runs()[before:] == [("hint", "done"), ("request", "done")]
        shows_the_tree(here)


def test_a_deed_is_done_on_the_thread_that_writes(site):
    """Asked for there it is done at once, from elsewhere at the next turn; its error reaches who asked."""
    with coordinated(site) as here:
        daemon = here.daemon

        def nested() -> tuple[str, str]:
            return threading.current_thread().name, daemon.at_turn(lambda: threading.current_thread().name)

        assert daemon.at_turn(nested) == ("coordinator", "coordinator")
        with pytest.raises(ZeroDivisionError):
            daemon.at_turn(lambda: 1 // 0)
        assert daemon.at_turn(lambda: 7) == 7


def test_hints_are_followed_in_the_midst_of_a_job(site):
    """A scan has much to read: what is closed meanwhile is closed before it ends, a deed is done, and the history is whole."""
    with coordinated(site) as here, gates(FIRST, LAST) as held:
        fill(site)
        here.daemon.scan("docs")
        held.reached(FIRST)
        (site.docs / "a.md").chmod(0o600)
        here.hint("a.md")
        here.until(here.daemon.inbox.urgent)
        checked = here.daemon.inbox.post(here.sound_so_far)
        held.open(FIRST)
        held.reached(LAST)
        assert checked.done()
        assert here.freshness().sources[0].doing.startswith("scan: ")
        assert "a.md" not in site.found(reader=STRANGER)
        here.sound_so_far()
        held.open()
        here.calm()
        long, short = here.events("run.started")[-2:]
        assert [event.run for event in here.events("run.finished")[-2:]] == [short.run, long.run]
        shows_the_tree(here)


def test_a_run_on_hints_that_takes_long_lets_others_go_first(site, monkeypatch):
    """A large tree is moved in: what is closed meanwhile does not wait for all of it; that goes on, and nothing is done twice."""
    monkeypatch.setattr(turns, "BREATH", 0.0)
    with coordinated(site) as here, gates(FIRST, LAST) as held:
        fill(site)
        here.hint("many", What.TREE)
        held.reached(FIRST)
        (site.docs / "a.md").chmod(0o600)
        here.hint("a.md")
        here.until(here.daemon.inbox.crowded)
        held.open(FIRST)
        held.reached(LAST)
        assert "a.md" not in site.found(reader=STRANGER)
        held.open()
        here.calm()
        assert here.runs()[-2:] == [("hint", "interrupted"), ("hint", "done")]
        assert len(held.texts) == len(set(held.texts)) == len(MANY)
        shows_the_tree(here)


def test_a_run_on_hints_says_that_it_lives(site):
    """However long it takes: a supervisor that hears nothing has the daemon killed."""
    with coordinated(site) as here, gates(FIRST, LAST) as held:
        fill(site)
        here.hint("many", What.TREE)
        held.reached(FIRST)
        here.daemon.supervisor._beat = 0.0
        held.open(FIRST)
        held.reached(LAST)
        assert here.daemon.supervisor.alive(60.0)


def test_a_look_at_the_whole_that_hints_ask_for_is_pending_until_it_is_done(site):
    """It waits behind another job, and is under way: all the while it counts, and is never called fresh when it is late."""
    with coordinated(site) as here, gates(FIRST, "a later text") as held:
        fill(site)
        here.daemon.scan("docs")
        held.reached(FIRST)
        site.write("zz.md", "a later text")
        here.hint("", What.TREE)
        here.until(here.daemon.inbox.urgent)
        held.open(FIRST)
        here.until(lambda: here.station.owed is not None)
        assert here.freshness().pending > 0
        held.reached("a later text")
        source = here.freshness().sources[0]
        assert (source.pending > 0, source.oldest is not None) == (True, True)
        held.open()
        here.calm()
        assert (here.freshness().pending, here.freshness().verdict) == (0, Verdict.FRESH)
        assert [trigger for trigger, _ in here.runs()][-2:] == ["request", "hints"]
        shows_the_tree(here)


# -- faults ------------------------------------------------------------------------------------------------------------


def failing(site: Site, write: str, times: int) -> None:
    """The index refuses so many writes of that name."""
    left = [IndexUnavailable(detail="it is down")] * times

    def before(name: str) -> None:
        if name == write and left:
            raise left.pop()

    site.index.before = before


def test_hints_that_could_not_be_followed_are_followed_later(site):
    """The index is down for a while: put back, said to be in trouble, tried again, and then no trouble is left."""
    with coordinated(site) as here:
        failing(site, "upsert", 2)
        site.write("a.md", "another text")
        here.hint("a.md")
        here.until(lambda: here.freshness().verdict is Verdict.UNKNOWN)
        here.calm()
        assert [state for _, state in here.runs()][-3:] == ["failed", "failed", "done"]
        assert (here.freshness().verdict, texts(site)["a.md"]) == (Verdict.FRESH, "another text")
        shows_the_tree(here)


@pytest.mark.parametrize(("failures", "begins"), [(1, True), (3, True), (4, False)])
def test_an_index_that_is_away_at_the_start_is_waited_for(site, monkeypatch, failures, begins):
    """Its process died while a killed run was settled: tried again, and given up with the reason when it stays away."""
    monkeypatch.setattr(coordinator, "SETTLING", Policy(first=0.0, longest=0.0, tries=4))
    with coordinated(site, scanned=False) as here:
        real, left = here.wiring.index.ensure_collection, [failures]

        def ensure(*arguments: object) -> None:
            left[0] -= 1
            if left[0] >= 0:
                raise IndexUnavailable(detail="its process ended")
            real(*arguments)

        monkeypatch.setattr(here.wiring.index, "ensure_collection", ensure)
        here.start()
        if begins:
            here.daemon.scan("docs")
            here.calm()
            shows_the_tree(here)
        else:
            here.stop()
            assert isinstance(here.error, IndexUnavailable)


def test_what_failed_in_a_turn_is_settled_without_the_run_that_lent_it(site, monkeypatch):
    """Hints fail in the midst of a scan and are tried again there: the intents of the scan itself stay open till its own end."""
    monkeypatch.setattr(inbox, "HINTS", Policy(first=0.0, longest=0.0))
    with coordinated(site) as here, gates(FIRST, LAST) as held:
        fill(site)
        here.daemon.scan("docs")
        held.reached(FIRST)
        long = here.events("run.started")[-1]
        failing(site, "set_payload", 1)
        (site.docs / "a.md").chmod(0o600)
        here.hint("a.md")
        here.until(here.daemon.inbox.urgent)
        held.open()
        here.calm()
        assert here.runs()[-3:] == [("request", "done"), ("hint", "failed"), ("hint", "done")]
        settled = {event.op for event in here.events("ledger.recovered")}
        assert settled
        assert long.op not in settled
        shows_the_tree(here)
        assert "a.md" not in site.found(reader=STRANGER)


def test_a_scan_that_failed_is_tried_again(site):
    """Once the index is there again the source is fresh, although nobody asked for another scan."""
    with coordinated(site) as here:
        failing(site, "upsert", 1)
        site.write("new.md", "a new text")
        here.daemon.scan("docs")
        here.until(lambda: here.freshness().verdict is Verdict.UNKNOWN)
        here.calm()
        assert here.runs()[-2:] == [("request", "failed"), ("again", "done")]
        assert here.freshness().verdict is Verdict.FRESH
        shows_the_tree(here)


def test_a_scan_that_could_not_begin_is_tried_again(site, monkeypatch):
    """The index does not even answer what it holds: there is no run, and yet the scan is owed."""
    with coordinated(site) as here:
        asked, real = [], site.index.ensure_collection

        def ensure(*args):
            asked.append(args)
            if len(asked) == 1:
                raise IndexUnavailable(detail="it is down")
            real(*args)

        site.write("new.md", "a new text")
        with monkeypatch.context() as patch:
            patch.setattr(site.index, "ensure_collection", ensure)
            here.daemon.scan("docs")
            here.until(lambda: here.runs()[-1] == ("again", "done"))
        here.calm()
        assert (here.freshness().verdict, texts(site)["new.md"]) == (Verdict.FRESH, "a new text")


@pytest.mark.parametrize(
    "error", [LedgerUnavailable(file="ledger.db", detail="full"), ValueError("a bug")], ids=["ledger", "bug"]
)
def test_after_what_nothing_may_be_written_the_thread_ends(site, monkeypatch, error):
    """Who waits for a deed or watches a job hears that the daemon stops; what it began is settled by the next one."""
    with coordinated(site) as here, gates("a new text") as held:
        site.write("new.md", "a new text")
        running = here.ask(sync, SyncRequest())
        held.reached("a new text")
        waiting = here.daemon.jobs.start("other", ("docs",), lambda _: None, here.daemon.desk.install.audit.actor)
        deed = here.daemon.inbox.post(lambda: 7)

        def write(self):
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(SqlLedger, "write", write)
            held.open()
            for job in (running, waiting):
                with pytest.raises(DaemonStopping):
                    here.finished(job)
            with pytest.raises(DaemonStopping):
                deed.result(30)
            here.stop()
        assert here.error is error
    with coordinated(site) as here:
        shows_the_tree(here)


# -- the guard ---------------------------------------------------------------------------------------------------------


def test_what_many_hints_may_not_take_away_a_scan_does_not_either(tmp_path):
    """One file after the other goes: at the limit all stops, also the scan that follows; confirmed, it is gone and forgiven."""
    site = new_site(tmp_path, "[guard]\nmax_delete_share = 0.2\nmin_deletes = 3\n")
    keys = [f"{number:02}.md" for number in range(12)]
    for key in keys:
        site.write(key, f"text of {key}")
    with coordinated(site) as here:
        for key in keys[:3]:
            (site.docs / key).unlink()
            here.hint(key)
            here.calm()
        assert here.runs()[-2:] == [("hint", "halted"), ("halted", "halted")]
        assert (here.freshness().verdict, site.found(reader=OWNER)) == (Verdict.LATE, set(keys[2:]))
        (site.docs / keys[3]).unlink()
        here.hint(keys[3])
        here.calm()
        assert site.found(reader=OWNER) == set(keys[2:])
        assert here.finished(here.ask(sync, SyncRequest())).exit is Exit.HALTED  # who asks for a sync has not agreed
        with here.daemon.desk.install.ledger.read() as ledger:
            halted = ledger.deciding_run(here.station.id)
        here.finished(here.ask(sync, SyncRequest(confirm=halted.run.hex())))
        assert (site.found(reader=OWNER), here.freshness().verdict) == (set(keys[4:]), Verdict.FRESH)
        (site.docs / keys[4]).unlink()
        here.hint(keys[4])
        here.calm()
        assert (site.found(reader=OWNER), here.runs()[-1]) == (set(keys[5:]), ("hint", "done"))
        shows_the_tree(here)
