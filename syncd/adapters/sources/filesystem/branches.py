"""The directories that are watched, as the tree that they are: what moves or goes takes along what is below it."""

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field

from syncd.adapters.sources.filesystem.names import key_of


@dataclass(slots=True, eq=False)
class Branch:
    """A watched directory. name: its own, empty for the root; wd: the number of its watch."""

    name: bytes
    wd: int
    parent: "Branch | None"
    children: "dict[bytes, Branch]" = field(default_factory=dict)

    @property
    def parts(self) -> tuple[bytes, ...]:
        """Its path below the root."""
        names: list[bytes] = []
        here = self
        while here.parent is not None:
            names.append(here.name)
            here = here.parent
        return tuple(reversed(names))

    @property
    def prefix(self) -> str:
        """Its page."""
        return key_of(self.parts)


class Branches:
    """Watched directories by path and by watch: several of one watch where a directory is mounted in two places.

    release: is given the watches that no directory has any more.
    """

    def __init__(self, release: Callable[[Sequence[int]], None]) -> None:
        self._release = release
        self._root: Branch | None = None
        self._by_watch: dict[int, list[Branch]] = {}

    def at(self, wd: int) -> tuple[Branch, ...]:
        """The directories of a watch."""
        return tuple(self._by_watch.get(wd, ()))

    def find(self, parts: Iterable[bytes]) -> Branch | None:
        """The directory of a path below the root."""
        here = self._root
        for name in parts:
            if here is None:
                return None
            here = here.children.get(name)
        return here

    def put(self, parts: tuple[bytes, ...], wd: int) -> Branch | None:
        """The directory `parts` has this watch now; None when its parent is not watched any more, and so neither is it."""
        parent = self.find(parts[:-1]) if parts else None
        known = self.find(parts)
        if known is not None and known.wd == wd:
            return known
        if parts and parent is None:
            if wd not in self._by_watch:
                self._release((wd,))
            return None
        branch = Branch(parts[-1] if parts else b"", wd, parent)
        # First in, so that its watch is not released with those of the directory that was here: it may have been one below that.
        self._by_watch.setdefault(wd, []).append(branch)
        if known is not None:
            self.cut(known)
        if parent is None:
            self._root = branch
        else:
            parent.children[branch.name] = branch
        return branch

    def keep(self, branch: Branch, names: Set[bytes]) -> None:
        """Of what is in `branch` only `names` is there."""
        for gone in branch.children.keys() - names:
            self.cut(branch.children[gone])

    def cut(self, branch: Branch) -> None:
        """Neither `branch` nor anything below it is there any more."""
        if branch.parent is None:
            self._root = None
        elif branch.parent.children.get(branch.name) is branch:
            del branch.parent.children[branch.name]
        released: list[int] = []
        waiting = [branch]
        while waiting:
            here = waiting.pop()
            waiting += here.children.values()
            others = self._by_watch.get(here.wd, [])
            if here in others:
                others.remove(here)
                if not others:
                    del self._by_watch[here.wd]
                    released.append(here.wd)
        if released:
            self._release(released)
