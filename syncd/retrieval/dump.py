"""The operators' view: every live chunk in key order, read back from the index.

It is what two installs over the same files must agree on.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from syncd.core.keys import Keyring
from syncd.core.model import Point, PointId
from syncd.core.rows import DocRow, DocState, Fence
from syncd.core.tlv import encode_part
from syncd.ports import Ledger, LedgerView, VectorIndex
from syncd.seal.cards import open_acl, open_card
from syncd.seal.identity import point_id, source_id
from syncd.seal.points import AclClass, Sealer
from syncd.seal.wrapping import open_dek

BATCH = 256


@dataclass(frozen=True, slots=True)
class DumpedChunk:
    """One chunk as the index holds it. readers: the sorted canonical clauses of its ACL; vector: float32, little endian."""

    source: str
    key: str
    span: tuple[int, int]
    text_sha256: str
    vector_sha256: str
    vector: bytes
    readers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """A recorded chunk whose point is not in the index, or does not open."""

    source: str
    key: str
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Dump:
    """Reads a whole collection back, a document at a time."""

    ledger: Ledger
    index: VectorIndex
    keyring: Keyring
    sealer: Sealer
    collection: str
    sources: tuple[str, ...]

    def chunks(self) -> Iterator[DumpedChunk | Missing]:
        """Every recorded chunk by source, key and span. Raises Forged when one does not open."""
        with self.ledger.read() as view:
            classes = {row.id: AclClass(row.uid, open_acl(self.keyring, row.uid, row.sealed)) for row in view.classes()}
            for name, key, row in self._order(view):
                yield from self._document(name, key, row, classes[row.class_id])

    def _order(self, view: LedgerView) -> list[tuple[str, str, DocRow]]:
        found = []
        for name in self.sources:
            for row in view.docs(source_id(self.keyring.identity, name)):
                if row.state is DocState.LIVE and row.fence is Fence.NONE:
                    keys = open_dek(self.keyring, row.epoch, row.dek, row.doc)
                    found.append((name, open_card(self.keyring.algorithm, keys, row.doc, row.vault).key, row))
        return sorted(found, key=lambda item: (item[0], encode_part(item[1])))

    def _document(self, name: str, key: str, row: DocRow, class_: AclClass) -> Iterator[DumpedChunk | Missing]:
        keys = open_dek(self.keyring, row.epoch, row.dek, row.doc)
        card = open_card(self.keyring.algorithm, keys, row.doc, row.vault)
        ids: dict[PointId, int] = {
            point_id(self.keyring.identity, row.doc, chunk.fp, chunk.occurrence): place for place, chunk in enumerate(card.chunks)
        }
        points: dict[int, Point] = {}
        order = list(ids)
        for start in range(0, len(order), BATCH):
            for point in self.index.retrieve(self.collection, order[start : start + BATCH], vectors=True):
                points[ids[point.id]] = point
        for place, chunk in enumerate(card.chunks):
            span = (chunk.piece.start, chunk.piece.end)
            found = points.get(place)
            if found is None:
                yield Missing(name, key, span)
                continue
            self.sealer.open_acl(found.payload, row.doc, class_)
            text = self.sealer.open_text(found.payload, keys, row.doc, found.id, chunk.fp)
            yield DumpedChunk(
                source=name,
                key=key,
                span=span,
                text_sha256=hashlib.sha256((text or "").encode()).hexdigest(),
                vector_sha256=hashlib.sha256(found.vector).hexdigest(),
                vector=found.vector,
                readers=class_.acl.readers(),
            )
