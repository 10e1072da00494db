"""Pages to be opened again. There may be as many as the source has, so what can be made anew is not kept."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from syncd.core.model import Page
from syncd.core.roll import Roll

_Again = Callable[[str], Page]


@dataclass(slots=True)
class Worklist:
    """Pages in the order in which they were added, each with how many changes were planned there. planned: of all of them.

    Of a page whose scan can make it anew, only the prefix is held, and not as text.
    """

    planned: int = 0
    _parts: list[Page | tuple[_Again, Roll]] = field(default_factory=list)
    _numbers: list[int] = field(default_factory=list)
    _last: Page | None = None

    def add(self, page: Page, planned: int = 0) -> None:
        """One more, unless it is the very one that was added last."""
        if page is self._last:
            return
        self._last = page
        self.planned += planned
        if page.again is None:
            self._parts.append(page)
            self._numbers.append(planned)
            return
        last = self._parts[-1] if self._parts else None
        if not isinstance(last, tuple) or last[0] is not page.again:
            last = (page.again, Roll())
            self._parts.append(last)
            self._numbers.append(0)
        last[1].add(page.prefix, planned)

    def __iter__(self) -> Iterator[tuple[Page, int]]:
        for part, planned in zip(self._parts, self._numbers, strict=True):
            if isinstance(part, Page):
                yield part, planned
            else:
                again, roll = part
                for prefix, number in roll:
                    yield again(prefix), number
