"""A daemon that is killed again and again: started doomed, watched until it dies or is calm, started anew."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil
from daemon_kit import PATIENCE, LiveDaemon, until
from doomed import write_line
from kit import Site

from syncd.cli.client import connect
from syncd.errors import SyncdError

DOOMED = Path(__file__).with_name("doomed.py")


class Wrong(AssertionError):
    """What must never be."""


class Process(Protocol):
    """What a daemon's process can be asked, started or forked."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float) -> int: ...
    def send_signal(self, number: int) -> None: ...
    def kill(self) -> None: ...


Begetter = Callable[[Path, int, dict[str, str]], Process]
"""Makes a doomed daemon: the folder of its doom, a descriptor for what it says, what to add to the environment."""


def started(folder: Path, log: int, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    """As a person starts it."""
    command = [sys.executable, str(DOOMED), str(folder), "--", "run"]
    return subprocess.Popen(command, env={**os.environ, **environ}, stdout=log, stderr=log)


@dataclass
class Victim:
    """The daemon of `site`, alive or not. beget: how it is started; engine_killed: since it was."""

    site: Site
    beget: Begetter = started
    process: Any = None
    daemon: LiveDaemon | None = None
    engine_killed: bool = False

    @property
    def folder(self) -> Path:
        """Where its doom is written."""
        return self.site.state.with_name(f"{self.site.state.name}-doom")

    @property
    def log(self) -> Path:
        """What it says."""
        return self.site.state.with_suffix(".log")

    def journal(self) -> list[dict[str, Any]]:
        """What it did, and died of."""
        path = self.folder / "journal"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def killed(self) -> list[str]:
        """What it died of so far."""
        return [line["killed"] for line in self.journal() if "killed" in line]

    def alive(self) -> bool:
        """Whether it runs. One that ends by itself has to have a reason: its engine was killed while it started."""
        if self.process is None:
            return False
        code = self.process.poll()
        if code is None:
            return True
        self.process = self.daemon = None
        if code != -signal.SIGKILL and not self.engine_killed:
            raise Wrong(f"the daemon ended by itself with {code}:\n{self.log.read_text()[-4000:]}")
        self.engine_killed = False
        return False

    # -- its life ------------------------------------------------------------------------------------------------------

    def arm(self, step: str, count: int) -> None:
        """Have it die the `count`-th time that it comes to `step`."""
        self.folder.mkdir(exist_ok=True)
        fresh = self.folder / "fresh"
        fresh.write_text(f"{count} {step}")
        fresh.rename(self.folder / "armed")

    def disarm(self) -> None:
        """Let it live."""
        (self.folder / "armed").unlink(missing_ok=True)

    def launch(self) -> None:
        """Begin to start it."""
        self.folder.mkdir(exist_ok=True)
        self.engine_killed = False
        with self.log.open("ab") as file:
            self.process = self.beget(self.folder, file.fileno(), {"SYNCD_CONFIG": str(self.site.config), "HF_HUB_OFFLINE": "1"})

    def start(self) -> bool:
        """Have it run and answer; False when it died before it did."""
        if not self.alive():
            self.launch()
        if self.daemon is None:
            until(lambda: not self.alive() or self.answers(), PATIENCE)
        return self.daemon is not None

    def answers(self) -> bool:
        """Whether it answers now."""
        client = connect(self.site.config)
        if client is None or self.process is None:
            return False
        self.daemon = LiveDaemon(self.site, self.process, self.log, client)
        return True

    def calm(self) -> bool:
        """Whether it is calm now; False also when it is gone."""
        try:
            status = self.daemon.status() if self.daemon is not None else None
        except SyncdError:
            return False
        if status is None:
            return False
        idle = all(source["doing"] == "idle" for source in status["sources"])
        return idle and status["verdict"] == "fresh" and not status["pending"]

    def followed(self, word: str) -> bool:
        """Whether a document with that word can be found."""
        try:
            hits = self.daemon.ask("search", query=word, k=1000)["hits"] if self.daemon is not None else []
        except SyncdError:
            return False
        return any(word in (hit["text"] or "").split() for hit in hits)

    def stop(self) -> None:
        """End it as a person does."""
        if self.alive() and self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            code = self.process.wait(PATIENCE)
            self.process = self.daemon = None
            if code != 0 and not self.engine_killed:
                raise Wrong(f"SIGTERM ended it with {code}:\n{self.log.read_text()[-4000:]}")

    # -- its death -----------------------------------------------------------------------------------------------------

    def deaths(self) -> int:
        """How many kills the journal tells of."""
        path = self.folder / "journal"
        return path.read_bytes().count(b'{"killed": ') if path.exists() else 0

    def died(self, before: int) -> bool:
        """Whether the journal tells of a kill since it told of `before`; a daemon that it was is gone when this returns."""
        killed = self.killed[before:]
        if not killed:
            return False
        if "engine" in killed[-1]:
            self.engine_killed = True
        elif self.process is not None:
            self.process.wait(PATIENCE)
            self.alive()
        return True

    def kill(self) -> None:
        """Kill the daemon wherever it is."""
        if self.alive() and self.process is not None:
            self._say("at random: daemon")
            self.process.kill()
            self.process.wait(PATIENCE)
            self.process = self.daemon = None

    def kill_engine(self) -> None:
        """Kill its engine wherever that is, if it has one."""
        for child in self.engines():
            self._say("at random: engine")
            self.engine_killed = True
            child.kill()

    def engines(self) -> list[psutil.Process]:
        """Its engine, if it runs."""
        try:
            children = psutil.Process(self.process.pid).children() if self.process is not None else []
            return [child for child in children if any("edge_child" in word for word in child.cmdline())]
        except psutil.Error:
            return []

    def _say(self, killed: str) -> None:
        write_line(self.folder / "journal", {"killed": killed})

    def die_in(self, seconds: float) -> None:
        """Wait as long as a random moment is away: nothing is decided by it."""
        try:
            if self.process is not None:
                self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return


def moment(rng: random.Random, most: float) -> float:
    """A random moment, early ones more often."""
    return most * rng.random() ** 2
