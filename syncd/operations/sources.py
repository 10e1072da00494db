"""`sources`: what is watched; pausing, resuming, scanning one."""

from dataclasses import dataclass

from syncd.operations.desk import Desk
from syncd.operations.operation import Caller, Gives, Operation, Reply, Role, Task
from syncd.operations.payloads.shelves import PausedGiven, SourcesGiven
from syncd.operations.status import StatusRequest, status
from syncd.operations.sync import SYNC, SyncRequest, sync
from syncd.sync.pausing import set_paused

RUNS = frozenset({"scan", "sync", "confirm", "reindex", "scrub"})
"""Long work that looks at a source."""
OPERATORS = frozenset({Role.OPERATOR, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class SourcesRequest:
    """Nothing to say."""


def sources(desk: Desk, caller: Caller, request: SourcesRequest) -> Reply:  # noqa: ARG001 - the signature of every operation
    """A line a source: what it does, and whether it is watched or paused."""
    wanted = ("source", "state", "paused", "watched", "doing", "pending", "documents", "complete_at", "poll_every", "scrub")
    lines = status(desk, caller, StatusRequest()).payload["sources"]
    return Reply({"sources": [{name: line.get(name) for name in wanted} for line in lines]})


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """source: its name."""

    source: str


def pause(desk: Desk, caller: Caller, request: SourceRequest) -> Reply:
    """Nobody looks at it any more, also after a restart, until it is resumed. What is indexed of it goes on being found."""
    return _set(desk, caller, request.source, paused=True)


def resume(desk: Desk, caller: Caller, request: SourceRequest) -> Reply:
    """It is looked at again; a daemon scans it at once."""
    return _set(desk, caller, request.source, paused=False)


def _set(desk: Desk, caller: Caller, name: str, *, paused: bool) -> Reply:
    (source,) = desk.select(name)
    if paused and desk.daemon is not None:
        desk.daemon.interrupt(source.name, RUNS)

    def change() -> bool:
        changed = set_paused(desk.install, desk.source_id(source.name), caller.actor, paused=paused)
        if desk.daemon is not None:  # in the same turn: what waits in the queue is not to begin in between
            desk.daemon.paused(source.name, paused=paused)
        return changed

    changed = desk.at_turn(change)
    shown: PausedGiven = {"source": source.name, "paused": paused, "changed": changed}
    return Reply(shown)


def scan(desk: Desk, caller: Caller, request: SourceRequest) -> Task:
    """Scan it now, as `sync` does."""
    return sync(desk, caller, SyncRequest(source=request.source))


PAUSED = Gives(reply=PausedGiven)
SOURCES_LIST = Operation("sources-list", "Tell of every source.", SourcesRequest, OPERATORS, sources, Gives(reply=SourcesGiven))
SOURCES_PAUSE = Operation("sources-pause", "Stop looking at a source.", SourceRequest, OPERATORS, pause, PAUSED, writes=True)
SOURCES_RESUME = Operation("sources-resume", "Look at a source again.", SourceRequest, OPERATORS, resume, PAUSED, writes=True)
SOURCES_SCAN = Operation("sources-scan", "Scan a source now.", SourceRequest, OPERATORS, scan, SYNC.gives, writes=True)
