"""What every source does, whatever it reads from. A new source adds a `World` here."""

import hashlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.core.hints import Hint, What
from syncd.core.model import Absence, Content, Observation, Page
from syncd.core.scope import within
from syncd.errors import SourceUnavailable
from syncd.ports import Source, Watch


class World(Protocol):
    """A store that tests can change behind the back of its source."""

    source: Source

    def put(self, key: str, data: bytes) -> None: ...
    def remove(self, key: str) -> None: ...
    def close_to_others(self, key: str) -> None: ...
    def take_away(self) -> None: ...


class LaterClock:
    """A minute ahead, so that what a test has just made is settled."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(minutes=1)

    def monotonic_ns(self) -> int:
        return 0


class FilesystemWorld:
    """A directory tree."""

    def __init__(self, folder: Path) -> None:
        self._root = folder / "root"
        self._root.mkdir()
        self.source: Source = FilesystemSource("notes", self._root, max_bytes=1 << 20, allow_everyone=True, clock=LaterClock())

    def put(self, key: str, data: bytes) -> None:
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def remove(self, key: str) -> None:
        (self._root / key).unlink()

    def close_to_others(self, key: str) -> None:
        (self._root / key).chmod(0o600)

    def take_away(self) -> None:
        self._root.rename(self._root.with_name("away"))


@pytest.fixture(params=[FilesystemWorld])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Each source with a few documents, two of them in one place and one in another."""
    make: Callable[[Path], World] = request.param
    made = make(tmp_path)
    for key in ("a.md", "b.md", "sub/c.md"):
        made.put(key, key.encode())
    return made


def everything(source: Source) -> dict[str, Observation]:
    """All that a scan sees, in its order."""
    return {seen.key: seen for page in source.scan() for seen in page.load().members}


def test_a_scan_sees_all_in_order(world: World) -> None:
    """Every document is in exactly one page, and members come in order within it."""
    listings = [page.load() for page in world.source.scan()]
    keys = [[seen.key for seen in listing.members] for listing in listings]
    assert sorted(key for part in keys for key in part) == ["a.md", "b.md", "sub/c.md"]
    assert all(part == sorted(part) for part in keys)
    assert len({listing.prefix for listing in listings}) == len(listings)


def test_a_page_knows_its_members(world: World) -> None:
    """Every member of a page has that page for its own, and the page says how many there are; so has a key that is not there."""
    for page in world.source.scan():
        members = page.load().members
        assert {world.source.page_of(seen.key) for seen in members} <= {page.prefix}
        assert page.size == len(members)
        assert page.keys is None
    assert world.source.page_of("sub/missing.md") == world.source.page_of("sub/c.md")


def told(pages: Iterator[Page]) -> list[tuple[object, ...]]:
    """All that pages say, opened."""
    return [(page.prefix, page.stamp, page.failure, page.size, page.load()) for page in pages]


def test_a_scan_of_a_part_is_a_part_of_the_scan(world: World) -> None:
    """From any page on, or of one page alone, a scan gives exactly the pages that a scan of everything gives there."""
    for key in ("sub/deep/d.md", "sub-way/e.md", "subway/f.md"):
        world.put(key, key.encode())
    everything = told(world.source.scan())
    prefixes = [str(prefix) for prefix, *_ in everything]
    assert len(prefixes) > 1
    for prefix in prefixes:
        assert told(world.source.scan(prefix)) == [page for page in everything if within(str(page[0]), prefix)]
        assert told(world.source.scan(prefix, deep=False)) == [page for page in everything if page[0] == prefix]


def test_a_scan_of_what_is_not_there(world: World) -> None:
    """A prefix without a page has none, whatever it is: missing, below what is missing, a document, or none at all."""
    for prefix in ("missing", "missing/too", "a.md", "a.md/below", "su", "sub/", "/", "..", "sub//", "nul\0"):
        assert list(world.source.scan(prefix)) == []
        assert list(world.source.scan(prefix, deep=False)) == []


def test_observing_agrees_with_scanning(world: World) -> None:
    """A single look says of a key what a scan says; of a key without a document it says that nothing is there."""
    for key, seen in everything(world.source).items():
        assert world.source.observe(key) == seen
    assert world.source.observe("missing.md") is None


def test_an_unchanged_store_looks_unchanged(world: World) -> None:
    """Two scans of an unchanged store give the same pages, stamps and observations; a page's stamp is that of its listing."""
    first, second = list(world.source.scan()), list(world.source.scan())
    assert [(page.prefix, page.stamp) for page in first] == [(page.prefix, page.stamp) for page in second]
    assert [page.load() for page in first] == [page.load() for page in second]
    assert all(page.stamp == page.load().stamp for page in first)


@pytest.mark.parametrize("change", ["put", "add", "remove", "close"])
def test_a_change_shows(world: World, change: str) -> None:
    """After a change no page that it concerns has its old stamp, and the observation differs or is no longer there."""
    before = {page.prefix: (page.stamp, page.load()) for page in world.source.scan()}
    match change:
        case "put":
            world.put("sub/c.md", b"other")
        case "add":
            world.put("sub/d.md", b"new")
        case "remove":
            world.remove("sub/c.md")
        case "close":
            world.close_to_others("sub/c.md")
    for page in world.source.scan():
        stamp, listing = before[page.prefix]
        assert (page.load().members == listing.members) == (not page.prefix.startswith("sub"))
        assert page.load().members == listing.members or page.stamp is None or page.stamp != stamp


