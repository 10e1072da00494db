"""Globs as gitignore defines them, and what they are for: choosing files, and saying who may read where modes say nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pathspec import GitIgnoreSpec

from syncd.adapters.sources.filesystem.names import below
from syncd.core.acl import Principal

_NEWLINE_STAND_IN = "\x1f"
"""Patterns are compiled to regular expressions in which "." matches no newline: a name with one would escape its exclusion."""


NAMES = 8192
"""Names whose verdict is remembered."""


class Globs:
    """gitignore-style patterns, compiled once."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._spec = GitIgnoreSpec.from_lines(pattern.replace("\n", _NEWLINE_STAND_IN) for pattern in patterns)

    def match(self, path: str) -> bool:
        """Whether the patterns select `path`, a key; a directory's ends in "/"."""
        return self._spec.match_file(path.replace("\n", _NEWLINE_STAND_IN))


@dataclass(frozen=True, slots=True)
class AclRule:
    """Who may read the documents that `glob` matches, whatever their modes say. No readers: nobody may."""

    glob: str
    readers: tuple[Principal, ...]


class Selection:
    """Which files are documents: those that `include` matches and `exclude` does not. Excluded directories are not entered."""

    def __init__(self, include: tuple[str, ...], exclude: tuple[str, ...]) -> None:
        self._include = None if include == ("**",) else Globs(include)
        self._exclude = Globs(exclude) if exclude else None
        # No folder on the way is excluded, for such are not entered: patterns without a path then judge the bare name, and names
        # come again and again.
        self._by_name = all("/" not in pattern.rstrip("/") for pattern in exclude)
        self._excludes_name = lru_cache(maxsize=NAMES)(self._exclude.match) if self._exclude is not None else None

    def selects(self, prefix: str, name: str) -> bool:
        """Whether the file `name` in the directory `prefix`, which was entered, is a document."""
        if self._include is None and self._exclude is None:
            return True
        if self._include is not None and not self._include.match(below(prefix, name)):
            return False
        return not self._excluded(prefix, name)

    def enters(self, prefix: str, name: str) -> bool:
        """Whether the directory `name` in the directory `prefix` is entered."""
        return not self._excluded(prefix, f"{name}/")

    def _excluded(self, prefix: str, name: str) -> bool:
        """Whether `exclude` matches `name`, a directory's with "/", in a directory that was entered."""
        if self._exclude is None or self._excludes_name is None:
            return False
        return self._excludes_name(name) if self._by_name else self._exclude.match(below(prefix, name))

    def reaches(self, key: str) -> bool:
        """Whether a scan that starts at the root comes to the file `key` and selects it."""
        prefix, _, name = key.rpartition("/")
        return self.comes_to(prefix) and self.selects(prefix, name)

    def comes_to(self, prefix: str) -> bool:
        """Whether a scan that starts at the root comes to the directory `prefix`."""
        parent = ""
        for directory in prefix.split("/") if prefix else ():
            if not self.enters(parent, directory):
                return False
            parent = below(parent, directory)
        return True
