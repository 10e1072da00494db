"""What a package brings that has a kind of source of its own: docs/sources.md tells how."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from syncd.core.acl import Principal, PrincipalKind
from syncd.ports import Clock, Source


@dataclass(frozen=True, slots=True)
class SourceCommon:
    """What every source has in the configuration. rules: (pattern, who may read what it matches), the first match decides.

    known: who a name of that kind is in the realm, None where nobody knows; a number is an id. max_bytes: of a document.
    """

    name: str
    realm: str
    max_bytes: int
    allow_everyone: bool
    rules: tuple[tuple[str, tuple[Principal, ...]], ...]
    known: Callable[[PrincipalKind, str | int], Principal | None]
    clock: Clock


class SourceType(Protocol):
    """A kind of source that a package brings, as its entry point in the group `syncd.sources`: `type = "name"` then means it."""

    @property
    def settings(self) -> type[BaseModel]:
        """The model of the keys that only this kind has; unknown ones should be errors (`extra="forbid"`)."""

    def make(self, common: SourceCommon, settings: Any) -> Source:
        """One source, as it is configured. Nothing is connected yet: a store that is away is found out by the first question."""
