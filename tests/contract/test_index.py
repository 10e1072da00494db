"""What every engine of the vector index does: embedded, the client's memory mode, a stand-in over HTTP, a server if any."""

from uuid import uuid4

import pytest
from index_points import everything, floats, matches, numbers, pid, point, raw, unit

from syncd.core.model import AnyOf, Eq, Ids, Lt, Point, PointId, Where
from syncd.errors import IndexInvalid, IndexNotFound
from syncd.ports import VectorIndex

ALL = Where((Lt("acl_version", 2**40),))
NOTHING = [
    Where((AnyOf("acl_class", ()),)),
    Where((Ids(()),)),
    Where((Eq("doc", "d"), AnyOf("acl_class", ()))),
    Where((Eq("doc", "d"), Ids(()))),
]
WHERES = [
    Where((Eq("doc", "d1"),)),
    Where((Eq("acl_version", 2),)),
    Where((Eq("fp", "fp3"),)),
    Where((Eq("epoch", 7),)),
    Where((AnyOf("acl_class", ("c0", "c2", "nowhere")),)),
    Where((AnyOf("doc", ("d0",)), AnyOf("acl_class", ("c1", "c2")))),
    Where((Lt("acl_version", 2),)),
    Where((Lt("epoch", 1),)),
    Where((Lt("only_some", 5),)),
    Where((Ids((pid(1), pid(4), pid(99))),)),
    Where((Ids((pid(1), pid(2), pid(3))), Eq("doc", "d1"))),
    Where((Eq("doc", "d0"), Lt("acl_version", 3))),
    Where((Eq("doc", "d0"),), (Eq("acl_version", 1),)),
    Where((Lt("acl_version", 9),), (AnyOf("acl_class", ("c0", "c1")),)),
    Where((Lt("acl_version", 9),), (Lt("acl_version", 2), Ids((pid(5),)))),
    Where((Lt("acl_version", 9),), (Eq("only_some", 3),)),
    Where((Eq("doc", "d1"),), (AnyOf("acl_class", ()), Ids(()))),
]


@pytest.fixture
def filled(index: VectorIndex, collection: str) -> list[Point]:
    """A dozen points in which every condition finds some and misses some."""
    points = [point(n, doc=f"d{n % 2}", acl_class=f"c{n % 3}", acl_version=1 + n % 4) for n in range(11)]
    points.append(point(11, doc="d1", only_some=3))
    index.upsert(collection, points)
    return points


def ids_of(index: VectorIndex, collection: str, where: Where) -> set[PointId]:
    """What a filter selects."""
    return {found.id for found in index.scroll(collection, where, None, 1000, vectors=False)[0]}


# -- collections and aliases -------------------------------------------------------------------------------------------


def test_a_collection_is_there_once_it_was_ensured_and_gone_once_dropped(index, fresh):
    """Ensuring twice and dropping twice are no errors, and a dropped collection comes back empty."""
    assert fresh not in index.collections()
    index.ensure_collection(fresh, 4)
    index.ensure_collection(fresh, 4)
    index.upsert(fresh, [point(1)])
    assert fresh in index.collections()
    assert index.count(fresh, None) == 1
    index.drop_collection(fresh)
    index.drop_collection(fresh)
    assert fresh not in index.collections()
    index.ensure_collection(fresh, 8)
    assert index.count(fresh, None) == 0
    index.upsert(fresh, [point(1, unit(*range(1, 9)))])
    assert index.count(fresh, None) == 1


def test_collections_are_sorted(index, fresh):
    """The names come in their order, whatever the order in which they were made."""
    others = [f"{fresh}-{suffix}" for suffix in ("b", "a", "c")]
    for name in others:
        index.ensure_collection(name, 4)
    assert [name for name in index.collections() if name in others] == sorted(others)
    for name in others:
        index.drop_collection(name)


