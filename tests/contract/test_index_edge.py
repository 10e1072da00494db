"""What the embedded engine promises beyond the contract: bits, files, and what happens before the engine is asked."""

import json
import os
import signal
import stat
import struct
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from random import Random

import pytest
from index_points import everything, pid, point, unit

from syncd.adapters.index.edge import EdgeIndex
from syncd.core.model import Eq, Point, Vector, Where
from syncd.errors import DiskFull, IndexBusy, IndexUnavailable


@pytest.fixture
def opened(tmp_path):
    """An engine of its own for tests that open the directory again."""
    index = EdgeIndex(tmp_path / "index", lock_wait=0.2)
    yield index
    index.close()


def test_vectors_come_back_bit_for_bit(opened):
    """What is retrieved is what was sent, also when it is sent again: a reused vector never drifts."""
    random = Random(7)
    opened.ensure_collection("c", 384)
    odd = struct.pack("<384f", *([-0.0, 1e-45, -1e-38, 3.4e38, 0.1] + [0.0] * 379))
    vectors = [unit(*(random.gauss(0, 1) for _ in range(384))) for _ in range(40)] + [Vector(odd)]
    points = [Point(pid(n), vector, {"doc": "d"}) for n, vector in enumerate(vectors)]
    for _ in range(2):
        opened.upsert("c", points)
        found = {p.id: p for p in opened.retrieve("c", [p.id for p in points], vectors=True)}
        assert [found[p.id].vector for p in points] == vectors
        points = [found[p.id] for p in points]
    assert [p.vector for p in opened.scroll("c", None, None, 100, vectors=True)[0]] == vectors


def test_points_and_aliases_outlive_the_process(opened, tmp_path):
    """Closed and opened again, everything is there: points, payloads, vectors, aliases, and the payload indexes work."""
    opened.ensure_collection("one", 4)
    opened.ensure_collection("two", 4)
    opened.switch_alias("live", "one")
    opened.switch_alias("live", "two")
    opened.upsert("two", [point(n, doc=f"d{n % 2}") for n in range(20)])
    opened.delete("two", Where((Eq("doc", "d0"),)))
    before = everything(opened, "two")
    opened.close()
    again = EdgeIndex(tmp_path / "index")
    assert again.collections() == ("one", "two")
    assert again.resolve("live") == "two"
    assert everything(again, "two") == before
    assert again.count("two", Where((Eq("doc", "d1"),))) == 10
    again.close()


def test_a_closed_index_stays_closed(opened):
    """Closing twice is fine; a call afterwards is refused and starts nothing."""
    opened.ensure_collection("c", 4)
    opened.close()
    opened.close()
    with pytest.raises(IndexUnavailable):
        opened.collections()
    assert opened.child_pid is None


def test_one_syncd_at_a_time(opened, tmp_path):
    """A second opener waits, then says that the index is busy; when the first has let go it gets in."""
    second = EdgeIndex(tmp_path / "index", lock_wait=0.1)
    opened.ensure_collection("c", 4)
    with pytest.raises(IndexBusy, match="another syncd"):
        second.collections()
    opened.close()
    assert second.collections() == ("c",)
    second.close()


def test_only_the_owner_may_look_inside(opened, tmp_path):
    """The directory is 0700, also when it was there with another mode, and nothing the engine makes is for others."""
    (tmp_path / "index").mkdir(mode=0o755)
    opened.ensure_collection("c", 4)
    opened.upsert("c", [point(1)])
    opened.barrier()
    assert stat.S_IMODE((tmp_path / "index").stat().st_mode) == 0o700
    made = list((tmp_path / "index" / "collections").rglob("*"))
    assert made
    assert [path for path in made if path.stat().st_mode & 0o077] == []


