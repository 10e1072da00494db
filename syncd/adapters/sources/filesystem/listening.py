"""Listening to the kernel: one inotify instance with a watch on every directory that a scan enters, and hints from its events.

watchdog reads and parses the events. Its observers are not used: they watch excluded directories too, hold back what was moved
out of the tree and all that comes after it for half a second, log what the kernel dropped instead of telling, and leave
directories unwatched without a word.
"""

import errno
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from threading import RLock

from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchCallback,
    WatchDescriptor,
)

from syncd.adapters.sources.filesystem.blindness import LIMIT, SILENT, UNWATCHED, Blindness, parts_of_tree
from syncd.adapters.sources.filesystem.branches import Branch, Branches
from syncd.adapters.sources.filesystem.directories import Place, entered, readable
from syncd.adapters.sources.filesystem.grounds import Grounds, directories_above
from syncd.adapters.sources.filesystem.mounts import Mounted, Mounts
from syncd.adapters.sources.filesystem.names import below, is_gone, key_of, to_text
from syncd.adapters.sources.filesystem.permissions import Passage
from syncd.core.blind import Blind
from syncd.core.hints import Calm, Hint, What
from syncd.errors import SourceUnavailable

_Event = InotifyConstants
# Of a file that comes nobody knows whether it is being written: if it is, that is told. A hard link is whole, and nothing more is
# told of it; the name that is unlinked after it must not be looked at before.
_SETTLED = (
    _Event.IN_CREATE | _Event.IN_CLOSE_WRITE | _Event.IN_ATTRIB | _Event.IN_DELETE | _Event.IN_MOVED_FROM | _Event.IN_MOVED_TO
)
_UNSETTLED = _Event.IN_MODIFY
_COMES = _Event.IN_CREATE | _Event.IN_MOVED_TO
_GOES = _Event.IN_DELETE | _Event.IN_MOVED_FROM
MASK = Mask(_SETTLED | _UNSETTLED | _Event.IN_ONLYDIR | _Event.IN_EXCL_UNLINK)
"""What is asked of a directory: all that changes it or something in it, and nothing that only reads."""
_ABOVE = Mask(_Event.IN_ATTRIB | _Event.IN_ONLYDIR)

OVERFLOW = "events were dropped: the kernel's queue was full"
ROOT_GONE = "the root is gone"
ROOT_OTHER = "the root is another one"

# What it logs may hold paths, and says nothing that is not told here.
logging.getLogger("watchdog").setLevel(logging.CRITICAL + 1)


