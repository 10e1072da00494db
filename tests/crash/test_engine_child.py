"""The engine child is killed, stopped, corrupted and orphaned: it costs the call in flight at most."""

import fcntl
import os
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from uuid import UUID

import psutil
import pytest

import syncd
from syncd.adapters.index import edge_process
from syncd.adapters.index.edge import EdgeIndex
from syncd.core.model import Eq, Point, PointId, Vector, Where
from syncd.errors import IndexUnavailable, IndexUnknownOutcome

ROOT = Path(syncd.__file__).parents[1]
HERE = Where((Eq("doc", "d"),))


def point(number: int, text: str = "") -> Point:
    """A point of four dimensions."""
    return Point(PointId(str(UUID(int=number))), Vector(struct.pack("<4f", 1, 0, 0, 0)), {"doc": "d", "text_sealed": text})


def wait_for(condition: Callable[[], bool]) -> None:
    """Return when `condition` holds; a minute is for ever."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


def gone(process: psutil.Process) -> bool:
    """Ended, whether or not somebody has taken notice."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def child(index: EdgeIndex) -> psutil.Process:
    """The engine's process."""
    assert index.child_pid is not None
    return psutil.Process(index.child_pid)


def kill(index: EdgeIndex) -> int:
    """SIGKILL the engine and wait until it is dead; its former process id."""
    process = child(index)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # all of its threads, and without taking notice of it
    return process.pid


def pipe_of(process: psutil.Process, mode: int) -> int:
    """Another descriptor of the child's pipe for requests (O_RDONLY) or answers (O_WRONLY)."""
    permission = 0o400 if mode == os.O_RDONLY else 0o200
    for entry in Path(f"/proc/{process.pid}/fd").iterdir():
        if str(entry.readlink()).startswith("pipe:") and entry.lstat().st_mode & permission:
            return os.open(entry, mode | os.O_NONBLOCK)
    raise AssertionError("the child has no such pipe")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[EdgeIndex]:
    """An index with one collection, "c"."""
    opened = EdgeIndex(tmp_path / "index")
    opened.ensure_collection("c", 4)
    yield opened
    opened.close()


def test_what_was_acknowledged_survives_a_kill_and_the_next_call_works(index):
    """SIGKILL after a barrier and after a mere acknowledgement: all points are there, from a new child on the same directory."""
    index.upsert("c", [point(n) for n in range(100)])
    index.barrier()
    first = kill(index)
    assert index.count("c", None) == 100
    assert index.child_pid != first
    index.upsert("c", [point(n) for n in range(100, 150)])
    index.delete("c", Where((Eq("text_sealed", "never"),)))
    kill(index)
    index.barrier()
    kill(index)
    index.upsert("c", [point(150)])
    assert index.count("c", HERE) == 151


@pytest.mark.parametrize("died", [False, True])
def test_what_a_barrier_covered_needs_no_log(index, tmp_path, died):
    """A power cut may take the engine's log, which is not synced: after a barrier every point is in the data that is, also
    what a child acknowledged that died before it, whatever was asked in between.
    """
    index.count("c", None)
    index.upsert("c", [point(n) for n in range(100)])
    if died:
        kill(index)
        assert index.collections() == ("c",)
    index.barrier()
    kill(index)
    shutil.rmtree(tmp_path / "index/collections/c/shard/wal")
    assert index.count("c", HERE) == 100


def test_a_write_in_flight_has_an_unknown_outcome(index):
    """The child is killed while it holds the request: the caller is told to repeat, and repeating works."""
    index.upsert("c", [point(0)])
    process = child(index)
    process.suspend()
    errors: list[Exception] = []

    def write() -> None:
        try:
            index.upsert("c", [point(n, "x" * 1000) for n in range(1, 1000)])
        except IndexUnknownOutcome as error:
            errors.append(error)

    requests = pipe_of(process, os.O_RDONLY)
    writer = Thread(target=write)
    writer.start()
    wait_for(lambda: struct.unpack("i", fcntl.ioctl(requests, termios.FIONREAD, b"\0" * 4))[0] > 0)
    os.close(requests)
    process.kill()
    writer.join()
    assert len(errors) == 1
    assert "SIGKILL" in str(errors[0])
    assert index.count("c", None) == 1
    index.upsert("c", [point(n) for n in range(1, 1000)])
    assert index.count("c", None) == 1000


def test_a_child_that_hangs_is_killed_at_the_timeout(index, tmp_path):
    """A read is then unavailable and a write unknown; the next call has a new child."""
    index.upsert("c", [point(0)])
    index.close()
    hasty = EdgeIndex(tmp_path / "index", call_timeout=3)
    for call, expected in (
        (lambda: hasty.count("c", None), IndexUnavailable),
        (lambda: hasty.upsert("c", [point(1)]), IndexUnknownOutcome),
    ):
        assert hasty.count("c", HERE) == 1
        hung = child(hasty)
        hung.suspend()
        with pytest.raises(expected, match="in time"):
            call()
        assert gone(hung)
    assert hasty.count("c", HERE) == 1
    hasty.close()


