"""Every kind of source that can be configured."""

from typing import Annotated

from pydantic import Discriminator, Tag

from syncd.config.filesystem import FilesystemSource
from syncd.config.foreign import ForeignSource
from syncd.config.sql import SqlSource


def _kind(given: object) -> str:
    """Which model checks a `[[source]]`: that of its `type`; without one it is a folder."""
    type_ = given.get("type", "filesystem") if isinstance(given, dict) else getattr(given, "type", "filesystem")
    return type_ if type_ in KINDS else "foreign"


KINDS = {"filesystem", "sql"}
TAGS = frozenset({*KINDS, "foreign"})
"""What pydantic puts into the place of an error beside the keys of the file."""

Source = Annotated[
    Annotated[FilesystemSource, Tag("filesystem")] | Annotated[SqlSource, Tag("sql")] | Annotated[ForeignSource, Tag("foreign")],
    Discriminator(_kind),
]
"""A store that is kept in the index, by its `type`."""