def test_a_collection_keeps_its_dimension(index, collection):
    """Ensuring it with another dimension is refused and changes nothing."""
    with pytest.raises(IndexInvalid):
        index.ensure_collection(collection, 5)
    index.upsert(collection, [point(1)])
    assert index.count(collection, None) == 1


def test_an_alias_points_where_it_was_switched_last(index, collection, fresh):
    """An alias resolves to nothing, then to one collection, then to another; dropping the other takes the alias along."""
    alias, other = f"{fresh}-alias", f"{fresh}-other"
    assert index.resolve(alias) is None
    index.ensure_collection(other, 4)
    index.switch_alias(alias, collection)
    assert index.resolve(alias) == collection
    index.switch_alias(alias, other)
    index.switch_alias(alias, other)
    assert index.resolve(alias) == other
    assert alias not in index.collections()
    index.drop_collection(other)
    assert index.resolve(alias) is None


def test_an_alias_needs_a_collection_and_a_name_of_its_own(index, collection, fresh):
    """Neither a missing collection can be pointed at, nor can a collection's name become an alias."""
    with pytest.raises(IndexNotFound):
        index.switch_alias(f"{fresh}-alias", f"{fresh}-missing")
    assert index.resolve(f"{fresh}-alias") is None
    with pytest.raises(IndexInvalid):
        index.switch_alias(collection, collection)


def test_what_needs_a_collection_says_when_it_is_not_there(index, fresh):
    """Every call on an unknown collection raises IndexNotFound, also where the answer would need no engine."""
    calls = [
        lambda: index.upsert(fresh, [point(1)]),
        lambda: index.upsert(fresh, []),
        lambda: index.set_payload(fresh, {"epoch": 2}, ALL),
        lambda: index.delete(fresh, ALL),
        lambda: index.delete(fresh, NOTHING[0]),
        lambda: index.retrieve(fresh, [pid(1)], vectors=False),
        lambda: index.retrieve(fresh, [], vectors=False),
        lambda: index.scroll(fresh, None, None, 10, vectors=False),
        lambda: index.count(fresh, None),
        lambda: index.count(fresh, NOTHING[0]),
        lambda: index.query(fresh, unit(1, 0, 0, 0), ALL, 1),
    ]
    for call in calls:
        with pytest.raises(IndexNotFound):
            call()
    assert fresh not in index.collections()


def test_a_dropped_collection_is_not_found(index, collection):
    """What an engine remembered of a collection goes with it."""
    index.upsert(collection, [point(1)])
    index.drop_collection(collection)
    with pytest.raises(IndexNotFound):
        index.count(collection, None)


# -- filters -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", WHERES, ids=str)
def test_every_form_of_filter_selects_what_it_says(index, collection, filled, where):
    """Scroll, count and query agree with the plain meaning of the filter, which selects some points and not all."""
    expected = {p.id for p in filled if matches(p.id, p.payload, where)}
    assert len(expected) < len(filled)
    assert ids_of(index, collection, where) == expected
    assert index.count(collection, where) == len(expected)
    assert {hit.point.id for hit in index.query(collection, unit(1, 1, 1, 1), where, 100)} == expected


@pytest.mark.parametrize("where", NOTHING, ids=str)
def test_an_empty_condition_matches_nothing(index, collection, filled, where):
    """An empty list of values is never "everything": nothing is found, counted, changed or deleted."""
    assert index.count(collection, where) == 0
    assert index.scroll(collection, where, None, 10, vectors=False) == ([], None)
    assert index.query(collection, unit(1, 0, 0, 0), where, 10) == []
    index.set_payload(collection, {"acl_class": "stolen"}, where)
    index.delete(collection, where)
    assert everything(index, collection) == {p.id: p.payload for p in filled}


