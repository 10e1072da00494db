"""What every source does, whatever it reads from: a suite to inherit from.

A source's tests make a `World`, a store that they can change behind the back of its source, and inherit:

    class TestMySource(SourceContract):
        def make_world(self, folder: Path) -> World:
            return MyWorld(folder)

The suite puts documents under keys such as "a.md" and "sub/c.md", which the store has to take for keys.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from syncd.core.hints import Hint, What
from syncd.core.model import Absence, Content, Observation, Page
from syncd.core.scope import within
from syncd.errors import SourceUnavailable
from syncd.ports import Source, Watch

PATIENCE = 20.0
"""Seconds within which a hint must come."""
FIRST = ("a.md", "b.md", "sub/c.md")
"""What is in a world when a test begins; the text of a document is its key."""


class World(Protocol):
    """A store that tests can change behind the back of its source. Everyone may read a document until it is closed to others."""

    source: Source

    def put(self, key: str, data: bytes) -> None:
        """Write a document, or write it anew with other `data`."""

    def remove(self, key: str) -> None:
        """Take a document away."""

    def close_to_others(self, key: str) -> None:
        """Let fewer people read a document than before, and leave it as it is otherwise."""

    def take_away(self) -> None:
        """Make the store itself unreachable, for good."""


class LaterClock:
    """A clock that is a minute ahead, so that what a test has just made is settled."""

    def now(self) -> datetime:
        """In a minute."""
        return datetime.now(UTC) + timedelta(minutes=1)

    def monotonic_ns(self) -> int:
        """It does not run."""
        return 0


class SourceContract:
    """The suite. A class that inherits from it gives `make_world`; a world that has a `close` is closed after each test."""

    def make_world(self, folder: Path) -> World:
        """A new, empty store. folder: an empty one, for whatever the world needs."""
        raise NotImplementedError

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[World]:
        """A store with a few documents, two of them in one place and one in another."""
        made = self.make_world(tmp_path)
        for key in FIRST:
            made.put(key, key.encode())
        yield made
        close = getattr(made, "close", None)
        if close is not None:
            close()

    @pytest.fixture
    def hints(self, world: World) -> Iterator[tuple[list[Hint], Watch]]:
        """What a watch has told so far, and the watch."""
        heard: list[Hint] = []
        watch = world.source.watch(heard.append)
        if watch is None:
            pytest.skip("this source, or what it lies on, tells of nothing")
        yield heard, watch
        watch.close()

    # -- scanning ------------------------------------------------------------------------------------------------------

    def test_a_scan_sees_all_in_order(self, world: World) -> None:
        """Every document is in exactly one page, members come in order within it, and no page comes twice."""
        listings = [page.load() for page in world.source.scan()]
        keys = [[seen.key for seen in listing.members] for listing in listings]
        assert sorted(key for part in keys for key in part) == sorted(FIRST)
        assert all(part == sorted(part) for part in keys)
        prefixes = [listing.prefix for listing in listings]
        assert prefixes == list(dict.fromkeys(prefixes))

    def test_a_page_knows_its_members(self, world: World) -> None:
        """Every member of a page has that page for its own, and the page says how many there are."""
        for page in world.source.scan():
            members = page.load().members
            assert {world.source.page_of(seen.key) for seen in members} <= {page.prefix}
            assert page.size == len(members)
            assert page.keys is None

    def test_a_key_alone_decides_its_page(self, world: World) -> None:
        """Other documents that come and go move none to another page."""
        before = {seen.key: page.prefix for page in world.source.scan() for seen in page.load().members}
        for number in range(20):
            world.put(f"more-{number}.md", b"more")
        world.remove("a.md")
        after = {seen.key: page.prefix for page in world.source.scan() for seen in page.load().members}
        assert {key: after[key] for key in ("b.md", "sub/c.md")} == {key: before[key] for key in ("b.md", "sub/c.md")}
        assert {key: world.source.page_of(key) for key in after} == after

    def test_a_scan_of_a_part_is_a_part_of_the_scan(self, world: World) -> None:
        """From any page on, or of one page alone, a scan gives exactly the pages that a scan of everything gives there."""
        for key in ("sub/deep/d.md", "sub-way/e.md", "subway/f.md"):
            world.put(key, key.encode())
        everything = told(world.source.scan())
        prefixes = [str(prefix) for prefix, *_ in everything]
        assert prefixes
        for prefix in prefixes:
            assert told(world.source.scan(prefix)) == [page for page in everything if within(str(page[0]), prefix)]
            assert told(world.source.scan(prefix, deep=False)) == [page for page in everything if page[0] == prefix]

    def test_a_scan_of_what_is_not_there(self, world: World) -> None:
        """A prefix without a page has none, whatever it is: missing, below what is missing, a document, or none at all."""
        for prefix in ("missing", "missing/too", "a.md", "a.md/below", "su", "sub/", "/", "..", "sub//", "nul\0"):
            assert list(world.source.scan(prefix)) == []
            assert list(world.source.scan(prefix, deep=False)) == []

    def test_observing_agrees_with_scanning(self, world: World) -> None:
        """A single look says of a key what a scan says; of a key without a document it says that nothing is there."""
        for key, seen in everything(world.source).items():
            assert world.source.observe(key) == seen
            assert world.source.look(world.source.page_of(key), [key]) == [seen]
        assert world.source.observe("missing.md") is None

    def test_an_unchanged_store_looks_unchanged(self, world: World) -> None:
        """Two scans of an unchanged store give the same pages, stamps and observations; a page's stamp is that of its listing."""
        first, second = list(world.source.scan()), list(world.source.scan())
        assert [(page.prefix, page.stamp) for page in first] == [(page.prefix, page.stamp) for page in second]
        assert [page.load() for page in first] == [page.load() for page in second]
        assert all(page.stamp == page.load().stamp for page in first)

    @pytest.mark.parametrize("change", ["put", "add", "remove", "close"])
    def test_a_change_shows(self, world: World, change: str) -> None:
        """After a change no page that it concerns has its old stamp, and the observation differs or is no longer there."""
        before = {page.prefix: (page.stamp, page.load()) for page in world.source.scan()}
        key = "sub/d.md" if change == "add" else "sub/c.md"
        match change:
            case "put" | "add":
                world.put(key, b"other")
            case "remove":
                world.remove(key)
            case "close":
                world.close_to_others(key)
        touched = world.source.page_of(key)
        after = {page.prefix: page for page in world.source.scan()}
        assert (before.keys() - {touched}) == (after.keys() - {touched})
        for prefix, page in after.items():
            stamp, listing = before.get(prefix, (None, None))
            same = listing is not None and page.load().members == listing.members
            assert same == (prefix != touched)
            assert same or page.stamp is None or page.stamp != stamp
        assert change != "remove" or touched not in after or key not in {seen.key for seen in after[touched].load().members}

    # -- fetching ------------------------------------------------------------------------------------------------------

    def test_a_fetch_brings_the_observed_version(self, world: World) -> None:
        """What is fetched is the bytes, with a digest that is theirs."""
        seen = everything(world.source)
        got = {key: world.source.fetch(one) for key, one in seen.items()}
        contents = {key: one for key, one in got.items() if isinstance(one, Content)}
        assert {key: one.data for key, one in contents.items()} == {key: key.encode() for key in FIRST}
        assert got == {key: world.source.fetch(one) for key, one in seen.items()}
        assert len({one.digest for one in contents.values()}) == len(FIRST)

    def test_a_fetch_of_another_version_brings_nothing(self, world: World) -> None:
        """A document that changed, that others may no longer read, or that is gone since it was observed, is said to be so."""
        seen = everything(world.source)
        world.put("a.md", b"other")
        world.remove("b.md")
        world.close_to_others("sub/c.md")
        got = {key: world.source.fetch(one) for key, one in seen.items()}
        assert got == {"a.md": Absence.CHANGED, "b.md": Absence.GONE, "sub/c.md": Absence.CHANGED}

    def test_a_closed_document_is_closed(self, world: World) -> None:
        """The ACL that is observed of a document that was closed to others is known, and does not let everyone in."""
        before = everything(world.source)["sub/c.md"]
        world.close_to_others("sub/c.md")
        after = everything(world.source)["sub/c.md"]
        assert before.acl is not None
        assert after.acl is not None
        assert not after.acl.open_to_everyone()

    def test_a_store_that_is_not_there(self, world: World) -> None:
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

    def test_contents_hide_themselves(self, world: World) -> None:
        """No text shows in the representation of what is fetched."""
        world.put("a.md", b"canary")
        seen = world.source.observe("a.md")
        assert seen is not None
        assert "canary" not in repr(world.source.fetch(seen))

    def test_settings_are_a_digest(self, world: World) -> None:
        """The settings have a stable, nonempty digest."""
        assert world.source.settings
        assert world.source.settings == world.source.settings

    # -- hints: a source that has none skips these ---------------------------------------------------------------------

    def test_every_change_is_told(self, world: World, hints: tuple[list[Hint], Watch]) -> None:
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
            assert eventually(lambda key=key: any(names(world.source, hint, key) for hint in tuple(heard)))  # type: ignore[misc]
            assert watch.fault() is None

    def test_a_watch_whose_store_is_away(self, world: World, hints: tuple[list[Hint], Watch]) -> None:
        """It knows that hints are not to be believed, and can't be mended."""
        _, watch = hints
        world.take_away()
        assert eventually(lambda: watch.fault() is not None)
        with pytest.raises(SourceUnavailable):
            watch.mend()
        assert watch.fault() is not None

    def test_a_watch_that_is_mended(self, world: World, hints: tuple[list[Hint], Watch]) -> None:
        """It tells as before."""
        heard, watch = hints
        watch.mend()
        assert watch.fault() is None
        world.put("sub/c.md", b"other")
        assert eventually(lambda: any(names(world.source, hint, "sub/c.md") for hint in tuple(heard)))

    def test_a_watch_that_is_closed(self, world: World, hints: tuple[list[Hint], Watch]) -> None:
        """It tells nothing more, and may be closed twice."""
        heard, watch = hints
        watch.close()
        watch.close()
        heard.clear()
        other: list[Hint] = []
        second = world.source.watch(other.append)
        assert second is not None
        world.put("a.md", b"other")
        world.put("b.md", b"other")
        assert eventually(lambda: any(names(world.source, hint, "b.md") for hint in tuple(other)))
        second.close()
        assert heard == []


def everything(source: Source) -> dict[str, Observation]:
    """All that a scan sees, in its order."""
    return {seen.key: seen for page in source.scan() for seen in page.load().members}


def told(pages: Iterator[Page]) -> list[tuple[object, ...]]:
    """All that pages say, opened."""
    return [(page.prefix, page.stamp, page.failure, page.size, page.load()) for page in pages]


def eventually(condition: Callable[[], object]) -> bool:
    """Whether `condition` came true in time."""
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(condition())


def names(source: Source, hint: Hint, key: str) -> bool:
    """Whether following `hint` comes to look at `key`."""
    match hint.what:
        case What.KEY:
            return hint.name == key
        case What.PAGE:
            return hint.name == source.page_of(key)
        case What.TREE:
            return within(source.page_of(key), hint.name)
