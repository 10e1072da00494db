"""Writing points, of which one that the index finds invalid costs only itself."""

from collections.abc import Sequence

from syncd.core.model import Point, PointId, Reason, Refusal
from syncd.errors import IndexInvalid
from syncd.sync.collection import Collection
from syncd.sync.install import Install

BATCH = 256


def upsert(install: Install, collection: Collection, points: Sequence[Point]) -> dict[PointId, Refusal]:
    """Write `points`; returns those that the index refuses, each found by halving the batch that it was in.

    Raises IndexInvalid when the collection itself is not what is recorded: then no point is to blame.
    """
    refused: dict[PointId, Refusal] = {}
    for start in range(0, len(points), BATCH):
        refused |= _halves(install, collection, points[start : start + BATCH])
    return refused


def _halves(install: Install, collection: Collection, points: Sequence[Point]) -> dict[PointId, Refusal]:
    try:
        install.index.upsert(collection.name, points)
    except IndexInvalid:
        if len(points) == 1:
            install.index.ensure_collection(collection.name, collection.row.dimension)
            return {points[0].id: Refusal(Reason.INDEX, "the index finds a chunk invalid")}
    else:
        return {}
    half = len(points) // 2
    return _halves(install, collection, points[:half]) | _halves(install, collection, points[half:])
