"""From a text to its pieces."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from syncd.core.chunking.marks import Heading
from syncd.core.chunking.outline import read
from syncd.core.chunking.ruler import Ruler
from syncd.core.chunking.sections import groups
from syncd.core.chunking.sizes import Sizes
from syncd.core.chunking.split import Splitter
from syncd.core.model import Form, Piece

_BLANK_LINE = 2
"""Model tokens that the blank line below a heading may cost."""


def chunk(text: str, form: Form, starts: Sequence[int], sizes: Sizes) -> tuple[Piece, ...]:
    """The pieces of `text`, in order.

    starts: where each model token of `text` starts, in characters, ascending.
    Every character that is not whitespace is in exactly one piece, and no piece begins or ends with whitespace. No piece holds
    more than `sizes.maximum` model tokens (a single character that is more than that stays whole). O(n log n).

    `Piece.heading` is the nearest heading, `Piece.path` what is above that heading, outermost first; each is cut to the heading
    reserve.
    """
    if not text or text.isspace():
        return ()
    outline = read(text, form)
    ruler = Ruler(starts, len(text))
    splitter = Splitter(text, outline, ruler, sizes)
    bounds = [0]
    for start, end in groups(outline.headings, ruler, len(text), sizes.tiny):
        bounds.extend(splitter.cuts(start, end))
        bounds.append(end)
    return tuple(_pieces(text, bounds, list(_titles(text, outline.headings, ruler, sizes))))


def _pieces(text: str, bounds: list[int], titles: list[tuple[int, str, tuple[str, ...]]]) -> Iterator[Piece]:
    passed, heading = 0, ""
    path: tuple[str, ...] = ()
    for start, end in pairwise(bounds):
        body = text[start:end]
        first = end - len(body.lstrip())
        last = start + len(body.rstrip())
        if first >= last:
            continue
        while passed < len(titles) and titles[passed][0] <= first:
            _, heading, path = titles[passed]
            passed += 1
        yield Piece(first, last, heading, path)


def _titles(text: str, headings: list[Heading], ruler: Ruler, sizes: Sizes) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Offset, title and path of each heading."""
    limit = max(0, sizes.heading - _BLANK_LINE)
    above: list[tuple[int, str]] = []
    for offset, level, start, end in headings:
        beyond = ruler.index(start) + limit
        cut = end if beyond >= len(ruler.starts) else max(start, min(end, ruler.starts[beyond]))
        title = " ".join(text[start:cut].split())
        while above and above[-1][0] >= level:
            above.pop()
        yield offset, title, tuple(name for _, name in above if name)
        above.append((level, title))
