"""Observation: which pages differ from what is recorded, and how."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from syncd.core.diff import Action, PageDiff, Seen, diff_page
from syncd.core.model import Listing, Observation, Page
from syncd.core.rows import DocRow, QuarantineRow
from syncd.core.scope import within
from syncd.ports import LedgerView, Source
from syncd.sync.classes import Classes
from syncd.sync.tags import Tags, recorded, shelved


@dataclass(frozen=True, slots=True)
class OpenedPage:
    """A page that was opened: what was listed, the rows it is compared with, the difference.

    rows and parked are found by key; missing and unparked are rows of this page of which nothing is listed any more. restless: a
    known key shows another inode than recorded, so that something may have moved.
    """

    page: Page
    listing: Listing
    members: Mapping[str, Observation]
    rows: Mapping[str, DocRow]
    parked: Mapping[str, QuarantineRow]
    missing: tuple[DocRow, ...]
    unparked: tuple[QuarantineRow, ...]
    restless: bool
    diff: PageDiff

    def keys(self) -> list[str]:
        """Every key that is not as recorded, in key order."""
        return list(dict.fromkeys([*(key for key, _ in self.diff.actions), *self.diff.shelved]))

    def asking(self, *actions: Action) -> Iterator[str]:
        """The keys that ask for one of `actions`, in key order."""
        return (key for key, action in self.diff.actions if action in actions)


class Observer:
    """Compares a source with the ledger; reads only."""

    def __init__(self, source: Source, tags: Tags, classes: Classes, now: float, *, backfill: bool = True) -> None:
        self.source = source
        self.now = now
        self.backfill = backfill
        self.tags = tags
        self.classes = classes

    def unchanged(self, recorded: bytes | None, page: Page) -> bool:
        """Whether the stamp alone, against the one that is recorded, says that nothing in the page changed."""
        return recorded is not None and recorded == self.tags.stamp(page.stamp)

    def open(self, view: LedgerView, page: Page) -> OpenedPage:
        """List the page and compare it, key by key."""
        listing = page.load()
        members = {member.key: member for member in listing.members}
        locators = {self.tags.locator(key): key for key in members}
        rows: dict[str, DocRow] = {}
        missing: list[DocRow] = []
        for row in self._recorded(view, page):
            key = locators.get(row.locator) if row.locator is not None else None
            if key is not None:
                rows[key] = row
            else:
                missing.append(row)
        parked: dict[str, QuarantineRow] = {}
        unparked: list[QuarantineRow] = []
        for shelf in self._parked(view, page):
            key = locators.get(shelf.locator)
            if key is not None:
                parked[key] = shelf
            else:
                unparked.append(shelf)
        seen = {key: self.tags.seen(member) for key, member in members.items()}
        diff = diff_page(
            seen,
            {key: recorded(row, self.classes.row(row.class_id), backfill=self.backfill) for key, row in rows.items()},
            {key: shelved(shelf, self.now) for key, shelf in parked.items()},
            self.tags.shape,
        )
        return OpenedPage(page, listing, members, rows, parked, tuple(missing), tuple(unparked), _restless(seen, rows), diff)

    def _recorded(self, view: LedgerView, page: Page) -> list[DocRow]:
        """What is recorded of the page, or of those of its keys that are looked at."""
        if page.keys is None:
            return view.docs_of_page(self.tags.page(page.prefix))
        return [row for key in page.keys if (row := view.doc_at(self.tags.locator(key))) is not None]

    def _parked(self, view: LedgerView, page: Page) -> list[QuarantineRow]:
        if page.keys is None:
            return view.quarantine_of_page(self.tags.page(page.prefix))
        return [shelf for key in page.keys if (shelf := view.quarantine(self.tags.locator(key))) is not None]


def pages_of_keys(source: Source, keys: Iterable[str]) -> Iterator[Page]:
    """Single keys as the pages that they are on, of which nothing else is looked at."""
    by_page: dict[str, list[str]] = {}
    for key in keys:
        by_page.setdefault(source.page_of(key), []).append(key)
    for prefix, names in sorted(by_page.items()):
        yield Page(prefix, None, partial(_look_at, source, prefix, names), size=len(names), keys=tuple(names))


def _look_at(source: Source, prefix: str, keys: Sequence[str]) -> Listing:
    return Listing(prefix, None, tuple(source.look(prefix, keys)))


def _restless(seen: Mapping[str, Seen], rows: Mapping[str, DocRow]) -> bool:
    return any(seen[key].identity != row.identity for key, row in rows.items())


def below(prefix: str, failed: tuple[str, ...]) -> bool:
    """Whether a page lies at or below one that could not be listed."""
    return any(within(prefix, root) for root in failed)
