"""Cutting what is asked for into pages that an engine answers comfortably."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from syncd.core.model import Point, PointId
from syncd.core.points import following

PAGE = 512
"""Points in one answer: with large vectors and texts still far from any limit."""

_T = TypeVar("_T")


def pages(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """`items` in order, `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def read_on(
    read: Callable[[PointId | None, int], tuple[list[Point], bool]], after: PointId | None, limit: int
) -> tuple[list[Point], PointId | None]:
    """Up to `limit` points beyond `after`, and the last one's id when there are more.

    read(start, count): up to `count` points by ascending id from `start` on (None: from the first), and whether there are more.
    The continuation is an id that was given, so points that come or go meanwhile move nothing.
    """
    found: list[Point] = []
    more = True
    start = None if after is None else following(after)
    while more and len(found) < limit and not (start is None and after is not None):
        page, more = read(start, min(PAGE, limit - len(found)))
        if not page:
            break
        found += page
        after = page[-1].id
        start = following(after)
    return found, after if more and found and start is not None else None