class Listener(WatchCallback):
    """Tells of what happens below a root from when `listen` begins. fault: why what it tells is not to be believed, or None.

    A directory that has no watch is no fault: what it is, is known, and `blind` says it, so that a scan of just that will do.
    After a fault nobody knows what was not told: dropped events have no names, nor has what an error kept from being followed,
    and of another root nothing is known at all. Nothing less than a scan of the whole source makes up for one.

    `tell` is called from a thread of its own, and nothing that it raises stops that. Raises OSError where no inotify instance is
    to be had.
    """

    def __init__(self, grounds: Grounds, tell: Callable[[Hint], None]) -> None:
        self._grounds = grounds
        self._tell = tell
        self.fault: str | None = None
        self._closed = False
        self._lock = RLock()
        self._serial = count()
        self._ids: dict[int, CallbackId] = {}
        self._above: set[int] = set()
        self._branches = Branches(self._release)
        self._blind = Blindness(grounds, self._branches, self._lock)
        self._mounted = Mounted()
        self._root: tuple[int, int] | None = None
        self._passage: Passage = None
        self._reader = InotifyFD()
        self._reader.start()

    @property
    def root(self) -> tuple[int, int] | None:
        """Device and inode of the root that is listened to."""
        return self._root

    @property
    def alive(self) -> bool:
        """Whether anybody reads the events."""
        return self._reader.is_alive()

    def listen(self) -> None:
        """Watch every directory that a scan enters. Raises SourceUnavailable when the root is not there."""
        with self._grounds.at_root() as root:
            self._root, self._passage = root.identity, root.passage
            self._look_up(root)
            with self._guarded():
                self._mounted.changed(root.fd)
        self._grow(())
        self._blind.count()

    def blind(self) -> Blind:
        """What of it is not watched."""
        return self._blind.told(len(self._ids))

    def remounted(self) -> None:
        """Where something came to be mounted, or is no longer, watch what is there now, and tell of it."""
        with self._guarded():
            if self._mounted.same():
                return
            with self._grounds.at_root() as root:
                places = self._mounted.changed(root.fd)
            for parts in places:
                if self._grounds.selection.comes_to(key_of(parts)):
                    self._grow(parts)
                    if not self._closed:
                        self._tell(_tree(key_of(parts)))

    def regain(self) -> None:
        """Watch what is blind, where that is possible by now, and tell of it: nobody told of what happened there before.

        Raises SourceUnavailable.
        """
        trees, through = self._blind.begin_anew(), False
        try:
            for tree in trees:
                parts = parts_of_tree(tree)
                if parts is not None:
                    self._grow(parts)
            through = True
        finally:
            self._blind.end_anew(through=through)
        left = self.blind().trees
        for tree in trees:
            if tree not in left and not self._closed:
                self._tell(_tree(tree))
        self._blind.count()  # last: the root may be away by now, and what is watched is not told of a second time

    def close(self) -> None:
        """Stop, and wait until the last hint is told."""
        self._closed = True
        with self._lock:  # no watch is added to a number that is somebody else's descriptor by then
            self._reader.stop()
        self._reader.join()

    # -- what watchdog calls ---------------------------------------------------------------------------------------------

    def on_event(self, event: InotifyEvent) -> None:
        """Something happened in a watched directory, or to it."""
        with self._guarded():
            for hint in self._hints(event):
                self._tell(hint)

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """The kernel has dropped a watch: the directory is gone, or its file system is no longer mounted."""
        with self._guarded():
            if not self._closed:
                for hint in self._dropped(wd):
                    self._tell(hint)

    def on_queue_overflow(self) -> None:
        """The kernel has dropped events."""
        self._fail(OVERFLOW)

    # -- within ----------------------------------------------------------------------------------------------------------

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """What goes wrong with one event must not be the end of all others."""
        try:
            yield
        except SourceUnavailable:
            self._fail(ROOT_GONE)
        except Exception as error:  # noqa: BLE001 - whatever it is: the thread that reads goes on, and the fault is told
            self._fail(f"an event could not be followed ({type(error).__name__})")

    def _fail(self, fault: str) -> None:
        self.fault = self.fault or fault

    def _hints(self, event: InotifyEvent) -> list[Hint]:
        with self._lock:
            # A directory above the root may be mounted below it, too: both have the one watch.
            above = self._about_above() if event.wd in self._above and not event.name else []
            return above + [hint for branch in self._branches.at(event.wd) for hint in self._about(branch, event)]

    def _about_above(self) -> list[Hint]:
        """Others use the directories above the root, too: only who may pass them is of interest here."""
        with self._grounds.at_root() as root:
            before, self._passage = self._passage, root.passage
            return [] if self._passage == before else [_tree("")]

    def _about(self, branch: Branch, event: InotifyEvent) -> list[Hint]:
        prefix, name = branch.prefix, to_text(event.name)
        if not name:
            return self._about_itself(branch, event)
        if event.mask & _Event.IN_ISDIR:
            return self._about_directory(branch, prefix, event)
        if not self._grounds.selection.selects(prefix, name):
            return []
        return [Hint(What.KEY, below(prefix, name), Calm.DONE if event.mask & _SETTLED else Calm.OPEN)]

    def _about_itself(self, branch: Branch, event: InotifyEvent) -> list[Hint]:
        parts = branch.parts
        if event.mask & _Event.IN_UNMOUNT:
            self._branches.cut(branch)
            self._grow(parts)  # what the mount lay over is there again
        elif not event.is_attrib:
            return []
        return [_tree(key_of(parts))]

    def _about_directory(self, branch: Branch, prefix: str, event: InotifyEvent) -> list[Hint]:
        name = to_text(event.name)
        if not self._grounds.selection.enters(prefix, name):
            return []
        known = branch.children.get(event.name)
        if event.mask & (_COMES | _GOES):
            self._blind.drop((*branch.parts, event.name))
        if known is not None and event.mask & (_COMES | _GOES):
            self._branches.cut(known)
            known = None
        if known is None and not event.mask & _GOES:
            # Watched before it is told of: what happened in it earlier, whoever follows the hint finds there.
            self._grow((*branch.parts, event.name))
        return [_tree(below(prefix, name))]

    def _dropped(self, wd: int) -> list[Hint]:
        with self._lock:
            self._ids.pop(wd, None)
            self._above.discard(wd)
            lost = [(branch, branch.parts) for branch in self._branches.at(wd)]
            for branch, parts in lost:
                self._branches.cut(branch)
                self._blind.drop(parts)
                if not parts:
                    self._fail(ROOT_GONE)
            return [_tree(key_of(parts)) for _, parts in lost]

    def _grow(self, parts: tuple[bytes, ...]) -> None:
        """Watch the directory `parts`, and whatever is entered below it. Raises SourceUnavailable."""
        with self._grounds.at_root() as root:
            if root.identity != self._root:
                self._fail(ROOT_OTHER)
                return
            mounts = Mounts()
            self._blind.drop(parts)
            pending = [parts]
            while pending:
                with self._lock:
                    if self._closed:
                        return
                    pending += self._visit(root, mounts, pending.pop())

    def _visit(self, root: Place, mounts: Mounts, parts: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
        """Watch one directory; returns those in it."""
        try:
            with entered(root, parts, self._grounds.permissions, known=len(parts)) as place, readable(place) as fd:
                if mounts.silent(fd):
                    self._blind.add(parts, SILENT)
                    return []
                wd = self._watch(fd, MASK)  # before it is listed: what comes into it meanwhile is told
                if wd is None:
                    return []  # as below
                names = self._grounds.directories(fd, key_of(parts))
        except OSError as error:
            # What can't be read a scan can't see either; the change that lets it be read is told by the directory above.
            if error.errno == errno.ENOSPC:
                self._blind.add(parts, LIMIT)
            elif error.errno not in {errno.EACCES, errno.EPERM} and not is_gone(error):
                self._blind.add(parts, UNWATCHED)
            return []
        branch = self._branches.put(parts, wd)
        if branch is None:
            return []
        self._branches.keep(branch, names)
        return [(*parts, name) for name in names]

    def _look_up(self, root: Place) -> None:
        """Watch who may pass the directories above the root, as far as they can be read: it concerns everything below."""
        try:
            for fd in directories_above(root):
                with self._lock:
                    if self._closed:
                        return
                    wd = self._watch(fd, _ABOVE)
                    if wd is not None:
                        self._above.add(wd)
        except OSError:
            return  # these are watched for speed: the next scan sees what changed there

    def _watch(self, fd: int, mask: Mask) -> int | None:
        """The watch on the open directory `fd`; None when it may not be watched. Raises OSError."""
        id_ = CallbackId(next(self._serial))
        # No path is looked up, so that it is this directory, however deep it lies and whatever it is called by now.
        wd = self._reader.add_callback(b"/proc/self/fd/%d" % fd, mask, self, id_)
        if wd == -1 or wd in self._ids:
            self._reader.remove_callbacks([(wd, id_)])
        else:
            self._ids[wd] = id_
        return None if wd == -1 else wd

    def _release(self, wds: Sequence[int]) -> None:
        known = [(WatchDescriptor(wd), self._ids.pop(wd)) for wd in wds if wd in self._ids]
        self._reader.remove_callbacks(known)


def _tree(prefix: str) -> Hint:
    return Hint(What.TREE, prefix)
