"""Deletions: staged and fenced as soon as a document is missing, released when the scan is complete and the guard agrees."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from syncd.core import guard
from syncd.core.model import AnyOf, Where
from syncd.core.rows import DocRow, DocState, Fence, IntentRow, PointState
from syncd.errors import IndexUnknownOutcome
from syncd.sync.install import EventType, Phase
from syncd.sync.rundata import Run, lifted

GROUP = 256
T = TypeVar("T")


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


@dataclass(slots=True)
class Staging:
    """How many documents were staged in this run; fences stop where the guard would."""

    known: int
    staged: int = 0

    def stage(self, run: Run, rows: Iterable[DocRow]) -> None:
        """Documents that are not where they were: nobody reads them, nothing is deleted yet."""
        for batch in batches(rows, GROUP):
            fresh = [row for row in batch if not row.staged]
            self.staged += sum(row.state is DocState.LIVE for row in batch)
            hide = guard.deletions(self.known, self.staged, run.install.policy.guard) is None
            with run.install.transaction() as tx:
                for row in fresh:
                    fence = Fence.MISSING if hide and row.fence is Fence.NONE else row.fence
                    tx.ledger.put_doc(replace(row, staged=True, fence=fence))


def release(run: Run) -> int:
    """Delete what is staged: intent, points, proof that none is left, outcome."""
    deleted = 0
    with run.install.ledger.read() as view:
        staged = [row.doc for row in view.staged(run.tags.source_id)]
    for batch in batches(staged, GROUP):
        with run.install.ledger.read() as view:
            rows = [row for doc in batch if (row := view.doc(doc)) is not None]
        _delete(run, rows)
        deleted += len(rows)
    return deleted


def unstage(run: Run) -> None:
    """What a run that was killed had staged is not believed any more, but stays hidden until it is seen again."""
    with run.install.ledger.read() as view:
        staged = list(view.staged(run.tags.source_id))
    for batch in batches(staged, GROUP):
        with run.install.transaction() as tx:
            for row in batch:
                tx.ledger.put_doc(replace(row, staged=False))


def take_back(run: Run) -> None:
    """The guard halted: nothing is deleted, and the fences of these deletions are lifted."""
    with run.install.ledger.read() as view:
        staged = [row.doc for row in view.staged(run.tags.source_id)]
    for batch in batches(staged, GROUP):
        with run.install.transaction() as tx:
            for doc in batch:
                row = tx.ledger.doc(doc)
                if row is not None:
                    tx.ledger.put_doc(replace(row, staged=False, fence=lifted(row)))


def _delete(run: Run, rows: list[DocRow]) -> None:
    install, name = run.install, run.collection.name
    ops = {}
    with install.transaction() as tx:
        for row in rows:
            ops[row.doc] = op = install.fresh_id()
            tx.ledger.put_doc(replace(row, fence=Fence.MISSING if row.fence is Fence.NONE else row.fence))
            seq = tx.audit(run.event(EventType.DOC_DELETED, Phase.INTENT, op, row.doc))
            tx.ledger.put_intent(IntentRow(op, row.doc, EventType.DOC_DELETED.value, run.id, seq))
    where = Where((AnyOf("doc", tuple(row.doc.hex() for row in rows)),))
    install.index.delete(name, where)
    install.index.barrier()
    if left := install.index.count(name, where):
        raise IndexUnknownOutcome(detail=f"{left} points are left of {len(rows)} deleted documents")
    with install.ledger.read() as view:
        points = {row.doc: view.points(row.doc) for row in rows}
    with install.transaction() as tx:
        for row in rows:
            live = sum(point.state is PointState.LIVE for point in points[row.doc])
            run.report.chunks.deleted += live
            tx.ledger.drop_points(points[row.doc])
            tx.ledger.put_doc(
                replace(row, state=DocState.DELETED, locator=None, page=b"", identity=None, staged=False, fence=Fence.MISSING)
            )
            tx.ledger.drop_intent(ops[row.doc])
            tx.audit(
                run.event(
                    EventType.DOC_DELETED,
                    Phase.OUTCOME,
                    ops[row.doc],
                    row.doc,
                    chunks={"deleted": live},
                    outcome="ok",
                    seen_to_searchable_ms=max(0, int((install.now() - run.started) * 1000)),
                )
            )
    run.report.documents.deleted += len(rows)
