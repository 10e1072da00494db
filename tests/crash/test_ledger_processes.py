"""The ledger among processes: one writer, many readers, and writers that are killed."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from syncd.adapters.ledger import SqlLedger
from syncd.errors import LedgerBusy

PRELUDE = """
import sys
from pathlib import Path
from syncd.adapters.ledger import SqlLedger
from syncd.core.rows import EventRow
path = Path(sys.argv[1])
def ready():
    print("ready", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def child(script: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that runs `script` and has come to its `ready()`."""
    command = [sys.executable, "-c", PRELUDE + script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "ledger.db"
    with closing(SqlLedger.open(made, writer=True)) as ledger, ledger.write() as tx:
        tx.set_meta("k", b"before")
    return made


def test_one_writer_many_readers(path: Path) -> None:
    """While a process writes, a second writer is told that the ledger is busy, readers read on, and its end lets one in."""
    with child(
        "ledger = SqlLedger.open(path, writer=True)\nwith ledger.write() as tx:\n    tx.set_meta('k', b'x'); ready()", path
    ) as other:
        with pytest.raises(LedgerBusy, match=r"waited 0\.2 s"):
            SqlLedger.open(path, writer=True, lock_wait=0.2)
        with closing(SqlLedger.open(path, writer=False)) as reader, reader.read() as view:
            assert view.meta("k") == b"before"
        other.communicate("go on\n")
        assert other.returncode == 0
    with closing(SqlLedger.open(path, writer=True, lock_wait=0)) as ledger, ledger.read() as view:
        assert view.meta("k") == b"x"


def test_a_waiting_writer_gets_its_turn(path: Path) -> None:
    """A writer that has begun to wait goes on once the other one has ended, also when that was killed."""
    waiter = """
import time
sleep = time.sleep
def told(seconds):
    print("ready", flush=True)
    sleep(seconds)
time.sleep = told
SqlLedger.open(path, writer=True, lock_wait=60).close()
print("done")
"""
    with child("ledger = SqlLedger.open(path, writer=True)\nready()", path) as holder, child(waiter, path) as waiting:
        assert waiting.poll() is None
        holder.kill()
        said, _ = waiting.communicate(timeout=60)
        assert said.endswith("done\n")


@pytest.mark.parametrize("moment", ["waiting in memory", "written, not committed"])
def test_a_killed_transaction_never_was(path: Path, moment: str) -> None:
    """SIGKILL inside a transaction leaves what was committed before, and a ledger that opens for readers and writers."""
    flush = "tx.flush()" if moment.startswith("written") else ""
    script = f"""
ledger = SqlLedger.open(path, writer=True)
with ledger.write() as tx:
    tx.set_meta("committed", b"yes")
with ledger.write() as tx:
    tx.set_meta("k", b"never")
    for seq in range(20_000):
        tx.put_event(EventRow(seq, bytes(500), b"h", b"m", 1, "t", "intent", "", "", "", ""))
    {flush}
    ready()
"""
    with child(script, path) as other:
        other.send_signal(signal.SIGKILL)
        assert other.wait() == -signal.SIGKILL
    with closing(SqlLedger.open(path, writer=False)) as ledger, ledger.read() as view:
        assert (view.meta("k"), view.meta("committed"), view.event_count()) == (b"before", b"yes", 0)
    with closing(SqlLedger.open(path, writer=True, lock_wait=0)) as ledger:
        with ledger.write() as tx:
            tx.set_meta("k", b"after")
        with ledger.read() as view:
            assert view.meta("k") == b"after"


def test_a_kill_while_it_is_made(tmp_path: Path) -> None:
    """A ledger whose making was cut short is not there for readers, and the next writer makes it anew."""
    path = tmp_path / "ledger.db"
    script = """
from syncd.adapters.ledger import migrate
whole = migrate.upgrade
def cut(engine):
    whole(engine)
    ready()
migrate.upgrade = cut
SqlLedger.open(path, writer=True)
"""
    with child(script, path) as other:
        other.send_signal(signal.SIGKILL)
        assert other.wait() == -signal.SIGKILL
    assert not path.exists()
    with closing(SqlLedger.open(path, writer=True, lock_wait=0)) as ledger, ledger.write() as tx:
        tx.set_meta("k", b"v")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ledger.db", "ledger.db.lock"]


def test_an_acknowledged_commit_survives_the_writer(path: Path) -> None:
    """What `write()` returned from is there after a SIGKILL, though the log was never folded into the file."""
    with child(
        "ledger = SqlLedger.open(path, writer=True)\nwith ledger.write() as tx:\n    tx.set_meta('k', b'kept')\nready()", path
    ) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
    with closing(SqlLedger.open(path, writer=False)) as ledger, ledger.read() as view:
        assert view.meta("k") == b"kept"
