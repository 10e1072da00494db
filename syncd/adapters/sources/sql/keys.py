"""Keys of rows as text, and the pages that they are on.

A page is a share of the keys by their digest: which one a key is on depends on nothing but the key, so that no insert moves a
row to another page, and every table is cut evenly, whatever its keys look like.
"""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

PAGES = 4096
"""How many pages there are. For ever: another number is another page for every document that is recorded."""
_DIGITS = 3


def page_of(key: str) -> str:
    """The page of a key: three hexadecimal digits."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def is_page(prefix: str) -> bool:
    """Whether there can be a page `prefix`."""
    return len(prefix) == _DIGITS and all(digit in "0123456789abcdef" for digit in prefix)


def key_of(values: Sequence[object]) -> str | None:
    """The key of a row: the text of its key column; of several columns, each with `%` and `/` escaped, joined by `/`.

    None where a column is NULL, or of a type that has no text of its own (a floating point number, say): such a row has no name.
    """
    texts = [_text(value) for value in values]
    if any(text is None for text in texts):
        return None
    known = [text for text in texts if text is not None]
    return known[0] if len(known) == 1 else "/".join(map(_escaped, known))


def parts_of(key: str, columns: int) -> tuple[str, ...] | None:
    """The texts of the key columns, or None when no row can have that key."""
    if not key or "\0" in key or not _encodes(key):
        return None
    if columns == 1:
        return (key,)
    parts = tuple(part.replace("%2F", "/").replace("%25", "%") for part in key.split("/"))
    return parts if len(parts) == columns and "/".join(map(_escaped, parts)) == key else None


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("/", "%2F")


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(value: object) -> str | None:
    match value:
        case bool() | None:
            return None
        case str():
            return value if value and "\0" not in value and _encodes(value) else None
        case int() | UUID() | Decimal():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case bytes():
            return "\\x" + value.hex()
        case _:
            return None
