"""Walking down a tree: every directory is entered from the one that it lies in, once, and listed while it is open."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from syncd.adapters.sources.filesystem.directories import LIST, Place, entered
from syncd.adapters.sources.filesystem.listing import Inventory, take
from syncd.adapters.sources.filesystem.names import below, parts_of, to_bytes, to_text
from syncd.adapters.sources.filesystem.permissions import Passage, Permissions
from syncd.adapters.sources.filesystem.rules import Selection

HELD = 64
"""Directories on the way that are held open at once: whatever lies deeper is entered from the last of them."""


class Visit(NamedTuple):
    """A directory that a walk came to: the passage into it, and what it holds, or why that can't be had."""

    prefix: str
    passage: Passage
    found: Inventory | OSError


@dataclass(slots=True)
class _Level:
    """A directory on the way down, and the names in it that are still to be visited. fd: None where it is not held open."""

    prefix: str
    passage: Passage
    waiting: Iterator[bytes]
    fd: int | None


class Walk:
    """Visits what `selection` wants of a tree.

    A directory that is moved while its own are visited counts as where it was, this once: nothing is opened but to be listed.
    """

    def __init__(self, selection: Selection, permissions: Permissions) -> None:
        self._selection = selection
        self._permissions = permissions

    def down(self, parent: Place, prefix: str, *, deep: bool = True) -> Iterator[Visit]:
        """The directory `prefix`, which is in `parent`, and what lies below it: each before its own, siblings by their bytes.

        The root, whose prefix is "", is `parent` itself. deep: whether to go further than that one.
        """
        levels: list[_Level] = []
        try:
            yield self._enter(levels, parent, prefix)
            while deep and levels:
                name = next(levels[-1].waiting, None)
                if name is None:
                    _leave(levels.pop())
                else:
                    yield self._step(levels, below(levels[-1].prefix, to_text(name)), name)
        finally:
            for level in levels:
                _leave(level)

    def _enter(self, levels: list[_Level], parent: Place, prefix: str) -> Visit:
        """The first step."""
        if prefix:
            return self._visit(levels, parent.fd, to_bytes(prefix.rpartition("/")[2]), parent.passage, prefix)
        try:
            return self._list(levels, os.open(b".", LIST, dir_fd=parent.fd), parent.passage, prefix)
        except OSError as error:
            return Visit(prefix, parent.passage, error)

    def _step(self, levels: list[_Level], prefix: str, name: bytes) -> Visit:
        """One step further down."""
        here = levels[-1]
        if here.fd is not None:
            return self._visit(levels, here.fd, name, here.passage, prefix)
        last = levels[HELD - 1]
        if last.fd is None:
            raise AssertionError("the first levels are held open")
        way = parts_of(here.prefix.removeprefix(last.prefix).removeprefix("/")) or ()
        try:
            with entered(Place(last.fd, here.passage), way, self._permissions, known=len(way)) as place:
                return self._visit(levels, place.fd, name, here.passage, prefix)
        except OSError as error:
            return Visit(prefix, here.passage, error)

    def _visit(self, levels: list[_Level], parent: int, name: bytes, passage: Passage, prefix: str) -> Visit:
        """Enter the directory `name`. passage: into its parent."""
        try:
            fd = os.open(name, LIST, dir_fd=parent)
        except OSError as error:
            return Visit(prefix, passage, error)
        try:
            passage = self._permissions.through(passage, fd, listable=True)
        except OSError as error:
            os.close(fd)
            return Visit(prefix, passage, error)
        return self._list(levels, fd, passage, prefix)

    def _list(self, levels: list[_Level], fd: int, passage: Passage, prefix: str) -> Visit:
        """What is in the directory that is open as `fd`; it is a level from here on if there is more below it."""
        held = False
        try:
            found = take(fd, prefix, self._selection)
            if found.directories:
                held = len(levels) < HELD
                levels.append(_Level(prefix, passage, iter(found.directories), fd if held else None))
            return Visit(prefix, passage, found)
        except OSError as error:
            return Visit(prefix, passage, error)
        finally:
            if not held:
                os.close(fd)


def _leave(level: _Level) -> None:
    if level.fd is not None:
        os.close(level.fd)
