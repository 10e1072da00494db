"""`sources scrub`: read every document of a source again, now, whatever its times say."""

from collections.abc import Callable
from functools import partial

from syncd.core.scope import WHOLE, Scope
from syncd.errors import Exit
from syncd.operations.desk import Desk
from syncd.operations.exits import worst
from syncd.operations.operation import Caller, Gives, Operation, Reply, Role, Task
from syncd.operations.payloads.work import ScrubGiven
from syncd.operations.sources import SourceRequest
from syncd.operations.sync import awake, run_all, still, synced_reply
from syncd.operations.words import counted
from syncd.sync.collection import open_collection
from syncd.sync.install import Actor
from syncd.sync.report import Progress
from syncd.sync.rundata import Order
from syncd.sync.scrub import begin_anew, scrub, scrubbed

KIND = "scrub"
"""Of the long work, and the trigger of the run that brings in what it found."""
PORTION = 64
"""Documents between two places where it is written how far it came."""
MOST_KEYS = 1_000
"""Documents that are brought in one by one; with more, the whole source is scanned."""
Telling = Callable[[str, Progress], None]


def ask(desk: Desk, caller: Caller, request: SourceRequest) -> Task:
    """One whole round over a source that is not paused. Raises SourcePaused, SourceUnknown."""
    (source,), _ = awake(desk, desk.select(request.source), named=True)
    open_collection(desk.install)  # another model is refused before anything is begun
    return Task(KIND, (source.name,), partial(carry_out, desk, caller.actor, source.name))


def carry_out(desk: Desk, actor: Actor, name: str, telling: Telling) -> Reply:
    """Read all of it from the beginning, and bring in what differs. Ended early, the slow scrub goes on from there."""
    desk = desk.now()
    (source,) = still(desk, (name,))
    id_ = desk.source_id(name)
    with desk.install.ledger.read() as view:
        total = view.live(id_)
    begin_anew(desk.install, id_)
    found: list[str] = []
    unlike: list[str] = []
    come_to, over = 0, False
    while not over:
        telling(name, Progress("read", come_to, total))
        portion = scrub(desk.install, source, PORTION, actor, desk.turns.wanted)
        come_to, over = come_to + portion.come_to, portion.over
        found += portion.found
        unlike += portion.unlike
        if not over and desk.turns.wanted():
            desk.turns.give()
    with desk.install.ledger.read() as view:
        done = scrubbed(view, id_)
    runs = _brought_in(desk, actor, name, [*found, *unlike], telling)
    notes = (f"{name}: {counted(len(found), 'document')} had changed behind its times, and was read anew.",) if found else ()
    given: ScrubGiven = {"source": name, "documents": done.last_read, "found": len(found), "seq": desk.seq()}
    return Reply(given, worst(Exit.OK, runs.exit), (*notes, *runs.notes))


def _brought_in(desk: Desk, actor: Actor, name: str, found: list[str], telling: Telling) -> Reply:
    """A run over what differs, if anything does."""
    if not found:
        return Reply({})
    scope = Scope(keys=tuple(found)) if len(found) <= MOST_KEYS else WHOLE
    order = Order(actor, KIND, scope=scope, earlier=desk.earlier, turns=desk.turns)
    return synced_reply(desk, run_all(desk, still(desk, (name,)), order, telling))


SOURCES_SCRUB = Operation(
    "sources-scrub",
    "Read every document of a source again, whatever its times say.",
    SourceRequest,
    frozenset({Role.OPERATOR, Role.ADMIN}),
    ask,
    Gives(done=ScrubGiven),
    writes=True,
)
