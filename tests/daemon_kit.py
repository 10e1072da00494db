"""A live daemon for tests: started as a person starts it, asked through its socket, ended by a signal."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kit import Site
from pydantic import TypeAdapter, ValidationError

from syncd.cli.client import Client, connect
from syncd.operations.operation import Reply
from syncd.operations.table import OPERATIONS

PATIENCE = 60.0
"""Seconds until a test gives up waiting: long, for a slow machine is no failure."""


def as_described(operation: str, payload: Mapping[str, Any], *, item: bool = False) -> None:
    """Fail unless a payload, or an item of a list, is what the operation is said to give, with nothing beyond."""
    (gives,) = [each.gives for each in OPERATIONS if each.name == operation]
    kinds = (gives.item,) if item else (gives.reply, gives.done)
    types = [kind for kind in kinds if kind is not None]
    faults = []
    for type_ in types:
        try:
            TypeAdapter(type_).validate_python(dict(payload), strict=True, extra="forbid")
        except ValidationError as error:
            faults.append(error)
    assert len(faults) < len(types), faults


@dataclass
class LiveDaemon:
    """A daemon over `site`, and its client."""

    site: Site
    process: subprocess.Popen[bytes]
    log: Path
    client: Client
    seen: dict[str, Any] = field(default_factory=dict)

    def ask(self, operation: str, **fields: Any) -> dict[str, Any]:
        """The payload of an answer, as the API describes it; long work is watched to its end."""
        answer = self.client.ask(operation, fields)
        assert isinstance(answer, Reply)
        as_described(operation, answer.payload)
        return dict(answer.payload)

    def status(self) -> dict[str, Any]:
        """What `status` says of the whole."""
        return self.ask("status")

    def source(self) -> dict[str, Any]:
        """What it says of the one source."""
        return self.status()["sources"][0]

    def wait(self, key: str, timeout: float = PATIENCE) -> dict[str, Any]:
        """Return when the present state of a document is searchable."""
        return self.ask("wait", doc=f"docs:{key}", timeout=timeout)

    def found(self, query: str = "text", principals: tuple[str, ...] = (), k: int = 1000) -> set[str]:
        """The keys that a search finds."""
        return {hit["key"] for hit in self.ask("search", query=query, k=k, principals=list(principals))["hits"]}

    def calm(self, patience: float = PATIENCE) -> dict[str, Any]:
        """Wait until it is fresh with nothing pending and nothing at work; the status then."""
        return until(lambda: (s := self.status())["verdict"] == "fresh" and not s["pending"] and _idle(s) and s, patience)

    def lines(self) -> list[dict[str, Any]]:
        """The log so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it by a signal; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def _idle(status: dict[str, Any]) -> bool:
    return all(source["doing"] == "idle" for source in status["sources"])


def until(condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Ask again and again until `condition` gives something true, and return that."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return value


def start(site: Site, *arguments: str, log: Path | None = None, **environ: str) -> LiveDaemon:
    """Start the daemon of `site`; returns when it answers. log: where its standard error goes."""
    log = log or site.state.with_suffix(".log")
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "syncd", *arguments, "run"],
            env={**os.environ, "SYNCD_CONFIG": str(site.config), "HF_HUB_OFFLINE": "1", **environ},
            stdout=file,
            stderr=file,
        )

    def client() -> Client | None:
        assert process.poll() is None, log.read_text()
        return connect(site.config)

    try:
        return LiveDaemon(site, process, log, until(client))
    except BaseException:
        process.kill()
        process.wait()
        raise


@contextmanager
def running(site: Site, *arguments: str, calm: bool = True, log: Path | None = None, **environ: str) -> Iterator[LiveDaemon]:
    """A daemon over `site`, ended at the end; calm: it has scanned everything before."""
    daemon = start(site, *arguments, log=log, **environ)
    try:
        if calm:
            daemon.calm()
        yield daemon
    finally:
        if daemon.process.poll() is None:
            daemon.process.send_signal(signal.SIGTERM)
            try:
                daemon.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                daemon.process.kill()
                daemon.process.wait()