def test_delete_and_payload_touch_what_the_filter_selects_and_nothing_else(index, collection, filled):
    """For every form of filter a payload write changes the matching points only, and a deletion then removes just those."""
    where = Where((Eq("doc", "d0"), Lt("acl_version", 3)), (AnyOf("acl_class", ("c1",)),))
    hit = {p.id for p in filled if matches(p.id, p.payload, where)}
    index.set_payload(collection, {"mark": 1}, where)
    assert {identity for identity, payload in everything(index, collection).items() if "mark" in payload} == hit
    index.delete(collection, where)
    assert set(everything(index, collection)) == {p.id for p in filled} - hit


@pytest.mark.parametrize("where", WHERES, ids=str)
def test_every_form_of_filter_deletes_what_it_says(index, collection, filled, where):
    """What is left is exactly what the filter does not select; deleting again changes nothing."""
    expected = {p.id: p.payload for p in filled if not matches(p.id, p.payload, where)}
    index.delete(collection, where)
    index.delete(collection, where)
    assert everything(index, collection) == expected


# -- writes ------------------------------------------------------------------------------------------------------------


def test_an_upsert_replaces_the_whole_point(index, collection):
    """No field and no component of the former point stays; an unknown field may come and go."""
    index.upsert(collection, [point(1, extra="x")])
    replacement = Point(pid(1), unit(0, 0, 3, 4), {"doc": "e", "text_sealed": "ä€𝄞 == ..."})
    index.upsert(collection, [replacement])
    (found,) = index.retrieve(collection, [pid(1)], vectors=True)
    assert found.payload == replacement.payload
    assert floats(found.vector) == pytest.approx(floats(replacement.vector), abs=1e-7)
    assert index.count(collection, None) == 1


def test_of_equal_ids_in_one_upsert_the_last_stays(index, collection):
    """A batch is a sequence: a later point replaces an earlier one."""
    index.upsert(collection, [point(1, doc="first"), point(2), point(1, doc="last")])
    assert everything(index, collection)[pid(1)]["doc"] == "last"
    assert index.count(collection, None) == 2


def test_an_empty_upsert_is_a_no_op(index, collection):
    """No points: nothing happens."""
    index.upsert(collection, [])
    assert index.count(collection, None) == 0


def test_payload_is_merged_and_a_late_older_write_changes_nothing(index, collection):
    """One write by {doc == d, acl_version < v} moves all points of a document on; an older one that comes late is lost."""

    def retag(version: int, token: str) -> None:
        where = Where((Eq("doc", "a"), Lt("acl_version", version)))
        index.set_payload(collection, {"acl_version": version, "acl_class": token, "acl_sealed": token * 3}, where)

    index.upsert(collection, [point(n, doc="a", text_sealed=f"t{n}") for n in range(5)] + [point(9, doc="b")])
    untouched = everything(index, collection)[pid(9)]
    retag(3, "new")
    retag(2, "old")
    after = everything(index, collection)
    assert after.pop(pid(9)) == untouched
    for number in range(5):
        expected = point(number, doc="a", text_sealed=f"t{number}").payload
        assert after[pid(number)] == {**expected, "acl_version": 3, "acl_class": "new", "acl_sealed": "newnewnew"}
    assert index.count(collection, Where((Eq("doc", "a"), Eq("acl_version", 3)))) == 5


def test_payload_of_missing_points_is_a_no_op(index, collection):
    """Ids that are not there are passed over, in a payload write as in a deletion, and those that are there are served."""
    index.upsert(collection, [point(1), point(2)])
    some = Where((Ids((pid(1), pid(77))),))
    index.set_payload(collection, {"epoch": 5}, some)
    assert {i: p["epoch"] for i, p in everything(index, collection).items()} == {pid(1): 5, pid(2): 1}
    index.delete(collection, some)
    index.delete(collection, some)
    assert set(everything(index, collection)) == {pid(2)}
    index.set_payload(collection, {"epoch": 6}, Where((Ids((pid(77),)),)))
    assert everything(index, collection)[pid(2)]["epoch"] == 1


def test_an_empty_payload_changes_nothing(index, collection):
    """Merging no field leaves every point as it was."""
    index.upsert(collection, [point(1)])
    index.set_payload(collection, {}, ALL)
    assert everything(index, collection) == {pid(1): point(1).payload}


