"""The operators' view: every live chunk in key order, read back from the index.

It is what two installs over the same files must agree on.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from syncd.core.model import Point, PointId
from syncd.core.rows import DocRow, DocState, Fence, PointState
from syncd.core.tlv import encode_part
from syncd.ports import LedgerView
from syncd.retrieval.holdings import Holdings
from syncd.seal.identity import point_id
from syncd.seal.points import AclClass

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

    holdings: Holdings

    def chunks(self) -> Iterator[DumpedChunk | Missing]:
        """Every chunk recorded as live, by source, key and span. Raises Forged when one does not open."""
        with self.holdings.ledger.read() as view:
            classes = self.holdings.classes(view)
            for name, _, doc in self._order(view):
                row = view.doc(doc)
                if row is not None:
                    live = {(p.fp, p.occurrence) for p in view.points(doc) if p.state is PointState.LIVE}
                    yield from self._document(name, row, classes[row.class_id], live)

    def _order(self, view: LedgerView) -> list[tuple[str, bytes, bytes]]:
        """(source, key, doc) of every live document, sorted; rows are read one by one."""
        vault = self.holdings.vault
        return sorted(
            (name, encode_part(vault.card(row).key), row.doc)
            for id_, name in self.holdings.names().items()
            for row in view.docs(id_)
            if row.state is DocState.LIVE and row.fence is Fence.NONE
        )

    def _document(
        self, name: str, row: DocRow, class_: AclClass, live: set[tuple[bytes, int]]
    ) -> Iterator[DumpedChunk | Missing]:
        holdings = self.holdings
        keys, card = holdings.vault.keys(row), holdings.vault.card(row)
        key = card.key
        chunks = [chunk for chunk in card.chunks if (chunk.fp, chunk.occurrence) in live]
        ids: dict[PointId, int] = {
            point_id(holdings.keyring.identity, row.doc, chunk.fp, chunk.occurrence): place for place, chunk in enumerate(chunks)
        }
        points: dict[int, Point] = {}
        order = list(ids)
        for start in range(0, len(order), BATCH):
            for point in holdings.index.retrieve(holdings.collection, order[start : start + BATCH], vectors=True):
                points[ids[point.id]] = point
        for place, chunk in enumerate(chunks):
            span = (chunk.piece.start, chunk.piece.end)
            found = points.get(place)
            if found is None:
                yield Missing(name, key, span)
                continue
            holdings.sealer.open_acl(found.payload, row.doc, class_)
            text = holdings.sealer.open_text(found.payload, keys, row.doc, found.id, chunk.fp)
            yield DumpedChunk(
                source=name,
                key=key,
                span=span,
                text_sha256=hashlib.sha256((text or "").encode()).hexdigest(),
                vector_sha256=hashlib.sha256(found.vector).hexdigest(),
                vector=found.vector,
                readers=class_.acl.readers(),
            )
