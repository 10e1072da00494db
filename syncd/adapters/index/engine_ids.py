"""Ids as engines take them: numbers as numbers."""

from syncd.core.model import PointId
from syncd.core.points import is_number


def engine_id(point: PointId) -> str | int:
    """One id, for an engine."""
    return int(point) if is_number(point) else point
