"""The daemon, put together: what starts in which order, what ends it, and what it answers about itself."""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

from syncd.core.freshness import Freshness, judge
from syncd.core.hints import Hint, What
from syncd.daemon.chores import Chores
from syncd.daemon.control.server import ControlServer
from syncd.daemon.coordinator import Coordinator
from syncd.daemon.inbox import Inbox
from syncd.daemon.jobs import Jobs
from syncd.daemon.log import get_logger
from syncd.daemon.notify import Notifier
from syncd.daemon.schedule import Schedule
from syncd.daemon.settings import Settings
from syncd.daemon.station import Station
from syncd.daemon.supervise import Failure, Signal, Supervisor
from syncd.daemon.watch import Tender
from syncd.errors import DaemonFailed, SyncdError
from syncd.operations.desk import Desk
from syncd.ports import Clock, Entropy
from syncd.sync.install import Install
from syncd.sync.pausing import is_paused
from syncd.sync.run import Outcome
from syncd.sync.turns import Turns

T = TypeVar("T")
TICK = 1.0
"""Seconds after which the main thread looks at things although nothing woke it."""
STUCK = 300.0
"""Seconds without a step after which the service manager hears nothing more: the longest call to the engine takes no longer."""


class House(Protocol):
    """Who builds: the composition root, which alone knows every class and the configuration."""

    @property
    def settings(self) -> Settings:
        """Of the daemon itself."""

    def desk(self, daemon: "Daemon", turns: Turns, ended: Callable[[Outcome], None]) -> Desk:
        """The desk as the configuration has it now."""

    def control(self, daemon: "Daemon") -> ControlServer:
        """The control socket, not listening yet."""

    def reload(self) -> None:
        """Read the configuration again. Raises ConfigError, and then everything stays as it was."""

    def relieve(self) -> None:
        """A piece of long work is over: give the system the memory that it took."""

    def record_configuration(self, desk: Desk) -> None:
        """Have the history say so when the configuration is another one than when it was last said."""


