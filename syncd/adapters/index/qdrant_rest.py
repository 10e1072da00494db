"""qdrant-client's REST calls in syncd's terms. Importing this module costs seconds: qdrant.py does it at the first call.

Requests arrive here checked (checks.py): what is left to go wrong is the network, the server, and collections that are not there.
"""

from collections.abc import Sequence

import numpy as np
from qdrant_client import QdrantClient, models

from syncd.adapters.index.engine_ids import engine_id
from syncd.adapters.index.qdrant_outcome import outcome
from syncd.adapters.index.schema import INTEGER_FIELDS, KEYWORD_FIELDS
from syncd.core.model import AnyOf, Condition, Eq, Ids, Lt, Payload, Point, PointId, Scored, Vector, Where
from syncd.errors import IndexInvalid, IndexUnknownOutcome


class QdrantRest:
    """A client and how its answers are understood.

    server: False for the client's local mode, which has no payload indexes and warns when asked for one.
    """

    def __init__(self, client: QdrantClient, *, server: bool) -> None:
        self._client = client
        self._server = server

    # -- collections and aliases -----------------------------------------------------------------------------------------

    def dimension(self, collection: str) -> int | None:
        """The dimension of `collection`; None when it is not there."""
        if not self._exists(collection):
            return None
        with outcome(collection, writing=False):
            vectors = self._client.get_collection(collection).config.params.vectors
        if not isinstance(vectors, models.VectorParams):
            raise IndexInvalid(detail=f"collection {collection} was not made by syncd: its vectors have names")
        return vectors.size

    def create(self, collection: str, dimension: int) -> None:
        """Make it; a race with another creator is no error."""
        if self._exists(collection):
            return
        try:
            with outcome(collection, writing=True):
                # Dot: the vectors have unit length already, and a server that normalises would not give back what it was given
                vectors = models.VectorParams(size=dimension, distance=models.Distance.DOT)
                _done(self._client.create_collection(collection, vectors))
        except IndexInvalid:
            # 409 when somebody was faster; what is there now, the caller looks at
            if not self._exists(collection):
                raise

    def index_payload(self, collection: str) -> None:
        """Make the payload indexes that are missing: a kill may have come between collection and index."""
        if not self._server:
            return
        with outcome(collection, writing=False):
            there = self._client.get_collection(collection).payload_schema
        with outcome(collection, writing=True):
            kinds = dict.fromkeys(KEYWORD_FIELDS, models.PayloadSchemaType.KEYWORD)
            kinds |= dict.fromkeys(INTEGER_FIELDS, models.PayloadSchemaType.INTEGER)
            for field, kind in kinds.items():
                if field not in there:
                    _applied(self._client.create_payload_index(collection, field, kind, wait=True))

    def drop(self, collection: str) -> None:
        """Remove it, if it is there."""
        if self._exists(collection):
            with outcome(collection, writing=True):
                self._client.delete_collection(collection)

    def collections(self) -> list[str]:
        """The names of all of them."""
        with outcome("", writing=False):
            return [collection.name for collection in self._client.get_collections().collections]

    def aliases(self) -> dict[str, str]:
        """All aliases and what is behind them."""
        with outcome("", writing=False):
            return {alias.alias_name: alias.collection_name for alias in self._client.get_aliases().aliases}

    def switch(self, alias: str, collection: str, *, replace: bool) -> None:
        """Point `alias` at `collection` in one call, taking it from where it points now when `replace`."""
        taken = [models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))] if replace else []
        given = models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=collection, alias_name=alias))
        with outcome(collection, writing=True):
            _done(self._client.update_collection_aliases([*taken, given]))

    # -- points ----------------------------------------------------------------------------------------------------------

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Insert or replace whole points."""
        batch = [models.PointStruct(id=engine_id(p.id), vector=_floats(p.vector), payload=dict(p.payload)) for p in points]
        with outcome(collection, writing=True):
            _applied(self._client.upsert(collection, batch, wait=True))

    def set_payload(self, collection: str, payload: Payload, where: Where) -> None:
        """Merge `payload` into what matches."""
        with outcome(collection, writing=True):
            _applied(
                self._client.set_payload(
                    collection, dict(payload), build_filter(where), wait=True, ordering=models.WriteOrdering.STRONG
                )
            )

    def delete(self, collection: str, where: Where) -> None:
        """Remove what matches."""
        selector = models.FilterSelector(filter=build_filter(where))
        with outcome(collection, writing=True):
            _applied(self._client.delete(collection, selector, wait=True, ordering=models.WriteOrdering.STRONG))

    def retrieve(self, collection: str, ids: Sequence[PointId], *, vectors: bool) -> list[Point]:
        """The points of `ids` that exist."""
        with outcome(collection, writing=False):
            found = self._client.retrieve(collection, [engine_id(each) for each in ids], with_payload=True, with_vectors=vectors)
        return [_point(record) for record in found]

    def scroll(
        self, collection: str, where: Where | None, start: PointId | None, limit: int, *, vectors: bool
    ) -> tuple[list[Point], bool]:
        """Up to `limit` (at least 1) points by ascending id from `start` on, and whether there are more."""
        chosen = None if where is None else build_filter(where)
        with outcome(collection, writing=False):
            found, more = self._client.scroll(
                collection,
                chosen,
                limit=limit,
                offset=None if start is None else engine_id(start),
                with_payload=True,
                with_vectors=vectors,
            )
        return [_point(record) for record in found], more is not None

    def count(self, collection: str, where: Where | None) -> int:
        """Exactly how many match."""
        with outcome(collection, writing=False):
            return self._client.count(collection, None if where is None else build_filter(where), exact=True).count

    def query(self, collection: str, vector: Vector, where: Where, limit: int) -> list[Scored]:
        """The nearest `limit` that match, best first."""
        with outcome(collection, writing=False):
            found = self._client.query_points(collection, _floats(vector), query_filter=build_filter(where), limit=limit)
        return [Scored(_point(scored), scored.score) for scored in found.points]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _exists(self, collection: str) -> bool:
        with outcome(collection, writing=False):
            return self._client.collection_exists(collection)


def build_filter(where: Where) -> models.Filter:
    """The only place where a filter for a server is built: `must` and `must_not`, never `should`, never empty."""
    return models.Filter(must=[_build(c) for c in where.must], must_not=[_build(c) for c in where.must_not] or None)


def _build(condition: Condition) -> models.Condition:
    match condition:
        case Eq(field=field, value=value):
            return models.FieldCondition(key=field, match=models.MatchValue(value=value))
        case AnyOf(field=field, values=values) if values:
            return models.FieldCondition(key=field, match=models.MatchAny(any=list(values)))
        case Lt(field=field, value=value):
            return models.FieldCondition(key=field, range=models.Range(lt=value))
        case Ids(ids=ids) if ids:
            return models.HasIdCondition(has_id=[engine_id(each) for each in ids])
        case _:
            raise ValueError("an empty condition is never put to the engine")


def _floats(vector: Vector) -> list[float]:
    floats: list[float] = np.frombuffer(vector, dtype="<f4").tolist()
    return floats


def _point(found: models.Record | models.ScoredPoint) -> Point:
    vector = b"" if found.vector is None else np.asarray(found.vector, dtype="<f4").tobytes()
    return Point(PointId(str(found.id)), Vector(vector), found.payload or {})


def _applied(result: models.UpdateResult) -> None:
    """A server that was asked to wait may still answer that it only took note: then nobody can rely on the write."""
    if result.status is not models.UpdateStatus.COMPLETED:
        raise IndexUnknownOutcome(detail=f"the server answered that the write is {result.status}")


def _done(result: bool) -> None:
    if not result:
        raise IndexUnknownOutcome(detail="the server answered that nothing was changed")
