"""Every engine of the vector index, for the one suite that says what all of them do."""

import os
from collections.abc import Iterator
from itertools import count

import pytest
from dict_index import DictIndex

from syncd.adapters.index.edge import EdgeIndex
from syncd.adapters.index.qdrant import QdrantIndex
from syncd.core.model import Ids, Where
from syncd.ports import VectorIndex

SERVER = os.environ.get("SYNCD_QDRANT_URL")
_serial = count()


@pytest.fixture(scope="session", params=["edge", "memory", "dict", *(["server"] if SERVER else [])])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorIndex]:
    """One engine for the whole session: a test works in collections of its own."""
    match request.param:
        case "edge":
            engine: VectorIndex = EdgeIndex(tmp_path_factory.mktemp("edge") / "index")
        case "memory":
            engine = QdrantIndex.memory()
        case "dict":
            engine = DictIndex()
        case _:
            engine = QdrantIndex(SERVER or "", os.environ.get("SYNCD_QDRANT_API_KEY"))
    yield engine
    engine.drop_collection(f"test-{os.getpid()}")
    engine.close()


@pytest.fixture
def fresh(index: VectorIndex) -> Iterator[str]:
    """A name for a collection that is not there, and will not be there afterwards."""
    name = f"test-{os.getpid()}-{next(_serial)}"
    yield name
    index.drop_collection(name)


@pytest.fixture
def collection(index: VectorIndex) -> str:
    """An empty collection of four dimensions; one for all tests, for making one costs more than emptying it."""
    name = f"test-{os.getpid()}"
    index.ensure_collection(name, 4)
    left, _ = index.scroll(name, None, None, 10_000, vectors=False)
    index.delete(name, Where((Ids(tuple(point.id for point in left)),)))
    return name
