"""A vector index in a dictionary: for fault injection, and for histories too many for a real engine. It passes the contract suite."""

from collections.abc import Callable, Sequence

import numpy as np

from syncd.adapters.index import checks
from syncd.core.model import AnyOf, Condition, Eq, Ids, Lt, Payload, Point, PointId, Scored, Vector, Where
from syncd.errors import IndexNotFound


class DictIndex:
    """`ports.VectorIndex`. before: called with the name of each write before it is done, and may raise."""

    name = "dict"
    keeps_points = True

    def __init__(self, before: Callable[[str], None] = lambda _: None) -> None:
        self.points: dict[str, dict[PointId, Point]] = {}
        self.dimensions: dict[str, int] = {}
        self.aliases: dict[str, str] = {}
        self.before = before
        self.writes: list[str] = []
        self.calls = 0

    def _write(self, name: str) -> None:
        self.before(name)
        self.writes.append(name)

    def _of(self, collection: str) -> dict[PointId, Point]:
        self.calls += 1
        if collection not in self.points:
            raise IndexNotFound(collection=collection)
        return self.points[collection]

    def ensure_collection(self, collection: str, dimension: int) -> None:
        checks.check_name("collection", collection)
        checks.check_dimension(dimension)
        self.points.setdefault(collection, {})
        self.dimensions.setdefault(collection, dimension)

    def drop_collection(self, collection: str) -> None:
        self.points.pop(collection, None)
        self.dimensions.pop(collection, None)
        self.aliases = {alias: name for alias, name in self.aliases.items() if name != collection}

    def collections(self) -> tuple[str, ...]:
        return tuple(sorted(self.points))

    def resolve(self, alias: str) -> str | None:
        return self.aliases.get(alias)

    def switch_alias(self, alias: str, collection: str) -> None:
        self._of(collection)
        self.aliases[alias] = collection

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        there = self._of(collection)
        self._write("upsert")
        there |= {point.id: Point(point.id, point.vector, dict(point.payload)) for point in points}

    def set_payload(self, collection: str, payload: Payload, where: Where) -> None:
        there = self._of(collection)
        self._write("set_payload")
        for point in self._matching(collection, where):
            there[point.id] = Point(point.id, point.vector, {**point.payload, **payload})

    def delete(self, collection: str, where: Where) -> None:
        there = self._of(collection)
        self._write("delete")
        for point in self._matching(collection, where):
            del there[point.id]

    def retrieve(self, collection: str, ids: Sequence[PointId], *, vectors: bool) -> list[Point]:
        there = self._of(collection)
        return [self._shown(there[id_], vectors=vectors) for id_ in dict.fromkeys(ids) if id_ in there]

    def scroll(
        self, collection: str, where: Where | None, after: PointId | None, limit: int, *, vectors: bool
    ) -> tuple[list[Point], PointId | None]:
        found = sorted(self._matching(collection, where), key=lambda point: point.id)
        found = [point for point in found if after is None or point.id > after]
        page = [self._shown(point, vectors=vectors) for point in found[:limit]]
        return page, page[-1].id if len(found) > limit else None

    def count(self, collection: str, where: Where | None) -> int:
        return len(self._matching(collection, where))

    def query(self, collection: str, vector: Vector, where: Where, limit: int) -> list[Scored]:
        asked = np.frombuffer(vector, dtype="<f4")
        scored = [
            Scored(self._shown(point, vectors=False), float(np.frombuffer(point.vector, dtype="<f4") @ asked))
            for point in self._matching(collection, where)
        ]
        return sorted(scored, key=lambda hit: -hit.score)[:limit]

    def barrier(self) -> None:
        """Nothing is ever lost here."""

    def close(self) -> None:
        """Nothing to release."""

    def _matching(self, collection: str, where: Where | None) -> list[Point]:
        there = self._of(collection)
        if where is None:
            return list(there.values())
        return [
            point
            for point in there.values()
            if all(_holds(point, c) for c in where.must) and not any(_holds(point, c) for c in where.must_not)
        ]

    @staticmethod
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
