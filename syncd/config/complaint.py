"""From what pydantic found wrong to one error that names file, key, value, and what would be right."""

import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from syncd.config.model import Config
from syncd.config.sources import TAGS
from syncd.errors import ConfigError, ConfigInvalid, ConfigUnknownKey

Step = str | int
_ABSENT: Final = object()
_SECRET: Final = re.compile(r"(?<!public_)(?:key|kek|secret|password|passphrase|credentials?|token)$", re.IGNORECASE)
"""Keys whose wrong values are not repeated: somebody may have pasted a secret where none belongs."""
_CREDENTIALS: Final = re.compile(r"//[^/]*@|[?&]\w*(?:pass|secret|key|token)\w*=", re.IGNORECASE)
"""An address with a user and a password, or with something that may be one."""
_SHOWN: Final = 60
"""Characters of a value that are repeated."""


def complain(path: Path, raw: object, error: ValidationError) -> ConfigError:
    """The error to raise. An unknown key goes first: it is often why another one is missing."""
    found = error.errors(include_url=False)
    unknown = next((item for item in found if item["type"] == "extra_forbidden"), None)
    if unknown is not None:
        loc = _of_the_file(unknown["loc"])
        return ConfigUnknownKey(file=path, key=dotted(raw, loc), value=_shown(raw, loc), nearest=_nearest(raw, loc))
    first = found[0]
    loc = (*_of_the_file(first["loc"]), *first.get("ctx", {}).get("key", ()))
    return ConfigInvalid(file=path, key=dotted(raw, loc), value=_shown(raw, loc), detail=_detail(first))


def _of_the_file(loc: tuple[Step, ...]) -> tuple[Step, ...]:
    """Where something stands in the file: without the kind of source that pydantic puts in between."""
    return (*loc[:2], *loc[3:]) if loc[:1] == ("source",) and len(loc) > 2 and loc[2] in TAGS else loc


def dotted(raw: object, loc: Sequence[Step]) -> str:
    """The path of a key as people say it: `source[notes].acl[#2].glob`; entries without a name are counted from 1."""
    words = ""
    for depth, step in enumerate(loc):
        if isinstance(step, int):
            entry = _at(raw, loc[: depth + 1])
            name = entry.get("name") if isinstance(entry, dict) else None
            words += f"[{name}]" if isinstance(name, str) else f"[#{step + 1}]"
        else:
            words += f".{step}" if words else step
    return words


def keys(model: type[BaseModel], prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key that can be written, once, as the path of tables to it; a table comes before its keys."""
    yield from dict.fromkeys(_keys(model, prefix))


def _keys(model: type[BaseModel], prefix: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        path = (*prefix, field.alias or name)
        yield path
        for section in _sections(field.annotation):
            yield from _keys(section, path)


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models behind an annotation: itself, or what a tuple or a union holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in {tuple, Union, UnionType, Annotated}:
        for part in get_args(annotation):
            yield from _sections(part)


def _nearest(raw: object, loc: Sequence[Step]) -> str:
    """The valid key that is most like the one at `loc`: of the same section if one is near, else of any."""
    *above, last = loc
    here = tuple(step for step in above if isinstance(step, str))
    known = list(keys(Config))
    siblings = [path[-1] for path in known if path[:-1] == here]
    close = difflib.get_close_matches(str(last), siblings, n=1)
    if close:
        return dotted(raw, (*above, close[0]))
    anywhere = difflib.get_close_matches(str(last), [path[-1] for path in known], n=1)
    if anywhere:
        return next(".".join(path) for path in known if path[-1] == anywhere[0])
    return dotted(raw, (*above, *difflib.get_close_matches(str(last), siblings, n=1, cutoff=0)))


def _detail(item: ErrorDetails) -> str:
    """What is allowed, in few words."""
    if item["type"] == "missing":
        return "it has to be given"
    text = item["msg"].removeprefix("Value error, ")
    return re.sub(r"^Input should", "should", text).replace("tuple", "list").replace("dictionary", "table")


def _shown(raw: object, loc: Sequence[Step]) -> str:
    """The value at `loc` as it can be repeated: short, and nothing that may be a secret."""
    value = _at(raw, loc)
    if value is _ABSENT:
        return "(not given)"
    if isinstance(value, dict):
        return "(a table)"
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    if value and (_SECRET.search(str(loc[-1])) or _CREDENTIALS.search(text)):
        return "(hidden)"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _at(raw: object, loc: Sequence[Step]) -> object:
    """What stands at `loc` in the file, or the mark of absence."""
    for step in loc:
        table = dict(enumerate(raw)) if isinstance(raw, list) else raw
        if not isinstance(table, dict) or step not in table:
            return _ABSENT
        raw = table[step]
    return raw
