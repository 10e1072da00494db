"""Canonical JSON: one value, one spelling. RFC 8785, restricted so that the standard library writes it.

Allowed are objects with ASCII keys, arrays, text, booleans and integers of magnitude below 2^53. No floats, no null: a field
without a value is left out. Under these restrictions sorted keys and minimal separators are all that RFC 8785 asks for.
"""

import json
from collections.abc import Mapping, Sequence

Json = str | int | Sequence["Json"] | Mapping[str, "Json"]
"""What a leaf can say; bool is an int here. At run time objects are dicts, arrays are lists or tuples."""

INT_LIMIT = 2**53
"""Integers stay below it in magnitude: every JSON reader can hold them exactly."""
DEPTH_LIMIT = 16
"""Objects and arrays within each other; also what stops a value that contains itself."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"), sort_keys=True)


def encode(value: Json) -> bytes:
    """The one UTF-8 spelling of `value`. Raises ValueError when it is outside of what a leaf can say."""
    _check(value, 0)
    try:
        return _ENCODER.encode(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("text with a lone surrogate has no UTF-8 form") from error


def decode(data: bytes) -> Json:
    """The value that `data` spells. Raises ValueError unless `data` is exactly what `encode` gives for it."""
    try:
        value: Json = json.loads(data.decode("utf-8"))
    except RecursionError as error:
        raise ValueError(f"nested deeper than {DEPTH_LIMIT}") from error
    if encode(value) != data:
        raise ValueError("not the canonical spelling")
    return value


def _check(value: object, depth: int) -> None:
    """Raise ValueError for what would not be canonical, or not JSON, when written."""
    match value:
        case str():
            return
        case int():
            if not -INT_LIMIT < value < INT_LIMIT:
                raise ValueError("an integer of 2^53 or more")
        case dict() | list() | tuple():
            if depth == DEPTH_LIMIT:
                raise ValueError(f"nested deeper than {DEPTH_LIMIT}")
            if isinstance(value, dict):
                _check_keys(value)
            for item in value.values() if isinstance(value, dict) else value:
                # Most values are short text: not calling for those halves the time of a leaf.
                if type(item) is not str:
                    _check(item, depth + 1)
        case _:
            raise ValueError(f"a value of type {type(value).__name__}")


def _check_keys(value: Mapping[object, object]) -> None:
    """Raise ValueError for a key that is not ASCII: only those sort alike by code point and by UTF-16 unit."""
    for key in value:
        if not isinstance(key, str) or not key.isascii():
            raise ValueError(f"a key that is not ASCII text: {key!a}")
