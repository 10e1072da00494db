"""Ids of points in their order: numbers before UUIDs, as engines have them. syncd gives UUIDs only; somebody else may not."""

from typing import Final
from uuid import UUID

from syncd.core.model import PointId

_NUMBERS: Final = 1 << 64
_UUIDS: Final = 1 << 128


def is_number(point: PointId) -> bool:
    """Whether it is a number: a UUID has dashes."""
    return point.isdecimal()


def place_of(point: PointId) -> tuple[bool, int]:
    """What ids are sorted by."""
    return (False, int(point)) if is_number(point) else (True, UUID(point).int)


def following(point: PointId) -> PointId | None:
    """The least id that is greater; None beyond the greatest."""
    uuid, number = place_of(point)
    if not uuid and number + 1 < _NUMBERS:
        return PointId(str(number + 1))
    if not uuid:
        return PointId(str(UUID(int=0)))
    return PointId(str(UUID(int=number + 1))) if number + 1 < _UUIDS else None