def test_a_deleted_point_can_come_back(index, collection):
    """An upsert after a deletion is a new point, with nothing of the old."""
    index.upsert(collection, [point(1, extra="x")])
    index.delete(collection, Where((Ids((pid(1),)),)))
    assert index.retrieve(collection, [pid(1)], vectors=False) == []
    index.upsert(collection, [point(1)])
    assert everything(index, collection) == {pid(1): point(1).payload}


def test_a_barrier_may_come_at_any_time(index, collection):
    """Before, between and after writes, twice in a row, and after a collection with unflushed writes was dropped."""
    index.barrier()
    index.upsert(collection, [point(1)])
    index.barrier()
    index.barrier()
    index.upsert(collection, [point(2)])
    index.drop_collection(collection)
    index.barrier()


# -- reads -------------------------------------------------------------------------------------------------------------


def test_retrieve_gives_the_points_that_exist_once(index, collection):
    """Missing ids are passed over, a repeated id gives one point, vectors come only when asked for."""
    index.upsert(collection, [point(n) for n in range(4)])
    wanted = [pid(2), pid(50), pid(0), pid(2)]
    assert sorted(numbers(index.retrieve(collection, wanted, vectors=False))) == [0, 2]
    assert all(found.vector == b"" for found in index.retrieve(collection, wanted, vectors=False))
    assert {p.id: floats(p.vector) for p in index.retrieve(collection, wanted, vectors=True)} == {
        pid(n): pytest.approx(floats(point(n).vector), abs=1e-7) for n in (0, 2)
    }
    assert index.retrieve(collection, [], vectors=True) == []


@pytest.mark.parametrize("limit", [1, 3, 12, 13, 1000])
def test_scroll_covers_everything_once_in_order(index, collection, limit):
    """Whatever the size of a page, the pages hold all points by ascending id, none twice, and the last one says so."""
    order = [2**128 - 1, 2**127, *range(10)]
    index.upsert(collection, [point(n) for n in order])
    seen: list[int] = []
    after: PointId | None = None
    for _ in range(len(order)):
        page, after = index.scroll(collection, None, after, limit, vectors=False)
        assert 0 < len(page) <= limit
        seen += numbers(page)
        if after is None:
            break
    assert after is None
    assert seen == sorted(order)


def test_scroll_goes_on_where_it_was_although_points_come_and_go(index, collection):
    """The continuation survives the deletion of the point that it names, and what comes behind it is seen."""
    index.upsert(collection, [point(n) for n in range(0, 20, 2)])
    page, after = index.scroll(collection, None, None, 3, vectors=False)
    assert numbers(page) == [0, 2, 4]
    assert after is not None
    index.delete(collection, Where((Ids((after,)),)))
    index.upsert(collection, [point(1), point(5)])
    page, after = index.scroll(collection, None, after, 3, vectors=False)
    assert numbers(page) == [5, 6, 8]


def test_scroll_follows_a_filter_over_pages(index, collection):
    """A filter thins the pages and loses nothing; more points than one answer of an engine holds come in one call."""
    index.upsert(collection, [point(n, doc=f"d{n % 2}") for n in range(1300)])
    where = Where((Eq("doc", "d1"),))
    page, after = index.scroll(collection, where, None, 600, vectors=True)
    assert numbers(page) == list(range(1, 1200, 2))
    assert all(len(found.vector) == 16 for found in page)
    rest, after = index.scroll(collection, where, after, 600, vectors=False)
    assert numbers(rest) == list(range(1201, 1300, 2))
    assert after is None
    assert len(index.retrieve(collection, [pid(n) for n in range(1300)], vectors=True)) == 1300
    assert index.count(collection, where) == 650


def test_a_limit_of_zero_is_nothing(index, collection):
    """Nothing is asked for, nothing is given."""
    index.upsert(collection, [point(1)])
    assert index.scroll(collection, None, None, 0, vectors=False) == ([], None)
    assert index.query(collection, unit(1, 0, 0, 0), ALL, 0) == []


