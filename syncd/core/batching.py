"""Filling batches by model tokens: equal work a batch, little padding, and a budget that gives way when memory runs out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Budget:
    """How many padded model tokens a batch may hold.

    It is halved when the device runs out of memory, and grows back in 64 small steps, for whoever took that memory may be gone.
    """

    tokens: int
    ceiling: int

    def __post_init__(self) -> None:
        if not 1 <= self.tokens <= self.ceiling:
            raise ValueError("a budget holds at least one model token and at most its ceiling")

    def halve(self) -> "Budget":
        """Half of it, at least one model token."""
        return replace(self, tokens=max(1, self.tokens // 2))

    def grow(self) -> "Budget":
        """A 64th of the ceiling more, up to the ceiling."""
        return replace(self, tokens=min(self.ceiling, self.tokens + max(1, self.ceiling // 64)))


def token_batches(lengths: Sequence[int], budget: int, max_rows: int) -> list[tuple[int, ...]]:
    """The indexes of `lengths` in batches whose padded size, rows x longest, is at most `budget` model tokens.

    Longest first, equal lengths by index: the batch that needs most memory is tried first. A row longer than the budget is a
    batch of its own. Every index is in exactly one batch; no batch has more than `max_rows` rows.
    """
    if max_rows < 1:
        raise ValueError("a batch has at least one row")
    batches: list[tuple[int, ...]] = []
    batch: list[int] = []
    longest = 0
    for index in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        if batch and (len(batch) == max_rows or (len(batch) + 1) * longest > budget):
            batches.append(tuple(batch))
            batch = []
        if not batch:
            longest = lengths[index]
        batch.append(index)
    if batch:
        batches.append(tuple(batch))
    return batches
