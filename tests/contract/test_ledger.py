"""What every ledger does, whatever database is under it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path
from shutil import copy

import pytest

from syncd.adapters.ledger import SqlLedger
from syncd.core.rows import (
    ClassRow,
    CollectionRow,
    Counts,
    DocRow,
    DocState,
    Due,
    EventRow,
    Fence,
    IntentRow,
    NameRow,
    PageRow,
    PointRow,
    PointState,
    QuarantineRow,
    RunRow,
    SourceRow,
)
from syncd.errors import LedgerRefused
from syncd.ports import Ledger, LedgerTx, LedgerView

HERE, THERE = b"s" * 32, b"t" * 32


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "ledger.db"
    SqlLedger.open(path, writer=True).close()
    return path


@pytest.fixture(params=["sqlite"])
def ledger(tmp_path: Path, empty: Path) -> Iterator[Ledger]:
    with closing(SqlLedger.open(Path(copy(empty, tmp_path)), writer=True)) as opened:
        yield opened


def tag(name: str) -> bytes:
    return name.encode().ljust(32, b".")


def doc(name: str, **facts: object) -> DocRow:
    row = DocRow(
        doc=tag(name)[:16],
        source=HERE,
        state=DocState.LIVE,
        locator=tag("at-" + name),
        page=tag("page"),
        identity=tag("inode-" + name),
        version=b"v",
        content=b"c",
        shape=b"sh",
        due=Due.LOOK,
        racy=False,
        class_id=1,
        issued=2,
        floor=1,
        fence=Fence.NONE,
        epoch=3,
        staged=False,
        dek=b"dek\0\xff",
        vault=b"vault\0\xfe",
        seen_at=1700000000.25,
        synced_at=1700000001.5,
    )
    return replace(row, **facts)  # type: ignore[arg-type]  # each test names real fields


def point(name: str, fp: str, occurrence: int = 0, state: PointState = PointState.LIVE) -> PointRow:
    return PointRow(tag(name)[:16], tag(fp)[:16], occurrence, state)


def event(seq: int) -> EventRow:
    return EventRow(seq, b"leaf %d" % seq, b"h%d" % seq, b"m", 10**15 + seq, "doc.synced", "intent", "op", "run", "src", "ab")


def held(name: str, **facts: object) -> QuarantineRow:
    row = QuarantineRow(tag(name), HERE, tag("page"), None, "format", "", b"v", b"sh", 1, 1.5, 2.5, 3.5, b"sealed")
    return replace(row, **facts)  # type: ignore[arg-type]  # each test names real fields


ROUND_TRIPS: list[tuple[str, Callable[[LedgerTx], None], Callable[[LedgerView], object], object]] = [
    ("meta", lambda tx: tx.set_meta("k", b"\0v"), lambda v: v.meta("k"), b"\0v"),
    (
        "source",
        lambda tx: tx.put_source(SourceRow(HERE, 7, 1.5, 2.5)),
        lambda v: (v.source(HERE), v.sources()),
        (SourceRow(HERE, 7, 1.5, 2.5), [SourceRow(HERE, 7, 1.5, 2.5)]),
    ),
    (
        "page",
        lambda tx: tx.put_page(PageRow(tag("p"), HERE, None, 4, b"x")),
        lambda v: (v.page(tag("p")), list(v.pages(HERE))),
        (PageRow(tag("p"), HERE, None, 4, b"x"), [PageRow(tag("p"), HERE, None, 4, b"x")]),
    ),
    ("doc", lambda tx: tx.put_doc(doc("a")), lambda v: (v.doc(doc("a").doc), list(v.docs())), (doc("a"), [doc("a")])),
    (
        "doc without its optional values, with all flags",
        lambda tx: tx.put_doc(doc("a", locator=None, identity=None, racy=True, staged=True, fence=Fence.ACL)),
        lambda v: v.doc(doc("a").doc),
        doc("a", locator=None, identity=None, racy=True, staged=True, fence=Fence.ACL),
    ),
    ("point", lambda tx: tx.put_points([point("a", "f", 3)]), lambda v: v.points(doc("a").doc), [point("a", "f", 3)]),
    (
        "name",
        lambda tx: tx.put_name(NameRow(tag("a"), tag("l"), 5, b"x")),
        lambda v: (v.names(tag("l")), v.names_of(tag("a"))),
        ([NameRow(tag("a"), tag("l"), 5, b"x")], [NameRow(tag("a"), tag("l"), 5, b"x")]),
    ),
    (
        "quarantine",
        lambda tx: tx.put_quarantine(held("q", doc=tag("a"))),
        lambda v: (v.quarantine(tag("q")), list(v.quarantined()), v.quarantine_of_page(tag("page"))),
        (held("q", doc=tag("a")), [held("q", doc=tag("a"))], [held("q", doc=tag("a"))]),
    ),
    (
        "intent",
        lambda tx: tx.put_intent(IntentRow(b"op", b"d", "add", b"r", 9)),
        lambda v: v.intents(),
        [IntentRow(b"op", b"d", "add", b"r", 9)],
    ),
    (
        "collection",
        lambda tx: tx.put_collection(CollectionRow(b"u", "main", b"sp", 384)),
        lambda v: v.collections(),
        [CollectionRow(b"u", "main", b"sp", 384)],
    ),
    (
        "run",
        lambda tx: tx.put_run(RunRow(b"r", HERE, "cli", "done", 1.0, 2.0, "{}")),
        lambda v: v.runs(),
        [RunRow(b"r", HERE, "cli", "done", 1.0, 2.0, "{}")],
    ),
    ("event", lambda tx: tx.put_event(event(0)), lambda v: (v.event(0), list(v.events())), (event(0), [event(0)])),
    ("node", lambda tx: tx.put_node(1, 2, b"n"), lambda v: (list(v.nodes()), list(v.nodes(1))), ([(1, 2, b"n")], [(1, 2, b"n")])),
    ("checkpoint", lambda tx: tx.put_checkpoint(8, b"root", "note\n"), lambda v: list(v.checkpoints()), [(8, b"root", "note\n")]),
    (
        "last checkpoint",
        lambda tx: tx.put_checkpoint(8, b"root", "note\n"),
        lambda v: v.last_checkpoint(),
        (8, b"root", "note\n"),
    ),
]


@pytest.mark.parametrize(("put", "get", "expected"), [case[1:] for case in ROUND_TRIPS], ids=[case[0] for case in ROUND_TRIPS])
def test_what_was_put_is_read(
    ledger: Ledger, put: Callable[[LedgerTx], None], get: Callable[[LedgerView], object], expected: object
) -> None:
    """Every row comes back equal, within its transaction and after it, and is not there before its transaction ended."""
    with ledger.read() as before, ledger.write() as tx:
        put(tx)
        assert get(tx) == expected
        assert get(before) != expected
    with ledger.read() as view:
        assert get(view) == expected


def test_nothing_is_there_at_first(ledger: Ledger) -> None:
    """An empty ledger answers every question with nothing."""
    with ledger.read() as view:
        ones = (view.meta("k"), view.source(HERE), view.page(HERE), view.doc(HERE), view.doc_at(HERE), view.event(0))
        assert ones == (None,) * 6
        assert (view.class_of(HERE), view.quarantine(HERE)) == (None, None)
        lists = (view.sources(), view.points(HERE), view.owners([]), view.owners([HERE]), view.names(HERE), view.classes())
        assert lists == ([], [], [], [], [], [])
        assert (view.intents(), view.collections(), view.runs(), view.docs_of_page(HERE)) == ([], [], [], [])
        streams = (view.pages(HERE), view.docs(), view.staged(HERE), view.quarantined(), view.events(), view.nodes())
        assert [list(stream) for stream in (*streams, view.checkpoints())] == [[]] * 7
        assert view.counts() == Counts(0, 0, 0, 0, 0, 0)
        assert view.event_count() == 0
        assert view.live_classes() == frozenset()


REPLACEMENTS: list[tuple[str, Callable[[LedgerTx, int], None], Callable[[LedgerView], object]]] = [
    ("meta", lambda tx, n: tx.set_meta("k", b"%d" % n), lambda v: v.meta("k")),
    ("source", lambda tx, n: tx.put_source(SourceRow(HERE, n, n, n)), lambda v: v.sources()),
    ("page", lambda tx, n: tx.put_page(PageRow(HERE, HERE, None, n, b"%d" % n)), lambda v: list(v.pages(HERE))),
    ("doc", lambda tx, n: tx.put_doc(doc("a", issued=n, fence=list(Fence)[n], state=DocState(n))), lambda v: list(v.docs())),
    ("point", lambda tx, n: tx.put_points([point("a", "f", 0, PointState(n % 2))]), lambda v: v.points(doc("a").doc)),
    ("name", lambda tx, n: tx.put_name(NameRow(HERE, HERE, 1, b"%d" % n)), lambda v: v.names(HERE)),
    ("quarantine", lambda tx, n: tx.put_quarantine(held("q", attempts=n)), lambda v: list(v.quarantined())),
    ("intent", lambda tx, n: tx.put_intent(IntentRow(b"op", b"d", "add", b"r", n)), lambda v: v.intents()),
    ("collection", lambda tx, n: tx.put_collection(CollectionRow(b"u", str(n), b"s", n)), lambda v: v.collections()),
    ("run", lambda tx, n: tx.put_run(RunRow(b"r", HERE, "cli", str(n), n, n, "{}")), lambda v: v.runs()),
]


@pytest.mark.parametrize(("put", "get"), [case[1:] for case in REPLACEMENTS], ids=[case[0] for case in REPLACEMENTS])
def test_putting_again_replaces(
    ledger: Ledger, put: Callable[[LedgerTx, int], None], get: Callable[[LedgerView], object]
) -> None:
    """A row that is put again replaces the one with its key, in another transaction and within one."""
    with ledger.write() as tx:
        put(tx, 1)
        first = get(tx)
    with ledger.write() as tx:
        put(tx, 2)
        put(tx, 0)
    with ledger.read() as view:
        last = get(view)
    with ledger.write() as tx:
        put(tx, 2)
        put(tx, 1)
        assert get(tx) == first != last


DROPS: list[tuple[str, Callable[[LedgerTx], None], Callable[[LedgerTx], None], Callable[[LedgerView], object]]] = [
    ("page", lambda tx: tx.put_page(PageRow(HERE, HERE, None, 1, b"")), lambda tx: tx.drop_page(HERE), lambda v: v.page(HERE)),
    (
        "points",
        lambda tx: tx.put_points([point("a", "f")]),
        lambda tx: tx.drop_points([point("a", "f", 0, PointState.INTENDED)]),
        lambda v: v.points(doc("a").doc) or None,
    ),
    (
        "quarantine",
        lambda tx: tx.put_quarantine(held("q")),
        lambda tx: tx.drop_quarantine(tag("q")),
        lambda v: v.quarantine(tag("q")),
    ),
    (
        "intent",
        lambda tx: tx.put_intent(IntentRow(b"op", b"d", "add", b"r", 1)),
        lambda tx: tx.drop_intent(b"op"),
        lambda v: v.intents() or None,
    ),
]


@pytest.mark.parametrize(("put", "drop", "get"), [case[1:] for case in DROPS], ids=[case[0] for case in DROPS])
def test_the_last_word_counts(
    ledger: Ledger, put: Callable[[LedgerTx], None], drop: Callable[[LedgerTx], None], get: Callable[[LedgerView], object]
) -> None:
    """Of puts and drops of one key the last one decides, in every order, within a transaction and across several."""
    for steps in product((put, drop), repeat=3):
        for whole in (True, False):
            with ledger.write() as tx:
                for step in steps:
                    step(tx)
                    if not whole:
                        get(tx)  # a read in between writes what waited
            with ledger.read() as view:
                assert (get(view) is not None) == (steps[-1] is put)
            with ledger.write() as tx:
                drop(tx)


def test_rows_of_others_stay(ledger: Ledger) -> None:
    """A drop removes its own key only."""
    with ledger.write() as tx:
        tx.put_points([point("a", "f", 0), point("a", "f", 1), point("b", "f", 0), point("a", "g", 0)])
        tx.drop_points([point("a", "f", 0)])
    with ledger.read() as view:
        assert view.points(doc("a").doc) == [point("a", "f", 1), point("a", "g", 0)]
        assert view.points(doc("b").doc) == [point("b", "f", 0)]


def test_pages_that_a_scan_did_not_write(ledger: Ledger) -> None:
    """Counted are the pages of the source whose last scan was another one, also what waits to be written."""
    rows = [PageRow(bytes([number]), HERE, None, scan, b"sealed") for number, scan in enumerate((1, 2, 2, 3))]
    with ledger.write() as tx:
        for row in [*rows, PageRow(b"elsewhere", THERE, None, 1, b"sealed")]:
            tx.put_page(row)
        assert [tx.unwritten(HERE, scan) for scan in (1, 2, 4)] == [3, 2, 4]
        tx.drop_page(rows[0].locator)
    with ledger.read() as view:
        assert [view.unwritten(HERE, scan) for scan in (1, 2, 4)] == [3, 1, 3]


def test_a_locator_has_one_document(ledger: Ledger) -> None:
    """Two documents at one locator are refused and nothing of their transaction stays; many without a locator are fine."""
    with ledger.write() as tx:
        tx.put_doc(doc("a"))
        tx.put_doc(doc("gone", locator=None))
        tx.put_doc(doc("lost", locator=None))
    with pytest.raises(LedgerRefused, match=r"document\.locator"), ledger.write() as tx:
        tx.set_meta("k", b"v")
        tx.put_doc(doc("b", locator=doc("a").locator))
    with ledger.read() as view:
        assert view.doc_at(doc("a").locator or b"") == doc("a")
        assert view.meta("k") is None
        assert view.doc(doc("b").doc) is None


def test_a_locator_passes_on(ledger: Ledger) -> None:
    """A locator is free once its document gave it up, in the order of the puts, and a swap goes through `clear_locators`."""
    at_a, at_b = doc("a").locator, doc("b").locator
    with ledger.write() as tx:
        tx.put_doc(doc("a"))
        tx.put_doc(doc("b"))
    with ledger.write() as tx:
        tx.clear_locators([doc("a").doc, doc("b").doc])
        tx.put_doc(doc("a", locator=at_b))
        tx.put_doc(doc("b", locator=at_a))
    with ledger.write() as tx:
        tx.put_doc(doc("a", locator=None, state=DocState.DELETED))
        tx.put_doc(doc("c", locator=at_b))
        tx.put_doc(doc("a", locator=tag("third")))
    with ledger.read() as view:
        assert [view.doc_at(at).doc for at in (at_a, at_b, tag("third")) if at] == [doc(name).doc for name in "bca"]  # type: ignore[union-attr]


def test_clear_locators_sees_what_waits(ledger: Ledger) -> None:
    """Locators of documents put in the same transaction are cleared too, other documents keep theirs, many at once are fine."""
    many = [doc(f"{number:05}") for number in range(1201)]
    with ledger.write() as tx:
        for row in many:
            tx.put_doc(row)
        tx.clear_locators([row.doc for row in many[1:]])
        tx.clear_locators([])
    with ledger.read() as view:
        assert [row.locator for row in view.docs()] == [many[0].locator, *[None] * 1200]


def test_documents_are_found(ledger: Ledger) -> None:
    """By source, page, place, identity and staging: those that match, in all states, by doc."""
    a, b = doc("a"), doc("b", page=tag("other"), staged=True, fence=Fence.MISSING)
    c = doc("c", identity=a.identity, state=DocState.DELETED, locator=None)
    far = doc("d", source=THERE, identity=a.identity, staged=True)
    released = doc("e", identity=None, staged=True)
    with ledger.write() as tx:
        for row in (released, far, c, b, a):
            tx.put_doc(row)
    with ledger.read() as view:
        assert list(view.docs()) == [a, b, c, far, released]
        assert list(view.docs(HERE)) == [a, b, c, released]
        assert list(view.docs(HERE, b.doc)) == [c, released]
        assert list(view.docs(after=released.doc)) == [row for row in (a, b, c, far, released) if row.doc > released.doc]
        assert view.docs_of_page(tag("page")) == [a, c, far, released]
        assert view.docs_with_identity(HERE, a.identity or b"") == [a, c]
        assert list(view.staged(HERE)) == [b, released]
        assert view.doc_at(b.locator or b"") == b


def test_points_of_many_documents(ledger: Ledger) -> None:
    """Of each that has any, as `points` gives them, however many are asked for."""
    rows = [point(f"{number:04}", f"{fp}", 0) for number in range(1_100) for fp in "ba"]
    with ledger.write() as tx:
        tx.put_points(rows)
    asked = [doc(f"{number:04}").doc for number in range(1_100) if number != 7] + [doc("none").doc]
    with ledger.read() as view:
        found = view.points_of(asked)
        assert set(found) == {row.doc for row in rows} - {doc("0007").doc}
        assert all(found[one] == view.points(one) for one in list(found)[:20])
        assert view.point(rows[3].doc, rows[3].fp, 0) == rows[3]
        assert view.point(rows[3].doc, rows[3].fp, 1) is None


def test_owners(ledger: Ledger) -> None:
    """All points of the given fingerprints and of no other, whatever their state, however many are asked for, each once."""
    rows = [point(name, f"{number:04}", occurrence) for name in "ab" for number in range(1100) for occurrence in (0, 1)]
    rows.append(point("c", "0000", 0, PointState.INTENDED))
    with ledger.write() as tx:
        tx.put_points(rows)
    asked = [tag(f"{number:04}")[:16] for number in range(1100) if number != 7] + [tag("0000")[:16]]
    with ledger.read() as view:
        found = view.owners(asked)
        assert len(found) == len(set(found))
        assert set(found) == {row for row in rows if row.fp != tag("0007")[:16]}


def test_owners_of_a_text_that_stands_everywhere(ledger: Ledger) -> None:
    """A text in thousands of documents costs a few rows, and takes nothing from the others that are asked for with it."""
    everywhere = [point(f"{number:05}", "licence") for number in range(5000)]
    with ledger.write() as tx:
        tx.put_points([*everywhere, point("z", "rare", 1)])
    with ledger.read() as view:
        found = view.owners([tag("licence")[:16], tag("rare")[:16]])
        but = view.owners([tag("licence")[:16]], [row.doc for row in everywhere[:-1]])
    assert but == everywhere[-1:]
    assert point("z", "rare", 1) in found
    assert 1 <= len(found) - 1 <= 16
    assert set(found) <= {*everywhere, point("z", "rare", 1)}


def test_classes(ledger: Ledger) -> None:
    """A class gets its id once, is found by its key, keeps its uid, and is resealed by its id."""
    with ledger.write() as tx:
        first = tx.put_class(ClassRow(0, b"k1", b"u1", b"s1"))
        second = tx.put_class(ClassRow(0, b"k2", b"u2", b"s2"))
        again = tx.put_class(ClassRow(0, b"k1", b"other", b"other"))
        assert 0 < first.id != second.id > 0
        assert again == first == ClassRow(first.id, b"k1", b"u1", b"s1")
    with ledger.write() as tx:
        assert tx.put_class(replace(first, sealed=b"anew")) == replace(first, sealed=b"anew")
    for wrong in (replace(second, uid=b"other"), replace(second, key=b"k3"), replace(second, id=99)):
        with pytest.raises(LedgerRefused), ledger.write() as tx:
            tx.put_class(wrong)
    with ledger.read() as view:
        assert view.classes() == [replace(first, sealed=b"anew"), second]
        assert view.class_of(b"k1") == replace(first, sealed=b"anew")
        assert view.class_of(b"k3") is None


def test_live_classes(ledger: Ledger) -> None:
    """A class is live by a pending or live document with a live point, and by nothing less."""
    with ledger.write() as tx:
        ids = [tx.put_class(ClassRow(0, b"%d" % number, b"u", b"s")).id for number in range(6)]
        tx.put_doc(doc("live", class_id=ids[0]))
        tx.put_doc(doc("pending", class_id=ids[1], state=DocState.PENDING))
        tx.put_doc(doc("deleted", class_id=ids[2], state=DocState.DELETED))
        tx.put_doc(doc("intended", class_id=ids[3]))
        tx.put_doc(doc("empty", class_id=ids[4]))
        tx.put_points([point(name, "f") for name in ("live", "pending", "deleted")])
        tx.put_points([point("intended", "f", 0, PointState.INTENDED)])
        assert tx.live_classes() == {ids[0], ids[1]}
    with ledger.read() as view:
        assert view.live_classes() == {ids[0], ids[1]}


def test_counts(ledger: Ledger) -> None:
    """Counts are of a source or of all; a fenced tombstone is no fenced document, an intended point is not there yet."""
    with ledger.write() as tx:
        tx.put_doc(doc("a"))
        tx.put_doc(doc("b", fence=Fence.NARROWED))
        tx.put_doc(doc("c", fence=Fence.ACL, state=DocState.PENDING))
        tx.put_doc(doc("d", fence=Fence.MISSING, state=DocState.DELETED))
        tx.put_doc(doc("e", source=THERE))
        tx.put_points([point("a", "f", 0), point("a", "f", 1), point("a", "g", 0, PointState.INTENDED), point("e", "f")])
        tx.put_quarantine(held("q"))
        tx.put_quarantine(held("r", source=THERE))
    with ledger.read() as view:
        assert view.counts() == Counts(live=3, pending=1, deleted=1, fenced=2, points=3, quarantined=2)
        assert view.counts(HERE) == Counts(live=2, pending=1, deleted=1, fenced=2, points=2, quarantined=1)
        assert (view.live(HERE), view.held_back(HERE)) == (2, 1)


def test_documents_that_are_found_in_an_older_version_are_counted(ledger: Ledger) -> None:
    """In quarantine by another version, with a point, and hidden from nobody: all of that, or they do not count."""
    with ledger.write() as tx:
        for name in ("old", "same", "fenced", "empty"):
            tx.put_doc(doc(name, version=b"1", fence=Fence.NARROWED if name == "fenced" else Fence.NONE))
            tx.put_quarantine(replace(held(name), doc=doc(name).doc, version=b"1" if name == "same" else b"2"))
        tx.put_points([point(name, "f") for name in ("old", "same", "fenced")])
        tx.put_quarantine(held("new"))
    with ledger.read() as view:
        assert (view.older(HERE), view.older(THERE)) == (1, 0)


def test_what_a_reindex_has_still_to_do_is_counted(ledger: Ledger) -> None:
    """Of one source; neither what is only to be looked at, nor what is in quarantine and can't be read."""
    with ledger.write() as tx:
        for name in ("a", "b", "parked"):
            tx.put_doc(doc(name, due=Due.EMBED))
        tx.put_doc(doc("c", due=Due.LOOK))
        tx.put_doc(doc("d", due=Due.EMBED, source=THERE))
        tx.put_quarantine(held("q", doc=doc("parked").doc))
        tx.put_quarantine(held("new"))
    with ledger.read() as view:
        assert (view.due(HERE), view.due(THERE)) == (2, 1)


