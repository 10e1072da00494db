"""Reading: one snapshot of the ledger."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from syncd.adapters.ledger import queries
from syncd.adapters.ledger.queries import Paged, Query, filled
from syncd.core.rows import (
    ClassRow,
    CollectionRow,
    CopyRow,
    Counts,
    DocRow,
    DocState,
    EventRow,
    Fence,
    IntentRow,
    NameRow,
    PageRow,
    PointRow,
    QuarantineRow,
    RunRow,
    SourceRow,
)
from syncd.errors import LedgerCorrupt

T = TypeVar("T")

PAGE_ROWS = 500
"""Rows that an iteration holds at once, and values in one IN list."""
OWNERS_EACH = 4
"""Points of a text that are worth asking for: a vector is missing where its document was killed half way, not everywhere."""


class SqlView:
    """`ports.LedgerView` over a connection that is inside a transaction. Of no use once that transaction has ended."""

    def __init__(self, connection: Connection, file: Path) -> None:
        self._connection = connection
        self._file = file

    def meta(self, name: str) -> bytes | None:
        """The value under `name`."""
        return self._one(queries.META_VALUE, name=name)

    def sources(self) -> list[SourceRow]:
        """All sources, by locator."""
        return self._all(queries.ALL_SOURCES)

    def source(self, source: bytes) -> SourceRow | None:
        """One source."""
        return self._one(queries.ONE_SOURCE, source=source)

    def page(self, locator: bytes) -> PageRow | None:
        """One page."""
        return self._one(queries.ONE_PAGE, locator=locator)

    def stamps_at(self, locators: Sequence[bytes]) -> dict[bytes, bytes | None]:
        """The stamps of those of the pages at `locators` that are recorded, by locator."""
        found: dict[bytes, bytes | None] = {}
        for start in range(0, len(locators), PAGE_ROWS):
            found.update(self._all(queries.STAMPS_AT, locators=filled(locators[start : start + PAGE_ROWS])))
        return found

    def pages(self, source: bytes) -> Iterator[PageRow]:
        """All pages of `source`, by locator."""
        return self._stream(queries.PAGES_OF_SOURCE, source=source)

    def unwritten(self, source: bytes, scan: int) -> int:
        """How many pages of `source` there are that `scan` did not write."""
        return self._all(queries.UNWRITTEN_COUNT, source=source, scan=scan)[0]

    def children(self, parent: bytes) -> list[PageRow]:
        """The pages that lie in the page `parent`, by locator."""
        return self._all(queries.CHILDREN, parent=parent)

    def doc(self, doc: bytes) -> DocRow | None:
        """One document, in whatever state."""
        return self._one(queries.ONE_DOC, doc=doc)

    def docs(self, source: bytes | None = None, after: bytes = b"") -> Iterator[DocRow]:
        """All documents beyond `after`, of `source` or of all, in all states, by doc."""
        if source is None:
            return self._stream(queries.ALL_DOCS, after=after)
        return self._stream(queries.DOCS_OF_SOURCE, source=source, after=after)

    def docs_of_page(self, page: bytes) -> list[DocRow]:
        """The documents whose row names `page`, in all states (tombstones too), by doc."""
        return self._all(queries.DOCS_OF_PAGE, page=page)

    def doc_at(self, locator: bytes) -> DocRow | None:
        """The one document at `locator`; never a tombstone, for those have none."""
        return self._one(queries.DOC_AT, locator=locator)

    def docs_with_identity(self, source: bytes, identity: bytes) -> list[DocRow]:
        """The documents of `source` with this identity, in all states, by doc."""
        return self._all(queries.DOCS_WITH_IDENTITY, source=source, identity=identity)

    def staged(self, source: bytes) -> Iterator[DocRow]:
        """The documents of `source` that are staged for deletion, by doc."""
        return self._stream(queries.STAGED, source=source)

    def points(self, doc: bytes) -> list[PointRow]:
        """The points of `doc`, by fp and occurrence."""
        return self._all(queries.POINTS_OF_DOC, doc=doc)

    def point(self, doc: bytes, fp: bytes, occurrence: int) -> PointRow | None:
        """One point."""
        return self._one(queries.ONE_POINT, doc=doc, fp=fp, occurrence=occurrence)

    def points_of(self, docs: Sequence[bytes]) -> dict[bytes, list[PointRow]]:
        """The points of each of `docs` that has any."""
        found: dict[bytes, list[PointRow]] = {}
        for start in range(0, len(docs), PAGE_ROWS):
            for row in self._all(queries.POINTS_OF_DOCS, docs=filled(docs[start : start + PAGE_ROWS])):
                found.setdefault(row.doc, []).append(row)
        return found

    def owners(self, fps: Sequence[bytes], without: Sequence[bytes] = ()) -> list[PointRow]:
        """Points of these `fps`, in any order, a few of each at least: a licence text may stand in a million documents.

        without: documents whose points are none.
        """
        distinct = list(dict.fromkeys(fps))
        others = filled(without) or [b""]  # SQL knows no empty list, and no document is called so
        found: list[PointRow] = []
        for start in range(0, len(distinct), PAGE_ROWS):
            some = distinct[start : start + PAGE_ROWS]
            most = 2 * OWNERS_EACH * len(some)
            rows = self._all(queries.OWNERS, fps=filled(some), without=others, limit=most)
            if len(rows) == most:
                rows = [row for fp in some for row in self._all(queries.OWNERS_OF_ONE, fp=fp, without=others, limit=OWNERS_EACH)]
            found += rows
        return found

    def names(self, locator: bytes) -> list[NameRow]:
        """What has been at `locator`, oldest first."""
        return self._all(queries.NAMES_AT, locator=locator)

    def names_of(self, doc: bytes) -> list[NameRow]:
        """Where `doc` has been, oldest first."""
        return self._all(queries.NAMES_OF_DOC, doc=doc)

    def classes(self) -> list[ClassRow]:
        """All ACL classes, by id."""
        return self._all(queries.ALL_CLASSES)

    def class_of(self, key: bytes) -> ClassRow | None:
        """The class of the ACL with this keyed digest."""
        return self._one(queries.CLASS_BY_KEY, key=key)

    def live_classes(self) -> frozenset[int]:
        """Ids of the classes with a pending or live document that has a live point."""
        return frozenset(self._all(queries.LIVE_CLASSES))

    def quarantine(self, locator: bytes) -> QuarantineRow | None:
        """What is held back at `locator`."""
        return self._one(queries.ONE_QUARANTINE, locator=locator)

    def quarantined(self, source: bytes | None = None) -> Iterator[QuarantineRow]:
        """All that is held back, of `source` or of all, by locator."""
        if source is None:
            return self._stream(queries.ALL_QUARANTINE)
        return self._stream(queries.QUARANTINE_OF_SOURCE, source=source)

    def quarantine_of_page(self, page: bytes) -> list[QuarantineRow]:
        """What is held back on `page`, by locator."""
        return self._all(queries.QUARANTINE_OF_PAGE, page=page)

    def intents(self) -> list[IntentRow]:
        """Every change without an outcome, oldest first."""
        return self._all(queries.ALL_INTENTS)

    def collections(self) -> list[CollectionRow]:
        """All collections, by name."""
        return self._all(queries.ALL_COLLECTIONS)

    def runs(self, source: bytes | None = None, limit: int = 20) -> list[RunRow]:
        """The last `limit` runs, of `source` or of all, newest first."""
        if source is None:
            return self._all(queries.ALL_RUNS, limit=limit)
        return self._all(queries.RUNS_OF_SOURCE, source=source, limit=limit)

    def deciding_run(self, source: bytes) -> RunRow | None:
        """The last run of `source` that looked at all of it, or halted: what a few hints led to decides nothing."""
        return self._one(queries.DECIDING_RUN, source=source, limit=1)

    def due(self, source: bytes) -> int:
        """How many documents of `source` a reindex still has to embed again; what is in quarantine can't be read for that."""
        return self._all(queries.DUE_COUNT, source=source)[0]

    def copy(self, doc: bytes) -> CopyRow | None:
        """What the filling collection holds of a document."""
        return self._one(queries.ONE_COPY, doc=doc)

    def copy_points(self, doc: bytes) -> list[PointRow]:
        """The points of `doc` in the filling collection, by fp and occurrence."""
        return self._all(queries.COPY_POINTS_OF_DOC, doc=doc)

    def copy_owners(self, fps: Sequence[bytes]) -> list[PointRow]:
        """Some live points of these `fps` in the filling collection; of a text that stands in many documents not all."""
        found: list[PointRow] = []
        for start in range(0, len(fps), PAGE_ROWS):
            some = list(fps[start : start + PAGE_ROWS])
            found += self._all(queries.COPY_OWNERS, fps=filled(some), limit=2 * OWNERS_EACH * len(some))
        return found

    def copy_point_count(self) -> int:
        """How many live points the filling collection has."""
        return self._all(queries.COPY_POINTS_COUNT)[0]

    def uncopied(self, shape: bytes, after: bytes = b"") -> Iterator[DocRow]:
        """Live documents beyond `after` that the filling collection lacks, or has of another content, `shape` or ACL version."""
        return self._stream(queries.UNCOPIED, shape=shape, after=after)

    def uncopied_count(self, shape: bytes, source: bytes | None = None) -> int:
        """How many those are, of `source` or of all."""
        if source is None:
            return self._all(queries.UNCOPIED_COUNT, shape=shape)[0]
        return self._all(queries.UNCOPIED_COUNT_OF_SOURCE, shape=shape, source=source)[0]

    def orphans(self) -> Iterator[bytes]:
        """Documents that the filling collection holds although they are gone."""
        return self._stream(queries.ORPHANS)

    def live(self, source: bytes) -> int:
        """How many documents of `source` are live: the quick part of `counts`."""
        return sum(count for state, _, count in self._all(queries.DOC_COUNTS_OF_SOURCE, source=source) if state is DocState.LIVE)

    def held_back(self, source: bytes) -> int:
        """How many documents of `source` are in quarantine, in one version or another."""
        return self._all(queries.QUARANTINE_COUNT_OF_SOURCE, source=source)[0]

    def counts(self, source: bytes | None = None) -> Counts:
        """How much there is, of `source` or of all. points: live ones; fenced: documents that are not tombstones."""
        if source is None:
            docs = self._all(queries.ALL_DOC_COUNTS)
            points = self._all(queries.ALL_POINTS_COUNT)[0]
            quarantined = self._all(queries.ALL_QUARANTINE_COUNT)[0]
        else:
            docs = self._all(queries.DOC_COUNTS_OF_SOURCE, source=source)
            points = self._all(queries.POINTS_COUNT_OF_SOURCE, source=source)[0]
            quarantined = self.held_back(source)
        states = {state: sum(count for at, _, count in docs if at is state) for state in DocState}
        return Counts(
            live=states[DocState.LIVE],
            pending=states[DocState.PENDING],
            deleted=states[DocState.DELETED],
            fenced=sum(count for state, fence, count in docs if fence is not Fence.NONE and state is not DocState.DELETED),
            points=points,
            quarantined=quarantined,
        )

    def older(self, source: bytes) -> int:
        """How many documents of `source` are found in an older version than the one that is in quarantine."""
        return self._all(queries.OLDER_COUNT_OF_SOURCE, source=source)[0]

    def events(self, since: int = 0, limit: int | None = None) -> Iterator[EventRow]:
        """Audit events from `since` on, ascending, at most `limit` of them."""
        return islice(self._stream(queries.EVENTS_SINCE, after=since - 1), limit)

    def events_of(self, doc: str) -> Iterator[EventRow]:
        """Audit events of one document (its id in hex), ascending."""
        return self._stream(queries.EVENTS_OF_DOC, doc=doc)

    def event(self, seq: int) -> EventRow | None:
        """One audit event."""
        return self._one(queries.ONE_EVENT, seq=seq)

    def event_count(self) -> int:
        """The next free sequence number: how many events there are, as they have no gaps."""
        return self._all(queries.EVENT_COUNT)[0]

    def nodes(self, level: int | None = None) -> Iterator[tuple[int, int, bytes]]:
        """Stored tree nodes (level, index, hash), ascending, of one `level` or of all."""
        return self._stream(queries.ALL_NODES) if level is None else self._stream(queries.NODES_OF_LEVEL, level=level)

    def checkpoints(self) -> Iterator[tuple[int, bytes, str]]:
        """Signed checkpoints (size, root, note), by size."""
        return self._stream(queries.ALL_CHECKPOINTS)

    def last_checkpoint(self) -> tuple[int, bytes, str] | None:
        """The one of the most events."""
        return self._one(queries.LAST_CHECKPOINT, limit=1)

    def _before(self, query: Query[Any], values: Mapping[str, Any]) -> None:
        """Called before `query` is asked; a transaction writes here what it still holds and the answer depends on."""

    def _all(self, query: Query[T], **values: Any) -> list[T]:
        self._before(query, values)
        try:
            return [query.make(row) for row in self._connection.execute(query.statement, values)]
        except ValueError as error:  # a state or fence that is none: nobody but a damaged file says such a thing
            raise LedgerCorrupt(file=self._file, detail=error) from error

    def _one(self, query: Query[T], **values: Any) -> T | None:
        return next(iter(self._all(query, **values)), None)

    def _stream(self, query: Paged[T], **values: Any) -> Iterator[T]:
        place: Mapping[str, Any] = {**query.start, **values}
        while True:
            rows = self._all(query.query, **place, limit=PAGE_ROWS)
            yield from rows
            if len(rows) < PAGE_ROWS:
                return
            place = {**place, **query.after(rows[-1])}
