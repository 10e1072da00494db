"""A daemon without its index or its embedder: what must hold holds, what can wait waits, and then all goes on by itself."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from coordinating import Coordinated, coordinated
from daemon_kit import as_described, running, until
from dict_index import DictIndex
from faults import ALL
from kit import Site
from moments import OWNER, STRANGER, new_site, texts
from runs import from_nothing, view
from served import served_site

from syncd.adapters.embed.hash import HashEmbedder
from syncd.adapters.patient import PatientIndex, line
from syncd.adapters.system import SystemClock, SystemEntropy
from syncd.cli.status import hints
from syncd.core.freshness import Verdict
from syncd.core.hints import THINGS, What
from syncd.core.retry import Policy
from syncd.core.rows import Fence
from syncd.daemon import inbox, station
from syncd.errors import DiskFull, EmbeddingFailed, IndexUnavailable
from syncd.operations.explain import ExplainRequest, explain
from syncd.operations.search import SearchRequest, search
from syncd.operations.status import StatusRequest, status
from syncd.wiring import Wiring

NEVER = Policy(first=3_600.0, longest=3_600.0)
"""Whoever waits for such a rest fails the test."""


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    """What is away is looked for all the time; hints and scans that failed for other reasons are not tried again."""
    monkeypatch.setattr("syncd.adapters.sources.filesystem.listing.RACY_NS", 0)
    monkeypatch.setattr(line, "AGAIN", Policy(first=0.0, longest=0.0, tries=2))
    monkeypatch.setattr(line, "LEFT_ALONE", Policy(first=0.01, longest=0.05))
    monkeypatch.setattr(inbox, "HINTS", NEVER)
    monkeypatch.setattr(station, "SCANS", NEVER)


@pytest.fixture
def engine() -> DictIndex:
    """What the index keeps its points in."""
    return DictIndex()


@pytest.fixture
def site(tmp_path, engine) -> Site:
    """An install over a few documents, whose index is asked with patience."""
    site = new_site(tmp_path)
    site.index = PatientIndex(engine, SystemClock(), SystemEntropy())
    for number in range(6):
        for folder in ("a", "b"):
            site.write(f"{folder}/{number}.md", f"# {folder} {number}\n\nthe text of {folder} {number}")
    return site


class Switch:
    """Whether something is away. asked: how often it was asked."""

    def __init__(self) -> None:
        self.away = False
        self.asked = 0

    def asks(self, error: Exception) -> None:
        """Somebody asks."""
        self.asked += 1
        if self.away:
            raise error

    def before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, of something that may be away."""

        def ask(*args: Any, **more: Any) -> Any:
            self.asks(IndexUnavailable(detail="no connection (ConnectError)"))
            return call(*args, **more)

        return ask


@contextmanager
def embedder() -> Iterator[Switch]:
    """The model, with a switch."""
    switch, real = Switch(), HashEmbedder.embed

    def embed(self: HashEmbedder, texts: Any, *rest: Any) -> Any:
        switch.asks(RuntimeError("CUDA error"))
        return real(self, texts, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HashEmbedder, "embed", embed)
        yield switch


@pytest.fixture
def store(engine, monkeypatch) -> Switch:
    """The engine, with a switch."""
    switch = Switch()
    for name in ("ensure_collection", "collections", "resolve", "upsert", "set_payload", "delete", "retrieve", "count", "query"):
        monkeypatch.setattr(engine, name, switch.before(getattr(engine, name)))
    return switch


def kept(engine: DictIndex) -> int:
    """How many points it has."""
    return sum(map(len, engine.points.values()))


def shows_the_tree(here: Coordinated) -> None:
    """The index equals one built from nothing, and nothing is in doubt."""
    assert view(here.site) == from_nothing(here.site)
    here.sound()


def told(here: Coordinated) -> dict[str, Any]:
    """What `status` says, as the API describes it."""
    reply = here.ask(status, StatusRequest())
    assert not isinstance(reply, str)
    as_described("status", reply.payload)
    return dict(reply.payload)


# -- the embedder ------------------------------------------------------------------------------------------------------


def test_without_an_embedder_who_loses_access_is_out_at_once(site, engine):
    """Round after round: what is closed, deleted or renamed holds while new texts wait; then all of them come in."""
    with embedder() as model, coordinated(site) as here:
        model.away = True
        for number in range(4):
            site.write(f"a/{number}.md", f"an edit that waits, {number}")
            site.write(f"new/{number}.md", f"a text that waits, {number}")
            (site.docs / f"b/{number}.md").chmod(0o600)
            for name in (f"a/{number}.md", f"new/{number}.md", f"b/{number}.md"):
                here.hint(name)
            here.until(lambda n=number: f"b/{n}.md" not in site.found(reader=STRANGER))
            (site.docs / f"b/{number}.md").rename(site.docs / f"b/moved-{number}.md")
            here.hint("b", What.PAGE)
            here.until(lambda n=number: f"b/moved-{n}.md" in site.found(reader=OWNER))
        (site.docs / "b/5.md").unlink()
        here.hint("b/5.md")
        here.until(lambda: kept(engine) == 11)
        assert (here.freshness().verdict, here.freshness().away[0].name) == (Verdict.LATE, "embedder")
        assert texts(site)["a/0.md"].endswith("the text of a 0")
        with here.daemon.inbox.guarded() as stations:
            assert stations["docs"].held.pending
        assert here.daemon.pending("docs", "new/0.md")
        model.away = False
        here.calm()
        assert here.freshness().verdict is Verdict.FRESH
        shows_the_tree(here)


