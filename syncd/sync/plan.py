"""A plan: what the next sync would do, without doing any of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from syncd.core.diff import Action, settle_look
from syncd.core.model import Observation, Page, Reason, Refusal
from syncd.core.rows import DocRow, PageRow
from syncd.errors import ListingFailed
from syncd.ports import LedgerView, Source
from syncd.seal.cards import open_place
from syncd.seal.vault import Vault
from syncd.sync.classes import Classes
from syncd.sync.install import Install
from syncd.sync.moves import claim
from syncd.sync.observe import Observer, OpenedPage, below
from syncd.sync.prepare import Fetched, cut, fetch
from syncd.sync.tags import Tags, recorded, shape_of

CHARS_PER_CHUNK = 1000
"""The estimate for documents that were not read: about what the chunker makes of prose."""


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One line: what would be done to which document. chunks: estimated unless `exact`; note: a reason, or a former key."""

    action: Action
    key: str
    chunks: int = 0
    note: str = ""


class Planner:
    """Compares a source with the ledger and says what differs."""

    def __init__(self, install: Install, source: Source, view: LedgerView, *, exact: bool = False) -> None:
        self.install = install
        self.source = source
        self.view = view
        self.exact = exact
        self.space = install.embedder.space
        self.tags = Tags(install.keyring.identity, source, shape_of(install), self.space)
        self.vault = Vault(install.keyring)
        classes = Classes(install, view)
        self.observer = Observer(source, self.tags, classes, install.now())
        self._moved: set[bytes] = set()
        self._missing: list[DocRow] = []

    def lines(self) -> Iterator[PlanLine]:
        """Every line: pages in key order, deletions last, as they would be done."""
        failed: list[str] = []
        seen: set[bytes] = set()
        for page in self.source.scan():
            locator = self.tags.page(page.prefix)
            seen.add(locator)
            if page.failure is None and self.observer.unchanged(self.view.stamps_at([locator]).get(locator), page):
                continue
            opened = self._open(page)
            if isinstance(opened, Refusal):
                failed.append(page.prefix)
                yield PlanLine(Action.QUARANTINE, page.prefix + "/", note=opened.reason.value)
                continue
            self._missing += opened.missing
            yield from self._page(opened)
        for page_row in self._unseen(seen, tuple(failed)):
            self._missing += self.view.docs_of_page(page_row.locator)
        for row in self._missing:
            if row.doc not in self._moved:
                yield PlanLine(Action.DELETE, self.vault.card(row).key, len(self.view.points(row.doc)))

    def _unseen(self, seen: set[bytes], failed: tuple[str, ...]) -> Iterator[PageRow]:
        keyring = self.install.keyring
        for row in self.view.pages(self.tags.source_id):
            if row.locator in seen:
                continue
            if not (failed and below(open_place(keyring, "page", row.locator, row.sealed), failed)):
                yield row

    def _open(self, page: Page) -> OpenedPage | Refusal:
        """The page, compared with what is recorded of it, or why it can't be listed."""
        if page.failure is not None:
            return page.failure
        try:
            return self.observer.open(self.view, page)
        except ListingFailed:
            return Refusal(Reason.LISTING)

    def _page(self, opened: OpenedPage) -> Iterator[PlanLine]:
        for key, action in opened.diff.actions:
            member, row = opened.members[key], opened.rows.get(key)
            match action:
                case Action.RETAG:
                    yield PlanLine(action, key)
                case Action.QUARANTINE:
                    refusal = member.refusal
                    yield PlanLine(action, key, note=refusal.reason.value if refusal else "acl")
                case Action.ADD | Action.LOOK:
                    yield from self._content(opened, key, member, row)
                case _:
                    pass

    def _content(self, opened: OpenedPage, key: str, member: Observation, row: DocRow | None) -> Iterator[PlanLine]:
        found = claim(self.vault, self.observer, self.view, opened, key)
        if found is not None and found.row.doc not in self._moved:
            self._moved.add(found.row.doc)
            if found.displaced is not None:
                self._missing.append(found.displaced)
            yield PlanLine(Action.MOVE, key, note=found.former)
            return
        if row is None and not self.exact:
            yield PlanLine(Action.ADD, key, _estimate(member.size))
            return
        got = fetch(self.source, member)
        if got is None:
            return
        if isinstance(got, Refusal):
            yield PlanLine(Action.QUARANTINE, key, note=got.reason.value)
            return
        if row is not None:
            known = recorded(row, self.observer.classes.row(row.class_id))
            if settle_look(known, self.tags.content(got.content.digest), self.tags.shape) is Action.REFRESH:
                return
        yield self._sized(got, key, Action.ADD if row is None else Action.UPDATE, row)

    def _sized(self, got: Fetched, key: str, action: Action, row: DocRow | None) -> PlanLine:
        if not self.exact:
            return PlanLine(action, key, _estimate(len(got.content.data)))
        made = cut(self.install, got.content, key, self.space)
        if isinstance(made, Refusal):
            return PlanLine(Action.QUARANTINE, key, note=made.reason.value)
        known = {(p.fp, p.occurrence) for p in self.view.points(row.doc)} if row is not None else set()
        return PlanLine(action, key, sum((chunk.fp, chunk.occurrence) not in known for chunk in made.chunks))


def _estimate(size: int) -> int:
    return max(1, round(size / CHARS_PER_CHUNK)) if size else 0