def test_a_nearly_full_disk_is_refused_before_the_engine_is_asked(tmp_path):
    """No write starts the engine, or reaches it, when the reserve would be touched; reads and the barrier go on. Half of the
    reserve is for what closes or takes away.
    """
    free = 2**40
    index = EdgeIndex(tmp_path / "index", free_bytes=100 * 2**20, free_space=lambda _: free)
    free = 99 * 2**20
    with pytest.raises(DiskFull, match="99 MiB free, 100 MiB needed"):
        index.ensure_collection("c", 4)
    assert index.child_pid is None
    free = 2**40
    index.ensure_collection("c", 4)
    index.upsert("c", [point(1)])
    for mib, write in (
        (110, lambda: index.upsert("c", [point(2, text_sealed="x" * 4 * 2**20)])),
        (110, lambda: index.make_sure_of_room(4 * 2**20)),
        (60, lambda: index.set_payload("c", {"text_sealed": "x" * 4 * 2**20}, Where((Eq("doc", "d"),)))),
        (49, lambda: index.delete("c", Where((Eq("doc", "d"),)))),
    ):
        free = mib * 2**20
        with pytest.raises(DiskFull):
            write()
    free = 110 * 2**20
    index.upsert("c", [point(3)])
    index.make_sure_of_room(2**20)
    free = 51 * 2**20
    index.ensure_collection("c", 4)
    index.set_payload("c", {"acl_version": 1}, Where((Eq("doc", "other"),)))
    index.delete("c", Where((Eq("doc", "other"),)))
    index.barrier()
    assert everything(index, "c") == {pid(n): point(n).payload for n in (1, 3)}
    index.close()


def test_what_was_half_made_or_half_removed_is_swept_away(opened, tmp_path):
    """A kill while a collection comes or goes leaves nothing that a later open could take for a collection."""
    collections = tmp_path / "index" / "collections"
    for name in (".new-a", ".gone-b"):
        (collections / name / "shard").mkdir(parents=True)
        (collections / name / "shard" / "edge_config.json").write_text("{")
    assert opened.collections() == ()
    assert list(collections.iterdir()) == []
    opened.ensure_collection("a", 4)
    opened.upsert("a", [point(1)])
    assert opened.count("a", None) == 1


def test_a_write_larger_than_a_frame_is_cut(opened):
    """30 MB of payload in one call arrive whole."""
    opened.ensure_collection("c", 4)
    points = [point(n, text_sealed=f"{n:02}" * 2**19) for n in range(30)]
    opened.upsert("c", points)
    assert everything(opened, "c") == {p.id: p.payload for p in points}


def test_threads_take_turns(opened):
    """Calls from many threads at once lose nothing and get their own answers."""
    opened.ensure_collection("c", 4)

    def work(thread: int) -> int:
        where = Where((Eq("doc", f"t{thread}"),))
        for step in range(10):
            opened.upsert("c", [point(100 * thread + step, doc=f"t{thread}")])
            assert opened.count("c", where) == step + 1
        return opened.count("c", where)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [10] * 4
    assert opened.count("c", None) == 40


def test_a_damaged_alias_file_is_not_taken_for_an_empty_one(opened, tmp_path):
    """The engine does not start on it, and says so; mended, everything is there."""
    opened.ensure_collection("c", 4)
    opened.switch_alias("live", "c")
    opened.close()
    file = tmp_path / "index" / "aliases.json"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    broken = EdgeIndex(tmp_path / "index")
    with pytest.raises(IndexUnavailable, match="status 1"):
        broken.resolve("live")
    file.write_bytes(whole)
    assert broken.resolve("live") == "c"
    broken.close()


def test_a_directory_that_cannot_be_used_is_named_as_such(tmp_path):
    """A file where the directory should be makes the index unavailable, not a traceback."""
    (tmp_path / "index").write_text("not a directory")
    index = EdgeIndex(tmp_path / "index")
    for call in (index.collections, lambda: index.ensure_collection("c", 4)):
        with pytest.raises(IndexUnavailable, match="File exists"):
            call()


