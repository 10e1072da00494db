"""Points and filters as plain values, for frames. What comes out of `unpack_*` is what went into `pack_*`."""

from collections.abc import Sequence
from typing import Any

from syncd.core.model import AnyOf, Condition, Eq, Ids, Lt, Payload, Point, PointId, Vector, Where

Packed = tuple[str, bytes, dict[str, str | int]]
"""A point: id, vector, payload."""


def pack_points(points: Sequence[Point]) -> list[Packed]:
    """Points for a frame."""
    return [(point.id, point.vector, dict(point.payload)) for point in points]


def unpack_point(packed: Sequence[Any]) -> Point:
    """One point of a frame."""
    identity, vector, payload = packed
    return Point(PointId(identity), Vector(vector), payload)


def pack_where(where: Where | None) -> list[Any] | None:
    """A filter for a frame."""
    return None if where is None else [[_pack(condition) for condition in side] for side in (where.must, where.must_not)]


def unpack_where(packed: list[Any]) -> Where:
    """The filter of a frame. Without a `must` it can't be built (ValueError)."""
    must, must_not = packed
    return Where(tuple(map(_unpack, must)), tuple(map(_unpack, must_not)))


def frame_bytes(payload: Payload) -> int:
    """About how many bytes `payload` takes in a frame."""
    return sum(len(field) + 12 + (len(value.encode()) if isinstance(value, str) else 0) for field, value in payload.items())


def _pack(condition: Condition) -> list[Any]:
    match condition:
        case Eq(field=field, value=value):
            return ["eq", field, value]
        case AnyOf(field=field, values=values):
            return ["any", field, list(values)]
        case Lt(field=field, value=value):
            return ["lt", field, value]
        case Ids(ids=ids):
            return ["ids", list(ids)]


def _unpack(packed: list[Any]) -> Condition:
    match packed:
        case ["eq", field, value]:
            return Eq(field, value)
        case ["any", field, values]:
            return AnyOf(field, tuple(values))
        case ["lt", field, value]:
            return Lt(field, value)
        case ["ids", ids]:
            return Ids(tuple(ids))
        case _:
            raise ValueError("no such condition")
