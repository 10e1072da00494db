"""The configuration of a table, or of what a query gives, as a source."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from syncd.config.section import Duration, Place
from syncd.config.source import SourceSection
from syncd.config.units import place, seconds
from syncd.config.values import broken

_SQLITE: Final = "sqlite:///"
_SECRETS: Final = frozenset({"password", "sslpassword", "passfile"})
_READER: Final = re.compile(r"(?:(?:user|group):)?[^:]{1,255}")


def _database(value: object, info: ValidationInfo) -> str:
    """`value` as the address of a database, without a password: that stands in a file of its own. Raises ValueError."""
    wrong = 'should be "postgresql://USER@HOST/DATABASE" or "sqlite:///FILE"'
    if not isinstance(value, str) or any(not char.isprintable() for char in value):
        raise ValueError(wrong)
    if value.startswith(_SQLITE):
        base = Path(info.context) if info.context else Path.cwd()
        if "?" in value or "#" in value:
            raise ValueError(wrong)
        return _SQLITE + str(place(value.removeprefix(_SQLITE), base))
    try:
        parts = urlsplit(value)
        given = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
        port_is_one = parts.port != 0
    except ValueError:
        raise ValueError(wrong) from None
    if parts.password is not None or given & _SECRETS:
        raise ValueError("should be an address without a password: put that into a file and name it in `password_file`")
    if parts.scheme != "postgresql" or not port_is_one or not parts.path.strip("/"):
        raise ValueError(wrong)
    return value


def _column(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("should be the name of a column")
    return value


def _reader(value: str) -> str:
    if not _READER.fullmatch(value) or not value.isprintable():
        raise ValueError('should be "COLUMN", "user:COLUMN" or "group:COLUMN"')
    return value


Column = Annotated[str, AfterValidator(_column)]
Columns = Annotated[tuple[Column, ...], Field(strict=False, min_length=1)]


class SqlSource(SourceSection):
    """The rows of a table or query.

    password_file, table, query, title, version, deleted, readers_query, channel: None where there is none.
    """

    type: Literal["sql"]
    url: Annotated[str, BeforeValidator(_database)]
    password_file: Place | None = None
    table: Annotated[str, Field(pattern=r"^[^.]{1,63}(\.[^.]{1,63})?$")] | None = None
    query: Annotated[str, Field(min_length=1)] | None = None
    key: Columns
    text: Columns
    title: Column | None = None
    format: Literal["markdown", "text", "html"] = "markdown"
    version: Column | None = None
    deleted: Column | None = None
    readers: Annotated[tuple[Annotated[str, AfterValidator(_reader)], ...], Field(strict=False)] = ()
    readers_query: Annotated[str, Field(min_length=1)] | None = None
    channel: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")] | None = None
    timeout: Duration = seconds("60s")

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(self.url.removeprefix(_SQLITE)) if self.url.startswith(_SQLITE) else None

    @model_validator(mode="after")
    def _keys_belong_together(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise broken("either `table` or `query` has to be given", "table" if self.table is None else "query")
        if len(self.text) > 1 and self.format != "markdown":
            raise broken('has to be "markdown" where several columns are one document', "format")
        if not (self.readers or self.readers_query or self.acl):
            raise broken("nothing says who may read: `readers`, `readers_query` or `[[source.acl]]` has to be given", "readers")
        if self.file is not None and self.channel is not None:
            raise broken("SQLite tells of no changes", "channel")
        if self.file is not None and self.password_file is not None:
            raise broken("SQLite knows no passwords", "password_file")
        return self
