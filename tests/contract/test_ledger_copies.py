"""What every ledger does for a second collection, for pages below pages, and for a document's history."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from test_ledger import HERE, THERE, doc, event, held, point, tag

from syncd.adapters.ledger import SqlLedger
from syncd.core.rows import CollectionRow, CollectionState, CopyRow, DocState, Due, EventRow, PageRow, PointState, RunRow
from syncd.ports import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty one."""
    with closing(SqlLedger.open(tmp_path / "ledger.db", writer=True)) as opened:
        yield opened


def copied(name: str, content: bytes = b"c", shape: bytes = b"new", issued: int = 2) -> CopyRow:
    """What the filling collection holds of a document."""
    return CopyRow(doc(name).doc, content, shape, issued, b"new vault")


def test_pages_know_what_lies_in_them(ledger: Ledger) -> None:
    """Children are found by their parent alone, in whatever source and order they were put."""
    with ledger.write() as tx:
        for name, parent in (("a", None), ("a/c", "a"), ("a/b", "a"), ("a/b/d", "a/b")):
            tx.put_page(PageRow(tag(name), HERE, None, 1, b"x", None if parent is None else tag(parent)))
        assert [row.locator for row in tx.children(tag("a"))] == sorted([tag("a/b"), tag("a/c")])
    with ledger.read() as view:
        assert [row.locator for row in view.children(tag("a/b"))] == [tag("a/b/d")]
        assert view.children(tag("a/c")) == []


def test_a_collection_says_what_it_is_for(ledger: Ledger) -> None:
    """State and embedder come back as they were put, and a later word replaces them."""
    row = CollectionRow(b"u", "n", b"s", 3, CollectionState.FILLING, '{"backend": "hash"}')
    with ledger.write() as tx:
        tx.put_collection(row)
    with ledger.read() as view:
        assert view.collections() == [row]


def test_what_lacks_a_copy_is_found(ledger: Ledger) -> None:
    """No copy, another content, another shape, another ACL version: each counts; tombstones and documents in step do not."""
    with ledger.write() as tx:
        for name in ("same", "none", "content", "shape", "acl"):
            tx.put_doc(doc(name))
        tx.put_doc(doc("gone", state=DocState.DELETED, locator=None))
        tx.put_copy(copied("same"))
        tx.put_copy(copied("content", content=b"other"))
        tx.put_copy(copied("shape", shape=b"other"))
        tx.put_copy(copied("acl", issued=1))
        tx.put_copy(copied("gone"))
    behind = sorted(doc(name).doc for name in ("none", "content", "shape", "acl"))
    with ledger.read() as view:
        assert [row.doc for row in view.uncopied(b"new")] == behind
        assert [row.doc for row in view.uncopied(b"new", behind[1])] == behind[2:]
        assert view.uncopied_count(b"new") == 4
        assert list(view.orphans()) == [doc("gone").doc]
        assert view.copy(doc("acl").doc) == copied("acl", issued=1)
        assert view.copy(doc("none").doc) is None


def test_points_of_copies_are_apart(ledger: Ledger) -> None:
    """Points of the filling collection are no points of the serving one; owners are live ones only."""
    with ledger.write() as tx:
        tx.put_copy_points([point("a", "f"), point("b", "f", state=PointState.INTENDED), point("b", "g")])
        tx.put_points([point("a", "old")])
    with ledger.read() as view:
        assert view.copy_points(doc("a").doc) == [point("a", "f")]
        assert view.points(doc("a").doc) == [point("a", "old")]
        assert view.copy_owners([tag("f")[:16]]) == [point("a", "f")]
        assert view.owners([tag("f")[:16]]) == []
        assert view.copy_point_count() == 2
    with ledger.write() as tx:
        tx.drop_copy_points([point("b", "f"), point("b", "g")])
        assert tx.copy_points(doc("b").doc) == []


def test_copies_take_the_place_of_what_was_recorded(ledger: Ledger) -> None:
    """Adopted in one transaction: shape, card and points are the copies'; documents without one are to be looked at."""
    with ledger.write() as tx:
        tx.put_doc(doc("a", due=Due.NO))
        tx.put_doc(doc("b", due=Due.NO))
        tx.put_doc(doc("c", due=Due.NO, state=DocState.DELETED, locator=None))
        tx.put_points([point("a", "old"), point("b", "old")])
        tx.put_copy(copied("a"))
        tx.put_copy_points([point("a", "new"), point("a", "new", 1)])
        tx.adopt_copies()
    with ledger.read() as view:
        row = view.doc(doc("a").doc)
        assert row == doc("a", due=Due.NO, shape=b"new", vault=b"new vault", floor=2)
        assert view.doc(doc("b").doc) == doc("b", due=Due.LOOK)
        assert view.doc(doc("c").doc).due is Due.NO
        assert view.points(doc("a").doc) == [point("a", "new"), point("a", "new", 1)]
        assert view.points(doc("b").doc) == []
        assert view.copy(doc("a").doc) is None
        assert view.copy_point_count() == 0


