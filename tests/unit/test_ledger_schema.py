"""The schema of the ledger: its history, its audit triggers, and that no question scans what it can look up."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine

from syncd.adapters.ledger import SqlLedger, migrate
from syncd.adapters.ledger.queries import filled
from syncd.adapters.ledger.schema import METADATA
from syncd.core.rows import EventRow


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "ledger.db"
    with closing(SqlLedger.open(made, writer=True)) as ledger, ledger.write() as tx:
        for seq in range(3):
            tx.put_event(EventRow(seq, b"leaf", b"hash", b"mac", 1, "doc.synced", "intent", "op", "run", "src", "doc"))
        tx.put_node(0, 0, b"node")
        tx.put_checkpoint(1, b"root", "note")
    return made


@pytest.fixture
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def test_the_migrations_make_the_tables_that_are_used(path: Path) -> None:
    """What the migrations built is what the statements are built on, down to columns, types and indexes."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_partial_indexes_are_partial(raw: sqlite3.Connection) -> None:
    """The conditions of indexes, which no comparison looks at, are the same in the migrations and in the tables."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        METADATA.create_all(connection)
        told = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
        wanted = [tuple(row) for row in connection.exec_driver_sql(told)]
    engine.dispose()
    assert raw.execute(told).fetchall() == wanted


def test_the_revisions_are_those_on_disk() -> None:
    """The list that opening goes by, without loading Alembic, is the list of Alembic."""
    config = Config()
    config.set_main_option("script_location", "syncd.adapters.ledger:migrations")
    script = ScriptDirectory.from_config(config)
    assert tuple(one.revision for one in reversed(list(script.walk_revisions()))) == migrate.REVISIONS


REFUSED = [
    "UPDATE audit_event SET mac = x'00' WHERE seq = 1",
    "UPDATE audit_leaf SET body = x'00' WHERE seq = 1",
    "UPDATE audit_node SET hash = x'00'",
    "UPDATE audit_checkpoint SET note = ''",
    "DELETE FROM audit_event WHERE seq = 2",
    "DELETE FROM audit_leaf WHERE seq = 2",
    "DELETE FROM audit_node",
    "DELETE FROM audit_checkpoint",
    "INSERT OR REPLACE INTO audit_event SELECT seq, leaf_hash, x'00', ts, type, phase, op, run, source, doc FROM audit_event",
    "INSERT OR REPLACE INTO audit_leaf VALUES (1, x'00')",
    "INSERT OR REPLACE INTO audit_node VALUES (0, 0, x'00')",
    "INSERT OR REPLACE INTO audit_checkpoint VALUES (1, x'00', '')",
    "INSERT OR IGNORE INTO audit_leaf VALUES (1, x'00')",
    "INSERT INTO audit_leaf VALUES (1, x'00') ON CONFLICT (seq) DO UPDATE SET body = x'00'",
    "UPDATE OR REPLACE audit_leaf SET seq = 1 WHERE seq = 2",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_the_audit_log_is_append_only(raw: sqlite3.Connection, statement: str) -> None:
    """No UPDATE, DELETE or REPLACE of an audit row passes, whoever sends it."""
    tables = ("audit_event", "audit_leaf", "audit_node", "audit_checkpoint")
    before = [raw.execute(f"SELECT * FROM {table}").fetchall() for table in tables]
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(statement)
    assert [raw.execute(f"SELECT * FROM {table}").fetchall() for table in tables] == before


def test_bodies_below_the_pruning_horizon_may_go(path: Path, raw: sqlite3.Connection) -> None:
    """Below the horizon bodies can be deleted, at and above it not, hashes never; the event stays without its leaf."""
    raw.execute("INSERT INTO meta VALUES ('pruning-horizon', ?)", (b"2",))
    raw.execute("DELETE FROM audit_leaf WHERE seq < 2")
    for statement in ("DELETE FROM audit_leaf WHERE seq = 2", "DELETE FROM audit_event WHERE seq = 0"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            raw.execute(statement)
    with closing(SqlLedger.open(path, writer=False)) as ledger, ledger.read() as view:
        assert [row.leaf for row in view.events()] == [None, None, b"leaf"]
        assert [row.leaf_hash for row in view.events()] == [b"hash"] * 3
        assert view.event(0) is not None


def test_look_ups_scan_nothing(path: Path) -> None:
    """Questions about one document, place, page, fingerprint or source use an index whose columns they name."""
    plans: dict[str, list[str]] = {}
    key = b"k" * 32
    with closing(SqlLedger.open(path, writer=False)) as ledger, ledger.read() as view:

        @event.listens_for(view._connection, "before_cursor_execute")
        def explain(
            connection: Connection, cursor: sqlite3.Cursor, statement: str, parameters: tuple[object, ...], *_: object
        ) -> None:
            told = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans[statement] = [row[3] for row in told]

        view.meta("k"), view.source(key), view.page(key), view.doc(key), view.doc_at(key), view.docs_of_page(key)
        view.docs_with_identity(key, key), view.points(key), view.owners([key], [key]), view.names(key), view.names_of(key)
        view.class_of(key), view.quarantine(key), view.quarantine_of_page(key), view.event(1), view.event_count(), view.runs(key)
        for stream in (view.pages(key), view.docs(key), view.docs(), view.staged(key), view.quarantined(key), view.events(2)):
            list(stream)
        list(view.nodes()), list(view.nodes(1)), list(view.checkpoints()), view.last_checkpoint()
    assert len(plans) == 27
    assert [step for steps in plans.values() for step in steps if step.startswith("SCAN")] == []
    streams = [steps for statement, steps in plans.items() if "LIMIT" in statement and "FROM run" not in statement]
    assert [step for steps in streams for step in steps if "TEMP B-TREE" in step] == []
    identity = next(steps for statement, steps in plans.items() if "identity = ?" in statement)
    assert identity == ["SEARCH document USING INDEX document_identity (source=? AND identity=?)"]


def test_lists_of_any_length_are_few_statements(path: Path) -> None:
    """The driver keeps a hundred statements on each connection, and those with lists are large: ten for each question will do."""
    asked: set[str] = set()

    @event.listens_for(Engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_):
        asked.add(statement)

    try:
        with closing(SqlLedger.open(path, writer=True)) as ledger:
            for length in range(1, 501):
                some = [number.to_bytes(32, "big") for number in range(length)]
                with ledger.read() as view:
                    view.stamps_at(some)
                    view.points_of(some)
                    view.owners(some)
                    view.copy_owners(some)
                with ledger.write() as tx:
                    tx.clear_locators(some)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert 5 * 10 <= len(asked) < 5 * 10 + 10


@given(st.lists(st.binary(min_size=1, max_size=2), max_size=40))
def test_a_filled_list_asks_for_the_same(values: list[bytes]) -> None:
    """The same values in the same order, as many as a power of two; an empty list stays empty."""
    more = filled(values)
    assert more[: len(values)] == values
    assert set(more) == set(values)
    assert len(more) in {0, 1, 2, 4, 8, 16, 32, 64}
    assert len(more) < 2 * len(values) or not values
