"""What goes wrong around a sync: a process that dies between two steps, a scan that is disturbed; and what is then true."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dict_index import DictIndex
from kit import Site, make_site, open_folders

from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.core.acl import everyone, user
from syncd.core.model import Page, Point
from syncd.core.rows import DocRow, SourceRow

STRANGER = frozenset({user("unix", 4242), everyone("unix")})
OWNER = frozenset({user("unix", os.getuid()), everyone("unix")})
ALL = {"a.md", "b.md", "x/c.md", "x/y/d.md"}


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it."""


def calm_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Four open documents in three folders, synced; their stamps hold at once, although they are young."""
    monkeypatch.setattr("syncd.adapters.sources.filesystem.listing.RACY_NS", 0)
    open_folders(tmp_path)
    site = make_site(tmp_path / "docs", tmp_path / "state")
    site.index = DictIndex()
    for key in sorted(ALL):
        site.write(key, f"# Title of {key}\n\nthe text of {key}")
    assert site.sync().state == "done"
    return site


@contextmanager
def killed_before(site: Site, write: str) -> Iterator[None]:
    """Kill what happens inside before its first `write` to the index."""

    def before(name: str) -> None:
        if name == write:
            raise Killed

    site.index.before = before
    with pytest.raises(Killed):
        yield
    site.index.before = lambda _: None


@contextmanager
def killed_after_writing(site: Site) -> Iterator[None]:
    """Kill what happens inside once the index has taken a group, before the ledger records it."""

    def barrier() -> None:
        raise Killed

    site.index.barrier = barrier
    with pytest.raises(Killed):
        yield
    del site.index.barrier


def rows(site: Site) -> list[DocRow]:
    """All documents, as the ledger has them."""
    with site.open() as wiring, wiring.ledger.read() as view:
        return list(view.docs())


def source_row(site: Site) -> SourceRow:
    """The one source, as the ledger has it."""
    with site.open() as wiring, wiring.ledger.read() as view:
        (row,) = view.sources()
        return row


def recorded(site: Site) -> int:
    """How many points the ledger says there are."""
    with site.open() as wiring, wiring.ledger.read() as view:
        return view.counts().points


def shown(site: Site) -> dict[str, set[str]]:
    """The texts of each document, as they are found."""
    found: dict[str, set[str]] = {}
    for hit in site.search("text", OWNER).hits:
        found.setdefault(hit.key, set()).add(hit.text or "")
    return found


def disturb(monkeypatch: pytest.MonkeyPatch, change: Callable[[Page], Page | None]) -> None:
    """Pass every page of a scan through `change`; None: the scan leaves it out."""
    real = FilesystemSource.scan

    def scan(self: FilesystemSource) -> Iterator[Page]:
        return (changed for page in real(self) if (changed := change(page)) is not None)

    monkeypatch.setattr(FilesystemSource, "scan", scan)


def doc_of(site: Site, key: str) -> str:
    """The id of a document."""
    return next(hit.doc for hit in site.search("text", OWNER).hits if hit.key == key)


def points(site: Site) -> dict[str, Point]:
    """All points by id."""
    (collection,) = site.index.points.values()
    return dict(collection)
