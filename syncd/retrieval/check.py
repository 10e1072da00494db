"""The third step of reading: what the store answered is believed only as far as ledger and seals agree."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from syncd.core.acl import Reader
from syncd.core.card import Card
from syncd.core.model import Chunk, Point
from syncd.core.rows import DocRow, DocState, Fence, PointState, SourceRow
from syncd.errors import Forged
from syncd.ports import LedgerView
from syncd.retrieval.holdings import Holdings
from syncd.seal.identity import point_id
from syncd.seal.wrapping import DocKeys


class Drop(StrEnum):
    """Why a point was not shown."""

    FORGED = "forged"
    """A blob did not open for this point of this document."""
    UNRECORDED = "unrecorded"
    """The ledger knows no such point."""
    VERSION = "version"
    """Its ACL version was never issued, or lies below the floor."""
    PENDING = "pending"
    """It is being written, moved or deleted; no sign of harm."""
    FENCED = "fenced"
    DENIED = "denied"
    """The ACL in the ledger says no; no sign of harm while a change is under way."""
    LATE = "late"
    """Its source's ACLs were not completely scanned for longer than `acl.stale_after`."""


HARMFUL = frozenset({Drop.FORGED, Drop.UNRECORDED, Drop.VERSION})
"""What nothing that syncd does can cause: an integrity event."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A point that passed: its document, its card, its chunk, its text (None where texts are omitted)."""

    row: DocRow
    card: Card
    chunk: Chunk
    text: str | None


@dataclass(frozen=True, slots=True)
class _Dossier:
    """A document opened: its recorded occurrences by fingerprint (hex), which of them are live, its chunks by both."""

    row: DocRow
    keys: DocKeys
    card: Card
    recorded: Mapping[str, list[tuple[bytes, int]]]
    live: frozenset[tuple[bytes, int]]
    chunks: Mapping[tuple[bytes, int], Chunk]


class Checker:
    """Checks points against one snapshot of the ledger. known: what tells of a source's row whether its ACLs can be believed."""

    def __init__(self, view: LedgerView, holdings: Holdings, *, known: Callable[[SourceRow], bool] = lambda _: True) -> None:
        self._view = view
        self._holdings = holdings
        self._classes = holdings.classes(view)
        self._dossiers: dict[bytes, _Dossier | None] = {}
        self._late = {row.source for row in view.sources() if not known(row)}

    def check(self, point: Point, reader: Reader) -> Opened | Drop:
        """Everything that must hold before `reader` sees the point."""
        try:
            return self._check(point, reader)
        except Forged:
            return Drop.FORGED

    def _check(self, point: Point, reader: Reader) -> Opened | Drop:
        dossier = self._dossier(point)
        if dossier is None:
            return Drop.UNRECORDED
        row = dossier.row
        if row.state is DocState.DELETED:
            return Drop.UNRECORDED
        if row.fence is not Fence.NONE:
            return Drop.FENCED
        if row.source in self._late:
            return Drop.LATE
        chunk = self._chunk(point, dossier)
        if isinstance(chunk, Drop):
            return chunk
        version = point.payload.get("acl_version")
        if not isinstance(version, int) or not row.floor <= version <= row.issued:
            return Drop.VERSION
        class_, sealer = self._classes[row.class_id], self._holdings.sealer
        if version == row.issued:
            sealer.open_acl(point.payload, row.doc, class_)
        if not class_.acl.decide(reader):
            return Drop.DENIED
        text = sealer.open_text(point.payload, dossier.keys, row.doc, point.id, chunk.fp)
        return Opened(row, dossier.card, chunk, text)

    def _dossier(self, point: Point) -> _Dossier | None:
        named = point.payload.get("doc")
        try:
            doc = bytes.fromhex(named) if isinstance(named, str) else b""
        except ValueError:
            return None
        if doc not in self._dossiers:
            row = self._view.doc(doc) if doc else None
            self._dossiers[doc] = self._open(row) if row is not None else None
        return self._dossiers[doc]

    def _open(self, row: DocRow) -> _Dossier:
        vault = self._holdings.vault
        card = vault.card(row)
        recorded: dict[str, list[tuple[bytes, int]]] = {}
        live = set()
        for point in self._view.points(row.doc):
            recorded.setdefault(point.fp.hex(), []).append((point.fp, point.occurrence))
            if point.state is PointState.LIVE:
                live.add((point.fp, point.occurrence))
        chunks: dict[tuple[bytes, int], Chunk] = {(chunk.fp, chunk.occurrence): chunk for chunk in card.chunks}
        return _Dossier(row, vault.keys(row), card, recorded, frozenset(live), chunks)

    def _chunk(self, point: Point, dossier: _Dossier) -> Chunk | Drop:
        """The recorded chunk whose point this is: the id must follow from document, fingerprint and occurrence."""
        identity = self._holdings.keyring.identity
        for place in dossier.recorded.get(str(point.payload.get("fp")), ()):
            if point_id(identity, dossier.row.doc, *place) == point.id:
                return dossier.chunks.get(place, Drop.UNRECORDED) if place in dossier.live else Drop.PENDING
        return Drop.UNRECORDED