def test_the_engine_gets_no_secrets(opened, monkeypatch):
    """The child is told of the interpreter only, and its standard output is the log, not the frames."""
    monkeypatch.setenv("SYNCD_SECRET", "canary")
    opened.ensure_collection("c", 4)
    environment = dict(
        entry.split("=", 1) for entry in Path(f"/proc/{opened.child_pid}/environ").read_text().split("\0") if entry
    )
    assert set(environment) <= {"PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LC_CTYPE"}
    assert Path(f"/proc/{opened.child_pid}/fd/1").readlink().name == "engine.log"
    assert str(Path(f"/proc/{opened.child_pid}/fd/0").readlink()) == os.devnull


def test_collections_are_made_with_their_payload_indexes(opened, tmp_path):
    """The engine has an index on each field that filters use, before the first point."""
    opened.ensure_collection("c", 4)
    opened.close()
    (config,) = (tmp_path / "index" / "collections" / "c").rglob("payload_index/config.json")
    assert json.loads(config.read_text())["indexed_fields"] == {
        "doc": "keyword",
        "acl_class": "keyword",
        "acl_version": "integer",
        "epoch": "integer",
    }


def test_what_was_deleted_gives_its_space_back(opened, tmp_path):
    """Thousands of points come and go, and it is tidied up: it grows no more, and what is left is as it was."""
    random = Random(7)
    kept = [Point(pid(n), unit(*(random.gauss(0, 1) for _ in range(4))), point(n, doc="kept").payload) for n in range(50)]
    opened.ensure_collection("c", 4)
    opened.upsert("c", kept)
    sizes = []
    for start in range(1_000, 17_000, 2_000):
        opened.upsert("c", [point(number, doc="gone") for number in range(start, start + 2_000)])
        opened.delete("c", Where((Eq("doc", "gone"),)))
        opened.tidy("c")
        sizes.append(stored(tmp_path / "index"))
    assert max(sizes[4:]) <= max(sizes[:4])
    found = opened.retrieve("c", [each.id for each in kept], vectors=True)
    assert {each.id: each for each in found} == {each.id: each for each in kept}
    assert opened.count("c", Where((Eq("doc", "kept"),))) == opened.count("c", None) == 50


def test_a_kill_while_it_is_tidied_up_loses_nothing(opened, tmp_path):
    """Killed again and again in the midst of it: every point is there, once, and no half-made copy stays behind."""
    opened.ensure_collection("c", 4)
    opened.upsert("c", [point(n, doc=f"d{n % 3}") for n in range(6_000)])
    opened.delete("c", Where((Eq("doc", "d0"),)))
    before = everything(opened, "c")
    for number in range(6):
        with ThreadPoolExecutor(1) as other:
            tidied = other.submit(opened.tidy, "c")
            time.sleep(0.02 * number)  # whatever it is at by then: nothing is decided by it
            os.kill(opened.child_pid, signal.SIGKILL)
            wait([tidied])
        assert everything(opened, "c") == before
    assert list(tmp_path.rglob("temp_segments/*")) == []


def test_nothing_is_tidied_up_without_room_for_a_copy(tmp_path):
    """It is left as it is, and no error: it will be done when there is room."""
    free = 2**40
    index = EdgeIndex(tmp_path / "index", free_bytes=100 * 2**20, free_space=lambda _: free)
    index.ensure_collection("c", 4)
    index.upsert("c", [point(n) for n in range(2_000)])
    index.delete("c", Where((Eq("doc", "d"),)))
    before = stored(tmp_path / "index")
    free = 100 * 2**20
    index.tidy("c")
    assert stored(tmp_path / "index") == before
    free = 2**40
    index.tidy("c")
    assert stored(tmp_path / "index") != before
    index.close()


def stored(path):
    """Bytes of the segments below `path`."""
    return sum(file.stat().st_blocks * 512 for file in path.rglob("segments/**/*") if file.is_file())
