"""Observation: which pages differ from what is recorded, and how."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from syncd.core.diff import Action, PageDiff, Seen, diff_page
from syncd.core.model import Listing, Observation, Page
from syncd.core.rows import DocRow, PageRow, QuarantineRow
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

    def __init__(self, source: Source, tags: Tags, classes: Classes, now: float) -> None:
        self.source = source
        self.now = now
        self.tags = tags
        self.classes = classes

    def unchanged(self, known: PageRow | None, page: Page) -> bool:
        """Whether the stamp alone says that nothing in the page changed."""
        stamp = self.tags.stamp(page.stamp)
        return known is not None and stamp is not None and known.stamp == stamp

    def open(self, view: LedgerView, page: Page) -> OpenedPage:
        """List the page and compare it, key by key."""
        listing = page.load()
        members = {member.key: member for member in listing.members}
        locators = {self.tags.locator(key): key for key in members}
        there = self.tags.page(page.prefix)
        rows: dict[str, DocRow] = {}
        missing: list[DocRow] = []
        for row in view.docs_of_page(there):
            key = locators.get(row.locator) if row.locator is not None else None
            if key is not None:
                rows[key] = row
            else:
                missing.append(row)
        parked: dict[str, QuarantineRow] = {}
        unparked: list[QuarantineRow] = []
        for shelf in view.quarantine_of_page(there):
            key = locators.get(shelf.locator)
            if key is not None:
                parked[key] = shelf
            else:
                unparked.append(shelf)
        seen = {key: self.tags.seen(member) for key, member in members.items()}
        diff = diff_page(
            seen,
            {key: recorded(row, self.classes.row(row.class_id)) for key, row in rows.items()},
            {key: shelved(shelf, self.now) for key, shelf in parked.items()},
            self.tags.shape,
        )
        return OpenedPage(page, listing, members, rows, parked, tuple(missing), tuple(unparked), _restless(seen, rows), diff)


def _restless(seen: Mapping[str, Seen], rows: Mapping[str, DocRow]) -> bool:
    return any(seen[key].identity != row.identity for key, row in rows.items())


def below(prefix: str, failed: tuple[str, ...]) -> bool:
    """Whether a page lies at or below one that could not be listed."""
    return any(root in ("", prefix) or prefix.startswith(root + "/") for root in failed)
