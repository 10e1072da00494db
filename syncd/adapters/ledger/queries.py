"""Every question asked of the ledger, as a statement built once: SQLAlchemy compiles each a single time per process.

A `Paged` question is asked again and again for the rows beyond the last one seen, in the order of a key that never changes.
So an iteration needs the memory of one page, holds no cursor open, and sees each row at most once, even in a transaction that
changes what it iterates over.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, ColumnElement, Row, Select, Table, and_, bindparam, exists, func, or_, select, tuple_

from syncd.adapters.ledger.schema import (
    ACL_CLASS,
    AUDIT_CHECKPOINT,
    AUDIT_EVENT,
    AUDIT_LEAF,
    AUDIT_NODE,
    COLLECTION,
    COPY,
    COPY_POINT,
    DOCUMENT,
    INTENT,
    META,
    NAME,
    PAGE,
    POINT,
    QUARANTINE,
    RUN,
    SOURCE,
)
from syncd.core.rows import (
    ClassRow,
    CollectionRow,
    CopyRow,
    DocRow,
    DocState,
    Due,
    EventRow,
    Fence,
    IntentRow,
    NameRow,
    PageRow,
    PointRow,
    PointState,
    QuarantineRow,
    RunRow,
    SourceRow,
)

T = TypeVar("T")


def filled(values: Sequence[bytes]) -> list[bytes]:
    """`values`, the last of them again and again up to a power of two: for an IN list.

    It asks for the same, and there are ten statements instead of five hundred: the driver keeps 128 of them on each connection,
    and one with a list takes up to 100 kB.
    """
    missing = (1 << max(0, len(values) - 1).bit_length()) - len(values)
    return [*values, *([values[-1]] * missing if values else [])]


@dataclass(frozen=True, slots=True)
class Query(Generic[T]):
    """A statement, the tables it reads, and what makes a value of each of its rows.

    pinned: the first column of the table's key, where the statement asks for one value of it; rows of another can't matter.
    """

    statement: Select[Any]
    tables: tuple[Table, ...]
    make: Callable[[Row[Any]], T]
    pinned: str | None = None

    def where(self, *conditions: ColumnElement[bool]) -> "Query[T]":
        """The same question of fewer rows."""
        return replace(self, statement=self.statement.where(*conditions))

    def of(self, key: Column[Any]) -> "Query[T]":
        """The same question of the rows with one value of `key`, the first column of the table's primary key."""
        return replace(self.where(*_same(key)), pinned=key.name)

    def by(self, *order: ColumnElement[Any]) -> "Query[T]":
        """The same question with its answers in `order`."""
        return replace(self, statement=self.statement.order_by(*order))

    def limited(self) -> "Query[T]":
        """The same question with at most `limit` answers."""
        return replace(self, statement=self.statement.limit(bindparam("limit")))


@dataclass(frozen=True, slots=True)
class Paged(Generic[T]):
    """A `query` limited to `limit` rows beyond `start`, and where to go on after a row that it gave."""

    query: Query[T]
    start: Mapping[str, bytes | int]
    after: Callable[[T], Mapping[str, bytes | int]]


def _made(kind: Callable[..., T]) -> Callable[[Row[Any]], T]:
    return lambda row: kind(*row)


def _rows(kind: Callable[..., T], columns: list[Column[Any]], *tables: Table) -> Query[T]:
    return Query(select(*columns), tables, _made(kind))


def _table(kind: type[T], table: Table) -> Query[T]:
    return _rows(kind, [table.c[field.name] for field in fields(kind)], table)  # type: ignore[arg-type]  # T is a row dataclass


def _same(*columns: Column[Any]) -> tuple[ColumnElement[bool], ...]:
    return tuple(column == bindparam(column.name) for column in columns)


def _by_key(query: Query[T], key: Column[Any], after: Callable[[T], bytes | int], start: bytes | int = b"") -> Paged[T]:
    beyond = query.where(key > bindparam("after")).by(key).limited()
    return Paged(beyond, {"after": start}, lambda row: {"after": after(row)})


