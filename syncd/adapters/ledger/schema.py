"""The tables of the ledger. What they mean is said in `core/rows.py`; what a migration made of them, in `migrations/`.

No foreign keys: rows of one transaction may be written in any order, and audit and tombstones outlive what they speak of.
"""

from collections.abc import Callable
from enum import IntEnum, StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.types import UserDefinedType

from syncd.core.rows import CollectionState, DocState, Due, Fence, PointState


class Blob(LargeBinary):
    """Bytes in, bytes out: the drivers need no wrapping, and wrapping each value costs as much as storing it."""

    def bind_processor(self, dialect: Dialect) -> None:
        """No conversion."""

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        """No conversion."""


class Number(UserDefinedType[Any]):
    """An IntEnum as its number; a number that is none of its members raises ValueError when it is read.

    Not a SmallInteger: dialects put their own implementation in the place of one, and with it other conversions.
    """

    cache_ok = True

    def __init__(self, members: type[IntEnum]) -> None:
        self.members = members

    def get_col_spec(self, **_: Any) -> str:
        """The type in SQL."""
        return "SMALLINT"

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:  # noqa: ARG002  the signature is SQLAlchemy's
        """From the member to its number."""
        return int

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:  # noqa: ARG002  as above
        """From the number to its member."""
        return self.members


class Word(UserDefinedType[Any]):
    """A StrEnum as its word; a word that is none of its members raises ValueError when it is read."""

    cache_ok = True

    def __init__(self, members: type[StrEnum]) -> None:
        self.members = members

    def get_col_spec(self, **_: Any) -> str:
        """The type in SQL."""
        return "TEXT"

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:  # noqa: ARG002  the signature is SQLAlchemy's
        """From the member to its word."""
        return str

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:  # noqa: ARG002  as above
        """From the word to its member."""
        return self.members


