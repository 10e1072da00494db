"""What a scan met and wrote nothing of, in eight bytes a page: so a scan that finds nothing writes nothing, at any size."""

from array import array
from bisect import bisect_left

_HEAD = 8


class Met:
    """A set of locators that only grows until it is asked.

    Of a locator, which is the output of a MAC, its first eight bytes are kept: that one that is gone shares them with one that is
    there has a chance of one in 10**7 in a source of a million pages.
    """

    def __init__(self) -> None:
        self._heads = array("Q")
        self._settled = 0
        """How many of them are in order, and different."""

    def add(self, locator: bytes) -> None:
        """One more."""
        self._heads.append(_head(locator))

    def __len__(self) -> int:
        self._settle()
        return len(self._heads)

    def __contains__(self, locator: bytes) -> bool:
        self._settle()
        head = _head(locator)
        place = bisect_left(self._heads, head)
        return place < len(self._heads) and self._heads[place] == head

    def _settle(self) -> None:
        if self._settled != len(self._heads):
            self._heads = array("Q", sorted(set(self._heads)))
            self._settled = len(self._heads)


def _head(locator: bytes) -> int:
    return int.from_bytes(locator[:_HEAD], "big")
