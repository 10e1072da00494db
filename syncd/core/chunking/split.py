"""Rule 3: a group over *maximum* is cut at its best boundary, and again, until every piece fits."""

import re
from bisect import bisect, bisect_left
from collections.abc import Iterator
from hashlib import blake2b

from syncd.core.chunking.code import indentation
from syncd.core.chunking.marks import Outline, Rank
from syncd.core.chunking.ruler import Ruler
from syncd.core.chunking.sizes import Sizes

_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]»*_`]{0,3}\s+|[。！？｡][\"'”’」』）\]]{0,3}\s*")
_LINE_END = re.compile(r"\n(?=[^\S\n]*\S)")
_OPENING = 32
"""Normalised characters whose hash places a cut."""
_CONTEXT = 256
"""Characters whose hash breaks a tie between equal openings."""

Candidate = tuple[int, bytes, int]
"""Level, hash, offset: sorts best first, and equals by place."""


class Splitter:
    """Cuts the groups of one text.

    Boundaries are ordered by rank, then level, then the hash of what follows; one is legal where both sides have the minimum.
    Cutting a group at its best legal boundary and then each side in the same way equals going through all boundaries once, best
    first, and cutting wherever the stretch around one is still over the maximum and the cut is legal: a boundary that is not
    legal never becomes so, for stretches only shrink. So there is no recursion, and a rank is looked at only where all better
    ones have left a stretch too large.

    Ties: openings that are equal are ordered by the hash of more context, and where even that is equal by place, the earliest
    first. A run of identical blocks is thus cut each time that the minimum is reached: its pieces are identical too, from its
    beginning on, so that whatever is inserted or removed within the run leaves all but a few of them as they were.
    """

    __slots__ = ("_maximum", "_minimum", "_offsets", "_outline", "_ruler", "_text")

    def __init__(self, text: str, outline: Outline, ruler: Ruler, sizes: Sizes) -> None:
        self._text = text
        self._outline = outline
        self._offsets = [mark.offset for mark in outline.marks]
        self._ruler = ruler
        self._minimum = sizes.minimum
        self._maximum = sizes.maximum

    def cuts(self, start: int, end: int) -> list[int]:
        """Where to cut text[start:end], ascending."""
        found: list[int] = []
        waiting = [(start, end, Rank.HEADING)]
        while waiting:
            lo, hi, rank = waiting.pop()
            first, last = self._ruler.index(lo), self._ruler.index(hi)
            if last - first <= self._maximum:
                continue
            cuts = self._best(lo, hi, first, last, rank)
            found.extend(cuts)
            if rank < Rank.MODEL_TOKEN:
                weaker = Rank(rank + 1)
                waiting.extend((left, right, weaker) for left, right in zip([lo, *cuts], [*cuts, hi], strict=True))
            else:
                for left, right in zip([lo, *cuts], [*cuts, hi], strict=True):
                    found.extend(self._forced(left, right))
        found.sort()
        return found

    def _best(self, lo: int, hi: int, first: int, last: int, rank: Rank) -> list[int]:
        """The cuts of one rank in text[lo:hi], which holds the model tokens first to last."""
        starts = self._ruler.starts
        if last - first < 2 * self._minimum:
            return []
        low, high = starts[first + self._minimum - 1] + 1, starts[last - self._minimum]
        cut_at: dict[int, int] = {first: lo, last: hi}
        places = [first, last]
        for _, _, offset in self._ordered(self._candidates(lo, hi, low, high, rank)):
            place = bisect_left(starts, offset, first, last)
            right = bisect(places, place)
            before, after = places[right - 1], places[right] if right < len(places) else last
            if after - before > self._maximum and place - before >= self._minimum and after - place >= self._minimum:
                places.insert(right, place)
                cut_at[place] = offset
        return [cut_at[place] for place in places[1:-1]]

    def _ordered(self, candidates: list[Candidate]) -> list[Candidate]:
        if len({opening for _, opening, _ in candidates}) < len(candidates):
            candidates = [
                (level, opening + _digest(self._text[offset : offset + _CONTEXT]), offset)
                for level, opening, offset in candidates
            ]
        candidates.sort()
        return candidates

    def _candidates(self, lo: int, hi: int, low: int, high: int, rank: Rank) -> list[Candidate]:
        """The boundaries of one rank at low <= offset <= high in text[lo:hi]."""
        if rank <= Rank.ITEM:
            return self._marked(low, high, hi, rank)
        if rank is Rank.SENTENCE:
            places = self._lines(low, high, levels=True) if self._verbatim(low) else self._sentences(lo, hi)
        elif rank is Rank.LINE:
            places = self._lines(low, high, levels=False)
        else:
            places = self._model_tokens(low, high, words=rank is Rank.WORD)
        return [(level, self._opening(offset, hi), offset) for offset, level in places if low <= offset <= high]

    def _marked(self, low: int, high: int, hi: int, rank: Rank) -> list[Candidate]:
        marks = self._outline.marks
        begin, stop = bisect_left(self._offsets, low), bisect(self._offsets, high)
        return [
            (level, self._opening(offset, self._offsets[number + 1] if number + 1 < len(marks) else hi), offset)
            for number, (offset, marked, level) in enumerate(marks[begin:stop], begin)
            if marked == rank
        ]

    def _verbatim(self, offset: int) -> bool:
        return bisect(self._outline.verbatim, offset) % 2 == 1

    def _sentences(self, lo: int, hi: int) -> Iterator[tuple[int, int]]:
        for found in _SENTENCE_END.finditer(self._text, lo, hi):
            end = found.end()
            if not self._text[end : end + 1].islower():  # "e.g. this" goes on
                yield end, 0

    def _lines(self, low: int, high: int, *, levels: bool) -> Iterator[tuple[int, int]]:
        for found in _LINE_END.finditer(self._text, low - 1, high + 1):
            start = found.end()
            yield start, indentation(self._text, start, start + _CONTEXT) if levels else 0

    def _model_tokens(self, low: int, high: int, *, words: bool) -> Iterator[tuple[int, int]]:
        starts = self._ruler.starts
        for number in range(bisect_left(starts, low), bisect(starts, high)):
            if not words or self._text[starts[number] - 1].isspace():
                yield starts[number], 0

    def _opening(self, start: int, end: int) -> bytes:
        """The hash of how the block text[start:end] begins, whatever its case and white space."""
        return _digest(" ".join(self._text[start : min(end, start + 2 * _OPENING)].split()).casefold()[:_OPENING])

    def _forced(self, lo: int, hi: int) -> Iterator[int]:
        """Cuts for what no legal cut has made small enough: many model tokens start at the same character."""
        starts = self._ruler.starts
        first, last = self._ruler.index(lo), self._ruler.index(hi)
        while last - first > self._maximum:
            offset = starts[first + self._maximum]
            place = bisect_left(starts, offset)
            if place == first:
                place = bisect(starts, offset)
            if place >= last:
                return
            yield starts[place]
            first = place


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
