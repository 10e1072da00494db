"""A ledger that was put back to an older state, accepted: nobody reads a document until its source has been looked at again.

What happened since is not known: who was shut out, what was deleted, which ACL versions were issued. So every document is
fenced, gets versions beyond any that the store has seen, and is sealed under a new key when it is looked at; the history goes on
as another generation, which cites how far the lost one is known to have come.
"""

from dataclasses import replace

from syncd.audit.lineage import FIRST, Mark
from syncd.core.drift import Said
from syncd.core.rows import DocRow, DocState, Due, Fence
from syncd.ports import LedgerTx, LedgerView
from syncd.sync.collection import Collection, alias_of
from syncd.sync.install import Actor, Install
from syncd.sync.reason import commit
from syncd.sync.reopen import reopen
from syncd.sync.stage import batches

EPOCH = "epoch"
"""Where the ledger keeps the number of the newest key."""
GROUP = 256
POINTS = 1_024


def accept(install: Install, collection: Collection, actor: Actor, reason: str, known: Mark | None) -> int:
    """Hide every document and begin another generation; returns how many there are. known: the newest mark of an anchor.

    Killed before its last transaction, the ledger is as stale as before: done again, it hides what is hidden already.
    """
    install.index.ensure_collection(collection.name, collection.row.dimension)
    highest = _highest(install, collection)
    hidden = 0
    with install.ledger.read() as view:
        for rows in batches((row for row in view.docs() if row.state is not DocState.DELETED), GROUP):
            with install.transaction() as tx:
                for row in rows:
                    tx.ledger.put_doc(_hidden(row, highest))
                    reopen(tx.ledger, row.page)
            hidden += len(rows)
        stray = _stray(install, {row.name for row in view.collections()})
    op = install.fresh_id()
    with install.transaction() as tx:
        body = cited("accepted", known, documents=hidden) | {"reason": commit(install, tx, op, reason)}
        note_epoch(install, tx.ledger)
        tx.restored(op, actor, body, following(known, install.audit.generation(tx.ledger)))
    if stray is not None:
        install.index.drop_collection(stray)
    return hidden


def note_epoch(install: Install, tx: LedgerTx) -> None:
    """Have the ledger know which key it is sealed under from here on."""
    tx.set_meta(EPOCH, str(install.keyring.current.number).encode())


def sealed_since(view: LedgerView) -> int:
    """The newest epoch that the ledger knows of; 0 where it is that of `init`."""
    return int(view.meta(EPOCH) or b"0")


def following(known: Mark | None, present: int = FIRST) -> int:
    """The number of the generation that begins."""
    return max(known.generation if known is not None else FIRST, present) + 1


def cited(how: str, known: Mark | None, **counts: int) -> dict[str, str | int]:
    """What the history says of its new beginning: how it came about, and how far the one before is known to have come."""
    said: dict[str, str | int] = {"how": how, **counts}
    return said if known is None else {**said, "anchored": known.size, "root": known.root.hex()}


def _hidden(row: DocRow, highest: int) -> DocRow:
    fence = Fence.NARROWED if row.fence is Fence.NONE else row.fence
    return replace(row, fence=fence, issued=max(row.issued, highest), due=max(row.due, Due.LOOK), staged=False)


def _highest(install: Install, collection: Collection) -> int:
    """The highest ACL version of any point: the lost history may have issued it."""
    highest, after = 0, None
    while True:
        points, after = install.index.scroll(collection.name, None, after, POINTS, vectors=False)
        highest = max([highest, *(Said.of(point.payload).version or 0 for point in points)])
        if after is None:
            return highest


def _stray(install: Install, recorded: set[str]) -> str | None:
    """The collection that the lost history served from, where this one does not know it."""
    served = install.index.resolve(alias_of(install))
    return served if served is not None and served not in recorded else None
