"""A daemon's coordinator at work in this process: no socket, no watch, no schedule; hints are fed by hand."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kit import TESTER, Site

from syncd.adapters.embed.hash import HashEmbedder
from syncd.audit.verify import verify
from syncd.core.freshness import Freshness
from syncd.core.hints import Hint, What
from syncd.core.rows import EventRow
from syncd.daemon.daemon import Daemon
from syncd.operations.operation import EVERY_ROLE, Answer, Caller, Reply, Task
from syncd.sync.collection import ensure_collection
from syncd.wiring import Wiring
from syncd.wiring.house import House

ADMIN = Caller(os.getuid(), EVERY_ROLE, TESTER)
PATIENCE = 60.0
"""Seconds until a test gives up waiting: long, for a slow machine is no failure."""


class Coordinated:
    """A daemon of which only the coordinator's thread runs. error: what that ended with."""

    def __init__(self, site: Site, wiring: Wiring) -> None:
        self.site = site
        self.wiring = wiring
        self.daemon = Daemon(House(wiring, site.config), wiring.clock, wiring.entropy, {})
        self.daemon._settle_stations()
        self.station = self.daemon.inbox.stations["docs"]
        for station in self.daemon.inbox.stations.values():
            station.watch_fault, station.mends = None, 1  # as if a watch were whole
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="coordinator", daemon=True)

    def _run(self) -> None:
        try:
            self.daemon.coordinator.run()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def start(self) -> None:
        """From here on it works."""
        self._thread.start()

    def ended(self) -> bool:
        """Whether its thread is over."""
        return not self._thread.is_alive()

    def stop(self) -> None:
        """As a signal ends it."""
        self.daemon.inbox.stop()
        if self._thread.ident is not None:
            self._thread.join(PATIENCE)
            assert self.ended(), "it goes on"

    # -- asking --------------------------------------------------------------------------------------------------------

    def hint(self, name: str, what: What = What.KEY) -> None:
        """Somebody saw that something may have changed."""
        self.daemon.inbox.hint("docs", Hint(what, name))

    def ask(self, operation: Callable[..., Answer], request: Any) -> str | Reply:
        """What an operation answers; of long work the id of its job."""
        answer = operation(self.daemon.desk, ADMIN, request)
        if isinstance(answer, Task):
            return self.daemon.jobs.start(answer.kind, answer.sources, answer.carry_out, TESTER)
        assert isinstance(answer, Reply)
        return answer

    def finished(self, job: str) -> Reply:
        """The reply of a job, once it is over; the error that ended it is raised."""
        (reply,) = [item for item in self.daemon.jobs.watch(job) if isinstance(item, Reply)]
        return reply

    # -- looking -------------------------------------------------------------------------------------------------------

    def freshness(self) -> Freshness:
        """What it says of itself."""
        return self.daemon.freshness()

    def idle(self) -> bool:
        """Whether nothing waits and nothing is at work."""
        with self.daemon.inbox.guarded():
            station = self.station
            waits = station.dirty.pending or station.held.pending or station.taken is not None or station.owing() or station.asked
        return not waits and not self.daemon.jobs.waiting() and self.daemon.jobs.running is None and not self.daemon.inbox.brief()

    def calm(self) -> None:
        """Wait until that is so."""
        self.until(self.idle)

    def until(self, condition: Callable[[], Any]) -> Any:
        """Ask again and again until `condition` gives something true, and return that; its thread must not die meanwhile."""
        deadline = time.monotonic() + PATIENCE
        while not (value := condition()):
            assert self._thread.ident is None or not self.ended(), self.error
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.01)
        return value

    def events(self, *types: str) -> list[EventRow]:
        """What is in the history, of these types."""
        with self.daemon.desk.install.ledger.read() as view:
            return [event for event in view.events() if event.type in types or not types]

    def runs(self) -> list[tuple[str, str]]:
        """Trigger and state of every run, oldest first."""
        with self.daemon.desk.install.ledger.read() as view:
            runs = [(event.seq, event.run) for event in view.events() if event.type == "run.started"]
            known = {row.run.hex(): (row.trigger, row.state) for row in view.runs(limit=1_000)}
        return [known[run] for _, run in sorted(runs)]

    def sound_so_far(self) -> None:
        """The history is whole, whatever goes on now."""
        install = self.daemon.desk.install
        with install.ledger.read() as view:
            assert verify(view, row_key=install.keyring.identity.row).findings == ()

    def sound(self) -> None:
        """It is whole, nothing is in doubt, and the index holds as many points as are recorded."""
        self.sound_so_far()
        install = self.daemon.desk.install
        with install.ledger.read() as view:
            assert view.intents() == []
            recorded = view.counts().points
        assert install.index.count(ensure_collection(install).name, None) == recorded


@contextmanager
def coordinated(site: Site, *, scanned: bool = True) -> Iterator[Coordinated]:
    """A coordinator over `site`, ended at the end; scanned: it works, and has scanned everything before."""
    with site.open(writer=True) as wiring:
        here = Coordinated(site, wiring)
        try:
            if scanned:
                here.start()
                here.daemon.scan("docs")
                here.calm()
            yield here
        finally:
            here.stop()


class Gates:
    """Hold the embedder up where it comes to a text with one of some words, until the test lets it go on. texts: all so far."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self._reached = {word: threading.Event() for word in words}
        self._opened = {word: threading.Event() for word in words}
        self.texts: list[str] = []

    def pass_through(self, texts: list[str]) -> None:
        """The embedder comes with these."""
        self.texts += texts
        for word, opened in self._opened.items():
            if any(word in text for text in texts):
                self._reached[word].set()
                assert opened.wait(PATIENCE), "nobody opened the gate"

    def reached(self, word: str) -> None:
        """Wait until it is held up there."""
        assert self._reached[word].wait(PATIENCE), "it did not come to the gate"

    def open(self, *words: str) -> None:
        """Let it go on, here and whenever it comes again; without words, everywhere."""
        for word in words or self._opened:
            self._opened[word].set()


@contextmanager
def gates(*words: str) -> Iterator[Gates]:
    """The embedder is held up at these words; at the end it is not."""
    held, real = Gates(words), HashEmbedder.embed

    def embed(self: HashEmbedder, texts: Any, *rest: Any) -> Any:
        held.pass_through(list(texts))
        return real(self, texts, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HashEmbedder, "embed", embed)
        try:
            yield held
        finally:
            held.open()
