"""Deletions: staged and fenced as soon as a document is missing, released when the scan is complete and the guard agrees."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from syncd.core import guard
from syncd.core.freshness import Kind
from syncd.core.model import AnyOf, Where
from syncd.core.rows import DocRow, DocState, Due, Fence, IntentRow, PointState
from syncd.errors import IndexUnknownOutcome
from syncd.sync.install import EventType, Phase
from syncd.sync.reopen import reopen
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

    staged: int = 0

    def stage(self, run: Run, rows: Iterable[DocRow]) -> None:
        """Documents that are not where they were: nobody reads them, nothing is deleted yet.

        What a run over the whole source has staged is that run's to decide, should this one have been let go first.
        """
        if run.order.hold:
            return
        for batch in batches(rows, GROUP):
            fresh = [row for row in batch if not row.staged]
            mine = batch if run.whole else fresh
            self.staged += sum(row.state is DocState.LIVE for row in mine)
            hide = judged(run, self.staged) is None
            with run.install.transaction() as tx:
                for row in fresh:
                    fence = Fence.MISSING if hide and row.fence is Fence.NONE else row.fence
                    tx.ledger.put_doc(replace(row, staged=True, fence=fence))
            if not run.whole:
                run.staged += [row.doc for row in mine]


def judged(run: Run, missing: int) -> str | None:
    """What the guard says to `missing` documents in this run, with what went in runs on hints lately."""
    earlier = run.earlier.deletions
    return guard.deletions(run.known + earlier, missing + earlier, run.install.policy.guard) if missing else None


def release(run: Run) -> int:
    """Delete what is staged: intent, points, proof that none is left, outcome."""
    deleted = 0
    while rows := _staged(run):
        _delete(run, rows)
        deleted += len(rows)
    return deleted


def _staged(run: Run) -> list[DocRow]:
    """Some that are staged still, none when there are no more: whoever asks has to see to it that these are not any more."""
    with run.install.ledger.read() as view:
        return list(islice(run.staged_rows(view), GROUP))


def unstage(run: Run) -> None:
    """What this run has staged, or one that was killed, is not believed any more, but stays hidden until it is seen again."""
    _change_staged(run, lambda row: replace(row, staged=False))


def take_back(run: Run) -> None:
    """The guard halted: nothing is deleted, and the fences of these deletions are lifted."""
    _change_staged(run, lambda row: replace(row, staged=False, fence=lifted(row)))


def _change_staged(run: Run, change: Callable[[DocRow], DocRow]) -> None:
    """Put what `change` makes of every document that this run has staged, and that is staged still.

    Their pages are opened again: a run on hints that had its turn there may have been through with all but what is staged.
    """
    while rows := _staged(run):
        with run.install.ledger.write() as tx:
            for row in rows:
                tx.put_doc(change(row))
                reopen(tx, row.page)


def _tombstone(row: DocRow) -> DocRow:
    """What remains of a document that is gone: it is nowhere, and nothing is due of it."""
    return replace(
        row,
        state=DocState.DELETED,
        locator=None,
        page=b"",
        identity=None,
        due=Due.NO,
        staged=False,
        fence=Fence.MISSING,
    )


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
            tx.ledger.put_doc(_tombstone(row))
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
    for _ in rows:
        run.land(Kind.DELETE, 0.0)
