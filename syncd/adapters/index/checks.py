"""Refuse what can't succeed before any engine sees it.

An operation that fails inside the embedded engine stays in its write-ahead log and may apply in part, so every engine is
asked only what is known to be well formed. All functions raise IndexInvalid; its detail names places and kinds, never values.
"""

from collections.abc import Sequence

import numpy as np

from syncd.adapters.index.schema import (
    FIELD,
    INTEGER_FIELDS,
    KEYWORD_FIELDS,
    MAX_INTEGER,
    MAX_POINT_NUMBER,
    NAME,
    POINT_ID,
    POINT_NUMBER,
)
from syncd.core.model import AnyOf, Condition, Eq, Ids, Lt, Payload, Point, PointId, Vector, Where
from syncd.errors import IndexInvalid

MAX_DIMENSION = 65_536


def check_name(kind: str, name: str) -> None:
    """`kind` is "collection" or "alias", for the message."""
    if not NAME.fullmatch(name):
        raise IndexInvalid(detail=f"not a name for a {kind}: letters, digits, '_', '-' and '.', 128 at most")


def check_dimension(dimension: int) -> None:
    """The number of components of every vector in a collection."""
    if not 1 <= dimension <= MAX_DIMENSION:
        raise IndexInvalid(detail=f"a dimension of {dimension}; 1 to {MAX_DIMENSION} can be stored")


def check_limit(limit: int) -> None:
    """How many points were asked for."""
    if limit < 0:
        raise IndexInvalid(detail=f"a limit of {limit}")


def check_ids(ids: Sequence[PointId]) -> None:
    """UUIDs and numbers in their canonical form: another spelling would be another id to one engine and the same to the next."""
    for place, point in enumerate(ids):
        if not isinstance(point, str) or not (POINT_ID.fullmatch(point) or _is_number(point)):
            raise IndexInvalid(detail=f"id number {place} is neither a canonical UUID nor a number")


def _is_number(point: str) -> bool:
    return POINT_NUMBER.fullmatch(point) is not None and int(point) <= MAX_POINT_NUMBER


def check_payload(payload: Payload) -> None:
    """Fields with plain names that hold text or an integer; indexed fields hold the type of their index."""
    for field, value in payload.items():
        _check_field(field)
        _check_value(field, value)
        if (field in KEYWORD_FIELDS and not isinstance(value, str)) or (field in INTEGER_FIELDS and not isinstance(value, int)):
            raise IndexInvalid(detail=f"field {field} holds a {type(value).__name__}, its index another type")


def check_vectors(vectors: Sequence[Vector], dimension: int) -> None:
    """float32, little endian, `dimension` finite components each."""
    for place, vector in enumerate(vectors):
        if not isinstance(vector, bytes) or len(vector) != 4 * dimension:
            raise IndexInvalid(detail=f"vector number {place} is not {dimension} float32 components")
    finite = np.isfinite(np.frombuffer(b"".join(vectors), dtype="<f4").reshape(len(vectors), dimension)).all(axis=1)
    if not finite.all():
        raise IndexInvalid(detail=f"vector number {int(np.argmin(finite))} has a component that is not finite")


def check_points(points: Sequence[Point], dimension: int) -> None:
    """Ids, vectors and payloads of whole points."""
    check_ids([point.id for point in points])
    check_vectors([point.vector for point in points], dimension)
    for point in points:
        check_payload(point.payload)


def check_where(where: Where | None) -> None:
    """Every condition names a field and values of the right type; None is everything."""
    if where is not None:
        for condition in (*where.must, *where.must_not):
            _check_condition(condition)


def matches_nothing(where: Where | None) -> bool:
    """Known without asking an engine: a `must` has no value to match."""
    return where is not None and any(map(_is_empty, where.must))


def effective(where: Where) -> Where:
    """`where` without the `must_not` conditions that exclude nothing: no engine is ever asked about an empty list."""
    return Where(where.must, tuple(condition for condition in where.must_not if not _is_empty(condition)))


def _is_empty(condition: Condition) -> bool:
    match condition:
        case AnyOf(values=values):
            return not values
        case Ids(ids=ids):
            return not ids
        case Eq() | Lt():
            return False


def _check_condition(condition: Condition) -> None:
    match condition:
        case Ids(ids=ids):
            check_ids(ids)
        case Eq(field=field, value=value):
            _check_field(field)
            _check_value(field, value)
        case AnyOf(field=field, values=values):
            _check_field(field)
            for value in values:
                _check_text(field, value)
        case Lt(field=field, value=value):
            _check_field(field)
            _check_integer(field, value)


def _check_field(field: str) -> None:
    if not isinstance(field, str) or not FIELD.fullmatch(field):
        raise IndexInvalid(detail="a field name that is not letters, digits and '_'")


def _check_value(field: str, value: str | int) -> None:
    if isinstance(value, str):
        _check_text(field, value)
    else:
        _check_integer(field, value)


def _check_text(field: str, value: str) -> None:
    if not isinstance(value, str):
        raise IndexInvalid(detail=f"field {field} is compared with a {type(value).__name__}, not with text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise IndexInvalid(detail=f"field {field} holds text that is not Unicode (a lone surrogate)") from None


def _check_integer(field: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise IndexInvalid(detail=f"field {field} holds a {type(value).__name__} that is neither text nor an integer below 2**53")
