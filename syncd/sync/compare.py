"""Comparing what is recorded with what the store holds: sums first, then point by point where they differ.

Whatever goes on meanwhile makes suspects, not findings: each suspect is judged again, by ledger and store as they are then.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from syncd.core.acl import NOBODY
from syncd.core.drift import Drift, Expected, Said, Tally, before_bucket, bucket_of
from syncd.core.model import Point, PointId, Reason
from syncd.core.rows import DocRow, DocState, Fence, PointRow, PointState
from syncd.errors import Forged
from syncd.ports import LedgerView
from syncd.seal.identity import point_id
from syncd.seal.vault import Vault
from syncd.sync.classes import Classes
from syncd.sync.collection import Collection
from syncd.sync.install import Install
from syncd.sync.stage import batches

DOCUMENTS = 256
"""Documents that are read together."""
POINTS = 1_024
"""Points of the store that are read together."""
HELD = 100_000
"""Recorded points that are in memory at once."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A point that is not as recorded. row, point: the records of it, if any. vector: only that is wrong."""

    kind: Drift
    id: PointId
    row: DocRow | None
    point: PointRow | None
    vector: bool = False


@dataclass(frozen=True, slots=True)
class Suspect:
    """A point that did not look right. doc: whose it is by the record, else what it says itself. point: its record, then."""

    id: PointId
    doc: bytes | None
    point: PointRow | None = None


class _Record(NamedTuple):
    """A recorded point, what it has to say, and its document's class."""

    point: PointRow
    expected: Expected
    class_id: int


