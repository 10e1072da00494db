"""Writing: one transaction. Rows wait in memory and are written in bulk, before the transaction reads their table and at its end.

So a row that breaks a rule of the schema is refused (LedgerRefused) there, not where it was put; all of it is rolled back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update

from syncd.adapters.ledger import queries
from syncd.adapters.ledger.pending import Ordered, Replaced, Values, plain_insert
from syncd.adapters.ledger.queries import Query, filled
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
    Number,
    Word,
)
from syncd.adapters.ledger.view import PAGE_ROWS, SqlView
from syncd.core.rows import (
    ClassRow,
    CollectionRow,
    CopyRow,
    DocRow,
    DocState,
    Due,
    EventRow,
    IntentRow,
    NameRow,
    PageRow,
    PointRow,
    QuarantineRow,
    RunRow,
    SourceRow,
)
from syncd.errors import LedgerRefused

WAITING_ROWS = 10_000
"""Rows that may wait before they are written, so that a huge document costs no memory."""

_CLEAR_LOCATORS = update(DOCUMENT).where(DOCUMENT.c.doc.in_(bindparam("docs", expanding=True))).values(locator=None)
_ADOPT_DOCUMENTS = (
    update(DOCUMENT).where(DOCUMENT.c.doc == COPY.c.doc).values(shape=COPY.c.shape, vault=COPY.c.vault, floor=DOCUMENT.c.issued)
)
_LOOK_AT_THE_OTHERS = (
    update(DOCUMENT)
    .where(DOCUMENT.c.state == DocState.LIVE, DOCUMENT.c.due == Due.NO, DOCUMENT.c.doc.not_in(select(COPY.c.doc)))
    .values(due=Due.LOOK)
)
_RESEAL_CLASS = (
    update(ACL_CLASS)
    .where(ACL_CLASS.c.id == bindparam("at"), ACL_CLASS.c.key == bindparam("of"), ACL_CLASS.c.uid == bindparam("known"))
    .values(sealed=bindparam("to"))
)


def _values(kind: type[Any], table: Table) -> Callable[[Any], Values]:
    """What turns a row of `kind` into the driver's values in the order of the columns, which are the fields of `kind`."""
    names = [field.name for field in fields(kind)]
    if names != [column.name for column in table.columns]:
        raise TypeError(f"{kind.__name__} and table {table.name} differ")
    return attrgetter(*(f"{name}.value" if isinstance(table.c[name].type, Number | Word) else name for name in names))


_SOURCE, _PAGE, _DOC, _NAME = (
    _values(SourceRow, SOURCE),
    _values(PageRow, PAGE),
    _values(DocRow, DOCUMENT),
    _values(NameRow, NAME),
)
_COPY = _values(CopyRow, COPY)
_QUARANTINE, _INTENT, _COLLECTION, _RUN = (
    _values(QuarantineRow, QUARANTINE),
    _values(IntentRow, INTENT),
    _values(CollectionRow, COLLECTION),
    _values(RunRow, RUN),
)


