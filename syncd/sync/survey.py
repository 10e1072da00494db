"""The first pass over a source: nothing is read but listings, and what is urgent is done at once.

Narrowed ACLs are fenced and rewritten, missing documents are staged and fenced, before any content is opened.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from syncd.core.diff import Action
from syncd.core.model import Page
from syncd.core.rows import DocRow, Fence, PageRow
from syncd.errors import ListingFailed
from syncd.ports import LedgerView
from syncd.seal.cards import open_place, seal_place
from syncd.sync.observe import OpenedPage, below
from syncd.sync.report import Progress
from syncd.sync.retag import Retag, narrows, retag
from syncd.sync.rundata import Run
from syncd.sync.stage import Staging, batches

BATCH = 500
"""Pages that are looked up and marked together."""


@dataclass(slots=True)
class Survey:
    """What the first pass found: the pages to open again, and what must wait for the guard."""

    changed: list[Page] = field(default_factory=list)
    failed: list[Page] = field(default_factory=list)
    missing_in: set[str] = field(default_factory=set)
    pages: int = 0
    opening: int = 0
    restless: bool = False
    """Whether a document is missing, or another inode stands at its key: only then can there be moves."""

    def prefixes_failed(self) -> tuple[str, ...]:
        """Pages that could not be listed."""
        return tuple(page.prefix for page in self.failed)


def survey(run: Run, staging: Staging) -> Survey:
    """Walk the whole source once, against one snapshot of the ledger: each document is looked at once."""
    found = Survey()
    with run.install.ledger.read() as view:
        for pages in batches(_listable(run, found), BATCH):
            locators = {page.prefix: run.tags.page(page.prefix) for page in pages}
            known = view.pages_at(list(locators.values()))
            _meet(run, locators, known)
            for page in pages:
                _compare(run, staging, found, view, page, known.get(locators[page.prefix]))
            run.progress(Progress("scan", found.pages))
    _unseen(run, staging, found)
    return found


def _listable(run: Run, found: Survey) -> Iterator[Page]:
    for page in run.source.scan():
        found.pages += 1
        if page.failure is not None:
            found.failed.append(page)
        else:
            yield page


def _meet(run: Run, locators: dict[str, bytes], known: dict[bytes, PageRow]) -> None:
    """Mark the pages that were seen; a new one is recorded before its first document, so that none is ever forgotten."""
    keyring, source = run.install.keyring, run.tags.source_id
    with run.install.ledger.write() as tx:
        for prefix, locator in locators.items():
            if locator in known:
                tx.mark_page(locator, run.scan)
            else:
                sealed = seal_place(keyring, "page", locator, prefix, run.install.nonce())
                tx.put_page(PageRow(locator, source, None, run.scan, sealed))


def _compare(run: Run, staging: Staging, found: Survey, view: LedgerView, page: Page, known: PageRow | None) -> None:
    if run.observer.unchanged(known, page):
        return
    try:
        opened = run.observer.open(view, page) if known is not None else None
    except ListingFailed:
        found.failed.append(page)
        return
    found.changed.append(page)
    if opened is not None:
        _urgent(run, staging, found, opened)


def _urgent(run: Run, staging: Staging, found: Survey, opened: OpenedPage) -> None:
    narrowed: list[Retag] = []
    for key, action in opened.diff.actions:
        row, seen = opened.rows.get(key), opened.members.get(key)
        if row is None or seen is None:
            continue
        if action is Action.LOOK and row.identity != run.tags.identity(seen):
            found.restless = True
        if action is Action.RETAG or (action is Action.QUARANTINE and seen.acl is None and row.fence is not Fence.ACL):
            before = run.classes.acl(row.class_id)
            if narrows(before, seen.acl):
                narrowed.append(Retag(row, seen.acl))
            elif seen.acl is not None and seen.acl.open_to_everyone() and not before.open_to_everyone():
                found.opening += 1
    retag(run, narrowed)
    if opened.missing:
        found.restless = True
        found.missing_in.add(opened.page.prefix)
        staging.stage(run, opened.missing)


def _unseen(run: Run, staging: Staging, found: Survey) -> None:
    """Pages that a complete scan did not see are gone, with all their documents; not those below a page that failed."""
    failed = found.prefixes_failed()
    with run.install.ledger.read() as view:
        unseen = [page for page in view.pages(run.tags.source_id) if page.scan != run.scan]
        if failed:
            keyring = run.install.keyring
            unseen = [page for page in unseen if not below(open_place(keyring, "page", page.locator, page.sealed), failed)]
    for page in unseen:
        with run.install.ledger.read() as view:
            rows: list[DocRow] = view.docs_of_page(page.locator)
            parked = view.quarantine_of_page(page.locator)
        if rows:
            found.restless = True
            staging.stage(run, rows)
        with run.install.ledger.write() as tx:
            for shelf in parked:
                tx.drop_quarantine(shelf.locator)
            if not rows:
                tx.drop_page(page.locator)
