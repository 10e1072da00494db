"""The index that keeps nothing refuses and forgets what an index should."""

import pytest
from index_points import point, unit

from syncd.adapters.index.edge import EdgeIndex
from syncd.adapters.index.null import NullIndex
from syncd.adapters.index.qdrant import QdrantIndex
from syncd.core.model import Eq, Where
from syncd.errors import IndexInvalid, IndexNotFound

ALL = Where((Eq("doc", "d"),))


def test_it_accepts_points_and_forgets_them():
    """After a write every read answers as an empty collection does."""
    index = NullIndex()
    index.ensure_collection("c", 4)
    index.switch_alias("live", "c")
    index.upsert("c", [point(1)])
    index.set_payload("c", {"epoch": 2}, ALL)
    index.delete("c", ALL)
    assert index.count("c", None) == 0
    assert index.scroll("c", None, None, 5, vectors=True) == ([], None)
    assert index.retrieve("c", [point(1).id], vectors=True) == []
    assert index.query("c", unit(1, 0, 0, 0), ALL, 5) == []
    assert (index.collections(), index.resolve("live")) == (("c",), "c")
    index.drop_collection("c")
    assert (index.collections(), index.resolve("live")) == ((), None)


def test_it_refuses_what_every_engine_refuses():
    """A benchmark with it fails where a real engine would fail."""
    index = NullIndex()
    with pytest.raises(IndexNotFound):
        index.upsert("c", [point(1)])
    with pytest.raises(IndexNotFound):
        index.switch_alias("live", "c")
    index.ensure_collection("c", 4)
    with pytest.raises(IndexInvalid):
        index.ensure_collection("c", 5)
    with pytest.raises(IndexInvalid):
        index.upsert("c", [point(1, unit(1, 2, 3))])


def test_only_it_says_that_it_keeps_no_points():
    """Who verifies a write by reading it back can tell."""
    assert (NullIndex.keeps_points, EdgeIndex.keeps_points, QdrantIndex.keeps_points) == (False, True, True)
