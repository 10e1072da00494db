"""`reindex`: treat what is recorded as stale, without anything being missed meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from syncd.core.lifecycle import RunState
from syncd.errors import NothingToReindex, Unreadable
from syncd.operations.desk import Desk
from syncd.operations.operation import Answer, Caller, Gives, Operation, Reply, Role, Task
from syncd.operations.payloads.work import ReindexPaused, ReindexPlan, SyncGiven
from syncd.operations.sources import RUNS
from syncd.operations.sync import awake, names, run_all, still, synced_reply
from syncd.ports import Source
from syncd.sync.backfill import Backfill, backfill, put_backfill
from syncd.sync.collection import open_collection
from syncd.sync.every import Synced
from syncd.sync.reindex import Selection, request, select
from syncd.sync.report import Progress
from syncd.sync.rundata import Order

Telling = Callable[[str, Progress], None]
GOES_ON = frozenset({RunState.DONE, RunState.INCOMPLETE})


@dataclass(frozen=True, slots=True)
class ReindexRequest:
    """Which documents: of a source, one (DOC), those whose key matches a pattern as in .gitignore; else all.

    reason: why, committed to in the history. dry_run: only say what would be done. rate: chunks a second at most. pause, resume,
    and a rate without a reason: of the reindex that is under way.
    """

    source: str | None = None
    doc: str | None = None
    glob: str | None = None
    reason: str | None = None
    dry_run: bool = False
    rate: float | None = None
    pause: bool = False
    resume: bool = False


def reindex(desk: Desk, caller: Caller, asked: ReindexRequest) -> Answer:
    """A plan, a change of the reindex under way, or the work itself."""
    if asked.rate is not None and not 0 < asked.rate < 1e6:
        raise Unreadable(what="--rate", wanted="chunks a second, more than 0")
    sources = desk.select(asked.source)
    if asked.pause or asked.resume or (asked.reason is None and not asked.dry_run):
        return _steer(desk, caller, asked, sources)
    open_collection(desk.install)  # another model is refused before anything is marked
    with desk.install.ledger.read() as view:
        selection = select(desk.install, view, sources, doc=asked.doc, glob=asked.glob)
    plan = {"documents": len(selection.docs), "chunks": selection.chunks, "sources": list(selection.sources)}
    if asked.dry_run:
        return Reply(plan)
    chosen, notes = awake(desk, [s for s in sources if s.name in selection.sources], named=asked.source is not None)
    desk.at_turn(lambda: _mark(desk, caller, selection, asked))
    return Task("reindex", names(chosen), partial(_carry_out, desk, caller, names(chosen), notes), plan)


def _mark(desk: Desk, caller: Caller, selection: Selection, asked: ReindexRequest) -> None:
    op = request(desk.install, selection, actor=caller.actor, reason=asked.reason or "")
    with desk.install.ledger.write() as tx:
        for name in selection.sources:
            id_ = desk.source_id(name)
            before = backfill(tx, id_)
            rate = asked.rate if asked.rate is not None else before.rate if before else None
            put_backfill(tx, id_, Backfill(op.hex(), tx.due(id_), desk.install.now(), rate))


def _steer(desk: Desk, caller: Caller, asked: ReindexRequest, sources: list[Source]) -> Answer:
    """Pause, resume, or give another rate to what is under way."""
    if not (asked.pause or asked.resume or asked.rate is not None):
        raise Unreadable(what="--reason", wanted="why the documents are to be embedded again: it goes into the history")

    def change() -> dict[str, bool]:
        found = {}
        with desk.install.ledger.write() as tx:
            for source in sources:
                id_ = desk.source_id(source.name)
                work = backfill(tx, id_)
                if work is not None:
                    paused = asked.pause or (work.paused and not asked.resume)
                    put_backfill(tx, id_, replace(work, paused=paused, rate=asked.rate or work.rate))
                    found[source.name] = paused
        return found

    found = desk.at_turn(change)
    if not found:
        raise NothingToReindex
    if desk.daemon is not None:
        for name in found:
            desk.daemon.interrupt(name, RUNS)  # the run that is under way goes by what it read at its start
            if asked.pause:
                desk.daemon.scan(name)  # and it had more to do than the reindex
    if all(found.values()):  # another rate wakes nothing
        return Reply({"sources": list(found), "paused": True})
    chosen, notes = awake(desk, [s for s in sources if found.get(s.name) is False], named=False)
    goes_on = {"sources": [name for name, paused in found.items() if not paused], "paused": False}
    return Task("reindex", names(chosen), partial(_carry_out, desk, caller, names(chosen), notes), goes_on)


def _carry_out(desk: Desk, caller: Caller, wanted: tuple[str, ...], notes: tuple[str, ...], telling: Telling) -> Reply:
    """Run until nothing that was marked is left, also what was marked meanwhile."""
    desk = desk.now()
    sources, more = awake(desk, still(desk, wanted), named=False)  # one may have been paused while this waited
    passes: list[Synced] = []
    while True:
        synced = run_all(desk, sources, Order(caller.actor, "reindex", earlier=desk.earlier, turns=desk.turns), telling)
        through = all(outcome.state in GOES_ON for outcome in synced.outcomes)
        moved = any(outcome.report.chunks.embedded for outcome in synced.outcomes)
        passes.append(synced)
        if not (through and moved and _left(desk, sources)):
            outcomes = tuple(outcome for each in passes for outcome in each.outcomes)
            return synced_reply(desk, Synced(outcomes, sum(each.lost for each in passes)), (*notes, *more))


def _left(desk: Desk, sources: list[Source]) -> int:
    with desk.install.ledger.read() as view:
        return sum(view.due(desk.source_id(source.name)) for source in sources)


REINDEX = Operation(
    "reindex",
    "Read, cut and embed documents again, although nothing says that they changed.",
    ReindexRequest,
    frozenset({Role.ADMIN}),
    reindex,
    Gives(reply=ReindexPlan | ReindexPaused, plan=ReindexPlan | ReindexPaused, done=SyncGiven),
    writes=True,
)
