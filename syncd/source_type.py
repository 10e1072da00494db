"""What a package brings that has a kind of source of its own: docs/sources.md tells how."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from syncd.core.acl import Acl
from syncd.ports import Clock, Source


@dataclass(frozen=True, slots=True)
class SourceCommon:
    """What every source has in the configuration. max_bytes: of a document; larger ones are refused.

    acl: the ACL of a document, from its key and the names of those who may read it as the store has them ("user:NAME",
    "group:NAME", "everyone"); rules of the configuration go first, and everyone counts only where it may. None where a name is
    not understood, or where the names are None because the store did not say: a document with such an ACL is quarantined.
    digest: of all this; a part of what `Source.settings` has to be, for pages are opened again when it changes.
    """

    name: str
    realm: str
    max_bytes: int
    acl: Callable[[str, Sequence[object] | None], Acl | None]
    digest: bytes
    clock: Clock


class SourceType(Protocol):
    """A kind of source that a package brings, as its entry point in the group `syncd.sources`: `type = "name"` then means it."""

    @property
    def settings(self) -> type[BaseModel]:
        """The model of the keys that only this kind has; unknown ones should be errors (`extra="forbid"`)."""

    def make(self, common: SourceCommon, settings: Any) -> Source:
        """One source, as it is configured. Nothing is connected yet: a store that is away is found out by the first question."""