class Daemon:
    """One install at work. `run` belongs to the main thread; everything else may be called from any."""

    def __init__(self, house: House, clock: Clock, entropy: Entropy, environ: Mapping[str, str] = os.environ) -> None:
        self._house = house
        self._clock = clock
        self._log = get_logger()
        self._notify = Notifier.from_environ(environ)
        self.inbox = Inbox(clock)
        self.supervisor = Supervisor(drain=house.settings.stop_timeout)
        self.jobs = Jobs(clock, entropy, kept=house.settings.jobs_kept, woken=self.inbox.poke)
        self.coordinator = Coordinator(lambda: self.desk, self.inbox, self.jobs, self._log, self.supervisor.beat, clock)
        self.coordinator.relieve = house.relieve
        self.chores = Chores(
            lambda: self.desk, lambda: house.settings, self.freshness, self.coordinator, clock=clock, log=self._log
        )
        self.tender = Tender(self.inbox, self.coordinator.want_scan, clock, self._log)
        self.installs: tuple[Install, ...] = ()
        """Those whose embedders are at hand: the serving one first, then one whose collection is being filled."""
        self.desk = house.desk(self, self.coordinator.turns, self.coordinator.ended)
        self.installs = (self.desk.install,)
        self.state = "starting"

    # -- from start to end ---------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until somebody asks for the end. Raises DaemonFailed, and what keeps it from starting."""
        with self.supervisor:
            self._log.info("daemon.starting", pid=os.getpid())
            self._notify.status("starting: settling, loading the model")
            control = self._house.control(self)
            control.start()
            schedule = self.chores.schedule(lambda name, error: self.supervisor.fail(f"schedule-{name}", error))
            failure: Failure | None = None
            try:
                self._settle_stations()
                self.supervisor.spawn("coordinator", self.coordinator.run)
                failure = self._warm() or self._work(control, schedule)
            finally:
                self._end(control, schedule)
        if failure is not None:
            error = failure.error
            if isinstance(error, SyncdError):
                raise error
            raise DaemonFailed(thread=failure.name, detail=type(error).__name__ if error else "it just ended") from error

    def _warm(self) -> Failure | None:
        """Load the model while the coordinator settles. Returns what failed; None when all is ready, or the end is wanted."""
        self.desk.install.embedder.warm()
        while not self.coordinator.ready.wait(TICK / 10):
            if self.supervisor.failed is not None or self.supervisor.stopping:
                return self.supervisor.failed
        self._house.record_configuration(self.desk)
        return None

    def _work(self, control: ControlServer, schedule: Schedule) -> Failure | None:
        self.supervisor.spawn("watch", self.tender.run)
        schedule.start()
        self.chores.begin()
        self.state = "running"
        self._notify.ready()
        self._log.info("daemon.ready", sources=len(self.desk.sources))
        interval = self._notify.watchdog_interval
        while True:
            news = self.supervisor.wait(TICK if interval is None else min(TICK, interval / 3))
            if isinstance(news, Failure):
                return news
            if news is Signal.STOP:
                return None
            if news is Signal.RELOAD:
                self._reload()
            if control.failed is not None:
                return Failure("control", control.failed)
            self.chores.look_at_clock()
            if self.supervisor.alive(STUCK):
                self._notify.watchdog()
            self._notify.status(self._status())

    def _end(self, control: ControlServer, schedule: Schedule) -> None:
        """Let what runs come to where nothing is half done; what waits is still to do next time."""
        self.state = "stopping"
        self._notify.stopping()
        self._log.info("daemon.stopping")
        self.inbox.stop()
        self.supervisor.stop()
        self.tender.wake()
        schedule.stop()
        control.stop(min(2.0, self.supervisor.remaining() or 0.0))
        late = self.supervisor.join()
        self.tender.close()
        if late:
            self._log.warning("daemon.late", threads=len(late))
            self._log.info("daemon.stopped")
            os._exit(0)  # a thread that is still in a long call can't be ended; what it began is settled at the next start
        self.coordinator.sign()
        self._log.info("daemon.stopped")

    # -- sources -------------------------------------------------------------------------------------------------------

    def _settle_stations(self) -> None:
        """Have one station a source: those that are as they were stay, with all that is known of them."""
        with self.desk.install.ledger.read() as view:
            rows = {source.name: view.source(self.desk.source_id(source.name)) for source in self.desk.sources}
            paused = {source.name: is_paused(view, self.desk.source_id(source.name)) for source in self.desk.sources}
        gone: list[Station] = []
        polls = self._house.settings.polls
        with self.inbox.guarded():
            before = dict(self.inbox.stations)
            self.inbox.stations.clear()
            for source in self.desk.sources:
                known = before.pop(source.name, None)
                if known is not None and known.source.settings == source.settings and known.source.place == source.place:
                    self.inbox.stations[source.name] = known
                    continue
                gone += [known] if known is not None else []
                row = rows[source.name]
                self.inbox.stations[source.name] = Station(
                    source,
                    self.desk.source_id(source.name),
                    paused=paused[source.name],
                    complete_at=row.complete_at if row else 0.0,
                )
            for name, station in self.inbox.stations.items():
                station.poll_every = polls.get(name, station.poll_every)
            gone += before.values()
        for station in gone:
            if station.watch is not None:
                station.watch.close()
        self.tender.wake()

    def _reload(self) -> None:
        """Work by another configuration from the next turn on. One that can't be used changes nothing, and is told."""
        self._notify.reloading()
        try:
            self._house.reload()
            desk = self._house.desk(self, self.coordinator.turns, self.coordinator.ended)
        except SyncdError as error:  # also a principal that nobody knows
            self._log.error("config.refused", error=type(error).__name__)
            self.refused = str(error)
            self._notify.ready()
        else:
            self.refused = None
            self.chores.enqueue(partial(self._adopt, desk))

    def _adopt(self, desk: Desk) -> None:
        self.desk = desk
        self.installs = (desk.install, *self.installs[1:])
        self._settle_stations()
        self._log.info("config.loaded", sources=len(desk.sources))
        self._notify.ready()
        self._house.record_configuration(desk)

    refused: str | None = None
    """Why the last reload was refused."""

    def _status(self) -> str:
        known = self.freshness()
        return f"{known.verdict}: {known.pending} pending, {len(known.sources)} sources"

    # -- what operations ask (operations.desk.Daemon) ------------------------------------------------------------------

    def freshness(self) -> Freshness:
        """What is known of every source, and the verdict."""
        now, monotonic = self._clock.now().timestamp(), self._clock.monotonic_ns() / 1e9
        with self.inbox.guarded() as stations:
            sources = tuple(station.freshness(now, monotonic) for station in stations.values())
        return judge(sources, now, self.desk.target, self.coordinator.absences.now())

    def pending(self, source: str, key: str) -> bool:
        """Whether a document may have changed and was not looked at yet."""
        with self.inbox.guarded() as stations:
            station = stations.get(source)
            return station is not None and station.concerns(key)

    def at_turn(self, deed: Callable[[], T]) -> T:
        """Do a short `deed` where nothing is half done."""
        return self.coordinator.at_turn(deed)

    def look(self, source: str, key: str) -> None:
        """Have a document looked at soon, or a folder with all that is in it, whose key ends in "/"."""
        self.inbox.hint(source, Hint(What.TREE, key[:-1]) if key.endswith("/") else Hint(What.KEY, key))

    def moved_on(self, before: int, seconds: float) -> int:
        """Wait until a run has ended since this returned `before`, at most `seconds`; returns how many have."""
        return self.coordinator.moved_on(before, seconds)

    def scan(self, source: str) -> None:
        """Have a whole source scanned soon."""
        self.coordinator.want_scan(source, "request")

    def interrupt(self, source: str, kinds: Collection[str]) -> None:
        """End the long work of these kinds that a source is part of, at its next turn."""
        self.jobs.interrupt(source, kinds)
        self.inbox.poke()

    def paused(self, source: str, *, paused: bool) -> None:
        """A source was paused or resumed."""
        with self.inbox.guarded() as stations:
            if source in stations:
                stations[source].paused = paused
        if not paused:
            self.scan(source)

    def switched(self, install: Install) -> None:
        """Another collection serves from here on: its space is the one to embed in."""
        self.desk = replace(self.desk, install=install)
        self.installs = (install,)
