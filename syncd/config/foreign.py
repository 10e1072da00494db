"""Sources of types that other packages bring: found by the entry points of the group `syncd.sources`."""

from importlib.metadata import entry_points
from typing import Annotated, Any, Final, Self, cast

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, ValidationInfo, model_validator

from syncd.config.source import NAME, SourceSection
from syncd.config.values import broken
from syncd.source_type import SourceType

GROUP: Final = "syncd.sources"
BUILT_IN: Final = ("filesystem", "sql")


def known() -> tuple[str, ...]:
    """The types that can be configured here."""
    return (*BUILT_IN, *sorted({point.name for point in entry_points(group=GROUP)} - set(BUILT_IN)))


def source_type(name: str) -> SourceType:
    """What the installed packages bring under that name. Raises ValueError when that is nothing, or not what it should be."""
    found = tuple(entry_points(group=GROUP, name=name))
    if not found:
        raise ValueError(f"should be one of {', '.join(map(repr, known()))}; other types come with packages that bring them")
    if len(found) > 1:
        raise ValueError(f"is brought by {len(found)} packages: uninstall all but one")
    try:
        loaded: Any = found[0].load()
    except Exception as error:
        raise ValueError(f"the package that brings it can't be loaded ({type(error).__name__})") from error
    settings = getattr(loaded, "settings", None)
    if not (isinstance(settings, type) and issubclass(settings, BaseModel) and callable(getattr(loaded, "make", None))):
        raise ValueError("the package that brings it has no source type there (`settings` and `make`)")  # noqa: TRY004 - a value of the file
    return cast("SourceType", loaded)


class ForeignSource(SourceSection):
    """A source of such a type: what every source has, and the settings of its own, checked by the model that it brings."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    type: Annotated[str, Field(pattern=NAME)]
    _settings: BaseModel = PrivateAttr()
    _made_by: SourceType = PrivateAttr()

    @property
    def settings(self) -> BaseModel:
        """Its own settings, checked."""
        return self._settings

    @property
    def made_by(self) -> SourceType:
        """What makes it."""
        return self._made_by

    @model_validator(mode="after")
    def _as_its_type_wants(self, info: ValidationInfo) -> Self:
        try:
            self._made_by = source_type(self.type)
        except ValueError as error:
            raise broken(str(error), "type") from None
        try:
            self._settings = self._made_by.settings.model_validate(self.model_extra or {}, context=info.context)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise broken(first["msg"].removeprefix("Value error, "), *first["loc"]) from None
        return self
