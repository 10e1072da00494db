"""Rule 2: a section smaller than *tiny* joins the next section of the same or a deeper level."""

from syncd.core.chunking.marks import Heading
from syncd.core.chunking.ruler import Ruler


def groups(headings: list[Heading], ruler: Ruler, length: int, tiny: int) -> list[tuple[int, int]]:
    """The groups of sections of a text of `length` characters, as (start, end), tiling it.

    What precedes the first heading is a section too, at level 0. Each decision looks at one section and the level of the next,
    never at what was joined before, so that an edit can't set off a chain of them.
    """
    starts = [0, *(heading.offset for heading in headings), length]
    levels = [0, *(heading.level for heading in headings)]
    found = []
    opened = 0
    for number in range(len(levels) - 1):
        end = starts[number + 1]
        if ruler.count(starts[number], end) >= tiny or levels[number + 1] < levels[number]:
            found.append((opened, end))
            opened = end
    found.append((opened, length))
    return found
