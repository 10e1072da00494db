"""What every source has in the configuration, whatever it reads from."""

from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from syncd.config.section import Duration, DurationOrOff, Glob, Readers, Section
from syncd.config.units import seconds, size
from syncd.config.values import EVERYONE, broken

NAME: Final = r"^[a-z0-9][a-z0-9._-]{0,62}$"


class AclRule(Section):
    """Who may read what a pattern matches, whatever the store says of it. No `readers`: nobody."""

    glob: Glob
    readers: Readers


class SourceSection(Section):
    """A store that is kept in the index.

    poll_every: how often it is scanned while it, or a part of it, can't be watched. scrub_every: in which time every document of
    it is read again; 0: never.
    """

    name: Annotated[str, Field(pattern=NAME)]
    realm: Annotated[str, Field(pattern=NAME)] = "unix"
    max_size: Annotated[int, BeforeValidator(size)] = size("16MiB")
    allow_everyone: bool = False
    poll_every: Duration = seconds("5m")
    scrub_every: DurationOrOff = seconds("7d")
    acl: Annotated[tuple[AclRule, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _everyone_is_allowed_once(self) -> Self:
        for number, rule in enumerate(self.acl):
            if EVERYONE in rule.readers and not self.allow_everyone:
                raise broken('"everyone" needs allow_everyone = true in this source', "acl", number, "readers")
        return self
