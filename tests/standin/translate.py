"""Qdrant's models to syncd's words and back. What the stand-in does not know it refuses: it never guesses."""

import struct
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from qdrant_client.http import models

from syncd.adapters.index.engine_ids import engine_id
from syncd.core.model import AnyOf, Condition, Eq, Ids, Lt, Point, PointId, Vector, Where
from syncd.core.points import place_of


class Refused(Exception):
    """An answer that is an error: its status, and what Qdrant would say."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def only(model: BaseModel, *known: str) -> None:
    """Refuse a request that sets more than `known`: the stand-in would not do what it says."""
    said = {name for name, value in model if value is not None}
    if unknown := said - set(known):
        raise Refused(501, f"the stand-in does not know {', '.join(sorted(unknown))} of {type(model).__name__}")


def where(found: models.Filter | None) -> Where | None:
    """A filter. None for one without any condition: it selects everything."""
    if found is None or not (found.must or found.must_not):
        if found is not None:
            only(found, "must", "must_not")
        return None
    only(found, "must", "must_not")
    if not found.must:
        raise Refused(501, "the stand-in knows no filter without a must")
    return Where(tuple(map(_condition, _list(found.must))), tuple(map(_condition, _list(found.must_not))))


def _list(found: Any) -> list[Any]:
    return [] if found is None else found if isinstance(found, list) else [found]


def _condition(found: Any) -> Condition:
    match found:
        case models.HasIdCondition(has_id=ids):
            return Ids(tuple(map(identity, ids)))
        case models.FieldCondition(key=key, match=models.MatchValue(value=value), range=None):
            only(found, "key", "match")
            return Eq(key, value)
        case models.FieldCondition(key=key, match=models.MatchAny(any=values), range=None):
            only(found, "key", "match")
            return AnyOf(key, tuple(values))
        case models.FieldCondition(key=key, match=None, range=models.Range(lt=float(below)) as bounds):
            only(found, "key", "range")
            only(bounds, "lt")
            if not below.is_integer():
                raise Refused(501, "the stand-in compares integers")
            return Lt(key, int(below))
        case _:
            raise Refused(501, f"the stand-in does not know this {type(found).__name__}")


def identity(found: int | str | UUID) -> PointId:
    """An id as the engine spells it."""
    if isinstance(found, int):
        return PointId(str(found))
    try:
        return PointId(str(UUID(str(found))))
    except ValueError:
        raise Refused(400, f"Format error in JSON body: value {found} is not a valid point ID") from None


def before(start: PointId) -> PointId | None:
    """The id just below: the port goes on beyond an id, the server from one on."""
    uuid, number = place_of(start)
    if number:
        return PointId(str(UUID(int=number - 1)) if uuid else str(number - 1))
    return PointId(str(2**64 - 1)) if uuid else None


def vector(found: Any, dimension: int) -> Vector:
    """A dense vector of the collection's dimension."""
    if not isinstance(found, list) or not all(isinstance(component, float | int) for component in found):
        raise Refused(501, "the stand-in knows one dense vector a point")
    if len(found) != dimension:
        raise Refused(400, f"Wrong input: Vector dimension error: expected dim: {dimension}, got {len(found)}")
    return Vector(struct.pack(f"<{dimension}f", *found))


def points(body: models.PointsList | models.PointsBatch, dimension: int) -> list[Point]:
    """The points of an upsert."""
    if not isinstance(body, models.PointsList):
        raise Refused(501, "the stand-in knows upserts as a list of points")
    only(body, "points")
    return [Point(identity(each.id), vector(each.vector, dimension), each.payload or {}) for each in body.points]


def floats(found: Vector) -> list[float]:
    """The components of a vector."""
    return list(struct.unpack(f"<{len(found) // 4}f", found))


def record(found: Point, body: models.PointRequest | models.ScrollRequest) -> models.Record:
    """A point as it was asked for."""
    shown = floats(found.vector) if body.with_vector else None
    return models.Record(id=engine_id(found.id), payload=dict(found.payload) if body.with_payload else None, vector=shown)