def test_orders_and_filters(ledger: Ledger) -> None:
    """Names and intents come oldest first, runs newest first and limited, quarantine and pages by locator and source."""
    with ledger.write() as tx:
        for seq in (3, 1, 2):
            tx.put_name(NameRow(HERE, b"l%d" % seq, seq, b""))
            tx.put_name(NameRow(b"d%d" % seq, HERE, seq, b""))
            tx.put_intent(IntentRow(b"op%d" % (9 - seq), b"", "add", b"", seq))
            tx.put_run(RunRow(b"r%d" % seq, HERE, "cli", "done", float(seq), 9.0, "{}"))
        tx.put_run(RunRow(b"far", THERE, "cli", "done", 2.5, 9.0, "{}"))
        for name, source in (("b", HERE), ("a", HERE), ("c", THERE)):
            tx.put_quarantine(held(name, source=source, page=tag("page-" + name)))
            tx.put_page(PageRow(tag(name), source, None, 1, b""))
    with ledger.read() as view:
        assert [row.seq for row in view.names_of(HERE)] == [1, 2, 3]
        assert [row.seq for row in view.names(HERE)] == [1, 2, 3]
        assert [row.seq for row in view.intents()] == [1, 2, 3]
        assert [row.run for row in view.runs()] == [b"r3", b"far", b"r2", b"r1"]
        assert [row.run for row in view.runs(HERE, limit=2)] == [b"r3", b"r2"]
        assert [row.locator for row in view.quarantined()] == [tag(name) for name in "abc"]
        assert [row.locator for row in view.quarantined(HERE)] == [tag(name) for name in "ab"]
        assert [row.locator for row in view.quarantine_of_page(tag("page-b"))] == [tag("b")]
        assert [row.locator for row in view.pages(HERE)] == [tag(name) for name in "ab"]


