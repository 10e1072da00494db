"""From the bytes of a body to the request of an operation: nothing is converted silently, nothing unknown is passed over."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, field, fields, is_dataclass, make_dataclass
from functools import reduce
from http import HTTPStatus
from inspect import getdoc
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    Strict,
    TypeAdapter,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails

from syncd.daemon.control.problems import Refused, problem
from syncd.errors import Exit

T = TypeVar("T")
_STRICT: Final = ConfigDict(extra="forbid", hide_input_in_errors=True)
_LEAST, _MOST = -(2**63), 2**63 - 1
"""Integers that a ledger can hold."""
_POINTER_SHOWN: Final = 200
_FAULTS_SHOWN: Final = 20
"""Characters of a pointer, and faults, that are repeated: an answer to a hostile body is short."""
_WORDS: Final = {
    "dataclass_type": "should be an object",
    "dict_type": "should be an object",
    "missing": "has to be given",
    "unexpected_keyword_argument": "is unknown",
    "string_unicode": "should be Unicode",
}


class RequestReader(Generic[T]):
    """Reads bodies into the frozen dataclass `kind`: its fields as they are typed, and no others.

    Lists stand for tuples and texts for enums; everything else has to be what it is. No infinite and no larger number than 64
    bits hold, and no NUL in a text: names and places can't have one. Texts that stand for names that are no UTF-8 are let pass.
    """

    def __init__(self, kind: type[T]) -> None:
        self.adapter: Final[TypeAdapter[T]] = TypeAdapter(_mirror(kind))
        every = fields(kind)  # type: ignore[arg-type]  # nothing but a dataclass is ever a request
        self.needed: Final = any(each.default is MISSING and each.default_factory is MISSING for each in every)

    def read(self, body: bytes) -> T:
        """The request in `body`; no body at all is an empty object. Raises Refused (422), which repeats nothing but keys."""
        value = _parsed(body) if body else {}
        try:
            return self.adapter.validate_python(value)
        except ValidationError as error:
            faults = [
                {"pointer": _pointer(each["loc"]), "detail": _detail(each)}
                for each in error.errors(include_url=False, include_input=False, include_context=False)[:_FAULTS_SHOWN]
            ]
        except RecursionError:
            raise _misunderstood("", "is nested too deeply") from None
        raise _invalid(faults)


class _Text:
    """A text without NUL; the published schema says so too."""

    @classmethod
    def check(cls, value: str) -> str:
        """`value`, or ValueError."""
        if "\0" in value:
            raise ValueError("should hold no NUL")
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"pattern": "^[^\\u0000]*$"} | handler(schema)


def _whole(value: object) -> object:
    """1.0 is the integer 1: JSON, and the published schema, know one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_SCALARS: Final[Mapping[Any, Any]] = {
    str: Annotated[str, Strict(), AfterValidator(_Text.check), _Text],
    int: Annotated[int, Strict(), Field(ge=_LEAST, le=_MOST), BeforeValidator(_whole)],
    float: Annotated[float, Strict(), Field(allow_inf_nan=False)],
    bool: Annotated[bool, Strict()],
}


def _mirror(kind: type[Any]) -> Any:
    """The type that pydantic reads in `kind`'s stead, and makes a `kind` of."""
    hints = get_type_hints(kind, include_extras=True)
    names = [each.name for each in fields(kind)]
    mirror = make_dataclass(
        kind.__name__,
        [
            (each.name, _strictly(hints[each.name]), field(default=each.default, default_factory=each.default_factory))
            for each in fields(kind)
        ],
        kw_only=True,
        namespace={"__doc__": getdoc(kind), "__module__": kind.__module__, "__pydantic_config__": _STRICT},
    )

    def made(read: Any) -> Any:
        return kind(**{name: getattr(read, name) for name in names})

    return Annotated[mirror, AfterValidator(made)]


def _strictly(hint: Any) -> Any:
    """A type as JSON can say it, and no looser."""
    if isinstance(hint, type) and hint in _SCALARS:
        return _SCALARS[hint]
    if isinstance(hint, type) and is_dataclass(hint):
        return _mirror(hint)
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated and inner[0] is int:  # its own bounds before the last step, or the schema would not show them
        return Annotated[(int, Strict(), *inner[1:], BeforeValidator(_whole))]
    if origin is Annotated:
        return Annotated[(_strictly(inner[0]), *inner[1:])]
    if origin in {Union, UnionType}:
        return reduce(or_, [each if each is NoneType else _strictly(each) for each in inner])
    if isinstance(origin, type) and issubclass(origin, tuple | list | frozenset | set | Mapping):
        generic: Any = origin
        return generic[tuple(each if each is ... else _strictly(each) for each in inner)]
    return hint


def _parsed(body: bytes) -> object:
    """The JSON in `body`. Raises Refused."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise _misunderstood("", f"is not UTF-8 (at byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise _misunderstood("", f"is not JSON (at character {error.pos})") from None
    except ValueError as error:  # a number of thousands of digits, or one of ours: they quote nothing
        raise _misunderstood("", str(error) if isinstance(error, _Unfit) else "holds a number that is too long") from None
    except RecursionError:
        raise _misunderstood("", "is nested too deeply") from None


class _Unfit(ValueError):
    """Python would read it, JSON does not allow it, or not so that everybody reads the same."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose keys occur once: which of two counts, readers do not agree on."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Unfit("has a key twice")
    return found


def _no_number(_: str) -> object:
    raise _Unfit("holds NaN or Infinity, which is no JSON")


def _pointer(loc: tuple[int | str, ...]) -> str:
    """The JSON pointer (RFC 6901) of a place, cut where it is long; what is no Unicode in it is escaped."""
    path = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in loc)
    return path if len(path) <= _POINTER_SHOWN else f"{path[:_POINTER_SHOWN]}..."


def _detail(fault: ErrorDetails) -> str:
    """What is wrong, in words of JSON."""
    if fault["type"] in _WORDS:
        return _WORDS[fault["type"]]
    return fault["msg"].removeprefix("Value error, ").removeprefix("Input ").replace("tuple", "list")


def _misunderstood(pointer: str, detail: str) -> Refused:
    return _invalid([{"pointer": pointer, "detail": detail}])


def _invalid(faults: list[dict[str, str]]) -> Refused:
    """The refusal of a body, with each place and what is wrong there."""
    told = "; ".join(f"{fault['pointer'] or 'the body'}: {fault['detail']}" for fault in faults)
    message = f"The request is not understood: {told}. Next: see GET /v1/openapi.json."
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, problem("RequestInvalid", message, Exit.USAGE, faults=faults))
