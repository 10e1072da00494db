"""`sync`: make the index equal to the sources."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from syncd.core.lifecycle import RunState
from syncd.errors import Exit, GuardHalted, SourcePaused
from syncd.operations.desk import Desk
from syncd.operations.exits import worst
from syncd.operations.operation import Caller, Gives, Operation, Reply, Role, Task
from syncd.operations.payloads.work import SyncGiven
from syncd.operations.words import counted
from syncd.ports import Source
from syncd.sync.collection import open_collection
from syncd.sync.every import Synced, halted_run, sync_sources
from syncd.sync.pausing import is_paused
from syncd.sync.report import Held, Progress
from syncd.sync.run import Outcome
from syncd.sync.rundata import Order

Telling = Callable[[str, Progress], None]


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """source: only this one. confirm: carry out what the guard held back in the halted run of this id, if it is not more now."""

    source: str | None = None
    confirm: str | None = None


def sync(desk: Desk, caller: Caller, request: SyncRequest) -> Task:
    """A whole scan of the sources, and the difference carried out."""
    sources, confirmed = desk.select(request.source), None
    notes: tuple[str, ...] = ()
    if request.confirm is not None:
        caller.need("confirming what the guard held back", Role.ADMIN)
        source, confirmed = _halted(desk, sources, request.confirm)
        sources = [source]
    else:
        sources, notes = awake(desk, sources, named=request.source is not None)
    open_collection(desk.install)  # another model is refused before anything is begun
    kind = "sync" if confirmed is None else "confirm"
    return Task(kind, names(sources), partial(_carry_out, desk, caller, names(sources), confirmed, notes))


def _halted(desk: Desk, sources: Sequence[Source], run: str) -> tuple[Source, Held]:
    with desk.install.ledger.read() as view:
        return halted_run(view, desk.install, sources, run)


def awake(desk: Desk, sources: Sequence[Source], *, named: bool) -> tuple[list[Source], tuple[str, ...]]:
    """Those of the sources that are not paused, and a note about the others. Raises SourcePaused for one that was asked for."""
    with desk.install.ledger.read() as view:
        paused = [source for source in sources if is_paused(view, desk.source_id(source.name))]
    if paused and named:
        raise SourcePaused(source=paused[0].name)
    return [s for s in sources if s not in paused], tuple(str(SourcePaused(source=s.name)) for s in paused)


def names(sources: Sequence[Source]) -> tuple[str, ...]:
    """What they are called."""
    return tuple(source.name for source in sources)


def still(desk: Desk, wanted: Sequence[str]) -> list[Source]:
    """Those of the sources `wanted` that there are. Raises SourceUnknown where none is left."""
    found = [source for source in desk.sources if source.name in wanted]
    return found or desk.select(wanted[0])


def _carry_out(
    desk: Desk, caller: Caller, wanted: Sequence[str], confirmed: Held | None, notes: tuple[str, ...], telling: Telling
) -> Reply:
    desk = desk.now()
    sources = still(desk, wanted)
    order = Order(caller.actor, confirmed=confirmed, earlier=desk.earlier, turns=desk.turns)
    if confirmed is None:
        sources, more = awake(desk, sources, named=False)  # one may have been paused while this waited
        notes += more
    return synced_reply(desk, run_all(desk, sources, order, telling), notes)


def run_all(desk: Desk, sources: Sequence[Source], order: Order, telling: Telling) -> Synced:
    """Sync the sources, telling how far each is, and of every run that ended."""
    return sync_sources(desk.install, sources, order, lambda s: partial(telling, s.name), desk.ended)


def synced_reply(desk: Desk, synced: Synced, notes: tuple[str, ...] = ()) -> Reply:
    """What every run did, what a person has to know beyond the numbers, and the one exit code."""
    told = list(notes)
    if synced.lost:
        told.append(f"lost from the index, and brought in again: {counted(synced.lost, 'point')}.")
    exits = [Exit.OK]
    for outcome in synced.outcomes:
        code, note = _explain(outcome)
        exits.append(code)
        told += [note] if note else []
    return Reply({"runs": [_shown(outcome) for outcome in synced.outcomes], "seq": desk.seq()}, worst(*exits), tuple(told))


def _explain(outcome: Outcome) -> tuple[Exit, str]:
    if outcome.error is not None:
        return outcome.error.exit, str(outcome.error)
    if outcome.state is RunState.HALTED:
        return Exit.HALTED, str(GuardHalted(source=outcome.source, detail=outcome.reason, run=outcome.run.hex()))
    if outcome.state is RunState.INCOMPLETE:
        count = outcome.report.documents.quarantined
        if count:
            return Exit.INCOMPLETE, f"{outcome.source}: {count} in quarantine. Next: `syncd quarantine list`."
        what = "a folder could not be listed any more, and was left as it is recorded"
        return Exit.INCOMPLETE, f"{outcome.source}: {what}. Next: `syncd sync --source {outcome.source}` looks again."
    return Exit.OK, ""


def _shown(outcome: Outcome) -> dict[str, Any]:
    counters = outcome.report.as_dict()
    return {
        "run": outcome.run.hex(),
        "state": outcome.state.value,
        "source": outcome.source,
        "documents": counters["documents"],
        "chunks": counters["chunks"],
        "seconds": round(outcome.seconds, 3),
    }


SYNC = Operation(
    "sync",
    "Scan the sources and carry out what changed.",
    SyncRequest,
    frozenset({Role.OPERATOR, Role.ADMIN}),
    sync,
    Gives(done=SyncGiven),
    writes=True,
)