def test_long_iterations(ledger: Ledger) -> None:
    """Iterations over more rows than are held at once give every row, once, in order, and may be nested."""
    size = 1203
    with ledger.write() as tx:
        for number in range(size):
            tx.put_doc(doc(f"{number:05}", staged=True))
            tx.put_page(PageRow(tag(f"{number:05}"), HERE, None, 1, b""))
            tx.put_quarantine(held(f"{number:05}"))
            tx.put_event(event(number))
            tx.put_node(number % 2, number // 2, b"%d" % number)
            tx.put_checkpoint(number + 1, b"r", "")
    everything = [doc(f"{number:05}").doc for number in range(size)]
    with ledger.read() as view:
        for docs in (view.docs(), view.docs(HERE), view.staged(HERE)):
            assert [row.doc for row in docs] == everything
        pairs = [(row.doc, held.locator[:16]) for row, held in zip(view.docs(HERE), view.quarantined(HERE), strict=True)]
        assert pairs == [(one, one) for one in everything]
        assert [row.locator[:16] for row in view.pages(HERE)] == everything
        assert [row.seq for row in view.events()] == list(range(size))
        assert [row.seq for row in view.events(since=700, limit=501)] == list(range(700, 1201))
        assert [row.seq for row in view.events(since=size)] == []
        assert [(level, index) for level, index, _ in view.nodes()] == sorted((n % 2, n // 2) for n in range(size))
        assert [index for _, index, _ in view.nodes(1)] == list(range(601))
        assert [point_size for point_size, _, _ in view.checkpoints()] == list(range(1, size + 1))
        assert view.last_checkpoint() == list(view.checkpoints())[-1]
        assert view.event_count() == size


def test_a_transaction_may_change_what_it_iterates(ledger: Ledger) -> None:
    """Every row comes once although each is changed or dropped on the way, and the changes are kept."""
    size = 1100
    with ledger.write() as tx:
        for number in range(size):
            tx.put_doc(doc(f"{number:05}", staged=True))
            tx.put_page(PageRow(tag(f"{number:05}"), HERE, None, 1, b""))
    with ledger.write() as tx:
        seen = 0
        for row in tx.staged(HERE):
            tx.put_doc(replace(row, staged=False, fence=Fence.NARROWED))
            seen += 1
        for page in tx.pages(HERE):
            tx.drop_page(page.locator)
            seen += 1
        assert seen == 2 * size
    with ledger.read() as view:
        assert list(view.staged(HERE)) == []
        assert list(view.pages(HERE)) == []
        assert view.counts().fenced == size


def test_a_transaction_reads_its_own_writes_of_other_rows(ledger: Ledger) -> None:
    """Reading one row before and after rows beside it were put gives what is there, also when only some of them wait."""
    with ledger.write() as tx:
        tx.put_doc(doc("a", issued=1))
        assert tx.doc(doc("b").doc) is None
        tx.put_doc(doc("b", issued=2))
        assert tx.doc(doc("a").doc) == doc("a", issued=1)
        tx.put_doc(doc("a", issued=3))
        assert tx.doc(doc("a").doc) == doc("a", issued=3)
        assert tx.docs_of_page(tag("page")) == [doc("a", issued=3), doc("b", issued=2)]
        tx.put_points([point("a", "f")])
        assert tx.points(doc("b").doc) == []
        tx.drop_points([point("a", "f")])
        tx.put_points([point("a", "g")])
        assert tx.points(doc("a").doc) == [point("a", "g")]


def test_a_huge_document_does_not_wait_in_memory(ledger: Ledger) -> None:
    """More points than may wait are all written, and what was put before and after them too."""
    rows = [point("a", f"{number:06}") for number in range(12_000)]
    with ledger.write() as tx:
        tx.put_doc(doc("a"))
        for start in range(0, len(rows), 10):
            tx.put_points(rows[start : start + 10])
        tx.put_doc(doc("b"))
    with ledger.read() as view:
        assert view.points(doc("a").doc) == rows
        assert len(list(view.docs())) == 2


def test_an_exception_rolls_all_of_it_back(ledger: Ledger) -> None:
    """Nothing stays of a transaction in which something was raised, of what waited as little as of what was written."""
    with pytest.raises(ZeroDivisionError), ledger.write() as tx:
        tx.put_doc(doc("a"))
        assert tx.doc(doc("a").doc) is not None
        tx.set_meta("k", b"waiting")
        raise ZeroDivisionError
    with ledger.write() as tx:
        assert (tx.doc(doc("a").doc), tx.meta("k")) == (None, None)


def test_one_write_at_a_time(ledger: Ledger) -> None:
    """A second write transaction inside the first is an error, which costs the first nothing and locks nobody out."""
    with ledger.write() as tx:
        tx.set_meta("k", b"outer")
        with pytest.raises(RuntimeError, match="open already"), ledger.write():
            pytest.fail("nested")
    with ledger.write() as tx:
        assert tx.meta("k") == b"outer"


def test_a_snapshot_stays_as_it_was(ledger: Ledger) -> None:
    """A reader sees the state of its entry until its end, though others commit meanwhile; the next reader sees theirs."""
    with ledger.write() as tx:
        tx.set_meta("k", b"1")
    with ledger.read() as view:
        with ledger.write() as tx:
            tx.set_meta("k", b"2")
            tx.put_doc(doc("a"))
        assert (view.meta("k"), list(view.docs())) == (b"1", [])
        with ledger.read() as later:
            assert (later.meta("k"), list(later.docs())) == (b"2", [doc("a")])


def test_an_existing_audit_row_is_refused(ledger: Ledger) -> None:
    """A second event, node or checkpoint under a taken key ends the transaction; the first one stays as it is."""
    with ledger.write() as tx:
        tx.put_event(event(0))
        tx.put_node(0, 0, b"n")
        tx.put_checkpoint(1, b"r", "")
    again: list[Callable[[LedgerTx], None]] = [
        lambda tx: tx.put_event(replace(event(0), leaf=b"forged")),
        lambda tx: tx.put_node(0, 0, b"forged"),
        lambda tx: tx.put_checkpoint(1, b"forged", ""),
    ]
    for put in again:
        with pytest.raises(LedgerRefused, match="append-only"), ledger.write() as tx:
            tx.set_meta("k", b"v")
            put(tx)
    with ledger.read() as view:
        assert (view.event(0), list(view.nodes()), list(view.checkpoints())) == (event(0), [(0, 0, b"n")], [(1, b"r", "")])
        assert view.meta("k") is None


def test_an_event_needs_its_leaf(ledger: Ledger) -> None:
    """An event without the bytes of its leaf can't be added."""
    with pytest.raises(ValueError, match="leaf"), ledger.write() as tx:
        tx.put_event(replace(event(0), leaf=None))
    with ledger.read() as view:
        assert view.event_count() == 0


def test_what_has_ended_is_of_no_use(ledger: Ledger) -> None:
    """A transaction or snapshot that is used after its end raises, and leaves no transaction open behind it."""
    with ledger.write() as tx:
        pass
    with ledger.read() as view:
        pass
    for dead in (tx, view):
        with pytest.raises(Exception, match="closed"):
            dead.meta("k")
    with ledger.write() as tx:
        tx.set_meta("k", b"v")