def test_a_scan_without_an_embedder_is_done_again_when_it_is_back(site, engine):
    """A whole scan does what takes no vectors and fails; nobody asks for another, and yet the new texts come in."""
    with embedder() as model, coordinated(site) as here:
        model.away = True
        site.write("a/new.md", "a text that waits")
        (site.docs / "a/0.md").unlink()
        here.daemon.scan("docs")
        here.until(lambda: here.runs()[-1] == ("request", "failed"))
        assert kept(engine) == 11
        here.until(lambda: here.freshness().pending)  # the ledger knows first that the run failed, its source a moment later
        model.away = False
        here.calm()
        assert (here.runs()[-1], here.freshness().verdict) == (("again", "done"), Verdict.FRESH)
        shows_the_tree(here)


def test_nobody_asks_an_embedder_that_is_away(site, monkeypatch):
    """Hundreds of hints while it is left alone: it is not asked once; questions are refused at once with what is wrong."""
    monkeypatch.setattr(line, "LEFT_ALONE", NEVER)
    with embedder() as model, coordinated(site) as here:
        model.away = True
        site.write("new/0.md", "a text that waits")
        here.hint("new/0.md")
        here.until(lambda: here.freshness().away)
        asked = model.asked
        for number in range(1, 40):
            site.write(f"new/{number}.md", f"a text that waits, {number}")
            here.hint(f"new/{number}.md")
            here.until(lambda n=number: here.station.held.covers(f"new/{n}.md") and here.station.taken is None)
        monkeypatch.setattr(HashEmbedder, "query", lambda *_: model.asks(RuntimeError("CUDA error")))
        with pytest.raises(EmbeddingFailed, match="the next try is in"):
            here.ask(search, SearchRequest("anything"))
        assert model.asked == asked


# -- the index ---------------------------------------------------------------------------------------------------------


def test_without_an_index_who_loses_access_is_fenced_at_once(site, engine, store):
    """Also by the second and the tenth hint while it is away: whoever reads the moment that it is back finds no more of it."""
    with coordinated(site) as here:
        store.away = True
        closed = {f"{folder}/{number}.md" for folder in ("a", "b") for number in range(3)}
        for count, key in enumerate(sorted(closed), 1):
            (site.docs / key).chmod(0o600)
            here.hint(key)
            here.until(lambda n=count: fenced(here) == n)
        (site.docs / "a/5.md").unlink()
        here.hint("a/5.md")
        here.until(lambda: fenced(here) == len(closed) + 1)
        assert (here.freshness().verdict, here.freshness().away[0].name) == (Verdict.LATE, "index")
        store.away = False
        other = Site(site.docs, site.state, index=engine)
        assert not other.found(reader=STRANGER) & (closed | {"a/5.md"})
        here.calm()
        assert (other.found(reader=STRANGER), fenced(here)) == ({"a/3.md", "a/4.md", "b/3.md", "b/4.md", "b/5.md"}, 0)
        shows_the_tree(here)


def fenced(here: Coordinated) -> int:
    """How many documents nobody may read at present."""
    with here.daemon.desk.install.ledger.read() as ledger:
        return sum(row.fence is not Fence.NONE for row in ledger.docs() if row.locator is not None)


def test_status_says_what_is_away(site, store):
    """Which, since when, what it said, when it is tried again, and what helps; nothing of it once it is back. So do readers."""
    with coordinated(site) as here:
        assert told(here)["away"] == []
        store.away = True
        site.write("a/0.md", "another text")
        here.hint("a/0.md")
        here.until(lambda: here.freshness().away)
        payload = here.until(lambda: (found := told(here))["away"] and found["sources"][0]["pending"] and found)
        (away,) = payload["away"]
        assert (away["name"], away["cause"], away["since"] is not None) == ("index", "no connection (ConnectError)", True)
        assert (payload["verdict"], payload["reason"].startswith("the index is away for ")) == ("late", True)
        (line_,) = [line_ for line_ in hints(payload) if "away" in line_]
        assert line_.startswith("the index is away since ")
        assert "`syncd check-config`" in line_
        why = here.ask(explain, ExplainRequest("docs:a/0.md")).payload["why"]
        assert "the index is away (no connection (ConnectError)): it comes in by itself once that is back" in why
        with pytest.raises(IndexUnavailable, match="no connection"):
            here.ask(search, SearchRequest("anything"))
        store.away = False
        here.calm()
        assert (told(here)["away"], told(here)["verdict"]) == ([], "fresh")


