"""Keys as values. They hide themselves from `repr`, so that no log or traceback shows one."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class IdentityKeys:
    """Keys of names and fingerprints, 32 bytes each, not rotated (security.md, "Keys")."""

    name: bytes = field(repr=False)
    fp: bytes = field(repr=False)
    pid: bytes = field(repr=False)
    acl: bytes = field(repr=False)
    page: bytes = field(repr=False)
    row: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Epoch:
    """One generation of the collection master key CMK_e."""

    number: int
    cmk: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keyring:
    """All secrets of an install but the KEK and the audit signing key. `epochs[-1]` is the one to write under."""

    install: bytes
    algorithm: str
    identity: IdentityKeys
    epochs: tuple[Epoch, ...]

    @property
    def current(self) -> Epoch:
        """The epoch that writers use."""
        return self.epochs[-1]

    def epoch(self, number: int) -> Epoch | None:
        """The epoch of that number, or None when it was retired or never was."""
        return next((epoch for epoch in self.epochs if epoch.number == number), None)
