"""`reconcile`: whether the index is what is recorded, and making it so."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import Field

from syncd.core.scope import WHOLE, Scope
from syncd.errors import Exit
from syncd.operations.desk import Desk
from syncd.operations.exits import worst
from syncd.operations.operation import Caller, Gives, Operation, Reply, Role, Task
from syncd.operations.payloads.work import DriftedDocument, ReconcileGiven
from syncd.operations.sync import names, run_all, synced_reply
from syncd.operations.words import counted
from syncd.ports import LedgerView
from syncd.seal.vault import Vault
from syncd.sync.collection import ensure_collection
from syncd.sync.install import Actor
from syncd.sync.mend import Mender
from syncd.sync.reconcile import NAMED, SAMPLE, Depth, Drifted, compare, conclude, reconcile
from syncd.sync.report import Progress
from syncd.sync.rundata import Order
from syncd.sync.settle import settle

KIND = "reconcile"
"""Of the long work."""
Telling = Callable[[str, Progress], None]


@dataclass(frozen=True, slots=True)
class ReconcileRequest:
    """repair: mend what differs. full: open the seals of every point. sample: compute so many vectors, chosen by chance, anew."""

    repair: bool = False
    full: bool = False
    sample: Annotated[int, Field(ge=0, le=100_000)] = SAMPLE


def ask(desk: Desk, caller: Caller, request: ReconcileRequest) -> Task:
    """Compare the ledger with the store."""
    if request.repair:
        caller.need("a repair of the index", Role.ADMIN)
    return Task(KIND, names(desk.sources), partial(carry_out, desk, caller.actor, request))


def carry_out(desk: Desk, actor: Actor, request: ReconcileRequest, telling: Telling) -> Reply:
    """Compare, mend, and compare again: only what is as recorded then counts as repaired."""
    desk = desk.now()
    install, depth = desk.install, Depth(request.full, request.sample)
    collection = ensure_collection(install)
    if desk.daemon is None:
        settle(install, collection, actor)
    between = partial(_between, desk, telling)
    mender = Mender(install, collection, actor) if request.repair else None
    drifted = reconcile(install, collection, depth, actor, mender=mender, between=between)
    notes: tuple[str, ...] = ()
    left, exits = drifted.total, [Exit.OK]
    if mender is not None and drifted.total:
        runs = _written_again(desk, actor, mender, telling)
        notes, exits = runs.notes, [runs.exit]
        left = compare(install, collection, Depth(request.full, 0), between).total + mender.undone()
    repaired = max(0, drifted.total - left)
    conclude(install, drifted, repaired, depth, actor)
    install.index.tidy(collection.name)
    if left:
        exits.append(Exit.INCOMPLETE if request.repair else Exit.INTEGRITY)
        what = f"the index differs from what is recorded in {counted(left, 'point')}"
        notes += (f"{what}. Next: `syncd reconcile --repair`." if not request.repair else f"{what} still. Next: `syncd status`.",)
    return Reply(_given(desk, drifted, repaired), worst(*exits), notes)


def _between(desk: Desk, telling: Telling, seen: int) -> None:
    for source in desk.sources:
        telling(source.name, Progress("compare", seen))
    if desk.turns.wanted():
        desk.turns.give()


def _written_again(desk: Desk, actor: Actor, mender: Mender, telling: Telling) -> Reply:
    """Runs over the documents that are due: over just these where they are few, and none has to be embedded."""
    replies = []
    for source in desk.sources:
        docs = mender.marked.get(desk.source_id(source.name), set())
        if not docs:
            continue
        with desk.install.ledger.read() as view:
            keys = [_key(desk, view, doc) for doc in docs] if len(docs) <= NAMED and not mender.again else []
        scope = Scope(keys=tuple(key for key in keys if key is not None)) or WHOLE
        order = Order(actor, KIND, scope=scope, earlier=desk.earlier, turns=desk.turns)
        replies.append(synced_reply(desk, run_all(desk, [source], order, telling)))
    notes = tuple(note for reply in replies for note in reply.notes)
    return Reply({}, worst(Exit.OK, *(reply.exit for reply in replies)), notes)


def _key(desk: Desk, view: LedgerView, doc: bytes) -> str | None:
    row = view.doc(doc)
    return Vault(desk.install.keyring).card(row).key if row is not None and row.locator is not None else None


def _given(desk: Desk, drifted: Drifted, repaired: int) -> ReconcileGiven:
    named = {desk.source_id(source.name): source.name for source in desk.sources}
    documents: list[DriftedDocument] = []
    with desk.install.ledger.read() as view:
        for doc, kinds in drifted.documents.items():
            row = view.doc(doc)
            if row is not None:
                points = {kind.value: count for kind, count in kinds.items()}
                source = named.get(row.source, row.source.hex()[:8])
                documents.append({"source": source, "key": _key(desk, view, doc), "doc": doc.hex(), "points": points})
    documents.sort(key=lambda entry: (entry["source"], entry["key"] or ""))
    counts = drifted.counts()
    return {
        "missing": counts["missing"],
        "extra": counts["extra"],
        "altered": counts["altered"],
        "unsealed": counts["unsealed"],
        "foreign": counts["foreign"],
        "unfenced": counts["unfenced"],
        "repaired": repaired,
        "points": drifted.points,
        "sampled": drifted.sampled,
        "documents": documents,
        "seq": desk.seq(),
    }


RECONCILE = Operation(
    "reconcile",
    "Compare the index with what is recorded of it, and mend it.",
    ReconcileRequest,
    frozenset({Role.OPERATOR, Role.ADMIN}),
    ask,
    Gives(done=ReconcileGiven),
    writes=True,
)
