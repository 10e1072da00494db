"""The first pass over a source: nothing is read but listings, and what is urgent is done at once.

Narrowed ACLs are fenced and rewritten, missing documents are staged and fenced, before any content is opened.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from syncd.core.acl import Acl
from syncd.core.diff import Action
from syncd.core.model import Observation, Page, Reason, Refusal
from syncd.core.rows import DocRow, Fence, PageRow
from syncd.errors import ListingFailed
from syncd.ports import LedgerView
from syncd.seal.cards import open_place, seal_place
from syncd.sync.install import EventType, Phase
from syncd.sync.observe import OpenedPage, below
from syncd.sync.report import Progress
from syncd.sync.retag import Retag, narrows, retag, serving
from syncd.sync.rundata import Run
from syncd.sync.shelve import release, shelve
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
            locators = [run.tags.page(page.prefix) for page in pages]
            known = view.pages_at(locators)
            differing = _meet(run, pages, locators, known)
            for page, met in differing:
                _compare(run, staging, found, view, page, met=met)
            run.progress(Progress("scan", found.pages))
        _unlistable(run, found, view)
    _unseen(run, staging, found)
    return found


def _listable(run: Run, found: Survey) -> Iterator[Page]:
    for page in run.source.scan():
        found.pages += 1
        if page.failure is not None:
            found.failed.append(page)
        else:
            yield page


def _meet(run: Run, pages: list[Page], locators: list[bytes], known: dict[bytes, PageRow]) -> list[tuple[Page, bool]]:
    """Mark the pages that were seen; returns those that differ, and whether each was met before.

    A new page is recorded before its first document, so that none is ever forgotten; the stamp of one that differs is taken
    away before anything of it is touched, so that whatever is left undone is found again.
    """
    keyring, source = run.install.keyring, run.tags.source_id
    differing = []
    with run.install.ledger.write() as tx:
        for page, locator in zip(pages, locators, strict=True):
            row = known.get(locator)
            if run.observer.unchanged(row, page):
                tx.mark_page(locator, run.scan)
                continue
            differing.append((page, row is not None))
            sealed = row.sealed if row is not None else seal_place(keyring, "page", locator, page.prefix, run.install.nonce())
            tx.put_page(PageRow(locator, source, None, run.scan, sealed))
    return differing


def _compare(run: Run, staging: Staging, found: Survey, view: LedgerView, page: Page, *, met: bool) -> None:
    try:
        opened = run.observer.open(view, page) if met else None
    except ListingFailed:
        found.failed.append(replace(page, failure=Refusal(Reason.LISTING)))
        return
    found.changed.append(page)
    if opened is not None:
        _urgent(run, staging, found, opened)


def _urgent(run: Run, staging: Staging, found: Survey, opened: OpenedPage) -> None:
    """What must not wait for any content: narrowed ACLs, and documents that are not where they were."""
    looked = {*opened.asking(Action.LOOK, Action.QUARANTINE)}
    narrowed: list[Retag] = []
    for key, row in opened.rows.items():
        seen = opened.members[key]
        if row.fence is Fence.ACL or (seen.acl is not None and run.tags.acl(seen.acl) == run.classes.row(row.class_id).key):
            continue
        before = run.classes.acl(row.class_id)
        if narrows(before, seen.acl):
            narrowed.append(Retag(row, serving(before, seen.acl) if key in looked else seen.acl))
        elif opens(before, seen.acl):
            found.opening += 1
    retag(run, narrowed)
    found.restless |= opened.restless
    if opened.missing:
        found.restless = True
        found.missing_in.add(opened.page.prefix)
        staging.stage(run, opened.missing)


def opens(before: Acl, after: Acl | None) -> bool:
    """Whether a change lets everyone in."""
    return after is not None and after.open_to_everyone() and not before.open_to_everyone()


def _unlistable(run: Run, found: Survey, view: LedgerView) -> None:
    """What lies in or below a page that could not be listed is hidden until it is seen again: its ACLs are not known.

    It is no deletion: nothing of it is staged, and no point is touched.
    """
    if not found.failed:
        return
    install, failed = run.install, found.prefixes_failed()
    for page in found.failed:
        locator = run.tags.page(page.prefix)
        seen = Observation(f"{page.prefix}/", b"", None, 0, run.started, None)
        with install.transaction() as tx:
            shelve(run, tx, seen, page.prefix, page.failure or Refusal(Reason.LISTING), None)
            if view.page(locator) is None:
                sealed = seal_place(install.keyring, "page", locator, page.prefix, install.nonce())
                tx.ledger.put_page(PageRow(locator, run.tags.source_id, None, run.scan, sealed))
    for row in view.pages(run.tags.source_id):
        if not below(open_place(install.keyring, "page", row.locator, row.sealed), failed):
            continue
        with install.transaction() as tx:
            tx.ledger.put_page(replace(row, stamp=None, scan=run.scan))
            for doc in view.docs_of_page(row.locator):
                if doc.fence is Fence.NONE:
                    tx.ledger.put_doc(replace(doc, fence=Fence.MISSING))
                    tx.audit(run.event(EventType.ACL_FENCED, Phase.OUTCOME, install.fresh_id(), doc.doc, unlisted=True))


def _unseen(run: Run, staging: Staging, found: Survey) -> None:
    """Pages that a complete scan did not see are gone, with all their documents."""
    with run.install.ledger.read() as view:
        unseen = [page for page in view.pages(run.tags.source_id) if page.scan != run.scan]
    for page in unseen:
        with run.install.ledger.read() as view:
            rows: list[DocRow] = view.docs_of_page(page.locator)
            parked = view.quarantine_of_page(page.locator)
        with run.install.transaction() as tx:
            for shelf in parked:
                release(run, tx, shelf.locator, shelf.doc)
            if rows:
                tx.ledger.put_page(replace(page, stamp=None))
            else:
                tx.ledger.drop_page(page.locator)
        if rows:
            found.restless = True
            staging.stage(run, rows)