def test_query_gives_the_nearest_that_match_best_first(index, collection):
    """Scores are cosine similarities in descending order; a nearer point that the filter excludes does not show."""
    angles = {1: unit(1, 0, 0, 0), 2: unit(3, 1, 0, 0), 3: unit(1, 1, 0, 0), 4: unit(0, 1, 0, 0), 5: unit(-1, 0, 0, 0)}
    index.upsert(collection, [point(n, vector, acl_class="no" if n == 2 else "yes") for n, vector in angles.items()])
    hits = index.query(collection, unit(1, 0, 0, 0), Where((AnyOf("acl_class", ("yes", "other")),)), 3)
    assert numbers([hit.point for hit in hits]) == [1, 3, 4]
    assert [hit.score for hit in hits] == pytest.approx([1, 2**-0.5, 0], abs=1e-6)
    assert hits[0].point.payload == point(1, acl_class="yes").payload
    assert all(hit.point.vector == b"" for hit in hits)
    assert numbers([hit.point for hit in index.query(collection, unit(1, 0, 0, 0), ALL, 10)]) == [1, 2, 3, 4, 5]


# -- what is refused ---------------------------------------------------------------------------------------------------

BAD_POINTS = {
    "too few components": point(2, unit(1, 2, 3)),
    "too many components": point(2, unit(1, 2, 3, 4, 5)),
    "no vector": Point(pid(2), raw(), {}),
    "bytes missing": Point(pid(2), unit(1, 2, 3, 4)[:-1], {}),
    "not a number": point(2, raw(1, 0, float("nan"), 0)),
    "infinite": point(2, raw(1, 0, 0, float("-inf"))),
    "no UUID": Point(PointId("two"), unit(1, 2, 3, 4), {}),
    "a UUID in capitals": Point(PointId(str(uuid4()).upper()), unit(1, 2, 3, 4), {}),
    "a UUID without hyphens": Point(PointId(uuid4().hex), unit(1, 2, 3, 4), {}),
    "an id with a newline": Point(PointId(f"{pid(2)}\n"), unit(1, 2, 3, 4), {}),
    "a number for an id": Point(2, unit(1, 2, 3, 4), {}),
    "a fraction in the payload": point(2, extra=1.5),
    "a truth value in the payload": point(2, extra=True),
    "nothing in the payload": point(2, extra=None),
    "a list in the payload": point(2, acl_class=["a", "b"]),
    "bytes in the payload": point(2, text_sealed=b"x"),
    "a lone surrogate": point(2, fp="\udc80"),
    "a number in a keyword field": point(2, doc=5),
    "text in an integer field": point(2, acl_version="5"),
    "an integer that a double can't hold": point(2, acl_version=2**53),
    "a path for a field": Point(pid(2), unit(1, 2, 3, 4), {"a.b": "x"}),
    "an empty field": Point(pid(2), unit(1, 2, 3, 4), {"": "x"}),
}
BAD_WHERES = {
    "a bad id": Where((Ids((PointId("two"),)),)),
    "a path": Where((Eq("a[].b", "x"),)),
    "a fraction": Where((Eq("epoch", 1.5),)),
    "a truth value": Where((Lt("epoch", True),)),
    "text below": Where((Lt("epoch", "x"),)),
    "numbers among texts": Where((AnyOf("doc", ("a", 5)),)),
    "in must_not": Where((Eq("doc", "d"),), (Lt("epoch", 2**60),)),
}


def numbered(number: int) -> Point:
    """A point of somebody who numbers them."""
    return Point(PointId(str(number)), unit(1, 2, 3, 4), {"doc": "d"})


