"""Points to test with, and what a filter means in plain Python: the oracle of the contract suite."""

import math
import struct
from uuid import UUID

from syncd.core.model import AnyOf, Condition, Eq, Ids, Lt, Payload, Point, PointId, Vector, Where
from syncd.ports import VectorIndex


def pid(number: int) -> PointId:
    """Ids whose order is the order of their numbers."""
    return PointId(str(UUID(int=number)))


def unit(*components: float) -> Vector:
    """The unit vector in that direction."""
    length = math.hypot(*components)
    return Vector(struct.pack(f"<{len(components)}f", *(component / length for component in components)))


def raw(*components: float) -> Vector:
    """A vector exactly so."""
    return Vector(struct.pack(f"<{len(components)}f", *components))


def floats(vector: Vector) -> tuple[float, ...]:
    """The components of a vector."""
    return struct.unpack(f"<{len(vector) // 4}f", vector)


def point(number: int, vector: Vector | None = None, **payload: str | int) -> Point:
    """A point of four dimensions with the fields that every point of syncd has."""
    fields: dict[str, str | int] = {"doc": "d", "fp": f"fp{number}", "acl_class": "c", "acl_version": 1, "epoch": 1}
    return Point(pid(number), vector or unit(1, number, number % 3, -1), fields | payload)


def everything(index: VectorIndex, collection: str) -> dict[PointId, Payload]:
    """All ids and payloads, read in one scroll."""
    found, rest = index.scroll(collection, None, None, 10_000, vectors=False)
    assert rest is None
    return {each.id: dict(each.payload) for each in found}


def numbers(points: list[Point]) -> list[int]:
    """The numbers of the ids of points, in their order."""
    return [UUID(each.id).int for each in points]


def matches(identity: PointId, payload: Payload, where: Where) -> bool:
    """What the filter means."""
    return all(_holds(identity, payload, c) for c in where.must) and not any(_holds(identity, payload, c) for c in where.must_not)


def _holds(identity: PointId, payload: Payload, condition: Condition) -> bool:
    match condition:
        case Eq(field=field, value=value):
            return payload.get(field) == value
        case AnyOf(field=field, values=values):
            return payload.get(field) in values
        case Lt(field=field, value=value):
            return isinstance(there := payload.get(field), int) and there < value
        case Ids(ids=ids):
            return identity in ids