class Comparison:
    """One install's ledger against one collection. between: called where nothing is half read, with how many points were seen."""

    def __init__(self, install: Install, collection: Collection, between: Callable[[int], None]) -> None:
        self._install = install
        self._collection = collection
        self._between = between
        self._vault = Vault(install.keyring)
        self._tokens: dict[tuple[int, int], str] = {}
        with install.ledger.read() as view:
            self._classes = Classes(install, view)

    # -- suspects ------------------------------------------------------------------------------------------------------

    def suspects(self, *, full: bool) -> Iterator[list[Suspect]]:
        """Whatever may be wrong, in batches. full: every point is one, so that every seal is opened."""
        recorded, buckets = self._differing(full=full)
        for some in _shares(buckets, recorded):
            yield from self._of_buckets(some, full=full)

    def _differing(self, *, full: bool) -> tuple[Tally, list[int]]:
        """The buckets whose sums differ (full: all of them), and the sums of what is recorded."""
        key = self._install.entropy.bytes(32)
        recorded, there = Tally(key), Tally(key)
        epoch = self._install.keyring.current.number
        with self._install.ledger.read() as view:
            for id_, (row, expected, class_id) in self._recorded(view):
                if row.state is PointState.LIVE and not (expected.unknown and not expected.fenced):
                    token = self._token(class_id, epoch)
                    recorded.add(id_, Said(expected.doc, expected.fp, expected.issued, token, epoch))
        if full:
            return recorded, list(range(len(recorded.counts)))
        for points in self._scrolled(None):
            for point in points:
                there.add(point.id, Said.of(point.payload))
        return recorded, recorded.differing(there)

    def _of_buckets(self, buckets: Sequence[int], *, full: bool) -> Iterator[list[Suspect]]:
        """Suspects among the points of these buckets."""
        wanted = set(buckets)
        with self._install.ledger.read() as view:
            known = {id_: record for id_, record in self._recorded(view) if bucket_of(id_) in wanted}
        for first, last in _stretches(buckets):
            for points in self._scrolled(before_bucket(first)):
                batch = []
                for point in points:
                    if bucket_of(point.id) > last:
                        break
                    record = known.pop(point.id, None)
                    if record is None:
                        batch.append(Suspect(point.id, named(point)))
                    elif full or not self._right(point, record):
                        batch.append(Suspect(point.id, record.point.doc, record.point))
                yield batch
                if bucket_of(points[-1].id) > last:
                    break
        left = ((id_, record.point) for id_, record in known.items() if record.point.state is PointState.LIVE)
        yield from batches((Suspect(id_, point.doc, point) for id_, point in left), POINTS)

    def _right(self, point: Point, record: _Record) -> bool:
        said = Said.of(point.payload)
        return record.expected.judge(said, self._token(record.class_id, said.epoch)) is None

    def _recorded(self, view: LedgerView) -> Iterator[tuple[PointId, _Record]]:
        """Every recorded point, by its id."""
        self._classes.refresh(view)
        unknown = _acl_unknown(view)
        seen = 0
        for some in batches(view.docs(), DOCUMENTS):
            points = view.points_of([row.doc for row in some])
            for row in some:
                for point in points.get(row.doc, ()):
                    seen += 1
                    yield self._id(point), _Record(point, _expected(row, point, unknown), row.class_id)
            self._between(seen)

    def _id(self, point: PointRow) -> PointId:
        return point_id(self._install.keyring.identity, point.doc, point.fp, point.occurrence)

    def _scrolled(self, after: PointId | None) -> Iterator[list[Point]]:
        """Everything in the store beyond an id, ascending, without vectors."""
        seen = 0
        while True:
            points, after = self._install.index.scroll(self._collection.name, None, after, POINTS, vectors=False)
            if points:
                yield points
            seen += len(points)
            self._between(seen)
            if after is None:
                return

    def _token(self, class_id: int, epoch: int | None) -> str | None:
        """The token of a class in an epoch; None where there is no such epoch."""
        known = self._install.keyring.epoch(epoch) if epoch is not None else None
        if known is None:
            return None
        found = self._tokens.get((class_id, known.number))
        if found is None:
            found = self._collection.sealer.token(known, self._classes.sealing(class_id))
            self._tokens[class_id, known.number] = found
        return found

    # -- judging -------------------------------------------------------------------------------------------------------

    def judge(self, suspects: Sequence[Suspect], *, seals: bool) -> list[Finding]:
        """What is wrong now with points that were suspect. seals: their blobs are opened, too, and their vectors measured."""
        if not suspects:
            return []
        install = self._install
        there: dict[PointId, Point] = {}
        for ids in batches((suspect.id for suspect in suspects), DOCUMENTS):
            there |= {found.id: found for found in install.index.retrieve(self._collection.name, ids, vectors=seals)}
        with install.ledger.read() as view:
            self._classes.refresh(view)
            unknown = _acl_unknown(view)
            docs = {suspect.doc for suspect in suspects if suspect.doc is not None}
            rows = {doc: row for doc in docs if (row := view.doc(doc)) is not None}
            found = []
            for suspect in suspects:
                row = rows.get(suspect.doc) if suspect.doc is not None else None
                point, present = self._record(view, suspect), there.get(suspect.id)
                kind = self._judge(row, point, present, unknown, seals=seals)
                if kind is not None:
                    found.append(Finding(kind, suspect.id, row, point))
        return found

    def _record(self, view: LedgerView, suspect: Suspect) -> PointRow | None:
        """What is recorded of a point by now."""
        if suspect.point is not None:
            return view.point(suspect.point.doc, suspect.point.fp, suspect.point.occurrence)
        mine = view.points(suspect.doc) if suspect.doc is not None else []
        return next((point for point in mine if self._id(point) == suspect.id), None)

    def _judge(
        self,
        row: DocRow | None,
        point: PointRow | None,
        present: Point | None,
        unknown: frozenset[bytes],
        *,
        seals: bool,
    ) -> Drift | None:
        if row is None or point is None:
            return None if present is None else Drift.FOREIGN if row is None else Drift.EXTRA
        if point.state is not PointState.LIVE:
            return None  # it is being written, or waits to be
        if present is None:
            return Drift.MISSING
        said = Said.of(present.payload)
        wrong = _expected(row, point, unknown).judge(said, self._token(row.class_id, said.epoch))
        if wrong is not None or not seals:
            return wrong
        if len(present.vector) != 4 * self._collection.row.dimension:
            return Drift.ALTERED
        return None if self._opens(row, point, present, said) else Drift.UNSEALED

    def _opens(self, row: DocRow, point: PointRow, present: Point, said: Said) -> bool:
        """Whether both blobs are those of this point of this document."""
        sealer, class_ = self._collection.sealer, self._classes.sealing(row.class_id)
        try:
            if said.version == row.issued and class_.acl != NOBODY:
                sealer.open_acl(present.payload, row.doc, class_)
            sealer.open_text(present.payload, self._vault.keys(row), row.doc, present.id, point.fp)
        except Forged:
            return False
        return True


def _acl_unknown(view: LedgerView) -> frozenset[bytes]:
    """Documents that are in quarantine because nobody knows who may read them."""
    return frozenset(row.doc for row in view.quarantined() if row.doc is not None and row.reason == Reason.ACL)


def _expected(row: DocRow, point: PointRow, unknown: frozenset[bytes]) -> Expected:
    fenced = row.fence is not Fence.NONE or row.state is not DocState.LIVE
    unclear = row.fence is Fence.ACL or row.doc in unknown
    return Expected(row.doc.hex(), point.fp.hex(), row.floor, row.issued, unclear, fenced)


def named(point: Point) -> bytes | None:
    """The document that a point says it is of."""
    said = Said.of(point.payload).doc
    try:
        return bytes.fromhex(said) if said else None
    except ValueError:
        return None


def _shares(buckets: Sequence[int], recorded: Tally) -> Iterator[list[int]]:
    """The buckets in order, as many at once as hold HELD recorded points."""
    share: list[int] = []
    held = 0
    for bucket in buckets:
        if share and held + recorded.counts[bucket] > HELD:
            yield share
            share, held = [], 0
        share.append(bucket)
        held += recorded.counts[bucket]
    if share:
        yield share


def _stretches(buckets: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as first and last of those that follow one another."""
    first = last = -2
    for bucket in buckets:
        if bucket != last + 1:
            if first >= 0:
                yield first, last
            first = bucket
        last = bucket
    if first >= 0:
        yield first, last
