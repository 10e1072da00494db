"""Where a run looks: all of a source, or what hints named."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a source is looked at: single keys; pages without what lies below them; trees with all that lies below.

    Prefixes and keys are a source's own: the root is "", and "/" stands between the names of a path.
    """

    keys: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    trees: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether this is the whole source."""
        return "" in self.trees

    def __bool__(self) -> bool:
        return bool(self.keys or self.pages or self.trees)


WHOLE = Scope(trees=("",))


def parent_of(prefix: str) -> str | None:
    """The page that `prefix` lies in; None for the root, which lies in none."""
    return prefix.rpartition("/")[0] if prefix else None


def covers(scope: Scope, key: str, page: str) -> bool:
    """Whether a look at `scope` is one at `key`, which is on `page`."""
    return key in scope.keys or page in scope.pages or any(key == tree or within(page, tree) for tree in scope.trees)


def within(name: str, tree: str) -> bool:
    """Whether a key or prefix is `tree` or lies below it."""
    return tree in ("", name) or name.startswith(tree + "/")