@pytest.mark.parametrize(
    ("error", "tries"), [(IndexUnavailable(detail="read only"), 4), (DiskFull(path="/", free=0, needed=256), 2)]
)
def test_a_store_that_takes_no_writes_is_not_asked_all_the_time(site, engine, error, tries):
    """It answers whoever looks for it, and no write: what waits is tried again ever more rarely, and narrowing is not kept up."""
    with coordinated(site) as here:
        writes: list[str] = []

        def before(name: str) -> None:
            writes.append(name)
            raise error

        engine.before = before
        site.write("a/0.md", "another text")
        here.hint("a/0.md")
        here.until(lambda: here.station.held_rest.times)
        assert writes == ["upsert"] * tries  # at first, and once more when it was said to be back
        (site.docs / "b/0.md").chmod(0o600)
        here.hint("b/0.md")
        here.until(lambda: fenced(here) == 1)


def test_a_daemon_stops_while_its_index_is_away(site, store, monkeypatch):
    """Between two tries, which would take an hour: the end is not waited for."""
    monkeypatch.setattr(line, "AGAIN", NEVER)
    resting = threading.Event()
    with coordinated(site) as here:
        pause = here.wiring.patience.pause

        def rest(seconds: float) -> bool:
            resting.set()
            return pause(seconds)

        monkeypatch.setattr(site.index.line, "_pause", rest)
        store.away = True
        site.write("a/0.md", "another text")
        here.hint("a/0.md")
        assert resting.wait(30)
        here.stop()
        assert here.error is None


# -- a burst, for ten minutes ------------------------------------------------------------------------------------------


def test_a_live_daemon_whose_server_goes_away(standin, served):
    """As people see it: told what is away, refused at once where they ask, closed out meanwhile; then all comes in by itself."""
    with running(served) as daemon:
        with standin.down():
            served.write("a.md", "# Another\n\nan edit that waits for the server")
            (served.docs / "b.md").chmod(0o600)
            seen = until(lambda: (found := daemon.status())["away"] and found["sources"][0]["fenced"] and found)
            assert ([away["name"] for away in seen["away"]], seen["verdict"]) == (["index"], "late")
            assert "the index is away since" in served.cli("status").stdout
            assert "The index can't be reached: " in served.cli("search", "text", check=69).stderr
            assert served.cli("status", "--check", check=3)
        daemon.calm()
        assert daemon.found(principals=("user:nobody",)) == ALL - {"b.md"}
        assert any("an edit that waits" in hit["text"] for hit in daemon.ask("search", query="an edit that waits")["hits"])
        assert daemon.status()["away"] == []


class Ahead(SystemClock):
    """A clock that the test puts forward."""

    seconds = 0.0

    def monotonic_ns(self) -> int:
        """Later than it is."""
        return super().monotonic_ns() + round(self.seconds * 1e9)


def test_a_server_that_is_away_for_ten_minutes_in_a_burst(standin, remote, tmp_path, monkeypatch):
    """Edits, deletions, closings and new files all the while: what is kept of them has a bound, who lost access is out at once,
    and when the server is back everything comes in by itself, as if it had never been away.
    """
    monkeypatch.setattr(line, "LEFT_ALONE", Policy(first=1.0, longest=15.0))
    clock = Ahead()
    monkeypatch.setattr(Wiring, "clock", clock)
    site = served_site(tmp_path, standin)
    site.index = PatientIndex(remote, clock, SystemEntropy())
    for number in range(40):
        site.write(f"burst/{number}.md", f"the text of number {number}")
    with coordinated(site) as here:
        sizes = []
        with standin.down():
            for minute in range(10):
                for number in range(minute, 40, 10):
                    site.write(f"burst/{number}.md", f"in minute {minute} the text of number {number}")
                    site.write(f"burst/new-{minute}.md", f"a new text of minute {minute}")
                    here.hint(f"burst/{number}.md")
                    here.hint(f"burst/new-{minute}.md")
                (site.docs / f"burst/{minute}.md").unlink()
                (site.docs / f"burst/{minute + 10}.md").chmod(0o600)
                here.hint(f"burst/{minute}.md")
                here.hint(f"burst/{minute + 10}.md")
                here.until(lambda n=minute: fenced(here) == 2 * (n + 1))
                clock.seconds += 60.0
                here.daemon.inbox.poke()
                here.until(lambda: not here.station.taken and not here.station.dirty.pending)
                sizes.append(here.station.held.pending)
            assert (here.freshness().verdict, here.freshness().away[0].name) == (Verdict.LATE, "index")
            for number in range(2 * THINGS):
                here.hint(f"flood/{number % 300}/{number}.md")
            assert here.station.dirty.pending + here.station.held.pending <= THINGS + 60
        assert max(sizes) <= 50

        def later() -> bool:
            clock.seconds += 5.0
            here.daemon.inbox.poke()
            return here.idle()

        here.until(later)
        assert here.freshness().verdict is Verdict.FRESH
        assert here.station.held.pending == 0
        shows_the_tree(here)