_SOURCES = _table(SourceRow, SOURCE)
_PAGES = _table(PageRow, PAGE)
_DOCS = _table(DocRow, DOCUMENT)
_POINTS = _table(PointRow, POINT)
_NAMES = _table(NameRow, NAME)
_CLASSES = _table(ClassRow, ACL_CLASS)
_QUARANTINE = _table(QuarantineRow, QUARANTINE)
_RUNS = _table(RunRow, RUN).by(RUN.c.started_at.desc(), RUN.c.run.desc()).limited()
_EVENT_COLUMNS = [AUDIT_LEAF.c.body if field.name == "leaf" else AUDIT_EVENT.c[field.name] for field in fields(EventRow)]
_EVENTS = Query(
    select(*_EVENT_COLUMNS).select_from(AUDIT_EVENT.outerjoin(AUDIT_LEAF, AUDIT_LEAF.c.seq == AUDIT_EVENT.c.seq)),
    (AUDIT_EVENT, AUDIT_LEAF),
    _made(EventRow),
)

META_VALUE = _rows(bytes, [META.c.value], META).of(META.c.name)
ALL_SOURCES = _SOURCES.by(SOURCE.c.source)
ONE_SOURCE = _SOURCES.of(SOURCE.c.source)
ONE_PAGE = _PAGES.of(PAGE.c.locator)
PAGES_OF_SOURCE = _by_key(_PAGES.where(*_same(PAGE.c.source)), PAGE.c.locator, lambda row: row.locator)
UNWRITTEN_COUNT = Query(
    select(func.count()).select_from(PAGE).where(PAGE.c.scan != bindparam("scan")), (PAGE,), _made(int)
).where(*_same(PAGE.c.source))
CHILDREN = _PAGES.where(*_same(PAGE.c.parent)).by(PAGE.c.locator)
ONE_DOC = _DOCS.of(DOCUMENT.c.doc)
ALL_DOCS = _by_key(_DOCS, DOCUMENT.c.doc, lambda row: row.doc)
DOCS_OF_SOURCE = _by_key(_DOCS.where(*_same(DOCUMENT.c.source)), DOCUMENT.c.doc, lambda row: row.doc)
DOCS_OF_PAGE = _DOCS.where(*_same(DOCUMENT.c.page)).by(DOCUMENT.c.doc)
DOC_AT = _DOCS.where(*_same(DOCUMENT.c.locator))
DOCS_WITH_IDENTITY = _DOCS.where(*_same(DOCUMENT.c.source, DOCUMENT.c.identity)).by(DOCUMENT.c.doc)
STAGED = _by_key(_DOCS.where(*_same(DOCUMENT.c.source), DOCUMENT.c.staged.is_(True)), DOCUMENT.c.doc, lambda row: row.doc)
POINTS_OF_DOC = _POINTS.of(POINT.c.doc).by(POINT.c.fp, POINT.c.occurrence)
ONE_POINT = _POINTS.of(POINT.c.doc).where(*_same(POINT.c.fp, POINT.c.occurrence))
POINTS_OF_DOCS = _POINTS.where(POINT.c.doc.in_(bindparam("docs", expanding=True))).by(POINT.c.fp, POINT.c.occurrence)
_STAMPS = _rows(lambda locator, stamp: (locator, stamp), [PAGE.c.locator, PAGE.c.stamp], PAGE)
STAMPS_AT = _STAMPS.where(PAGE.c.locator.in_(bindparam("locators", expanding=True)))
_OTHERS = _POINTS.where(POINT.c.doc.not_in(bindparam("without", expanding=True)))
OWNERS = _OTHERS.where(POINT.c.fp.in_(bindparam("fps", expanding=True))).limited()
OWNERS_OF_ONE = _OTHERS.where(POINT.c.fp == bindparam("fp")).limited()
NAMES_AT = _NAMES.where(*_same(NAME.c.locator)).by(NAME.c.seq, NAME.c.doc)
NAMES_OF_DOC = _NAMES.of(NAME.c.doc).by(NAME.c.seq, NAME.c.locator)
ALL_CLASSES = _CLASSES.by(ACL_CLASS.c.id)
CLASS_BY_KEY = _CLASSES.where(*_same(ACL_CLASS.c.key))
LIVE_CLASSES = _rows(int, [ACL_CLASS.c.id], ACL_CLASS, DOCUMENT, POINT).where(
    # class by class, for the first document with a point settles it: as fast with a million documents as with ten
    exists()
    .where(
        DOCUMENT.c.class_id == ACL_CLASS.c.id,
        DOCUMENT.c.state.in_((DocState.PENDING, DocState.LIVE)),
        POINT.c.doc == DOCUMENT.c.doc,
        POINT.c.state == PointState.LIVE,
    )
    .correlate(ACL_CLASS)
)
ONE_QUARANTINE = _QUARANTINE.of(QUARANTINE.c.locator)
ALL_QUARANTINE = _by_key(_QUARANTINE, QUARANTINE.c.locator, lambda row: row.locator)
QUARANTINE_OF_SOURCE = _by_key(_QUARANTINE.where(*_same(QUARANTINE.c.source)), QUARANTINE.c.locator, lambda row: row.locator)
QUARANTINE_OF_PAGE = _QUARANTINE.where(*_same(QUARANTINE.c.page)).by(QUARANTINE.c.locator)
ALL_INTENTS = _table(IntentRow, INTENT).by(INTENT.c.seq, INTENT.c.op)
ALL_COLLECTIONS = _table(CollectionRow, COLLECTION).by(COLLECTION.c.name, COLLECTION.c.uid)
ALL_RUNS = _RUNS
RUNS_OF_SOURCE = _RUNS.where(*_same(RUN.c.source))
DECIDING_RUN = RUNS_OF_SOURCE.where(or_(RUN.c.trigger != "hint", RUN.c.state == "halted"))
EVENTS_OF_DOC = _by_key(_EVENTS.where(*_same(AUDIT_EVENT.c.doc)), AUDIT_EVENT.c.seq, lambda row: row.seq, -1)
DUE_COUNT = Query(
    select(func.count())
    .select_from(DOCUMENT.outerjoin(QUARANTINE, QUARANTINE.c.doc == DOCUMENT.c.doc))
    .where(DOCUMENT.c.due == Due.EMBED, QUARANTINE.c.doc.is_(None)),
    (DOCUMENT, QUARANTINE),
    _made(int),
).where(*_same(DOCUMENT.c.source))

