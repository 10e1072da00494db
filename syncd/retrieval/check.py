"""The third step of reading: what the store answered is believed only as far as ledger and seals agree."""

from dataclasses import dataclass
from enum import StrEnum

from syncd.core.acl import Acl, Reader
from syncd.core.card import Card
from syncd.core.keys import Keyring
from syncd.core.model import Chunk, Point
from syncd.core.rows import ClassRow, DocRow, DocState, Fence, PointState
from syncd.errors import Forged
from syncd.ports import LedgerView
from syncd.seal.cards import open_acl, open_card
from syncd.seal.identity import point_id
from syncd.seal.points import AclClass, Sealer
from syncd.seal.wrapping import DocKeys, open_dek


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
    row: DocRow
    keys: DocKeys
    card: Card
    live: frozenset[tuple[bytes, int]]
    known: frozenset[tuple[bytes, int]]


class Checker:
    """Checks points against one snapshot of the ledger. oldest: sources whose ACLs were last scanned before it are refused."""

    def __init__(self, view: LedgerView, keyring: Keyring, sealer: Sealer, *, oldest: float) -> None:
        self._view = view
        self._keyring = keyring
        self._sealer = sealer
        self._classes: dict[int, tuple[ClassRow, Acl]] = {}
        self._dossiers: dict[bytes, _Dossier | None] = {}
        self._late = {row.source for row in view.sources() if row.acls_at < oldest}

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
        class_, acl = self.class_of(row.class_id)
        if version == row.issued:
            self._sealer.open_acl(point.payload, row.doc, AclClass(class_.uid, acl))
        if not acl.decide(reader):
            return Drop.DENIED
        text = self._sealer.open_text(point.payload, dossier.keys, row.doc, point.id, chunk.fp)
        return Opened(row, dossier.card, chunk, text)

    def class_of(self, class_id: int) -> tuple[ClassRow, Acl]:
        """A class with its ACL from the ledger."""
        if class_id not in self._classes:
            for row in self._view.classes():
                self._classes[row.id] = (row, open_acl(self._keyring, row.uid, row.sealed))
        return self._classes[class_id]

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
        keys = open_dek(self._keyring, row.epoch, row.dek, row.doc)
        card = open_card(self._keyring.algorithm, keys, row.doc, row.vault)
        points = self._view.points(row.doc)
        live = frozenset((p.fp, p.occurrence) for p in points if p.state is PointState.LIVE)
        return _Dossier(row, keys, card, live, frozenset((p.fp, p.occurrence) for p in points))

    def _chunk(self, point: Point, dossier: _Dossier) -> Chunk | Drop:
        """The recorded chunk whose point this is: the id must follow from document, fingerprint and occurrence."""
        fp = point.payload.get("fp")
        identity = self._keyring.identity
        for known_fp, occurrence in dossier.known:
            if known_fp.hex() == fp and point_id(identity, dossier.row.doc, known_fp, occurrence) == point.id:
                if (known_fp, occurrence) not in dossier.live:
                    return Drop.PENDING
                wanted = (known_fp, occurrence)
                return next((c for c in dossier.card.chunks if (c.fp, c.occurrence) == wanted), Drop.UNRECORDED)
        return Drop.UNRECORDED
