"""What every source does, whatever it reads from. A new source adds a `World` here."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.core.model import Absence, Content, Observation
from syncd.errors import SourceUnavailable
from syncd.ports import Source


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
    for ask in (lambda: list(world.source.scan()), lambda: world.source.observe("a.md"), lambda: world.source.fetch(seen)):
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