def test_a_fetch_brings_the_observed_version(world: World) -> None:
    """What is fetched is the bytes with their SHA-256."""
    for key, seen in everything(world.source).items():
        assert world.source.fetch(seen) == Content(key.encode(), hashlib.sha256(key.encode()).digest())


def test_a_fetch_of_another_version_brings_nothing(world: World) -> None:
    """A document that changed, that others may no longer read, or that is gone since it was observed, is said to be so."""
    seen = everything(world.source)
    world.put("a.md", b"other")
    world.remove("b.md")
    world.close_to_others("sub/c.md")
    assert [world.source.fetch(one) for one in seen.values()] == [Absence.CHANGED, Absence.GONE, Absence.CHANGED]


def test_a_store_that_is_not_there(world: World) -> None:
    """A store that is away is unavailable to every question; it is never an empty one."""
    seen = everything(world.source)["a.md"]
    world.take_away()
    for ask in (
        lambda: list(world.source.scan()),
        lambda: list(world.source.scan("sub")),
        lambda: list(world.source.scan("missing", deep=False)),
        lambda: world.source.observe("a.md"),
        lambda: world.source.fetch(seen),
        lambda: world.source.watch(lambda _: None),
    ):
        with pytest.raises(SourceUnavailable):
            ask()


def test_contents_hide_themselves(world: World) -> None:
    """No text shows in the representation of what is fetched."""
    world.put("a.md", b"canary")
    seen = world.source.observe("a.md")
    assert seen is not None
    assert "canary" not in repr(world.source.fetch(seen))


def test_settings_are_a_digest(world: World) -> None:
    """The settings have a stable, nonempty digest."""
    assert world.source.settings
    assert world.source.settings == world.source.settings


# -- hints: a source that has none may skip these

PATIENCE = 20.0
"""Seconds within which a hint must come."""


def eventually(condition: Callable[[], object]) -> bool:
    """Whether `condition` came true in time."""
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(condition())


@pytest.fixture
def hints(world: World) -> Iterator[tuple[list[Hint], Watch]]:
    """What a watch has told so far, and the watch."""
    heard: list[Hint] = []
    watch = world.source.watch(heard.append)
    if watch is None:
        pytest.skip("this source, or what it lies on, tells of nothing")
    yield heard, watch
    watch.close()


def names(source: Source, hint: Hint, key: str) -> bool:
    """Whether following `hint` comes to look at `key`."""
    match hint.what:
        case What.KEY:
            return hint.name == key
        case What.PAGE:
            return hint.name == source.page_of(key)
        case What.TREE:
            return within(source.page_of(key), hint.name)


def test_every_change_is_told(world: World, hints: tuple[list[Hint], Watch]) -> None:
    """A document that is new, in a new place or not, written anew, closed to others or removed is named by a hint."""
    heard, watch = hints
    changes: list[tuple[str, Callable[[], None]]] = [
        ("d.md", lambda: world.put("d.md", b"new")),
        ("new/e.md", lambda: world.put("new/e.md", b"new")),
        ("a.md", lambda: world.put("a.md", b"other")),
        ("sub/c.md", lambda: world.close_to_others("sub/c.md")),
        ("sub/c.md", lambda: world.remove("sub/c.md")),
        ("new/e.md", lambda: world.put("new/e.md", b"other")),
    ]
    for key, change in changes:
        heard.clear()
        change()
        assert eventually(lambda key=key: any(names(world.source, hint, key) for hint in tuple(heard)))
        assert watch.fault() is None


def test_a_watch_whose_store_is_away(world: World, hints: tuple[list[Hint], Watch]) -> None:
    """It knows that hints are not to be believed, and can't be mended."""
    _, watch = hints
    world.take_away()
    assert eventually(lambda: watch.fault() is not None)
    with pytest.raises(SourceUnavailable):
        watch.mend()
    assert watch.fault() is not None


def test_a_watch_that_is_mended(world: World, hints: tuple[list[Hint], Watch]) -> None:
    """It tells as before."""
    heard, watch = hints
    watch.mend()
    assert watch.fault() is None
    world.put("sub/c.md", b"other")
    assert eventually(lambda: any(names(world.source, hint, "sub/c.md") for hint in tuple(heard)))


def test_a_watch_that_is_closed(world: World, hints: tuple[list[Hint], Watch]) -> None:
    """It tells nothing more, and may be closed twice."""
    heard, watch = hints
    watch.close()
    watch.close()
    heard.clear()
    world.put("a.md", b"other")
    other: list[Hint] = []
    second = world.source.watch(other.append)
    assert second is not None
    world.put("b.md", b"other")
    assert eventually(lambda: any(names(world.source, hint, "b.md") for hint in tuple(other)))
    second.close()
    assert heard == []