def test_a_child_that_speaks_nonsense_is_killed(index):
    """Bytes that are no frame, and a frame that answers another call, end the child and cost that call only."""
    index.upsert("c", [point(0)])
    stale = b"\x93\x00\xa2ok\x07"
    for noise in (b"PANIC at the disco", b"\0\0\0\3\xc1\xc1\xc1", struct.pack(">I", len(stale)) + stale):
        mad = child(index)
        answers = pipe_of(mad, os.O_WRONLY)
        os.write(answers, noise)
        os.close(answers)
        with pytest.raises(IndexUnavailable, match="nonsense"):
            index.count("c", None)
        assert gone(mad)
        assert index.count("c", None) == 1


@pytest.mark.parametrize(
    "script", ["echo hello, world", "exit 3", "kill -BUS $$", r"printf '\000\000\000\001\007'; exec sleep 60"]
)
def test_an_engine_that_does_not_start_is_unavailable(tmp_path, monkeypatch, script):
    """Whatever stands where the engine should be, the caller learns that it is unavailable, and the directory is free again."""
    imposter = tmp_path / "python"
    imposter.write_text(f"#!/bin/sh\n{script}\n")
    imposter.chmod(0o700)
    index = EdgeIndex(tmp_path / "index", lock_wait=1)
    with monkeypatch.context() as patch:
        patch.setattr(edge_process.sys, "executable", str(imposter))
        with pytest.raises(IndexUnavailable):
            index.collections()
        patch.setattr(edge_process.sys, "executable", str(tmp_path / "missing"))
        with pytest.raises(IndexUnavailable):
            index.collections()
    assert index.collections() == ()
    index.close()


def test_a_kill_while_a_collection_is_made_leaves_it_whole_or_not_at_all(tmp_path):
    """At whatever moment of the making: afterwards it is missing or works, and ensuring it again works."""
    for attempt in range(4):
        path = tmp_path / f"index-{attempt}"
        index = EdgeIndex(path)
        index.collections()
        process = child(index)
        maker = Thread(target=_ensure, args=(index,))
        maker.start()
        wait_for(lambda path=path, attempt=attempt: len([*os.walk(path / "collections")]) > 5 * attempt)
        process.kill()
        maker.join()
        assert index.collections() in {(), ("c",)}
        assert [entry for entry in (path / "collections").iterdir() if entry.name.startswith(".")] == []
        index.ensure_collection("c", 4)
        index.upsert("c", [point(1)])
        assert index.count("c", HERE) == 1
        index.close()


def _ensure(index: EdgeIndex) -> None:
    try:
        index.ensure_collection("c", 4)
    except IndexUnknownOutcome:
        return


def test_signals_to_the_whole_group_leave_the_child_alone(index):
    """Ctrl-C, a hang-up and a supervisor's SIGTERM: the parent decides, and the same child goes on serving."""
    pid = child(index).pid
    for sent in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        os.kill(pid, sent)
    index.upsert("c", [point(1)])
    assert index.count("c", None) == 1
    assert index.child_pid == pid


def test_the_end_of_the_thread_that_started_it_is_not_the_end_of_the_child(tmp_path):
    """The kernel reports the death of a thread as that of a parent; the child looks twice."""
    index = EdgeIndex(tmp_path / "index")
    starter = Thread(target=index.ensure_collection, args=("c", 4))
    starter.start()
    starter.join()
    pid = child(index).pid
    index.upsert("c", [point(1)])
    assert index.count("c", None) == 1
    assert index.child_pid == pid
    index.close()


PARENT = """
import os, sys, time
sys.path.insert(0, {helpers!r})
from pathlib import Path
from test_engine_child import EdgeIndex, point
index = EdgeIndex(Path({path!r}))
index.ensure_collection("c", 4)
index.upsert("c", [point(n) for n in range(50)])
if {keeper}:
    keeper = os.fork()
    if not keeper:
        os.close(1)
        time.sleep(60)
        os._exit(0)
print(index.child_pid, keeper if {keeper} else 0, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("keeper", [False, True], ids=["its pipe ends", "its pipe is held open by another"])
def test_the_child_does_not_outlive_its_parent(tmp_path, keeper):
    """SIGKILL the parent: the child ends, and what it had acknowledged is there for the next syncd, which gets the lock."""
    source = PARENT.format(helpers=str(Path(__file__).parent), path=str(tmp_path / "index"), keeper=keeper)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, env=environment, text=True)
    assert parent.stdout is not None
    engine, other = map(int, parent.stdout.readline().split())
    process = psutil.Process(engine)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: gone(process))
    if other:
        os.kill(other, signal.SIGKILL)
    index = EdgeIndex(tmp_path / "index", lock_wait=30)
    assert index.count("c", HERE) == 50
    index.close()
