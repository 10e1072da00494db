"""The SQLite file under the ledger: how it is made, guarded, checked, and what its damage looks like."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import copy

import pytest

from syncd.adapters.ledger import SqlLedger, migrate
from syncd.core.rows import PageRow, PointRow, PointState
from syncd.errors import (
    LedgerBusy,
    LedgerCorrupt,
    LedgerMissing,
    LedgerNewer,
    LedgerOlder,
    LedgerUnavailable,
)

CANARY = b"canary-kestrel-0451"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed ledger with a few megabytes of rows."""
    made = tmp_path / "ledger.db"
    with closing(SqlLedger.open(made, writer=True)) as ledger, ledger.write() as tx:
        for number in range(200):
            tx.set_meta(f"row {number}", bytes([number]) * 5000)
    return made


@pytest.fixture
def loose_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def raw(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_reader_needs_a_ledger(tmp_path: Path) -> None:
    """Where there is no file a reader says so, and makes none."""
    with pytest.raises(LedgerMissing, match="syncd sync"):
        SqlLedger.open(tmp_path / "ledger.db", writer=False)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_takes_no_lock_and_cannot_write(path: Path) -> None:
    """Readers open beside a writer, beside each other, and have no write transaction."""
    with closing(SqlLedger.open(path, writer=True, lock_wait=0)) as writer, closing(SqlLedger.open(path, writer=False)) as reader:
        with writer.write() as tx, reader.read() as view:
            tx.set_meta("k", b"v")
            assert (tx.meta("k"), view.meta("k")) == (b"v", None)
        with pytest.raises(RuntimeError, match="for reading"), reader.write():
            pytest.fail("a reader wrote")
        with pytest.raises(RuntimeError, match="for reading"):
            reader.checkpoint()


@pytest.mark.usefixtures("loose_umask")
def test_files_are_private(tmp_path: Path) -> None:
    """Whatever the umask, nobody but the owner can read the file, its log and its lock; one restored too wide is narrowed."""
    path = tmp_path / "ledger.db"
    for _ in range(2):
        with closing(SqlLedger.open(path, writer=True)) as ledger, ledger.write() as tx:
            tx.set_meta("k", b"v")
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
            assert modes == dict.fromkeys(("ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock"), 0o600)
        path.chmod(0o644)


def test_a_reader_s_log_is_private_too(path: Path) -> None:
    """A reader that has to make the log's files gives them the mode of the ledger."""
    with closing(SqlLedger.open(path, writer=False)) as ledger, ledger.read() as view:
        assert view.meta("row 1") is not None
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


@pytest.mark.parametrize("umask", [0o777, 0o022])
def test_a_strict_umask_locks_nobody_out(tmp_path: Path, umask: int) -> None:
    """The owner's rights are on the file also where the umask would take them."""
    before = os.umask(umask)
    try:
        SqlLedger.open(tmp_path / "ledger.db", writer=True).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "ledger.db").stat().st_mode) == 0o600


def test_the_connection_is_durable_and_forgets(path: Path) -> None:
    """The write connection runs with the write-ahead log, full synchronisation and secure deletion."""
    with closing(SqlLedger.open(path, writer=True)) as ledger, ledger.write() as tx:
        asked = [
            tx._connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "secure_delete", "trusted_schema", "temp_store")
        ]
        assert asked == ["wal", 2, 1, 0, 2]


def test_a_reader_s_connection_changes_nothing(path: Path) -> None:
    """Whatever is said to it: the file is open for reading only, and so is the connection."""
    with closing(SqlLedger.open(path, writer=False)) as ledger, ledger.read() as view, pytest.raises(LedgerUnavailable):
        view._connection.exec_driver_sql("DELETE FROM meta")