def test_a_change_over_that_is_not_committed_changes_nothing(ledger: Ledger) -> None:
    """What adopts and then fails leaves everything as it was."""
    with ledger.write() as tx:
        tx.put_doc(doc("a"))
        tx.put_points([point("a", "old")])
        tx.put_copy(copied("a"))
    with pytest.raises(ZeroDivisionError), ledger.write() as tx:
        tx.adopt_copies()
        raise ZeroDivisionError
    with ledger.read() as view:
        assert view.doc(doc("a").doc) == doc("a")
        assert view.points(doc("a").doc) == [point("a", "old")]
        assert view.copy(doc("a").doc) == copied("a")


def test_copies_can_be_forgotten(ledger: Ledger) -> None:
    """All of them, also those that wait in the same transaction."""
    with ledger.write() as tx:
        tx.put_copy(copied("a"))
        tx.put_copy_points([point("a", "f")])
        tx.clear_copies()
        tx.put_copy(copied("b"))
    with ledger.read() as view:
        assert view.copy(doc("a").doc) is None
        assert view.copy(doc("b").doc) == copied("b")
        assert view.copy_point_count() == 0


def test_what_a_reindex_has_left_is_counted(ledger: Ledger) -> None:
    """By source, and only what is to be embedded again."""
    with ledger.write() as tx:
        tx.put_doc(doc("a", due=Due.EMBED))
        tx.put_doc(doc("b", due=Due.LOOK))
        tx.put_doc(doc("c", due=Due.EMBED, source=THERE))
        assert tx.due(HERE) == 1
    with ledger.read() as view:
        assert (view.due(HERE), view.due(THERE), view.due(b"x" * 32)) == (1, 1, 0)


def test_the_run_that_decides_is_no_run_on_hints(ledger: Ledger) -> None:
    """The last run over a whole source, or the last that halted; a few hints followed since change nothing."""

    def run(number: int, trigger: str, state: str) -> RunRow:
        return RunRow(bytes([number]), HERE, trigger, state, float(number), 0.0, "{}")

    with ledger.write() as tx:
        assert tx.deciding_run(HERE) is None
        tx.put_run(run(1, "command", "done"))
        tx.put_run(run(2, "hint", "incomplete"))
        assert tx.deciding_run(HERE) == run(1, "command", "done")
        tx.put_run(run(3, "hint", "halted"))
        tx.put_run(run(4, "hint", "done"))
        assert tx.deciding_run(HERE) == run(3, "hint", "halted")
        tx.put_run(run(5, "scan", "failed"))
    with ledger.read() as view:
        assert view.deciding_run(HERE) == run(5, "scan", "failed")


def test_a_document_has_its_history(ledger: Ledger) -> None:
    """Its events in order, and nobody else's."""
    with ledger.write() as tx:
        for seq in range(4):
            row = event(seq)
            tx.put_event(EventRow(*[getattr(row, n) for n in row.__slots__[:-1]], doc="ab" if seq % 2 else "cd"))
    with ledger.read() as view:
        assert [row.seq for row in view.events_of("ab")] == [1, 3]
        assert list(view.events_of("ef")) == []


def test_what_was_dropped_is_not_counted(ledger: Ledger) -> None:
    """An entry that somebody did not want to hear of is kept, and out of every count."""
    with ledger.write() as tx:
        tx.put_quarantine(held("a"))
        tx.put_quarantine(held("b", dropped=True))
    with ledger.read() as view:
        assert view.counts().quarantined == view.counts(HERE).quarantined == 1
        assert {row.dropped for row in view.quarantined()} == {True, False}


def test_threads_take_turns(ledger: Ledger) -> None:
    """Two threads that write wait for each other; one that is in a transaction already has made a mistake."""
    import threading

    inside, go_on, done = threading.Event(), threading.Event(), []

    def other() -> None:
        with ledger.write() as tx:
            tx.set_meta("who", b"other")
            inside.set()
            assert go_on.wait(30)
        done.append("other")

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(30)
    go_on.set()
    with ledger.write() as tx:
        assert tx.meta("who") == b"other"
        with pytest.raises(RuntimeError, match="open already"), ledger.write():
            pass
    thread.join(30)
    assert done == ["other"]
