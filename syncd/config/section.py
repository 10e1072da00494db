"""What all sections of the configuration share: strictness, and the kinds of values that several of them have."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from syncd.config.units import place, seconds, seconds_or_never
from syncd.config.values import glob, reader


class Section(BaseModel):
    """Every section: an unknown key is an error, nothing is converted silently, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _from_the_file(value: object, info: ValidationInfo) -> Path:
    """A path of the file that is being loaded; `load` passes its folder as the context."""
    return place(value, Path(info.context) if info.context else Path.cwd())


Place = Annotated[Path, BeforeValidator(_from_the_file)]
"""A path; relative ones are meant from the folder of the configuration."""
Places = Annotated[tuple[Place, ...], Field(strict=False)]
"""A list of paths, frozen."""
Duration = Annotated[int, BeforeValidator(seconds)]
"""Seconds, written `"30s"`, `"10m"`, `"24h"`, `"7d"`."""
DurationOrOff = Annotated[int, BeforeValidator(seconds_or_never)]
"""The same; `"off"` or `"0"` is 0 and means never."""
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
"""A part of the whole, 0 to 1."""
Texts = Annotated[tuple[str, ...], Field(strict=False)]
"""A list of texts, frozen."""
Glob = Annotated[str, AfterValidator(glob)]
"""A pattern as in .gitignore."""
Globs = Annotated[tuple[Glob, ...], Field(strict=False)]
"""A list of patterns, frozen."""
Readers = Annotated[tuple[Annotated[str, AfterValidator(reader)], ...], Field(strict=False)]
"""A list of those whom an ACL rule names."""
