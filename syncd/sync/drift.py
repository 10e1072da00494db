"""Drift: points that the ledger believes in and the index does not have. Counted before every sync, named and written again.

An index that was emptied, restored from an old copy or half lost must not be called up to date. (Points that are altered, or
that nobody wrote, take a full comparison, which counting is not.)
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from syncd.audit.canonical import Json
from syncd.core.rows import DocRow, DocState, Due, PointRow, PointState
from syncd.ports import LedgerView
from syncd.seal.identity import point_id
from syncd.sync.collection import Collection
from syncd.sync.install import Actor, Event, EventType, Install, Phase, Transaction
from syncd.sync.reopen import reopen
from syncd.sync.stage import batches

DOCUMENTS = 64
"""Documents that are compared together."""


@dataclass(frozen=True, slots=True)
class _Loss:
    row: DocRow
    points: list[PointRow]


def find_lost(install: Install, collection: Collection, actor: Actor) -> int:
    """How many recorded points are not in the index; their documents are marked to be brought in again."""
    if not install.index.keeps_points:
        return 0
    lost = documents = 0
    with install.ledger.read() as view:
        if install.index.count(collection.name, None) >= view.counts().points:
            return 0
        for losses in batches(_losses(install, collection, view), DOCUMENTS):
            with install.transaction() as tx:
                for loss in losses:
                    _mark(tx, loss)
            documents += len(losses)
            lost += sum(len(loss.points) for loss in losses)
    body: dict[str, Json] = {"missing": lost, "documents": documents}
    with install.transaction() as tx:
        tx.audit(Event(EventType.STORE_DRIFT, Phase.OUTCOME, install.fresh_id(), actor=actor, body=body))
    return lost


def _mark(tx: Transaction, loss: _Loss) -> None:
    tx.ledger.put_points([replace(point, state=PointState.INTENDED) for point in loss.points])
    tx.ledger.put_doc(replace(loss.row, due=max(loss.row.due, Due.LOOK)))
    reopen(tx.ledger, loss.row.page)


def _losses(install: Install, collection: Collection, view: LedgerView) -> Iterator[_Loss]:
    identity = install.keyring.identity
    live = (row for row in view.docs() if row.state is DocState.LIVE)
    for rows in batches(live, DOCUMENTS):
        ids = {
            point_id(identity, point.doc, point.fp, point.occurrence): point
            for row in rows
            for point in view.points(row.doc)
            if point.state is PointState.LIVE
        }
        there = {point.id for point in install.index.retrieve(collection.name, list(ids), vectors=False)} if ids else set()
        gone: dict[bytes, list[PointRow]] = {}
        for id_, point in ids.items():
            if id_ not in there:
                gone.setdefault(point.doc, []).append(point)
        yield from (_Loss(row, gone[row.doc]) for row in rows if row.doc in gone)
