"""What a daemon needs: pages that know their parent, a document's events by its id, a second collection beside the serving one.

What stands here is history: a later change of the tables is a later revision, never an edit.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key(name: str, kind: Any = sa.LargeBinary) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False, nullable=False)


def _col(name: str, kind: Any = sa.LargeBinary, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)


def upgrade() -> None:
    """Add what is new. Which page lies in which is sealed here: every page is opened again by the next scan, which says so."""
    op.add_column("page", sa.Column("parent", sa.LargeBinary, nullable=True))
    op.create_index("document_due", "document", ["source", "due", "doc"], sqlite_where=sa.text("due != 0"))
    op.execute("UPDATE page SET stamp = NULL")
    op.create_index("page_parent", "page", ["parent"])
    op.add_column("quarantine", _col("dropped", sa.Boolean, server_default=sa.false()))
    op.add_column("collection", _col("state", sa.Text, server_default="serving"))
    op.add_column("collection", _col("embedder", sa.Text, server_default=""))
    op.create_table("copy", _key("doc"), _col("content"), _col("shape"), _col("issued", LONG), _col("vault"))
    op.create_table(
        "copy_point", _key("doc"), _key("fp"), _key("occurrence", sa.Integer), _col("state", sa.SmallInteger), sqlite_with_rowid=False
    )
    op.create_index("copy_point_fp", "copy_point", ["fp"])
    op.create_index("audit_event_doc", "audit_event", ["doc", "seq"], sqlite_where=sa.text("doc != ''"))
