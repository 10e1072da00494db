"""What a mutant is."""

from dataclasses import dataclass

Edit = tuple[str, str]
"""A text that the file holds exactly once, and what it becomes."""


@dataclass(frozen=True)
class Mutant:
    """A defence taken away: `old`, found exactly once in `file`, becomes `new`, and one of `tests` has to fail.

    also: further edits of the same file, for what only works on both sides (sealing and opening) or is there twice.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    also: tuple[Edit, ...] = ()

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All of them."""
        return ((self.old, self.new), *self.also)
