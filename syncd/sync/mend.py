"""Mending: what a comparison found, put right in the store, each write between an intent and its outcome.

Where a document can do it, nothing is written here: its points count as not written, and the next run over it writes them again,
with the vectors that are still there. What nobody recorded is taken away, what nobody may read is closed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from syncd.core.acl import NOBODY
from syncd.core.drift import Drift
from syncd.core.model import Eq, Ids, PointId, Where
from syncd.core.rows import DocRow, DocState, Due, Fence, IntentRow, PointState
from syncd.seal.points import AclClass
from syncd.sync.classes import Classes
from syncd.sync.collection import Collection
from syncd.sync.compare import Finding
from syncd.sync.install import Actor, Event, EventType, Install, Phase, Transaction
from syncd.sync.reopen import reopen

WRITTEN_AGAIN = frozenset({Drift.MISSING, Drift.ALTERED, Drift.UNSEALED})
TAKEN_AWAY = frozenset({Drift.EXTRA, Drift.FOREIGN})


@dataclass(slots=True)
class Mender:
    """Mends one collection. marked: documents whose points are to be written again, by source; again: some embedded, too."""

    install: Install
    collection: Collection
    actor: Actor
    marked: dict[bytes, set[bytes]] = field(default_factory=dict)
    again: bool = False

    def mend(self, findings: Sequence[Finding]) -> None:
        """All of it."""
        self.write_again([finding for finding in findings if finding.kind in WRITTEN_AGAIN])
        self.take_away([finding.id for finding in findings if finding.kind in TAKEN_AWAY])
        self.close([finding.row for finding in findings if finding.kind is Drift.UNFENCED and finding.row is not None])

    def write_again(self, findings: Sequence[Finding], *, embed: bool = False) -> None:
        """Points of known documents. embed: their vectors are not believed."""
        if not findings:
            return
        with self.install.transaction() as tx:
            for finding in findings:
                row = tx.ledger.doc(finding.row.doc) if finding.row is not None else None
                if row is None or finding.point is None or row.state is DocState.DELETED:
                    continue
                tx.ledger.put_points([replace(finding.point, state=PointState.INTENDED)])
                tx.ledger.put_doc(replace(row, due=Due.EMBED if embed else max(row.due, Due.LOOK)))
                reopen(tx.ledger, row.page)
                self.marked.setdefault(row.source, set()).add(row.doc)
        self.again |= embed

    def take_away(self, ids: Sequence[PointId]) -> None:
        """Points that nobody recorded."""
        if not ids:
            return
        install, counts = self.install, {"extra": len(ids)}
        with install.transaction() as tx:
            op = self._begun(tx, None, counts)
        install.index.delete(self.collection.name, Where((Ids(tuple(ids)),)))
        install.index.barrier()
        with install.transaction() as tx:
            self._ended(tx, op, None, counts)

    def close(self, rows: Iterable[DocRow]) -> None:
        """Documents whose ACL is unknown: fenced first, then of the class that no reader matches."""
        install, counts = self.install, {"unfenced": 1}
        for doc in {row.doc for row in rows}:
            with install.transaction() as tx:
                row = tx.ledger.doc(doc)
                if row is None or row.state is DocState.DELETED:
                    continue
                class_ = Classes(install, tx.ledger).nobody(tx.ledger)
                row = replace(row, class_id=class_.id, issued=row.issued + 1, fence=Fence.ACL)
                tx.ledger.put_doc(row)
                op = self._begun(tx, row, counts)
            payload = self.collection.sealer.acl_payload(doc, row.issued, AclClass(class_.uid, NOBODY), install.nonce())
            install.index.set_payload(self.collection.name, {**payload, "acl_sealed": ""}, Where((Eq("doc", doc.hex()),)))
            install.index.barrier()
            with install.transaction() as tx:
                tx.ledger.put_doc(replace(row, floor=row.issued))
                self._ended(tx, op, row, counts)

    def undone(self) -> int:
        """Points that were to be written again and are not."""
        with self.install.ledger.read() as view:
            return sum(
                point.state is not PointState.LIVE
                for docs in self.marked.values()
                for points in view.points_of(list(docs)).values()
                for point in points
            )

    def _begun(self, tx: Transaction, row: DocRow | None, counts: Mapping[str, int]) -> bytes:
        op = self.install.fresh_id()
        seq = tx.audit(self._event(Phase.INTENT, op, row, counts))
        tx.ledger.put_intent(IntentRow(op, row.doc if row is not None else b"", EventType.STORE_REPAIRED.value, b"", seq))
        return op

    def _ended(self, tx: Transaction, op: bytes, row: DocRow | None, counts: Mapping[str, int]) -> None:
        tx.audit(self._event(Phase.OUTCOME, op, row, counts))
        tx.ledger.drop_intent(op)

    def _event(self, phase: Phase, op: bytes, row: DocRow | None, counts: Mapping[str, int]) -> Event:
        source, doc = (row.source, row.doc) if row is not None else (None, None)
        return Event(EventType.STORE_REPAIRED, phase, op, source=source, doc=doc, actor=self.actor, body=dict(counts))
