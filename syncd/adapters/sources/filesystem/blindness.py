"""Directories that a scan enters and that have no watch: which trees they are, why, and how many watches are missing."""

from contextlib import suppress
from threading import RLock

from syncd.adapters.sources.filesystem.branches import Branches
from syncd.adapters.sources.filesystem.directories import entered, readable
from syncd.adapters.sources.filesystem.grounds import Grounds
from syncd.adapters.sources.filesystem.limits import limit, too_few_watches
from syncd.adapters.sources.filesystem.mounts import Mounts
from syncd.adapters.sources.filesystem.names import key_of, parts_of
from syncd.core.blind import SEEING, Blind, Cause, Spots

LIMIT = "more directories than inotify watches"
UNWATCHED = "directories that can't be watched"
SILENT = "file systems that tell of no changes are mounted in it"


class Blindness:
    """Which trees are not watched. lock: guards `branches`, and what is added here; it is not held while directories are read."""

    def __init__(self, grounds: Grounds, branches: Branches, lock: RLock) -> None:
        self._grounds = grounds
        self._branches = branches
        self._lock = lock
        self._spots = Spots()
        self._before = Spots()
        """What was blind before it was looked at anew: it stays so until that is through."""
        self._counted: tuple[str, ...] = ()
        self._missing = 0
        self._now: Blind | None = SEEING

    def add(self, parts: tuple[bytes, ...], why: str) -> None:
        """Nothing tells of what lies at and below that directory."""
        with self._lock:
            self._spots.add(key_of(parts), why)
            self._now = None

    def drop(self, parts: tuple[bytes, ...]) -> None:
        """What lies there is gone, or comes to be looked at now."""
        if self._spots:
            with self._lock:
                self._spots.drop(key_of(parts))
                self._now = None

    def begin_anew(self) -> tuple[str, ...]:
        """All trees, each of which will be looked at anew; until `end_anew` they are blind whatever that finds."""
        with self._lock:
            self._before.merge(self._spots)
            return tuple(prefix for prefix, _ in self._before.items())

    def end_anew(self, *, through: bool) -> None:
        """What was found is so. through: all of it was looked at; else what was blind before may be so yet."""
        with self._lock:
            if not through:
                self._spots.merge(self._before)
            self._before = Spots()
            self._now = None

    def told(self, watches: int) -> Blind:
        """The trees, and why. watches: how many the source has."""
        known = self._now
        if known is None:
            with self._lock:
                known = self._now = self._told(watches)
        return known

    def _told(self, watches: int) -> Blind:
        both = Spots()
        both.merge(self._before)
        both.merge(self._spots)
        causes = []
        if limited := both.of(LIMIT):
            exact = limited == self._counted
            missing = self._missing if exact else max(self._missing, len(limited))
            words = f"{LIMIT}: {too_few_watches(watches + missing, missing, exact=exact)}"
            causes.append(Cause(limit("watches").name, words, len(limited)))
        for why, code in ((SILENT, "silent-mount"), (UNWATCHED, "unwatchable")):
            if trees := both.of(why):
                causes.append(Cause(code, why, len(trees)))
        return Blind(tuple(prefix for prefix, _ in both.items()), tuple(causes))

    def count(self) -> None:
        """Count the directories for which there was no watch. Raises SourceUnavailable.

        It takes as long as watching them would, and is done once for the same trees.
        """
        with self._lock:
            trees = self._spots.of(LIMIT)
        if trees == self._counted:
            return
        missing, mounts = 0, Mounts()
        with self._grounds.at_root() as root:
            pending = [parts for tree in trees if (parts := parts_of_tree(tree)) is not None]
            while pending:
                parts = pending.pop()
                # What can't be read takes no watch: a scan does not enter it either.
                with (
                    suppress(OSError),
                    entered(root, parts, self._grounds.permissions, known=len(parts)) as place,
                    readable(place) as fd,
                ):
                    if mounts.silent(fd):
                        continue
                    with self._lock:
                        missing += self._branches.find(parts) is None
                    pending += [(*parts, name) for name in self._grounds.directories(fd, key_of(parts))]
        with self._lock:
            self._counted, self._missing, self._now = trees, missing, None


def parts_of_tree(tree: str) -> tuple[bytes, ...] | None:
    """The names that a prefix is made of; none for the root, None where no directory can be called so."""
    return parts_of(tree) if tree else ()
