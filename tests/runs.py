"""Runs as a daemon makes them: over what hints named, over everything, and one in the turn of another."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from dict_index import DictIndex
from kit import TESTER, Site, make_site

from syncd.audit.event import Actor
from syncd.audit.verify import verify
from syncd.core.acl import Reader
from syncd.core.hints import LONGEST, Dirty, Hint
from syncd.core.model import Lane
from syncd.core.rows import DocRow, DocState, Due, Fence, PageRow, SourceRow
from syncd.core.scope import Scope
from syncd.seal.cards import open_place
from syncd.seal.vault import Vault
from syncd.sync import survey
from syncd.sync.collection import ensure_collection
from syncd.sync.every import sync_sources
from syncd.sync.reindex import request, select
from syncd.sync.report import Progress
from syncd.sync.run import Outcome, SourceRun
from syncd.sync.rundata import Order
from syncd.wiring import Wiring

WATCHER = Actor("process", via="watch")
_serial = itertools.count()


class Worker:
    """Who writes at a site, with everything open: what a command and a coordinator have in common. told: how far runs were."""

    def __init__(self, site: Site, wiring: Wiring) -> None:
        self.site = site
        self.wiring = wiring
        self.told: list[Progress] = []
        self.install = wiring.install()
        (self.source,) = wiring.sources()

    # -- runs ----------------------------------------------------------------------------------------------------------

    def whole(self, **order: Any) -> Outcome:
        """One sync of everything, as a person orders it; what ended it is in the outcome."""
        (outcome,) = sync_sources(self.install, [self.source], Order(TESTER, **order), lambda _: self.told.append).outcomes
        return outcome

    def scoped(self, *, keys: Iterable[str] = (), pages: Iterable[str] = (), trees: Iterable[str] = (), **order: Any) -> Outcome:
        """One run on hints, as a coordinator makes it."""
        return self.follow(Scope(tuple(keys), tuple(pages), tuple(trees)), **order)

    def follow(self, scope: Scope, **order: Any) -> Outcome:
        """The same over a scope."""
        told = Order(WATCHER, "hint", scope=scope, **order)
        return SourceRun(self.install, self.source, ensure_collection(self.install), told, self.told.append).execute()

    def reindex(self, glob: str | None = None) -> None:
        """Mark every document, or those that a pattern names, to be embedded again."""
        with self.install.ledger.read() as ledger:
            selection = select(self.install, ledger, [self.source], glob=glob)
        request(self.install, selection, actor=TESTER, reason="because")

    # -- what the ledger says ------------------------------------------------------------------------------------------

    @property
    def source_id(self) -> bytes:
        """How the ledger calls the source."""
        return self.source_row().source

    def source_row(self) -> SourceRow:
        """The one source."""
        with self.install.ledger.read() as ledger:
            (row,) = ledger.sources()
        return row

    def rows(self) -> dict[str, DocRow]:
        """Every document that is not gone, by its present or last key."""
        vault = Vault(self.install.keyring)
        with self.install.ledger.read() as ledger:
            return {vault.card(row).key: row for row in ledger.docs() if row.state is not DocState.DELETED}

    def pages(self) -> dict[str, PageRow]:
        """Every page, by its prefix."""
        with self.install.ledger.read() as ledger:
            rows = list(ledger.pages(self.source_id))
        return {open_place(self.install.keyring, "page", row.locator, row.sealed): row for row in rows}

    def open_intents(self) -> int:
        """How many changes were begun and have no outcome."""
        with self.install.ledger.read() as ledger:
            return len(ledger.intents())

    def nothing_left(self) -> None:
        """Every document is as it should be: none is hidden, staged, half done or due, but for what is in quarantine."""
        with self.install.ledger.read() as ledger:
            parked = {shelf.doc for shelf in ledger.quarantined()}
            rows = [row for row in ledger.docs() if row.state is not DocState.DELETED and row.doc not in parked]
        states = {(row.state, row.fence, row.staged, row.due, row.locator is None) for row in rows}
        assert states <= {(DocState.LIVE, Fence.NONE, False, Due.NO, False)}

    def points(self) -> int:
        """How many points the index itself counts."""
        return self.install.index.count(ensure_collection(self.install).name, None)

    def sound(self) -> None:
        """The history is whole, nothing is in doubt, and the index holds as many points as are recorded."""
        with self.install.ledger.read() as ledger:
            report = verify(ledger, row_key=self.install.keyring.identity.row)
            assert (report.findings, ledger.intents()) == ((), [])
            recorded = ledger.counts().points
        assert self.points() == recorded

    def found(self, reader: Reader | None = None) -> set[str]:
        """The keys of everything that `reader` (default: whoever runs the tests) may read."""
        return self.site.found(reader=reader)


@contextmanager
def working(site: Site) -> Iterator[Worker]:
    """A worker at the site."""
    with site.open(writer=True) as wiring:
        yield Worker(site, wiring)


def scope_of(hints: Iterable[Hint]) -> Scope:
    """What a daemon would look at after these hints: they coalesce as they do there."""
    dirty = Dirty()
    for hint in hints:
        dirty.add(hint, 0.0)
    taken = dirty.take(LONGEST)
    return taken.scope if taken is not None else Scope()


class EveryTurn:
    """Turns that are wanted wherever they can be had. taken: called in each, with its number; from `end` on nobody wants any.

    listing: count those as well that are given while the source is listed; else the first one, for all of a small tree, passes.
    """

    lane = Lane.BACKFILL

    def __init__(self, taken: Callable[[int], object], end: int = 1_000, *, listing: bool = False) -> None:
        self.given = 0
        self._taken = taken
        self._end = end
        self._listed = listing

    def wanted(self) -> bool:
        """Always, till there were enough."""
        return self.given < self._end

    def give(self) -> None:
        """Somebody's turn."""
        if not self._listed:
            self._listed = True
            return
        self.given += 1
        self._taken(self.given)

    def spent(self, chunks: int, rate: float) -> None:
        """There is no rate."""


