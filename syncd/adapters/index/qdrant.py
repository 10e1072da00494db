"""A Qdrant server or cluster as a VectorIndex, over REST (its gRPC does not live well with forks)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from syncd.adapters.index import checks
from syncd.adapters.index.paging import pages, read_on
from syncd.core.model import Payload, Point, PointId, Scored, Vector, Where
from syncd.errors import IndexInvalid, IndexNotFound

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

    from syncd.adapters.index.qdrant_rest import QdrantRest

_BATCH = 256


class QdrantIndex:
    """Collections of the server at `url`. Nothing is imported or connected before the first call; `timeout` in seconds.

    Every write waits until the server has applied it; payload changes and deletions are ordered strongly. A write of more than
    256 points is several requests: when one fails, those before it were done. With `client`, that one is used. All methods may
    be called from any thread.
    """

    name = "qdrant"
    keeps_points = True

    def __init__(self, url: str, api_key: str | None = None, timeout: float = 60.0, client: "QdrantClient | None" = None) -> None:
        self._url = url
        self._api_key = api_key
        self._timeout = timeout
        self._client = client
        self._dimensions: dict[str, int] = {}

    @classmethod
    def memory(cls) -> "QdrantIndex":
        """The client's local mode, in memory: the oracle of the contract suite."""
        from qdrant_client import QdrantClient  # noqa: PLC0415 -- seconds to import: paid by who uses it

        return cls(":memory:", client=QdrantClient(":memory:"))

    def tidy(self, collection: str) -> None:
        """The server does so by itself."""

    def make_sure_of_room(self, size: int) -> None:
        """The server looks after its own disk, and refuses what it can't take."""

    # -- collections and aliases ---------------------------------------------------------------------------------------

    def ensure_collection(self, collection: str, dimension: int) -> None:
        """Create it, with its payload indexes, unless it is there; IndexInvalid when it is there with another dimension."""
        checks.check_name("collection", collection)
        checks.check_dimension(dimension)
        self._rest.create(collection, dimension)
        self._dimensions.pop(collection, None)
        if (there := self._dimension(collection)) != dimension:
            raise IndexInvalid(detail=f"collection {collection} holds vectors of {there} components, not {dimension}")
        self._rest.index_payload(collection)

    def drop_collection(self, collection: str) -> None:
        """Remove it with all its points and the aliases that point at it; a missing one is a no-op."""
        checks.check_name("collection", collection)
        self._dimensions.pop(collection, None)
        self._rest.drop(collection)

    def collections(self) -> tuple[str, ...]:
        """All of them, sorted."""
        return tuple(sorted(self._rest.collections()))

    def resolve(self, alias: str) -> str | None:
        """The collection behind `alias`."""
        checks.check_name("alias", alias)
        return self._rest.aliases().get(alias)

    def switch_alias(self, alias: str, collection: str) -> None:
        """Point `alias` at `collection`, atomically."""
        checks.check_name("alias", alias)
        self._dimension(collection)
        if alias in self._rest.collections():
            raise IndexInvalid(detail=f"{alias} is a collection")
        self._rest.switch(alias, collection, replace=self.resolve(alias) is not None)

    # -- writes --------------------------------------------------------------------------------------------------------

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Insert or replace whole points; of equal ids the last one stays."""
        checks.check_points(points, self._dimension(collection))
        for batch in pages(points, _BATCH):
            with self._asking(collection):
                self._rest.upsert(collection, batch)

    def set_payload(self, collection: str, payload: Payload, where: Where) -> None:
        """Merge `payload` into every point that matches."""
        checks.check_payload(payload)
        if not self._pointless(collection, where) and payload:
            with self._asking(collection):
                self._rest.set_payload(collection, payload, checks.effective(where))

    def delete(self, collection: str, where: Where) -> None:
        """Remove every point that matches."""
        if not self._pointless(collection, where):
            with self._asking(collection):
                self._rest.delete(collection, checks.effective(where))

    # -- reads ---------------------------------------------------------------------------------------------------------

    def retrieve(self, collection: str, ids: Sequence[PointId], *, vectors: bool) -> list[Point]:
        """The points of `ids` that exist, in any order."""
        self._dimension(collection)
        checks.check_ids(ids)
        wanted = list(dict.fromkeys(ids))
        with self._asking(collection):
            return [found for page in pages(wanted, _BATCH) for found in self._rest.retrieve(collection, page, vectors=vectors)]

    def scroll(
        self, collection: str, where: Where | None, after: PointId | None, limit: int, *, vectors: bool
    ) -> tuple[list[Point], PointId | None]:
        """Up to `limit` points by ascending id beyond `after`, and where to go on (None: the end)."""
        checks.check_limit(limit)
        checks.check_ids([] if after is None else [after])
        if self._pointless(collection, where):
            return [], None
        chosen = None if where is None else checks.effective(where)
        with self._asking(collection):
            return read_on(
                lambda start, count: self._rest.scroll(collection, chosen, start, count, vectors=vectors), after, limit
            )

    def count(self, collection: str, where: Where | None) -> int:
        """Exactly how many points match."""
        if self._pointless(collection, where):
            return 0
        with self._asking(collection):
            return self._rest.count(collection, None if where is None else checks.effective(where))

    def query(self, collection: str, vector: Vector, where: Where, limit: int) -> list[Scored]:
        """The nearest `limit` points that match, best first; approximate where the server has built a graph."""
        checks.check_limit(limit)
        checks.check_vectors([vector], self._dimension(collection))
        if self._pointless(collection, where) or not limit:
            return []
        with self._asking(collection):
            return self._rest.query(collection, vector, checks.effective(where), limit)

    # -- durability and end --------------------------------------------------------------------------------------------

    def barrier(self) -> None:
        """Nothing to do: an acknowledged write is in the server's log, and durability there is the server's configuration."""

    def close(self) -> None:
        """Close the connections, if there are any."""
        if "_rest" in self.__dict__:
            self._rest.close()

    # -- inside --------------------------------------------------------------------------------------------------------

    @cached_property
    def _rest(self) -> "QdrantRest":
        from qdrant_client import QdrantClient  # noqa: PLC0415 -- seconds to import: paid at the first call

        from syncd.adapters.index.qdrant_outcome import in_time  # noqa: PLC0415 -- as above
        from syncd.adapters.index.qdrant_rest import QdrantRest  # noqa: PLC0415 -- as above

        if self._client is not None:
            return QdrantRest(self._client, server=self._url != ":memory:")
        seconds = max(1, round(self._timeout))
        client = QdrantClient(
            url=self._url, api_key=self._api_key, timeout=seconds, check_compatibility=False, event_hooks=in_time(seconds)
        )
        return QdrantRest(client, server=True)

    @contextmanager
    def _asking(self, collection: str) -> Iterator[None]:
        """What is remembered of a collection goes with the first answer that it is not there: it may come back as another."""
        try:
            yield
        except IndexNotFound:
            self._dimensions.pop(collection, None)
            raise

    def _pointless(self, collection: str, where: Where | None) -> bool:
        checks.check_where(where)
        self._dimension(collection)
        return checks.matches_nothing(where)

    def _dimension(self, collection: str) -> int:
        checks.check_name("collection", collection)
        known = self._dimensions.get(collection) or self._rest.dimension(collection)
        if known is None:
            raise IndexNotFound(collection=collection)
        self._dimensions[collection] = known
        return known
