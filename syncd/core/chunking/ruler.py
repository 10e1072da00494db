"""Measuring text in model tokens."""

from bisect import bisect_left
from collections.abc import Sequence
from operator import sub

_LONGEST = 64
"""Characters that one model token is believed to stand for. Tokenizers have one unknown token for a word of any length, and none
for some characters: without this a piece, and so a point's payload, could hold megabytes."""


class Ruler:
    """Counts model tokens between offsets of one text, given where each of them starts, in characters, ascending."""

    __slots__ = ("starts",)

    def __init__(self, starts: Sequence[int], length: int) -> None:
        self.starts = starts if _widest(starts, length) <= _LONGEST else _filled(starts, length)

    def index(self, offset: int) -> int:
        """How many model tokens start before `offset`."""
        return bisect_left(self.starts, offset)

    def count(self, start: int, end: int) -> int:
        """How many model tokens start in [start, end)."""
        return bisect_left(self.starts, end) - bisect_left(self.starts, start)


def _widest(starts: Sequence[int], length: int) -> int:
    if not starts:
        return length
    widest: int = max(map(sub, starts[1:], starts), default=0)
    return max(starts[0], length - starts[-1], widest)


def _filled(starts: Sequence[int], length: int) -> list[int]:
    filled: list[int] = []
    previous = 0
    for start in (*starts, length):
        filled.extend(range(previous + _LONGEST, start, _LONGEST))
        filled.append(start)
        previous = start
    filled.pop()
    return filled