_LIVE = DOCUMENT.c.state == DocState.LIVE
_COPY_POINTS = _table(PointRow, COPY_POINT)
ONE_COPY = _table(CopyRow, COPY).of(COPY.c.doc)
COPY_POINTS_OF_DOC = _COPY_POINTS.of(COPY_POINT.c.doc).by(COPY_POINT.c.fp, COPY_POINT.c.occurrence)
COPY_OWNERS = _COPY_POINTS.where(
    COPY_POINT.c.fp.in_(bindparam("fps", expanding=True)), COPY_POINT.c.state == PointState.LIVE
).limited()
COPY_POINTS_COUNT = Query(select(func.count()).where(COPY_POINT.c.state == PointState.LIVE), (COPY_POINT,), _made(int))
_behind = or_(
    COPY.c.doc.is_(None),
    COPY.c.content != DOCUMENT.c.content,
    COPY.c.issued != DOCUMENT.c.issued,
    COPY.c.shape != bindparam("shape"),
)
UNCOPIED = _by_key(
    Query(
        select(*[DOCUMENT.c[field.name] for field in fields(DocRow)])
        .select_from(DOCUMENT.outerjoin(COPY, COPY.c.doc == DOCUMENT.c.doc))
        .where(_LIVE, _behind),
        (DOCUMENT, COPY),
        _made(DocRow),
    ),
    DOCUMENT.c.doc,
    lambda row: row.doc,
)
UNCOPIED_COUNT = Query(
    select(func.count()).select_from(DOCUMENT.outerjoin(COPY, COPY.c.doc == DOCUMENT.c.doc)).where(_LIVE, _behind),
    (DOCUMENT, COPY),
    _made(int),
)
UNCOPIED_COUNT_OF_SOURCE = UNCOPIED_COUNT.where(*_same(DOCUMENT.c.source))
ORPHANS = _by_key(
    Query(
        select(COPY.c.doc)
        .select_from(COPY.outerjoin(DOCUMENT, and_(COPY.c.doc == DOCUMENT.c.doc, _LIVE)))
        .where(DOCUMENT.c.doc.is_(None)),
        (DOCUMENT, COPY),
        _made(bytes),
    ),
    COPY.c.doc,
    lambda doc: doc,
)
EVENTS_SINCE = _by_key(_EVENTS, AUDIT_EVENT.c.seq, lambda row: row.seq, -1)
ONE_EVENT = _EVENTS.where(*_same(AUDIT_EVENT.c.seq))
EVENT_COUNT = Query(select(func.max(AUDIT_EVENT.c.seq)), (AUDIT_EVENT,), _made(lambda last: 0 if last is None else last + 1))
_NODES = _rows(lambda level, index, node: (level, index, node), [*AUDIT_NODE.c], AUDIT_NODE)
ALL_NODES = Paged(
    _NODES.where(tuple_(AUDIT_NODE.c.level, AUDIT_NODE.c.idx) > tuple_(bindparam("level"), bindparam("index")))
    .by(AUDIT_NODE.c.level, AUDIT_NODE.c.idx)
    .limited(),
    {"level": -1, "index": -1},
    lambda node: {"level": node[0], "index": node[1]},
)
NODES_OF_LEVEL = _by_key(_NODES.where(*_same(AUDIT_NODE.c.level)), AUDIT_NODE.c.idx, lambda node: node[1], -1)
_CHECKPOINTS = _rows(lambda size, root, note: (size, root, note), [*AUDIT_CHECKPOINT.c], AUDIT_CHECKPOINT)
LAST_CHECKPOINT = _CHECKPOINTS.where(AUDIT_CHECKPOINT.c.size >= 0).by(AUDIT_CHECKPOINT.c.size.desc()).limited()
ALL_CHECKPOINTS = _by_key(
    _CHECKPOINTS,
    AUDIT_CHECKPOINT.c.size,
    lambda checkpoint: checkpoint[0],
    -1,
)