def test_ids_that_are_numbers(index, collection):
    """Somebody else may give such: they come before all others, are found, scrolled over and taken away like any."""
    order = [0, 7, 2**53 + 1, 2**64 - 1]
    index.upsert(collection, [point(0), *map(numbered, reversed(order)), point(2**127)])
    ids = [*(PointId(str(number)) for number in order), pid(0), pid(2**127)]
    seen: list[PointId] = []
    after: PointId | None = None
    for _ in ids:
        page, after = index.scroll(collection, None, after, 1, vectors=False)
        seen += [found.id for found in page]
    assert (seen, after) == (ids, None)
    found = index.retrieve(collection, [PointId("7"), pid(0), PointId("8")], vectors=True)
    assert {each.id: each.vector for each in found} == {PointId("7"): numbered(7).vector, pid(0): point(0).vector}
    assert {hit.point.id for hit in index.query(collection, unit(1, 2, 3, 4), Where((Ids((PointId("7"), pid(0))),)), 5)} == {
        "7",
        pid(0),
    }
    index.delete(collection, Where((Ids((PointId("7"), PointId(str(2**64 - 1)), PointId("8"), pid(0))),)))
    assert list(everything(index, collection)) == [PointId("0"), PointId(str(2**53 + 1)), pid(2**127)]


@pytest.mark.parametrize("bad", BAD_POINTS.values(), ids=BAD_POINTS.keys())
def test_a_bad_point_is_refused_with_its_whole_batch(index, collection, bad):
    """Nothing of the call is written, not even the good point before it, and the engine goes on working."""
    index.upsert(collection, [point(1)])
    with pytest.raises(IndexInvalid):
        index.upsert(collection, [point(3), bad, point(4)])
    assert everything(index, collection) == {pid(1): point(1).payload}
    index.upsert(collection, [point(5)])
    assert index.count(collection, None) == 2


@pytest.mark.parametrize("bad", BAD_WHERES.values(), ids=BAD_WHERES.keys())
def test_a_bad_filter_is_refused_by_every_call(index, collection, bad):
    """No call takes it, and nothing changes."""
    index.upsert(collection, [point(1)])
    calls = [
        lambda: index.set_payload(collection, {"epoch": 9}, bad),
        lambda: index.delete(collection, bad),
        lambda: index.scroll(collection, bad, None, 5, vectors=False),
        lambda: index.count(collection, bad),
        lambda: index.query(collection, unit(1, 0, 0, 0), bad, 5),
    ]
    for call in calls:
        with pytest.raises(IndexInvalid):
            call()
    assert everything(index, collection) == {pid(1): point(1).payload}


def test_bad_arguments_are_refused(index, collection):
    """A bad payload, query vector, id, limit, name or dimension never reaches the engine."""
    index.upsert(collection, [point(1)])
    calls = [
        lambda: index.set_payload(collection, {"acl_version": "2"}, ALL),
        lambda: index.set_payload(collection, {"a.b": 2}, ALL),
        lambda: index.query(collection, unit(1, 0, 0), ALL, 1),
        lambda: index.query(collection, raw(float("nan"), 0, 0, 0), ALL, 1),
        lambda: index.query(collection, unit(1, 0, 0, 0), ALL, -1),
        lambda: index.scroll(collection, None, None, -1, vectors=False),
        lambda: index.scroll(collection, None, PointId("two"), 1, vectors=False),
        lambda: index.retrieve(collection, [PointId("two")], vectors=False),
        lambda: index.retrieve(collection, [PointId("02")], vectors=False),
        lambda: index.retrieve(collection, [PointId(str(2**64))], vectors=False),
        lambda: index.ensure_collection("../escape", 4),
        lambda: index.ensure_collection(".hidden", 4),
        lambda: index.ensure_collection("", 4),
        lambda: index.ensure_collection(f"{collection}-zero", 0),
        lambda: index.drop_collection("a/b"),
        lambda: index.switch_alias("a/b", collection),
    ]
    for call in calls:
        with pytest.raises(IndexInvalid):
            call()
    assert everything(index, collection) == {pid(1): point(1).payload}