Long = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits; SQLite takes only the word INTEGER for its row ids, and it always has 64 bits."""

METADATA = MetaData()


def _key(name: str, kind: Any = Blob) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False, nullable=False)


def _col(name: str, kind: Any = Blob, *, null: bool = False) -> Column[Any]:
    return Column(name, kind, nullable=null)


META = Table("meta", METADATA, _key("name", Text), _col("value"))
SOURCE = Table("source", METADATA, _key("source"), _col("scan", Long), _col("complete_at", Double), _col("acls_at", Double))
PAGE = Table(
    "page",
    METADATA,
    _key("locator"),
    _col("source"),
    _col("stamp", null=True),
    _col("scan", Long),
    _col("sealed"),
    _col("parent", null=True),
)
DOCUMENT = Table(
    "document",
    METADATA,
    _key("doc"),
    _col("source"),
    _col("state", Number(DocState)),
    _col("locator", null=True),
    _col("page"),
    _col("identity", null=True),
    _col("version"),
    _col("content"),
    _col("shape"),
    _col("due", Number(Due)),
    _col("racy", Boolean),
    _col("class_id", Long),
    _col("issued", Long),
    _col("floor", Long),
    _col("fence", Word(Fence)),
    _col("epoch", Long),
    _col("staged", Boolean),
    _col("dek"),
    _col("vault"),
    _col("seen_at", Double),
    _col("synced_at", Double),
)
POINT = Table(
    "point",
    METADATA,
    _key("doc"),
    _key("fp"),
    _key("occurrence", Integer),
    _col("state", Number(PointState)),
    sqlite_with_rowid=False,
)
NAME = Table("name", METADATA, _key("doc"), _key("locator"), _key("seq", Long), _col("sealed"))
ACL_CLASS = Table("acl_class", METADATA, Column("id", Long, primary_key=True), _col("key"), _col("uid"), _col("sealed"))
QUARANTINE = Table(
    "quarantine",
    METADATA,
    _key("locator"),
    _col("source"),
    _col("page"),
    _col("doc", null=True),
    _col("reason", Text),
    _col("detail", Text),
    _col("version"),
    _col("shape"),
    _col("attempts", Integer),
    _col("first_at", Double),
    _col("last_at", Double),
    _col("next_at", Double),
    _col("sealed"),
    _col("dropped", Boolean),
)
INTENT = Table("intent", METADATA, _key("op"), _col("doc"), _col("kind", Text), _col("run"), _col("seq", Long))
COLLECTION = Table(
    "collection",
    METADATA,
    _key("uid"),
    _col("name", Text),
    _col("space"),
    _col("dimension", Integer),
    _col("state", Word(CollectionState)),
    _col("embedder", Text),
)
COPY = Table("copy", METADATA, _key("doc"), _col("content"), _col("shape"), _col("issued", Long), _col("vault"))
COPY_POINT = Table(
    "copy_point",
    METADATA,
    _key("doc"),
    _key("fp"),
    _key("occurrence", Integer),
    _col("state", Number(PointState)),
    sqlite_with_rowid=False,
)
RUN = Table(
    "run",
    METADATA,
    _key("run"),
    _col("source"),
    _col("trigger", Text),
    _col("state", Text),
    _col("started_at", Double),
    _col("finished_at", Double),
    _col("report", Text),
)
AUDIT_EVENT = Table(
    "audit_event",
    METADATA,
    _key("seq", Long),
    _col("leaf_hash"),
    _col("mac"),
    _col("ts", Long),
    _col("type", Text),
    _col("phase", Text),
    _col("op", Text),
    _col("run", Text),
    _col("source", Text),
    _col("doc", Text),
)
AUDIT_LEAF = Table("audit_leaf", METADATA, _key("seq", Long), _col("body"))
AUDIT_NODE = Table("audit_node", METADATA, _key("level", Integer), _key("idx", Long), _col("hash"), sqlite_with_rowid=False)
AUDIT_CHECKPOINT = Table("audit_checkpoint", METADATA, _key("size", Long), _col("root"), _col("note", Text))

# partial where SQLite keeps them; elsewhere whole indexes do the same (NULLs are distinct), and naming a dialect here loads it
_located = DOCUMENT.c.locator.is_not(None)
_staged = DOCUMENT.c.staged.is_(True)
_due = text("due != 0")
_identified = DOCUMENT.c.identity.is_not(None)
Index("page_source", PAGE.c.source, PAGE.c.locator)
Index("page_parent", PAGE.c.parent)
Index("document_locator", DOCUMENT.c.locator, unique=True, sqlite_where=_located)
Index("document_page", DOCUMENT.c.page)
Index("document_source", DOCUMENT.c.source, DOCUMENT.c.doc)
Index("document_identity", DOCUMENT.c.source, DOCUMENT.c.identity, DOCUMENT.c.doc, sqlite_where=_identified)
Index("document_fence", DOCUMENT.c.source, DOCUMENT.c.fence, DOCUMENT.c.state)
Index("document_due", DOCUMENT.c.source, DOCUMENT.c.due, DOCUMENT.c.doc, sqlite_where=_due)
Index("document_staged", DOCUMENT.c.source, DOCUMENT.c.doc, sqlite_where=_staged)
Index("document_class", DOCUMENT.c.class_id, DOCUMENT.c.state, DOCUMENT.c.doc)
Index("point_fp", POINT.c.fp)
Index("copy_point_fp", COPY_POINT.c.fp)
Index("name_locator", NAME.c.locator)
Index("acl_class_key", ACL_CLASS.c.key, unique=True)
Index("quarantine_source", QUARANTINE.c.source, QUARANTINE.c.locator)
Index("quarantine_page", QUARANTINE.c.page)
Index("run_source", RUN.c.source, RUN.c.started_at)
Index("run_started", RUN.c.started_at)
Index("audit_event_doc", AUDIT_EVENT.c.doc, AUDIT_EVENT.c.seq, sqlite_where=AUDIT_EVENT.c.doc != "")