_DOC_COUNTS = Query(
    select(DOCUMENT.c.state, DOCUMENT.c.fence, func.count()).group_by(DOCUMENT.c.state, DOCUMENT.c.fence),
    (DOCUMENT,),
    _made(lambda state, fence, count: (DocState(state), Fence(fence), int(count))),
)
ALL_DOC_COUNTS = _DOC_COUNTS
DOC_COUNTS_OF_SOURCE = _DOC_COUNTS.where(*_same(DOCUMENT.c.source))
ALL_POINTS_COUNT = Query(select(func.count()).where(POINT.c.state == PointState.LIVE), (POINT,), _made(int))
POINTS_COUNT_OF_SOURCE = Query(
    select(func.count()).select_from(DOCUMENT.join(POINT, POINT.c.doc == DOCUMENT.c.doc)).where(POINT.c.state == PointState.LIVE),
    (POINT, DOCUMENT),
    _made(int),
).where(*_same(DOCUMENT.c.source))
ALL_QUARANTINE_COUNT = Query(
    select(func.count()).select_from(QUARANTINE).where(QUARANTINE.c.dropped.is_(False)), (QUARANTINE,), _made(int)
)
OLDER_COUNT_OF_SOURCE = Query(
    select(func.count())
    .select_from(QUARANTINE.join(DOCUMENT, DOCUMENT.c.doc == QUARANTINE.c.doc))
    .where(
        DOCUMENT.c.fence == Fence.NONE,
        DOCUMENT.c.version != QUARANTINE.c.version,
        exists().where(POINT.c.doc == DOCUMENT.c.doc, POINT.c.state == PointState.LIVE),
    ),
    (QUARANTINE, DOCUMENT, POINT),
    _made(int),
).where(*_same(QUARANTINE.c.source))
QUARANTINE_COUNT_OF_SOURCE = ALL_QUARANTINE_COUNT.where(*_same(QUARANTINE.c.source))