class SqlTx(SqlView):
    """`ports.LedgerTx` over a connection that is inside a write transaction."""

    def __init__(self, connection: Connection, file: Path) -> None:
        super().__init__(connection, file)
        self._replaced = {
            table: Replaced(table)
            for table in (META, SOURCE, PAGE, POINT, NAME, QUARANTINE, INTENT, COLLECTION, RUN, COPY, COPY_POINT)
        }
        self._ordered = {
            table: Ordered(table, replace=table is DOCUMENT)
            for table in (DOCUMENT, AUDIT_EVENT, AUDIT_LEAF, AUDIT_NODE, AUDIT_CHECKPOINT)
        }
        self._waits: dict[Table, Replaced | Ordered] = {**self._replaced, **self._ordered}
        self._waiting = 0

    def set_meta(self, name: str, value: bytes) -> None:
        """Put `value` under `name`."""
        self._put(META, (name,), (name, value))

    def put_source(self, row: SourceRow) -> None:
        """Put a source."""
        self._put(SOURCE, (row.source,), _SOURCE(row))

    def put_page(self, row: PageRow) -> None:
        """Put a page."""
        self._put(PAGE, (row.locator,), _PAGE(row))

    def drop_page(self, locator: bytes) -> None:
        """Remove a page, if it is there."""
        self._drop(PAGE, (locator,))

    def put_doc(self, row: DocRow) -> None:
        """Put a document. Its locator must be free by then: documents are written in the order in which they were put."""
        self._ordered[DOCUMENT].add(_DOC(row))
        self._grow(1)

    def clear_locators(self, docs: Sequence[bytes]) -> None:
        """Take `docs` away from their locators, so that these can be given anew in any order."""
        self._flush(DOCUMENT)
        for start in range(0, len(docs), PAGE_ROWS):
            self._connection.execute(_CLEAR_LOCATORS, {"docs": filled(docs[start : start + PAGE_ROWS])})

    def put_points(self, rows: Sequence[PointRow]) -> None:
        """Put points."""
        put = self._replaced[POINT].put
        for row in rows:
            key = (row.doc, row.fp, row.occurrence)
            put(key, (*key, int(row.state)))
        self._grow(len(rows))

    def drop_points(self, rows: Sequence[PointRow]) -> None:
        """Remove points, whatever their state; missing ones are passed over."""
        drop = self._replaced[POINT].drop
        for row in rows:
            drop((row.doc, row.fp, row.occurrence))
        self._grow(len(rows))

    def put_copy(self, row: CopyRow) -> None:
        """Put what the filling collection holds of a document."""
        self._put(COPY, (row.doc,), _COPY(row))

    def drop_copy(self, doc: bytes) -> None:
        """Forget it."""
        self._drop(COPY, (doc,))

    def put_copy_points(self, rows: Sequence[PointRow]) -> None:
        """Put points of the filling collection."""
        for row in rows:
            key = (row.doc, row.fp, row.occurrence)
            self._put(COPY_POINT, key, (*key, int(row.state)))

    def drop_copy_points(self, rows: Sequence[PointRow]) -> None:
        """Remove points of the filling collection; missing ones are passed over."""
        for row in rows:
            self._drop(COPY_POINT, (row.doc, row.fp, row.occurrence))

    def adopt_copies(self) -> None:
        """From here on the copies are what is recorded: of every document with one, its shape, card and points. Points of the
        others are gone, and they are to be looked at.

        Statements over whole tables: a million documents pass through no Python.
        """
        self.flush()
        self._connection.execute(_ADOPT_DOCUMENTS)
        self._connection.execute(_LOOK_AT_THE_OTHERS)
        self._connection.execute(delete(POINT))
        self._connection.execute(insert(POINT).from_select([c.name for c in POINT.columns], select(*COPY_POINT.columns)))
        self.clear_copies()

    def clear_copies(self) -> None:
        """Forget everything that the filling collection holds."""
        self.flush()
        self._connection.execute(delete(COPY))
        self._connection.execute(delete(COPY_POINT))

    def put_name(self, row: NameRow) -> None:
        """Put a name."""
        self._put(NAME, (row.doc, row.locator, row.seq), _NAME(row))

    def put_class(self, row: ClassRow) -> ClassRow:
        """The recorded class of `row`.

        Without an id: the class that has this key already (its uid and sealed form stand: class tokens derive from them), else
        `row` with its new id. With an id: that class, sealed anew; LedgerRefused unless its key and uid are the recorded ones.
        """
        if row.id:
            known = {"at": row.id, "of": row.key, "known": row.uid}
            if self._connection.execute(_RESEAL_CLASS, {**known, "to": row.sealed}).rowcount != 1:
                raise LedgerRefused(file=self._file, detail="acl_class: a class keeps its id, key and uid")
            return row
        recorded = self.class_of(row.key)
        if recorded is not None:
            return recorded
        values = {"key": row.key, "uid": row.uid, "sealed": row.sealed}
        self._connection.execute(plain_insert(ACL_CLASS), values)
        return replace(row, id=self._all(queries.CLASS_BY_KEY, key=row.key)[0].id)

    def put_quarantine(self, row: QuarantineRow) -> None:
        """Put what is held back at a locator."""
        self._put(QUARANTINE, (row.locator,), _QUARANTINE(row))

    def drop_quarantine(self, locator: bytes) -> None:
        """Hold nothing back at `locator` any more."""
        self._drop(QUARANTINE, (locator,))

    def put_intent(self, row: IntentRow) -> None:
        """Put an intent."""
        self._put(INTENT, (row.op,), _INTENT(row))

    def drop_intent(self, op: bytes) -> None:
        """Close an intent, if it is open."""
        self._drop(INTENT, (op,))

    def put_collection(self, row: CollectionRow) -> None:
        """Put a collection."""
        self._put(COLLECTION, (row.uid,), _COLLECTION(row))

    def put_run(self, row: RunRow) -> None:
        """Put a run."""
        self._put(RUN, (row.run,), _RUN(row))

    def put_event(self, row: EventRow) -> None:
        """Add an audit event with its leaf. Raises ValueError without a leaf; an existing seq is refused when it is written."""
        if row.leaf is None:
            raise ValueError("an event is added with its leaf; only pruning takes it away")
        self._ordered[AUDIT_LEAF].add((row.seq, row.leaf))
        self._ordered[AUDIT_EVENT].add(
            (row.seq, row.leaf_hash, row.mac, row.ts, row.type, row.phase, row.op, row.run, row.source, row.doc)
        )
        self._grow(2)

    def put_node(self, level: int, index: int, node: bytes) -> None:
        """Add a tree node; an existing one is refused when it is written."""
        self._ordered[AUDIT_NODE].add((level, index, node))
        self._grow(1)

    def put_checkpoint(self, size: int, root: bytes, note: str) -> None:
        """Add a signed checkpoint; a second one of the same size is refused when it is written."""
        self._ordered[AUDIT_CHECKPOINT].add((size, root, note))
        self._grow(1)

    def flush(self) -> None:
        """Write all that waits."""
        for table in self._waits:
            self._flush(table)
        self._waiting = 0

    def _before(self, query: Query[Any], values: Mapping[str, Any]) -> None:
        for table in query.tables:
            if query.pinned is None or self._concerns(table, values[query.pinned]):
                self._flush(table)

    def _concerns(self, table: Table, key: Any) -> bool:
        """Whether a row of `table` waits whose key begins with `key`. If not, reading it need not write the others first."""
        return key in self._waits[table].touched

    def _flush(self, table: Table) -> None:
        waits = self._waits.get(table)
        if waits is not None:
            waits.flush(self._connection)

    def _put(self, table: Table, key: Values, row: Values) -> None:
        self._replaced[table].put(key, row)
        self._grow(1)

    def _drop(self, table: Table, key: Values) -> None:
        self._replaced[table].drop(key)
        self._grow(1)

    def _grow(self, rows: int) -> None:
        self._waiting += rows
        if self._waiting >= WAITING_ROWS:
            self.flush()
