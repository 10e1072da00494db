"""What of a source nothing tells of, while hints about all the rest of it are to be believed."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from syncd.core.scope import parent_of, within

PARTS = 256
"""Trees of a source that are kept apart: with one more, the deepest are taken together, up to the whole source."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why nothing tells of some trees. code: a short word, for logs; words: for people, without names; parts: how many trees."""

    code: str
    words: str
    parts: int


@dataclass(frozen=True, slots=True)
class Blind:
    """trees: prefixes, in order, none within another, each with all that lies at and below it. False where there is none."""

    trees: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.trees)

    @property
    def whole(self) -> bool:
        """Whether nothing tells of anything in the source."""
        return "" in self.trees

    @property
    def words(self) -> str:
        """Why, for people: counts and causes, no names."""
        if len(self.causes) == 1:
            return self.causes[0].words
        return "; ".join(f"{cause.parts} of them: {cause.words}" for cause in self.causes)


SEEING = Blind()
"""All is told of."""


class Spots:
    """Collects trees, each with the codes of why nothing tells of it; never more than PARTS of them."""

    def __init__(self) -> None:
        self._codes: dict[str, frozenset[str]] = {}

    def add(self, prefix: str, code: str) -> None:
        """Nothing tells of what lies at and below `prefix`."""
        self._put(prefix, frozenset({code}))
        while len(self._codes) > PARTS:
            self._join_deepest()

    def drop(self, prefix: str) -> None:
        """What lies at and below `prefix` is gone, or looked at anew. What covers it stays: more than `prefix` is blind there."""
        for tree in [tree for tree in self._codes if within(tree, prefix)]:
            del self._codes[tree]

    def merge(self, other: "Spots") -> None:
        """Take in what another has collected."""
        for prefix, codes in other.items():
            for code in codes:
                self.add(prefix, code)

    def items(self) -> list[tuple[str, frozenset[str]]]:
        """Every tree and why, in order."""
        return sorted(self._codes.items())

    def of(self, code: str) -> tuple[str, ...]:
        """The trees of which nothing tells for that reason, in order."""
        return tuple(prefix for prefix, codes in self.items() if code in codes)

    def __bool__(self) -> bool:
        return bool(self._codes)

    def _put(self, prefix: str, codes: frozenset[str]) -> None:
        covering = next((above for above in _upwards(prefix) if above in self._codes), None)
        if covering is not None:
            self._codes[covering] |= codes
            return
        swallowed = [tree for tree in self._codes if within(tree, prefix)]
        self._codes[prefix] = codes.union(*(self._codes.pop(tree) for tree in swallowed))

    def _join_deepest(self) -> None:
        """One parent in the place of the trees in it: of the deepest, the first, so that what is watched high up stays so."""
        deepest = max(self._codes, key=lambda tree: (tree.count("/") + 1 if tree else 0, tree))
        parent = parent_of(deepest) or ""
        self._put(parent, frozenset())


def _upwards(prefix: str) -> Iterator[str]:
    """`prefix`, and everything above it, up to the root."""
    here: str | None = prefix
    while here is not None:
        yield here
        here = parent_of(here)


def covered(tree: str, trees: Collection[str]) -> bool:
    """Whether a look at `trees` is one at all of `tree`."""
    return any(above in trees for above in _upwards(tree))
