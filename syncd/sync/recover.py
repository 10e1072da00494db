"""A ledger that is lost: another one is begun, and the vectors in the store are used again.

What a point says in plain is enough for that: `doc` and `fp` give its id, and the `fp` says of which text in which space its
vector is. So the old documents enter the new ledger as tombstones whose points are still to go. The runs that follow give the
sources' documents new lives, keys and ACLs, and find the vectors there; once every source was looked at, the old points go.
"""

from collections.abc import Callable, Iterable

from syncd.audit.lineage import Mark
from syncd.core.drift import Said
from syncd.core.model import Point
from syncd.core.rows import CollectionRow, CollectionState, DocRow, DocState, Due, Fence, PointRow, PointState
from syncd.errors import IndexInvalid
from syncd.ports import LedgerTx, LedgerView
from syncd.seal.identity import point_id
from syncd.sync.classes import Classes
from syncd.sync.collection import Collection, alias_of, new_collection
from syncd.sync.install import Actor, Install
from syncd.sync.mend import Mender
from syncd.sync.reason import commit
from syncd.sync.restore import cited, following, note_epoch
from syncd.sync.stage import batches

RECOVERY = "recovery"
"""Where the ledger keeps how far a recovery is; nothing where there is none, or it is through."""
TAKING, TAKEN = b"taking", b"taken"
POINTS = 1_024
DOCUMENTS = 64
OCCURRENCES = 64
"""How often a text may stand in one document and all its points be known; one of them gives the vector, so more is no loss."""
NAME = "syncd-"
OF_NOBODY = b"lost"
"""The source of tombstones of a lost ledger."""


def recovering(view: LedgerView) -> bool:
    """Whether a recovery has yet to learn what is in the store: nothing may be written before."""
    return view.meta(RECOVERY) == TAKING


def unfinished(view: LedgerView) -> bool:
    """Whether there may be points of a lost ledger in the store."""
    return view.meta(RECOVERY) in (TAKING, TAKEN)


def begin(install: Install, actor: Actor, reason: str, known: Mark | None) -> None:
    """Begin the new ledger with the collection that the alias of the install names, if there is one."""
    served, op = install.index.resolve(alias_of(install)), install.fresh_id()
    with install.transaction() as tx:
        if served is not None:
            tx.ledger.put_collection(_adopted(install, served))
        tx.ledger.set_meta(RECOVERY, TAKING)
        note_epoch(install, tx.ledger)
        body = cited("recovered", known) | {"reason": commit(install, tx, op, reason)}
        tx.restored(op, actor, body, following(known))


def _adopted(install: Install, name: str) -> CollectionRow:
    try:
        uid = bytes.fromhex(name.removeprefix(NAME))
    except ValueError as error:
        raise IndexInvalid(detail=f"{name} is no collection of syncd") from error
    return new_collection(install, uid, CollectionState.SERVING)


def take(install: Install, collection: Collection, between: Callable[[int], None]) -> int:
    """Record the points in the store, so that their vectors are found; returns how many. Done again, it records the same."""
    taken, after = 0, None
    while True:
        points, after = install.index.scroll(collection.name, None, after, POINTS, vectors=False)
        taken += _record(install, points)
        between(taken)
        if after is None:
            break
    with install.ledger.write() as tx:
        tx.set_meta(RECOVERY, TAKEN)
    return taken


def _record(install: Install, points: Iterable[Point]) -> int:
    rows = [row for point in points if (row := _row(install, point)) is not None]
    with install.ledger.write() as tx:
        nobody = Classes(install, tx).nobody(tx).id
        for doc in {row.doc for row in rows}:
            _bury(tx, doc, nobody)
        tx.put_points(rows)
    return len(rows)


def _row(install: Install, point: Point) -> PointRow | None:
    """The record of a point that is what it says; None for one that this install did not write."""
    said = Said.of(point.payload)
    try:
        doc, fp = bytes.fromhex(said.doc or ""), bytes.fromhex(said.fp or "")
    except ValueError:
        return None
    identity = install.keyring.identity
    for occurrence in range(OCCURRENCES if doc and fp else 0):
        if point_id(identity, doc, fp, occurrence) == point.id:
            return PointRow(doc, fp, occurrence, PointState.INTENDED)
    return None


def _bury(tx: LedgerTx, doc: bytes, nobody: int) -> None:
    """A tombstone for a document of which nothing is known but its points; its key is lost, so no reader ever opens them."""
    if tx.doc(doc) is None:
        tx.put_doc(
            DocRow(
                doc=doc,
                source=OF_NOBODY,
                state=DocState.DELETED,
                locator=None,
                page=b"",
                identity=None,
                version=b"",
                content=b"",
                shape=b"",
                due=Due.NO,
                racy=False,
                class_id=nobody,
                issued=0,
                floor=0,
                fence=Fence.MISSING,
                epoch=0,
                staged=False,
                dek=b"",
                vault=b"",
                seen_at=0.0,
                synced_at=0.0,
            )
        )


def end(install: Install, collection: Collection, actor: Actor, between: Callable[[int], None]) -> int:
    """Take the old points away, now that every document has its own; returns how many there were."""
    mender, gone = Mender(install, collection, actor), 0
    identity = install.keyring.identity
    with install.ledger.read() as view:
        for rows in batches(view.docs(OF_NOBODY), DOCUMENTS):
            points = [point for found in view.points_of([row.doc for row in rows]).values() for point in found]
            for some in batches(points, POINTS):
                mender.take_away([point_id(identity, point.doc, point.fp, point.occurrence) for point in some])
                with install.ledger.write() as tx:
                    tx.drop_points(some)
                gone += len(some)
                between(gone)
    return gone


def close(install: Install) -> None:
    """The recovery is through: nothing that the lost ledger knew is in the store."""
    with install.ledger.write() as tx:
        tx.set_meta(RECOVERY, b"")
