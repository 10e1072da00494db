"""A run that ends early at every moment there is: killed before each write, or without its source from each touch on.

What a review once found wrong is a window between two steps. No test here names the step: each is cut everywhere.
"""

import copy
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from dict_index import DictIndex
from kit import TESTER, Site, make_site, open_folders

from syncd.adapters.ledger import SqlLedger
from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.core.acl import Reader, everyone, group, user
from syncd.core.model import Listing, Observation, Page
from syncd.core.rows import DocRow
from syncd.errors import SourceUnavailable
from syncd.sync.every import sync_sources
from syncd.sync.run import Outcome
from syncd.sync.rundata import Order

STRANGER = frozenset({user("unix", 4242), group("unix", 4242), everyone("unix")})
OWNER = frozenset({user("unix", os.getuid()), group("unix", os.getgid()), everyone("unix")})


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it."""


@dataclass
class Cut:
    """Where a run is cut: at its `moment`-th write or touch. reached: it has so many."""

    moment: int
    reached: bool = False
    _count: int = -1

    def now(self) -> bool:
        """Whether this write or touch is the one."""
        self._count += 1
        self.reached |= self._count == self.moment
        return self._count == self.moment


Interrupt = Callable[[Site, int], AbstractContextManager[Cut]]


@contextmanager
def killed(site: Site, moment: int) -> Iterator[Cut]:
    """Kill what happens inside before its `moment`-th write to index or ledger."""
    cut, real = Cut(moment), SqlLedger.write

    def maybe(_: str) -> None:
        if cut.now():
            raise Killed

    @contextmanager
    def write(self):
        maybe("ledger")
        with real(self) as tx:
            yield tx

    site.index.before = maybe
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqlLedger, "write", write)
        try:
            yield cut
        except Killed:
            pass
        finally:
            site.index.before = lambda _: None


@contextmanager
def touched(cut: Cut, deed: Callable[[], object]) -> Iterator[None]:
    """Do `deed` just before the source is touched the `cut`-th time: a page is seen, opened, a document looked at or read."""
    scan, fetch, observe, look = (getattr(FilesystemSource, name) for name in ("scan", "fetch", "observe", "look"))

    def touch() -> None:
        if cut.now():
            deed()

    def opened(page: Page) -> Listing:
        touch()
        return page.load()

    def pages(self, *where, **how) -> Iterator[Page]:
        for page in scan(self, *where, **how):
            touch()
            yield replace(page, load=lambda page=page: opened(page))

    def read(self, seen: Observation):
        touch()
        return fetch(self, seen)

    def seen(self, key: str):
        touch()
        return observe(self, key)

    def several(self, prefix: str, keys: Sequence[str]):
        touch()
        return look(self, prefix, keys)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FilesystemSource, "scan", pages)
        patch.setattr(FilesystemSource, "fetch", read)
        patch.setattr(FilesystemSource, "observe", seen)
        patch.setattr(FilesystemSource, "look", several)
        yield


@contextmanager
def unplugged(_: Site, moment: int) -> Iterator[Cut]:
    """Take the source away from the `moment`-th touch on: the run fails, and says so."""
    cut = Cut(moment)

    def gone() -> None:
        cut.moment += 1  # and with the next touch again
        raise SourceUnavailable(source="docs", detail="the mount went away")

    with touched(cut, gone), suppress(SourceUnavailable):
        yield cut


def cut_short(site: Site, interrupt: Interrupt, act: Callable[[Site], object] = Site.sync) -> Iterator[Site]:
    """For each moment there is a copy of `site` on which `act` (a sync) was cut short there, over the same files."""
    for moment in itertools.count():
        assert moment < 200, "it never ends"
        here = site.copy_state(f"{site.state.name}-{interrupt.__name__}-{moment}")
        here.index = copy.deepcopy(site.index)
        with interrupt(here, moment) as cut:
            act(here)
        if not cut.reached:
            return
        yield here


def new_site(place: Path, extra: str = "") -> Site:
    """An install over no files yet, over an index in memory; its guard lets everything go. extra: more configuration."""
    place.mkdir(exist_ok=True)
    open_folders(place)
    site = make_site(place / "docs", place / "state")
    site.index = DictIndex()
    configure(site, extra or "[guard]\nmax_delete_share = 1.0\n")
    return site


FIVE = ("a.md", "b.md", "x/c.md", "x/y/d.md", "z/e.md")


def site_of_five(place: Path) -> Site:
    """An install over five open documents in four folders."""
    site = new_site(place)
    for key in FIVE:
        site.write(key, f"# Title of {key}\n\nthe text of {key}")
    return site


def configure(site: Site, extra: str) -> None:
    """Add to the configuration."""
    site.config.chmod(0o600)
    site.config.write_text(f"{site.config.read_text()}\n{extra}")


def attempt(site: Site, confirm: Outcome | None = None) -> Outcome:
    """One sync; its outcome, also when an error ended it."""
    with site.open(writer=True) as wiring:
        order = Order(TESTER, confirmed=confirm.report.held if confirm else None)
        (outcome,) = sync_sources(wiring.install(), wiring.sources(), order, lambda _: lambda _: None).outcomes
    return outcome


def texts(site: Site, reader: Reader = OWNER) -> dict[str, str]:
    """What a reader is shown: key -> all texts of it."""
    shown: dict[str, str] = {}
    for hit in site.search("anything", reader).hits:
        shown[hit.key] = shown.get(hit.key, "") + (hit.text or "")
    return shown


def rows(site: Site) -> list[DocRow]:
    """All documents, as the ledger has them."""
    with site.open() as wiring, wiring.ledger.read() as view:
        return list(view.docs())


def events(site: Site) -> list[str]:
    """The types of all events."""
    with site.open() as wiring, wiring.ledger.read() as view:
        return [event.type for event in view.events()]
