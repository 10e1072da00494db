"""The daemon's house: what it is built of, and built anew when the configuration changes."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from syncd.adapters.allocator import give_back
from syncd.audit.event import Event, EventType, Phase
from syncd.config import load
from syncd.daemon.control.roles import RoleTable
from syncd.daemon.control.server import ControlServer
from syncd.daemon.daemon import Daemon
from syncd.daemon.settings import Settings
from syncd.errors import ConfigNeedsRestart
from syncd.operations.desk import Desk
from syncd.operations.reconcile import ReconcileRequest
from syncd.operations.table import OPERATIONS
from syncd.sync.install import Install
from syncd.sync.run import Outcome
from syncd.sync.turns import Turns
from syncd.wiring.desk import Serving, record
from syncd.wiring.engines import make_embedder
from syncd.wiring.install import Wiring
from syncd.wiring.patience import dependencies

FIXED = ("state", "keys", "crypto", "audit", "index", "control", "daemon", "reconcile", "chunking")
"""Sections that are built into what is open: another value takes a restart."""
CONFIGURATION = "configuration"
"""Where the ledger keeps the digest of the configuration that the history last told of."""


class House:
    """Builds what a daemon works with, from the configuration at `path`."""

    def __init__(self, wiring: Wiring, path: Path) -> None:
        self._wiring = wiring
        self._path = path
        self._digest = _digest(path)

    @property
    def settings(self) -> Settings:
        """Of the daemon itself."""
        daemon, compare = self._wiring.config.daemon, self._wiring.config.reconcile
        request = ReconcileRequest(repair=compare.repair, full=compare.full, sample=compare.sample)
        return Settings(
            daemon.scan_every,
            daemon.stop_timeout,
            daemon.checkpoint_every,
            daemon.jobs_kept,
            compare.every,
            request,
            polls={source.name: source.poll_every for source in self._wiring.config.sources},
            scrubs={source.name: source.scrub_every for source in self._wiring.config.sources if source.scrub_every},
        )

    def desk(self, daemon: Daemon, turns: Turns, ended: Callable[[Outcome], None]) -> Desk:
        """The desk as the configuration has it now."""
        wiring = self._wiring
        wiring.patience.pause = daemon.inbox.rest
        install = wiring.install(embedder=daemon.installs[0].embedder if daemon.installs else None)
        return Desk(
            install=install,
            dependencies=dependencies,
            sources=wiring.sources(),
            directory=wiring.directory,
            serving=Serving(wiring, lambda: daemon.installs),
            record=lambda event: record(daemon.desk.install, event),
            candidate=lambda: self._candidate(daemon),
            target=wiring.config.freshness.target,
            turns=turns,
            earlier=daemon.coordinator.recent,
            ended=ended,
            daemon=daemon,
            switched=daemon.switched,
        )

    def control(self, daemon: Daemon) -> ControlServer:
        """The control socket, not listening yet."""
        control = self._wiring.config.control
        return ControlServer(
            OPERATIONS,
            lambda: daemon.desk,
            self._roles,
            control.socket,
            control.group,
            daemon.jobs,
        )

    def _roles(self) -> RoleTable:
        return RoleTable.of(self._wiring.config.control.roles.granted())

    def reload(self) -> None:
        """Read the configuration again. Raises ConfigError, and then everything stays as it was."""
        config, digest = load(self._path), _digest(self._path)
        for section in FIXED:
            if getattr(config, section) != getattr(self._wiring.config, section):
                raise ConfigNeedsRestart(file=self._path, section=section)
        self._wiring, self._digest = self._wiring.under(config), digest

    def relieve(self) -> None:
        """A piece of long work is over: give the system the memory that it took."""
        give_back()

    def record_configuration(self, desk: Desk) -> None:
        """Have the history say so when the configuration is another one than when it was last said."""
        with desk.install.transaction() as tx:
            if tx.ledger.meta(CONFIGURATION) == self._digest:
                return
            tx.ledger.set_meta(CONFIGURATION, self._digest)
            body = {"config": self._digest.hex()}
            tx.audit(Event(EventType.CONFIG_CHANGED, Phase.OUTCOME, desk.install.fresh_id(), body=body))

    def _candidate(self, daemon: Daemon) -> Install:
        """With the embedder that stands in the file now: an admin edits it there before asking for another space."""
        settings = load(self._path).embedder
        for known in daemon.installs:
            if known.embedder.settings == make_embedder(settings).settings:
                return known
        install = self._wiring.install(embedder=self._wiring.patience.embedder(make_embedder(settings)))
        daemon.installs = (*daemon.installs, install)
        return install


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()
