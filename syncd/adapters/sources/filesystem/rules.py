"""Globs as gitignore defines them, and what they are for: choosing files, and saying who may read where modes say nothing."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial

from pathspec import GitIgnoreSpec

from syncd.adapters.sources.filesystem.names import below
from syncd.core.acl import Principal

_NEWLINE_STAND_IN = "\x1f"
"""Patterns are compiled to regular expressions in which "." matches no newline: a name with one would escape its exclusion."""


_DIRECTORY = "(?P<ps_d>/)"
"""How pathspec marks where a directory ends: a name that an expression may hold but once."""
_PLAIN = re.compile(r"[\w.~@+-]+|[\w.~@+-]*\*[\w.~@+-]+")
"""Names that stand for themselves, with one star at most, and not at the end."""
NAMES = 8192
"""Names of directories whose verdict is remembered."""


class Globs:
    """gitignore-style patterns, compiled once: to a single expression where none is negated, for a scan asks for every name."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._spec = GitIgnoreSpec.from_lines(pattern.replace("\n", _NEWLINE_STAND_IN) for pattern in patterns)
        self._one = _joined(self._spec)

    def match(self, path: str) -> bool:
        """Whether the patterns select `path`, a key; a directory's ends in "/"."""
        plain = path.replace("\n", _NEWLINE_STAND_IN)
        return self._spec.match_file(plain) if self._one is None else self._one(plain) is not None


class Names:
    """Patterns without a path, asked of bare names: most are a whole name, or its end, or both its ends."""

    def __init__(self, patterns: Iterable[str]) -> None:
        said = list(patterns)
        # The last pattern that matches decides: where one is negated, none is taken out.
        plain = [] if any(pattern.startswith("!") for pattern in said) else [one for one in said if _PLAIN.fullmatch(one)]
        ends = [one.split("*") for one in plain if "*" in one]
        self._whole = frozenset(one for one in plain if "*" not in one)
        self._endings = tuple(tail for head, tail in ends if not head)
        self._ends = [(head, tail, len(head) + len(tail)) for head, tail in ends if head]
        others = [pattern for pattern in said if pattern not in plain]
        self._globs = Globs(others) if others else None

    def match(self, name: str) -> bool:
        """Whether the patterns select `name`."""
        if name in self._whole or name.endswith(self._endings):
            return True
        for head, tail, least in self._ends:
            if name.startswith(head) and name.endswith(tail) and len(name) >= least:
                return True
        return self._globs is not None and self._globs.match(name)


def _joined(spec: GitIgnoreSpec) -> Callable[[str], object] | None:
    """What matches where any of the patterns does; None where that is not all there is to it."""
    said = [pattern for pattern in spec.patterns if pattern.include is not None]
    texts = [pattern.regex.pattern for pattern in said if pattern.include and pattern.regex is not None]
    if len(texts) < len(said) or not all(text.startswith("^") for text in texts):
        return None
    return re.compile("|".join(f"(?:{text.replace(_DIRECTORY, '(?:/)')})" for text in texts) or "(?!)").match


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
        # No directory on the way is excluded, for such are not entered: patterns without a path then judge the bare name, what
        # they say of directories is nothing to a file, and names of directories come again and again.
        by_name = all("/" not in pattern.rstrip("/") for pattern in exclude)
        self._excludes_file = Names(pattern for pattern in exclude if not pattern.endswith("/")).match if by_name else None
        self._excludes_directory = lru_cache(maxsize=NAMES)(self._exclude.match) if by_name and self._exclude else None

    def selects(self, prefix: str, name: str) -> bool:
        """Whether the file `name` in the directory `prefix`, which was entered, is a document."""
        omits = self.omission(prefix)
        return omits is None or not omits(name)

    def omission(self, prefix: str) -> Callable[[str], bool] | None:
        """What says of the name of a file in the directory `prefix`, which was entered, that it is no document; None: all are."""
        if self._include is None and self._excludes_file is not None:
            return self._excludes_file if self._exclude is not None else None
        return partial(self._omits, prefix)

    def _omits(self, prefix: str, name: str) -> bool:
        key = below(prefix, name)
        if self._include is not None and not self._include.match(key):
            return True
        return self._exclude is not None and self._exclude.match(key)

    def enters(self, prefix: str, name: str) -> bool:
        """Whether the directory `name` in the directory `prefix` is entered."""
        if self._excludes_directory is not None:
            return not self._excludes_directory(f"{name}/")
        return self._exclude is None or not self._exclude.match(below(prefix, f"{name}/"))

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