def test_replaced_and_deleted_values_are_gone(tmp_path: Path) -> None:
    """After a checkpoint no file holds what was replaced or deleted, small or over many pages; before it they do."""
    path = tmp_path / "ledger.db"
    with closing(SqlLedger.open(path, writer=True)) as ledger:
        with ledger.write() as tx:
            tx.set_meta("replaced", CANARY)
            tx.set_meta("large", CANARY * 1000)
            tx.put_page(PageRow(b"p", b"s", None, 1, CANARY))
            tx.put_points([PointRow(CANARY, b"f", number, PointState.LIVE) for number in range(500)])
        assert any(CANARY in data for data in files(tmp_path).values())
        with ledger.write() as tx:
            tx.set_meta("replaced", b"v")
            tx.set_meta("large", b"")
            tx.drop_page(b"p")
            tx.drop_points(tx.points(CANARY))
        assert ledger.checkpoint()
        assert not [name for name, data in files(tmp_path).items() if CANARY in data]


def test_a_checkpoint_says_when_a_reader_is_in_the_way(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a snapshot needs the log it can't be emptied, and the answer is no; afterwards it is yes."""
    monkeypatch.setattr("syncd.adapters.ledger.engine.BUSY_S", 0)
    with closing(SqlLedger.open(path, writer=True)) as ledger:
        with ledger.read() as view:
            with ledger.write() as tx:
                tx.set_meta("row 1", b"v")
            assert not ledger.checkpoint()
            assert view.meta("row 1") == bytes([1]) * 5000
        assert ledger.checkpoint()
        assert path.with_name("ledger.db-wal").stat().st_size == 0


DAMAGE = {
    "garbage header": lambda data: os.urandom(100) + data[100:],
    "not a database": lambda _: b"# Notes\n" * 1000,
    "empty": lambda _: b"",
    "truncated in the middle": lambda data: data[: len(data) // 2],
    "truncated to the header": lambda data: data[:100],
    "pages overwritten": lambda data: data[: 4096 * 4] + b"\xa5" * (len(data) - 4096 * 8) + data[-4096 * 4 :],
    "one page overwritten": lambda data: data[: 4096 * 60] + b"\xa5" * 4096 + data[4096 * 61 :],
    "another program's database": None,
}


@pytest.mark.parametrize("writer", [True, False])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named_and_left_alone(path: Path, damage: str, writer: bool) -> None:
    """A damaged file is said to be damaged, by readers and writers, and its bytes stay for whoever repairs it."""
    change = DAMAGE[damage]
    if change is None:
        path.unlink()
        raw(path, "CREATE TABLE bookmarks (url)")
    else:
        path.write_bytes(change(path.read_bytes()))
    before = path.read_bytes()
    with pytest.raises(LedgerCorrupt, match="damaged"):
        SqlLedger.open(path, writer=writer, lock_wait=0)
    assert path.read_bytes() == before


def test_damage_that_opening_does_not_see(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a file too large for the check at opening, damage is named when the damaged rows are read."""
    data = path.read_bytes()
    path.write_bytes(data[: 4096 * 50] + b"\xa5" * (len(data) - 4096 * 50))
    monkeypatch.setattr(migrate, "QUICK_CHECK_BELOW", 0)
    with closing(SqlLedger.open(path, writer=False)) as ledger, pytest.raises(LedgerCorrupt), ledger.read() as view:
        for number in range(200):
            view.meta(f"row {number}")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE document SET fence = 'lifted'",
        "UPDATE document SET state = 7",
        "UPDATE document SET due = 7",
        "UPDATE intent SET kind = CAST(x'ff' AS TEXT)",
    ],
)
def test_values_that_none_can_be_are_damage(path: Path, change: str) -> None:
    """A state, fence or text that syncd never writes is damage, not a crash and not a fence of nothing."""
    raw(
        path,
        "INSERT INTO intent VALUES (x'01', x'02', 'add', x'03', 0)",
        "INSERT INTO document VALUES (x'01', x'02', 1, NULL, x'', NULL, x'', x'', x'', 0, 0, 1, 1, 1, '', 1, 0, x'', x'', 0, 0)",
        change,
    )
    with closing(SqlLedger.open(path, writer=False)) as ledger, pytest.raises(LedgerCorrupt), ledger.read() as view:
        view.doc(b"\x01")
        view.intents()


def test_a_lost_file_with_its_log_still_there(path: Path) -> None:
    """Where only the log of a ledger is left no new ledger is made, for it would take the log's pages in."""
    with closing(SqlLedger.open(path, writer=True)) as ledger, ledger.write() as tx:
        tx.set_meta("k", b"v")
        log = path.with_name("ledger.db-wal")
        kept = log.read_bytes()
    path.unlink()
    log.write_bytes(kept)
    with pytest.raises(LedgerCorrupt, match="log"):
        SqlLedger.open(path, writer=True)
    assert log.read_bytes() == kept


@pytest.mark.parametrize("writer", [True, False])
def test_a_newer_schema_is_refused(path: Path, writer: bool) -> None:
    """A ledger of a newer syncd is opened by nobody and not changed."""
    raw(path, "UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(LedgerNewer, match=r"schema 9999, this one knows 0002.*upgrade"):
        SqlLedger.open(path, writer=writer)
    assert path.read_bytes() == before


def test_an_older_schema_waits_for_a_writer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader of an older ledger is told which command brings it up to date."""
    monkeypatch.setattr(migrate, "REVISIONS", (*migrate.REVISIONS, "9999"))
    with pytest.raises(LedgerOlder, match="syncd sync"):
        SqlLedger.open(path, writer=False)


def test_a_full_disk_costs_the_transaction_alone(path: Path) -> None:
    """When the file can't grow the write is refused and rolled back; reading and smaller writes go on."""
    with closing(SqlLedger.open(path, writer=True)) as ledger:
        with pytest.raises(LedgerUnavailable, match="full"), ledger.write() as tx:
            tx._connection.exec_driver_sql("PRAGMA max_page_count = 1")  # SQLite takes the present size instead
            tx.set_meta("small", b"v")
            tx.set_meta("large", bytes(1_000_000))
        with ledger.read() as view:
            assert (view.meta("small"), view.meta("large")) == (None, None)
        with ledger.write() as tx:
            tx.set_meta("row 1", b"v")
        with ledger.read() as view:
            assert view.meta("row 1") == b"v"


def test_a_file_that_may_not_grow(path: Path) -> None:
    """When the system refuses a write at the end of a transaction the ledger says so and opens again as it was."""
    script = """
import resource, sys
from pathlib import Path
from syncd.adapters.ledger import SqlLedger
from syncd.errors import LedgerUnavailable
ledger = SqlLedger.open(Path(sys.argv[1]), writer=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    with ledger.write() as tx:
        tx.set_meta("k", bytes(100_000))
except LedgerUnavailable as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert "can't be used" in run.stdout
    with closing(SqlLedger.open(path, writer=True)) as ledger, ledger.read() as view:
        assert view.meta("k") is None
        assert view.meta("row 1") is not None


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A writer makes no folders: it says what it can't use."""
    with pytest.raises(LedgerUnavailable, match="No such file"):
        SqlLedger.open(tmp_path / "nowhere" / "ledger.db", writer=True)


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    """What can't be opened as a file at all is unavailable, not damaged."""
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(LedgerUnavailable):
        SqlLedger.open(tmp_path / "ledger.db", writer=False)


def test_another_program_in_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write lock that some other program holds on the file is waited for, then the ledger is busy."""
    monkeypatch.setattr("syncd.adapters.ledger.engine.BUSY_S", 0)
    with closing(SqlLedger.open(path, writer=True)) as ledger, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy), ledger.write():
            pytest.fail("two writers")
        with ledger.read() as view:
            assert view.meta("row 1") is not None
        other.execute("ROLLBACK")
        with ledger.write() as tx:
            tx.set_meta("k", b"v")


def test_a_copy_opens(path: Path, tmp_path: Path) -> None:
    """A copy of a closed ledger, under a name that a URI would take apart, is a ledger."""
    moved = tmp_path / "a copy?mode=memory#100%"
    copy(path, moved)
    with closing(SqlLedger.open(moved, writer=False)) as ledger, ledger.read() as view:
        assert view.meta("row 1") == bytes([1]) * 5000


def test_closing_twice_is_fine(path: Path) -> None:
    """A closed ledger may be closed again, and its lock is free for the next one."""
    ledger = SqlLedger.open(path, writer=True)
    ledger.close()
    ledger.close()
    SqlLedger.open(path, writer=True, lock_wait=0).close()
