"""Every engine of the vector index, for the one suite that says what all of them do."""

import os
from collections.abc import Iterator
from itertools import count

import pytest
from dict_index import DictIndex
from index_points import point
from server_calls import ALIAS, OTHER, SERVED, TIMEOUT
from standin import StandIn

from syncd.adapters.index.edge import EdgeIndex
from syncd.adapters.index.qdrant import QdrantIndex
from syncd.core.model import Ids, Where
from syncd.ports import VectorIndex

SERVER = os.environ.get("SYNCD_QDRANT_URL")
_serial = count()


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """What stands in for a server, for the whole session."""
    with StandIn(EdgeIndex(tmp_path_factory.mktemp("standin") / "index")) as running:
        yield running


@pytest.fixture(scope="session", params=["edge", "memory", "dict", "standin", *(["server"] if SERVER else [])])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorIndex]:
    """One engine for the whole session: a test works in collections of its own."""
    match request.param:
        case "edge":
            engine: VectorIndex = EdgeIndex(tmp_path_factory.mktemp("edge") / "index")
        case "memory":
            engine = QdrantIndex.memory()
        case "dict":
            engine = DictIndex()
        case "standin":
            engine = QdrantIndex(request.getfixturevalue("standin").url)
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
    empty(index, name)
    return name


def empty(index: VectorIndex, name: str) -> None:
    """Take every point away, whatever its payload has or lacks."""
    left, _ = index.scroll(name, None, None, 10_000, vectors=False)
    index.delete(name, Where((Ids(tuple(point.id for point in left)),)))


# -- a server that fails -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def patient(standin: StandIn) -> Iterator[QdrantIndex]:
    """A client that is never in a hurry, to look at what is true."""
    client = QdrantIndex(standin.url)
    client.ensure_collection(SERVED, 4)
    client.ensure_collection(OTHER, 4)
    client.switch_alias(ALIAS, SERVED)
    yield client
    client.close()


@pytest.fixture(scope="session")
def impatient(standin: StandIn, patient: QdrantIndex) -> Iterator[QdrantIndex]:
    """A client with a short timeout; one for all tests, for making its TLS context takes a while."""
    client = QdrantIndex(standin.url, timeout=TIMEOUT)
    yield client
    client.close()


@pytest.fixture
def hasty(standin: StandIn, patient: QdrantIndex, impatient: QdrantIndex) -> QdrantIndex:
    """The same; it knows the collection, which has three points, and the server does as it should."""
    standin.faults.set()
    standin.faults.catch_up()
    empty(patient, SERVED)
    patient.upsert(SERVED, [point(1), point(2), point(3, doc="e")])
    patient.switch_alias(ALIAS, SERVED)
    impatient.count(SERVED, None)
    return impatient
