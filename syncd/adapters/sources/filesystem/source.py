"""A directory tree as a source."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from syncd.adapters.sources.described import Described
from syncd.adapters.sources.filesystem.directories import Place, entered, entered_from_top, readable
from syncd.adapters.sources.filesystem.listing import Stamps, take
from syncd.adapters.sources.filesystem.names import error_name, is_gone, key_of, parts_of
from syncd.adapters.sources.filesystem.observing import Observer, unreadable
from syncd.adapters.sources.filesystem.permissions import Permissions
from syncd.adapters.sources.filesystem.reading import read_version
from syncd.adapters.sources.filesystem.rules import AclRule, Selection
from syncd.adapters.sources.filesystem.walking import Visit, Walk
from syncd.core.hints import Hint, page_of
from syncd.core.model import Absence, Content, Listing, Observation, Page, Reason, Refusal
from syncd.core.tlv import tlv
from syncd.errors import ListingFailed, SourceUnavailable
from syncd.ports import Clock, Watch

_Identity = tuple[int, int]


class FilesystemSource(Described):
    """The regular files below `root` that `include` selects and `exclude` does not, both in gitignore's language.

    A key is the path below the root with "/" between names; a page is a directory. Symlinks are not followed, mounts are
    entered. Who may read is what modes and POSIX ACLs say, from `/` down, as principals of `realm`: numbers of users and groups,
    uid 0 without its powers. `rules` speak for sites whose modes say nothing. allow_everyone: whether "other" may be let in.
    max_bytes: files larger than that are refused.
    """

    def __init__(
        self,
        name: str,
        root: Path,
        *,
        realm: str = "unix",
        include: tuple[str, ...] = ("**",),
        exclude: tuple[str, ...] = (),
        max_bytes: int,
        allow_everyone: bool,
        rules: tuple[AclRule, ...] = (),
        clock: Clock,
    ) -> None:
        self._root = root
        self._selection = Selection(include, exclude)
        self._permissions = Permissions(realm, rules, allow_everyone=allow_everyone)
        self._max_bytes = max_bytes
        self._clock = clock
        ruled = tlv(*(tlv(rule.glob, *map(str, rule.readers)) for rule in rules))
        parts = ("syncd/filesystem/1", realm, tlv(*include), tlv(*exclude), max_bytes, int(allow_everyone), ruled)
        super().__init__(name, realm=realm, place=str(root), settings=hashlib.sha256(tlv(*parts)).digest())

    def scan(self, below: str = "", *, deep: bool = True) -> Iterator[Page]:
        """A page a directory, each before what is below it, siblings in the order of the bytes of their names.

        below: begin at this directory; one that is not there, or that a scan of everything would not enter, has no pages. Raises
        SourceUnavailable when the root is not there, can't be listed, or was replaced while it was scanned.
        """
        with self._at_root() as root, ExitStack() as stack:
            identity = root.identity
            stamps = Stamps(self._settings, identity, self._now_ns())
            for visit in self._visits(root, below, stack, deep=deep):
                page = self._page(visit, identity, stamps)
                if page is not None:
                    yield page
        with self._at_root() as root:
            self._require_same(root, identity)

    def page_of(self, key: str) -> str:
        """The directory that `key` is in."""
        return page_of(key)

    def watch(self, tell: Callable[[Hint], None]) -> Watch | None:
        """Tell of changes from now on; None on file systems that keep changes made elsewhere to themselves.

        Raises SourceUnavailable when the root is not there.
        """
        # Only the daemon watches, and watchdog costs the start of every command a twentieth of a second.
        from syncd.adapters.sources.filesystem.grounds import Grounds  # noqa: PLC0415
        from syncd.adapters.sources.filesystem.watching import watch_below  # noqa: PLC0415

        return watch_below(Grounds(self._at_root, self._selection, self._permissions), tell)

    def observe(self, key: str) -> Observation | None:
        """What is there under `key` now; None when nothing is, or nothing that the settings select. Raises SourceUnavailable."""
        return next(iter(self.look(page_of(key), [key])), None)

    def look(self, prefix: str, keys: Sequence[str]) -> list[Observation]:
        """What is there now under those `keys` of one directory, as `observe` sees it: it is entered once for all of them."""
        parts = parts_of(prefix) if prefix else ()
        names = {key: names[-1] for key in keys if (names := parts_of(key)) is not None and self._selection.reaches(key)}
        if parts is None or not names:
            return []
        with self._at_root() as root:
            try:
                with entered(root, parts, self._permissions) as place:
                    observer = self._observer(place, parts, self._now_ns())
                    looks = (_look(observer, place, key, name) for key, name in names.items())
                    return [seen for seen in looks if seen is not None]
            except OSError as error:
                return [] if is_gone(error) else [unreadable(key, error) for key in names]

    def fetch(self, seen: Observation) -> Content | Absence | Refusal:
        """The bytes of exactly the version that was observed, under exactly its ACL, or why not. Raises SourceUnavailable."""
        parts = parts_of(seen.key)
        if parts is None:
            return Absence.GONE
        if seen.refusal is not None:
            return seen.refusal
        with self._at_root() as root:
            try:
                with entered(root, parts[:-1], self._permissions, known=len(parts)) as place:
                    data = read_version(place.fd, parts[-1], seen.version)
            except OSError as error:
                return Absence.GONE if is_gone(error) else Refusal(Reason.UNREADABLE, error_name(error))
        if isinstance(data, Absence):
            return data
        after = self.observe(seen.key)
        if after is None:
            return Absence.GONE
        if (after.version, after.acl) != (seen.version, seen.acl):
            return Absence.CHANGED
        return Content.of(data)

    def locate(self, path: str) -> str | None:
        """The key of an absolute path, whether or not anything is there. Symlinks are resolved in its parents only."""
        if not path.startswith("/") or "\0" in path:
            return None
        parent, name = os.path.split(path.rstrip("/"))
        real = os.path.realpath(path) if name in {"", ".", ".."} else f"{os.path.realpath(parent).rstrip('/')}/{name}"
        root = os.path.realpath(self._root).rstrip("/") + "/"
        below = os.fsencode(real.removeprefix(root))
        return key_of([below]) if below and real.startswith(root) else None

    # -- within --

    @contextmanager
    def _at_root(self) -> Iterator[Place]:
        """The root, open while the context lasts."""
        with ExitStack() as stack:
            try:
                path = os.fsencode(os.path.realpath(self._root))
                place = stack.enter_context(entered_from_top(path, self._permissions))
            except OSError as error:
                raise self._unavailable(error.strerror or error_name(error)) from error
            yield place

    def _require_same(self, root: Place, identity: _Identity) -> None:
        """What is missing from another root is not gone."""
        if root.identity != identity:
            raise self._unavailable("it was replaced or unmounted while it was scanned")

    def _unavailable(self, detail: str) -> SourceUnavailable:
        return SourceUnavailable(source=self._name, detail=f"{self._root}: {detail}")

    def _visits(self, root: Place, below: str, stack: ExitStack, *, deep: bool) -> Iterable[Visit]:
        """The directories of a scan that begins at `below`, with the passages that a scan of everything comes with. None, if that
        never comes there. stack: what is closed when they have been visited.
        """
        parts = parts_of(below) if below else ()
        if parts is None or not self._selection.comes_to(below):
            return ()
        try:
            parent = stack.enter_context(entered(root, parts[:-1], self._permissions))
        except OSError as error:
            return (Visit(below, None, error),)  # a directory on the way that is gone, or can't be passed
        return Walk(self._selection, self._permissions).down(parent, below, deep=deep)

    def _page(self, visit: Visit, identity: _Identity, stamps: Stamps) -> Page | None:
        """The page of a directory; None when it is gone."""
        prefix, found = visit.prefix, visit.found
        load = partial(self._load, prefix, identity)
        if isinstance(found, OSError):
            if not prefix:
                raise self._unavailable(found.strerror or error_name(found)) from found
            if is_gone(found):
                return None
            return Page(prefix, None, load, Refusal(Reason.LISTING, error_name(found)))
        return Page(prefix, stamps.of(visit.passage, found.members), load, size=len(found.members))

    def _load(self, prefix: str, identity: _Identity) -> Listing:
        """List a directory anew. One that is gone has no members. Raises ListingFailed, SourceUnavailable."""
        parts = parts_of(prefix) if prefix else ()
        if parts is None:
            raise AssertionError("prefixes of pages are names that were read")
        with self._at_root() as root:
            self._require_same(root, identity)
            now_ns = self._now_ns()
            try:
                with entered(root, parts, self._permissions) as place, readable(place) as fd:
                    observer = self._observer(place, parts, now_ns)
                    inventory = take(fd, prefix, self._selection)
                    seen = [found for member in inventory.members if (found := observer.look(member)) is not None]
            except OSError as error:
                if parts and is_gone(error):
                    return Listing(prefix, None, ())
                raise ListingFailed(source=self._name, detail=f"{self._root}: {error_name(error)}") from error
        observations = tuple(observation for _, observation in seen)
        stamp = Stamps(self._settings, identity, now_ns).of(place.passage, (member for member, _ in seen))
        return Listing(prefix, None if any(o.acl is None for o in observations) else stamp, observations)

    def _observer(self, place: Place, parts: tuple[bytes, ...], now_ns: int) -> Observer:
        return Observer(place.fd, key_of(parts), self._permissions.behind(place.passage), now_ns, self._max_bytes)

    def _now_ns(self) -> int:
        return int(self._clock.now().timestamp() * 1e9)


def _look(observer: Observer, place: Place, key: str, name: bytes) -> Observation | None:
    """One member of an open directory; None when nothing is there, or nothing that is a document."""
    try:
        seen = observer.look((name, os.stat(name, dir_fd=place.fd, follow_symlinks=False)))
    except OSError as error:
        return None if is_gone(error) else unreadable(key, error)
    return None if seen is None else seen[1]