@contextmanager
def page_by_page() -> Iterator[None]:
    """Whoever lists a source compares every page by itself, and lets others go first after each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(survey, "BATCH", 1)
        yield


# -- what is true afterwards -------------------------------------------------------------------------------------------


def view(site: Site) -> list[tuple[Any, ...]]:
    """What law 2 compares: keys, spans, texts, vectors, readers; without keys in quarantine, whose older version may serve."""
    parked = site.quarantined()
    return [(c.source, c.key, c.span, c.text_sha256, c.vector_sha256, c.readers) for c in site.dump() if c.key not in parked]


def from_nothing(site: Site) -> list[tuple[Any, ...]]:
    """The same of an install that has just seen these files for the first time."""
    fresh = make_site(site.docs, site.state.with_name(f"fresh-{next(_serial)}"))
    fresh.index = DictIndex()
    fresh.sync()
    return view(fresh)


def shows_the_tree(worker: Worker) -> None:
    """The index equals one built from nothing, and nothing is in doubt."""
    assert view(worker.site) == from_nothing(worker.site)
    worker.sound()
    worker.nothing_left()


# -- a tree, and what is done to it: each deed returns the keys that are to be looked at -------------------------------

FLAT = tuple(f"{number}.md" for number in range(8))
NESTED = tuple(f"{folder}/{number}.md" for folder in ("x", "x/y", "z") for number in range(3))


def filled(site: Site, keys: tuple[str, ...]) -> None:
    """One document a key, each with a text of its own."""
    for key in keys:
        site.write(key, f"# Title of {key}\n\nthe text of {key}")


def edit(site: Site, key: str) -> tuple[str, ...]:
    """Another text."""
    site.write(key, f"# Another\n\nanother text of {key}")
    return (key,)


def close(site: Site, key: str) -> tuple[str, ...]:
    """For its owner alone."""
    (site.docs / key).chmod(0o600)
    return (key,)


def delete(site: Site, key: str) -> tuple[str, ...]:
    """Gone."""
    (site.docs / key).unlink()
    return (key,)


def move(site: Site, key: str) -> tuple[str, ...]:
    """Another name beside it."""
    target = f"{key.removesuffix('.md')}-moved.md"
    (site.docs / key).rename(site.docs / target)
    return (key, target)
