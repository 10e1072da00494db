"""A vector index in a dictionary: for fault injection, and for histories too many for a real engine.

It passes the contract suite that the engines pass.
"""

from collections.abc import Callable, Sequence

import numpy as np

from syncd.adapters.index.null import NullIndex
from syncd.core.model import AnyOf, Condition, Eq, Ids, Lt, Payload, Point, PointId, Scored, Vector, Where
from syncd.core.points import place_of
from syncd.errors import IndexInvalid


class DictIndex(NullIndex):
    """`ports.VectorIndex` that keeps what NullIndex checks. before: called with the name of each write, and may raise."""

    name = "dict"
    keeps_points = True

    def __init__(self, before: Callable[[str], None] = lambda _: None) -> None:
        super().__init__()
        self.points: dict[str, dict[PointId, Point]] = {}
        self.before = before
        self.writes: list[str] = []
        self.calls = 0

    def _dimension(self, collection: str) -> int:
        self.calls += 1
        return super()._dimension(collection)

    def _write(self, name: str) -> None:
        self.before(name)
        self.writes.append(name)

    def ensure_collection(self, collection: str, dimension: int) -> None:
        super().ensure_collection(collection, dimension)
        self.points.setdefault(collection, {})

    def drop_collection(self, collection: str) -> None:
        super().drop_collection(collection)
        self.points.pop(collection, None)

    def switch_alias(self, alias: str, collection: str) -> None:
        if alias in self.points:
            raise IndexInvalid(detail=f"{alias} is the name of a collection")
        super().switch_alias(alias, collection)

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        super().upsert(collection, points)
        self._write("upsert")
        self.points[collection] |= {point.id: Point(point.id, point.vector, dict(point.payload)) for point in points}

    def set_payload(self, collection: str, payload: Payload, where: Where) -> None:
        super().set_payload(collection, payload, where)
        self._write("set_payload")
        for point in self._matching(collection, where):
            self.points[collection][point.id] = Point(point.id, point.vector, {**point.payload, **payload})

    def delete(self, collection: str, where: Where) -> None:
        super().delete(collection, where)
        self._write("delete")
        for point in self._matching(collection, where):
            del self.points[collection][point.id]

    def retrieve(self, collection: str, ids: Sequence[PointId], *, vectors: bool) -> list[Point]:
        super().retrieve(collection, ids, vectors=vectors)
        there = self.points[collection]
        return [_shown(there[id_], vectors=vectors) for id_ in dict.fromkeys(ids) if id_ in there]

    def scroll(
        self, collection: str, where: Where | None, after: PointId | None, limit: int, *, vectors: bool
    ) -> tuple[list[Point], PointId | None]:
        super().scroll(collection, where, after, limit, vectors=vectors)
        found = sorted(self._matching(collection, where), key=lambda point: place_of(point.id))
        found = [point for point in found if after is None or place_of(point.id) > place_of(after)]
        page = [_shown(point, vectors=vectors) for point in found[:limit]]
        return page, page[-1].id if page and len(found) > limit else None

    def count(self, collection: str, where: Where | None) -> int:
        super().count(collection, where)
        return len(self._matching(collection, where))

    def query(self, collection: str, vector: Vector, where: Where, limit: int) -> list[Scored]:
        super().query(collection, vector, where, limit)
        asked = np.frombuffer(vector, dtype="<f4")
        scored = [
            Scored(_shown(point, vectors=False), float(np.frombuffer(point.vector, dtype="<f4") @ asked))
            for point in self._matching(collection, where)
        ]
        return sorted(scored, key=lambda hit: -hit.score)[:limit]

    def _matching(self, collection: str, where: Where | None) -> list[Point]:
        there = self.points[collection]
        if where is None:
            return list(there.values())
        return [
            point
            for point in there.values()
            if all(_holds(point, c) for c in where.must) and not any(_holds(point, c) for c in where.must_not)
        ]


def _shown(point: Point, *, vectors: bool) -> Point:
    return Point(point.id, point.vector if vectors else Vector(b""), dict(point.payload))


def _holds(point: Point, condition: Condition) -> bool:
    match condition:
        case Eq(field, value):
            return point.payload.get(field) == value
        case AnyOf(field, values):
            return point.payload.get(field) in values
        case Lt(field, value):
            mine = point.payload.get(field)
            return isinstance(mine, int) and mine < value
        case Ids(ids):
            return point.id in ids
