"""The first schema.

What stands here is history: a later change of the tables is a later revision, never an edit.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

APPEND_ONLY = {"audit_event": ("seq",), "audit_leaf": ("seq",), "audit_node": ("level", "idx"), "audit_checkpoint": ("size",)}

HORIZON = "COALESCE((SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM meta WHERE name = 'pruning-horizon'), 0)"
"""Bodies of events below this sequence number may be deleted; the value is ASCII decimal."""


def _key(name: str, kind: Any = sa.LargeBinary) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False, nullable=False)


def _col(name: str, kind: Any = sa.LargeBinary, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=null)


def upgrade() -> None:
    """Create all tables, their indexes and, on SQLite, the triggers of the audit log."""
    op.create_table("meta", _key("name", sa.Text), _col("value"))
    op.create_table("source", _key("source"), _col("scan", LONG), _col("complete_at", sa.Double), _col("acls_at", sa.Double))
    op.create_table("page", _key("locator"), _col("source"), _col("stamp", null=True), _col("scan", LONG), _col("sealed"))
    op.create_table(
        "document",
        _key("doc"),
        _col("source"),
        _col("state", sa.SmallInteger),
        _col("locator", null=True),
        _col("page"),
        _col("identity", null=True),
        _col("version"),
        _col("content"),
        _col("shape"),
        _col("due", sa.SmallInteger),
        _col("racy", sa.Boolean),
        _col("class_id", LONG),
        _col("issued", LONG),
        _col("floor", LONG),
        _col("fence", sa.Text),
        _col("epoch", LONG),
        _col("staged", sa.Boolean),
        _col("dek"),
        _col("vault"),
        _col("seen_at", sa.Double),
        _col("synced_at", sa.Double),
    )
    op.create_table(
        "point", _key("doc"), _key("fp"), _key("occurrence", sa.Integer), _col("state", sa.SmallInteger), sqlite_with_rowid=False
    )
    op.create_table("name", _key("doc"), _key("locator"), _key("seq", LONG), _col("sealed"))
    op.create_table(
        "acl_class", sa.Column("id", LONG, primary_key=True, nullable=False), _col("key"), _col("uid"), _col("sealed")
    )
    op.create_table(
        "quarantine",
        _key("locator"),
        _col("source"),
        _col("page"),
        _col("doc", null=True),
        _col("reason", sa.Text),
        _col("detail", sa.Text),
        _col("version"),
        _col("shape"),
        _col("attempts", sa.Integer),
        _col("first_at", sa.Double),
        _col("last_at", sa.Double),
        _col("next_at", sa.Double),
        _col("sealed"),
    )
    op.create_table("intent", _key("op"), _col("doc"), _col("kind", sa.Text), _col("run"), _col("seq", LONG))
    op.create_table("collection", _key("uid"), _col("name", sa.Text), _col("space"), _col("dimension", sa.Integer))
    op.create_table(
        "run",
        _key("run"),
        _col("source"),
        _col("trigger", sa.Text),
        _col("state", sa.Text),
        _col("started_at", sa.Double),
        _col("finished_at", sa.Double),
        _col("report", sa.Text),
    )
    op.create_table(
        "audit_event",
        _key("seq", LONG),
        _col("leaf_hash"),
        _col("mac"),
        _col("ts", LONG),
        _col("type", sa.Text),
        _col("phase", sa.Text),
        _col("op", sa.Text),
        _col("run", sa.Text),
        _col("source", sa.Text),
        _col("doc", sa.Text),
    )
    op.create_table("audit_leaf", _key("seq", LONG), _col("body"))
    op.create_table("audit_node", _key("level", sa.Integer), _key("idx", LONG), _col("hash"), sqlite_with_rowid=False)
    op.create_table("audit_checkpoint", _key("size", LONG), _col("root"), _col("note", sa.Text))
    _create_indexes()
    if op.get_bind().dialect.name == "sqlite":
        _create_triggers()


def _create_indexes() -> None:
    staged = sa.column("staged", sa.Boolean).is_(True)
    located, identified = sa.text("locator IS NOT NULL"), sa.text("identity IS NOT NULL")
    op.create_index("page_source", "page", ["source", "locator"])
    op.create_index("document_locator", "document", ["locator"], unique=True, sqlite_where=located)
    op.create_index("document_page", "document", ["page"])
    op.create_index("document_source", "document", ["source", "doc"])
    op.create_index("document_identity", "document", ["source", "identity", "doc"], sqlite_where=identified)
    op.create_index("document_fence", "document", ["source", "fence", "state"])
    op.create_index("document_staged", "document", ["source", "doc"], sqlite_where=staged)
    op.create_index("document_class", "document", ["class_id", "state", "doc"])
    op.create_index("point_fp", "point", ["fp"])
    op.create_index("name_locator", "name", ["locator"])
    op.create_index("acl_class_key", "acl_class", ["key"], unique=True)
    op.create_index("quarantine_source", "quarantine", ["source", "locator"])
    op.create_index("quarantine_page", "quarantine", ["page"])
    op.create_index("run_source", "run", ["source", "started_at"])
    op.create_index("run_started", "run", ["started_at"])


def _create_triggers() -> None:
    # INSERT of an existing key needs a trigger of its own: INSERT OR REPLACE deletes the old row without asking the DELETE one.
    for table, key in APPEND_ONLY.items():
        same = " AND ".join(f"{column} = NEW.{column}" for column in key)
        below = f" WHEN OLD.seq >= {HORIZON}" if table == "audit_leaf" else ""
        refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        op.execute(f"CREATE TRIGGER {table}_update BEFORE UPDATE ON {table} {refuse}")
        op.execute(f"CREATE TRIGGER {table}_delete BEFORE DELETE ON {table}{below} {refuse}")
        op.execute(
            f"CREATE TRIGGER {table}_insert BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) {refuse}"
        )
