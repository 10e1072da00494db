"""`reindex --new-space`: another model, without an hour in which nothing or the wrong thing is found."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from syncd.audit.event import Actor
from syncd.core.rows import CollectionState
from syncd.errors import Exit, LedgerMissing, SameSpace, Unreadable
from syncd.operations.desk import Desk
from syncd.operations.operation import Answer, Caller, Gives, Operation, Reply, Role, Task
from syncd.operations.payloads.work import NewSpaceGiven, NewSpacePlan, SpaceGivenUp
from syncd.operations.sync import names
from syncd.operations.words import counted
from syncd.sync.collection import filling, serving
from syncd.sync.newspace import SpaceFill, begin_space, give_up
from syncd.sync.report import Progress

KIND = "new-space"
"""Of the long work."""
Telling = Callable[[str, Progress], None]


@dataclass(frozen=True, slots=True)
class NewSpaceRequest:
    """reason: why, committed to in the history. dry_run: only say what would be done. give_up: fill no further."""

    reason: str | None = None
    dry_run: bool = False
    give_up: bool = False


def new_space(desk: Desk, caller: Caller, request: NewSpaceRequest) -> Answer:
    """Fill a collection with the vectors of the configured model, then let it serve."""
    with desk.install.ledger.read() as view:
        now, other, counts = serving(view), filling(view), view.counts()
    if now is None:
        raise LedgerMissing(file="the index")
    if request.give_up:
        if other is not None:
            if desk.daemon is not None:
                desk.daemon.interrupt(desk.sources[0].name, {KIND})
            desk.at_turn(lambda: give_up(desk.install, caller.actor, other))
        return Reply({"given_up": other is not None})
    target = desk.candidate()
    if target.embedder.space == now.space:
        raise SameSpace(model=target.embedder.name)
    plan = {
        "documents": counts.live,
        "chunks": counts.points,
        "sources": list(names(desk.sources)),
        "model": target.embedder.name,
    }
    if request.dry_run:
        return Reply(plan)
    if request.reason is None:
        raise Unreadable(what="--reason", wanted="why the model is replaced: it goes into the history")
    target.embedder.warm()  # here, where nobody else waits for it
    reason = request.reason
    desk.at_turn(lambda: begin_space(target, caller.actor, reason))
    return Task(KIND, names(desk.sources), partial(carry_out, desk, caller.actor), plan)


def carry_out(desk: Desk, actor: Actor, telling: Telling) -> Reply:
    """Fill and change over; what was filled before is not filled again."""
    desk = desk.now()
    target = desk.candidate()
    collection = begin_space(target, actor, "")
    target.embedder.warm()
    done = SpaceFill(target, collection, desk.sources, actor, desk.turns, telling).fill()
    desk.switched(target)
    payload = {
        "documents": done.documents,
        "embedded": done.embedded,
        "left_out": done.left_out,
        "collection": collection.name,
        "state": CollectionState.SERVING.value,
        "seq": desk.seq(),
    }
    notes: tuple[str, ...] = ()
    if done.left_out:
        left = counted(done.left_out, "document")
        notes = (f"not readable as indexed, and back with the next version: {left}.",)
    return Reply(payload, Exit.INCOMPLETE if done.left_out else Exit.OK, notes)


NEW_SPACE = Operation(
    "reindex-new-space",
    "Replace the model: fill a collection beside the one that serves, then change over.",
    NewSpaceRequest,
    frozenset({Role.ADMIN}),
    new_space,
    Gives(reply=NewSpacePlan | SpaceGivenUp, plan=NewSpacePlan, done=NewSpaceGiven),
    writes=True,
)
