"""The first pass over a source: nothing is read but listings, and what is urgent is done at once.

Narrowed ACLs are fenced and rewritten, missing documents are staged and fenced, before any content is opened.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

from syncd.core.diff import Action
from syncd.core.met import Met
from syncd.core.model import Observation, Page, Reason, Refusal
from syncd.core.rows import DocRow, Due, Fence, PageRow
from syncd.core.scope import covers
from syncd.errors import DiskFull, IndexUnavailable, IndexUnknownOutcome, ListingFailed
from syncd.ports import LedgerView
from syncd.seal.cards import open_place
from syncd.sync.install import EventType, Phase
from syncd.sync.observe import OpenedPage, below, pages_of_keys
from syncd.sync.report import Progress
from syncd.sync.retag import GROUP, Retag, narrows, opens, retag, serving
from syncd.sync.rundata import Run
from syncd.sync.shelve import release, shelve
from syncd.sync.stage import Staging, batches

BATCH = 500
"""Pages that are looked up together."""


@dataclass(slots=True)
class Survey:
    """What the first pass found: the pages to open again, and what must wait for the guard. planned: changes on each of those
    pages, as far as that is known without reading; backfill: documents that a reindex marked.
    """

    changed: list[Page] = field(default_factory=list)
    failed: list[Page] = field(default_factory=list)
    missing_in: set[str] = field(default_factory=set)
    pages: int = 0
    planned: dict[str, int] = field(default_factory=dict)
    backfill: int = 0
    opening: int = 0
    seen: set[bytes] = field(default_factory=set)
    """Locators of the pages that are there, where not the whole source is looked at."""
    met: Met = field(default_factory=Met)
    """Where it is: the pages that are as recorded."""
    alone: bool = True
    """Whether nobody else has had a turn meanwhile."""
    linked: set[str] = field(default_factory=set)
    """Other names of files that are not as recorded: what is done through one name of a file is told of that one alone."""
    restless: bool = False
    """Whether a document is missing, or another inode stands at its key: only then can there be moves."""

    def prefixes_failed(self) -> tuple[str, ...]:
        """Pages that could not be listed."""
        return tuple(page.prefix for page in self.failed)


def survey(run: Run, staging: Staging) -> Survey:
    """Walk the scope once: each document is looked at once, against what is recorded when its page is compared."""
    found = Survey()
    with closing(_pages(run)) as there:  # an error, which is kept, must not keep the directories open that were on the way
        _walk(run, staging, found, there)
    looked: set[str] = set()
    while more := {key for key in found.linked - looked if not covers(run.order.scope, key, run.source.page_of(key))}:
        looked |= more
        _walk(run, staging, found, pages_of_keys(run.source, sorted(more)))
    with run.install.ledger.read() as view:
        _unlistable(run, found, view)
    _unseen(run, staging, found)
    return found


def _walk(run: Run, staging: Staging, found: Survey, there: Iterator[Page]) -> None:
    """Compare the pages that are there.

    Between two batches a run over the whole source lets others go first. One on hints does not: it would be ended, and begin
    anew, as long as there are others.
    """
    for pages in batches(_listable(found, there), BATCH):
        with run.install.ledger.read() as view:
            _compare_all(run, staging, found, view, pages)
        run.progress(Progress("scan", found.pages))
        if run.whole and run.order.turns.wanted():
            found.alone = False
            run.give_turn()


def _compare_all(run: Run, staging: Staging, found: Survey, view: LedgerView, pages: list[Page]) -> None:
    """Compare these pages with what is recorded of them now."""
    locators = [run.tags.page(page.prefix) for page in pages]
    if not run.whole:
        found.seen.update(locators)
    for page, met in _meet(run, found, view, pages, locators):
        _compare(run, staging, found, view, page, met=met)


def _pages(run: Run) -> Generator[Page]:
    """The pages of the scope."""
    source, scope = run.source, run.order.scope
    if run.whole:
        yield from source.scan()
        return
    for tree in scope.trees:
        yield from source.scan(tree)
    for prefix in scope.pages:
        yield from source.scan(prefix, deep=False)
    yield from pages_of_keys(source, scope.keys)


def _listable(found: Survey, there: Iterator[Page]) -> Iterator[Page]:
    for page in there:
        found.pages += 1
        if page.failure is not None:
            found.failed.append(page)
        else:
            yield page


def _meet(run: Run, found: Survey, view: LedgerView, pages: list[Page], locators: list[bytes]) -> list[tuple[Page, bool]]:
    """Note the pages that are as recorded; returns those that differ, and whether each was met before.

    A new page is recorded before its first document, so that none is ever forgotten; the stamp of one that differs is taken
    away before anything of it is touched, so that whatever is left undone is found again.
    """
    differing: list[tuple[Page, bool]] = []
    opened: list[PageRow] = []
    stamps = view.stamps_at(locators)
    for page, locator in zip(pages, locators, strict=True):
        if run.observer.unchanged(stamps.get(locator), page):
            if run.whole:
                found.met.add(locator)
            continue
        row = view.page(locator) if locator in stamps else None
        differing.append((page, row is not None))
        now = run.page_row(page.prefix, None, row.sealed if row is not None else None)
        opened += [now] if now != row else []
    if opened:  # a page that was edited a moment ago is open still: then there is nothing to write
        with run.install.ledger.write() as tx:
            for now in opened:
                tx.put_page(now)
    return differing


def _compare(run: Run, staging: Staging, found: Survey, view: LedgerView, page: Page, *, met: bool) -> None:
    try:
        opened = run.observer.open(view, page) if met else None
    except ListingFailed:
        found.failed.append(replace(page, failure=Refusal(Reason.LISTING)))
        return
    found.changed.append(page)
    if opened is None:
        found.planned[page.prefix] = page.size
        found.restless |= not run.whole
        return
    _link(run, found, view, opened)
    # A run on hints sees few documents: what is new to it may be one that is missing where it did not look.
    found.restless |= not run.whole and any(opened.asking(Action.ADD))
    due = sum(opened.rows[key].due is Due.EMBED for key in opened.keys() if key in opened.rows)  # noqa: SIM118 - not a mapping
    found.planned[page.prefix] = len(opened.keys()) - due
    found.backfill += due
    _urgent(run, staging, found, opened)


def _link(run: Run, found: Survey, view: LedgerView, opened: OpenedPage) -> None:
    """Have other names of what is not as recorded looked at in this run, too: who loses access loses it under all of them."""
    if run.whole:
        return  # it comes to all of them
    for key in opened.keys():  # noqa: SIM118 - not a mapping
        identity = run.tags.identity(opened.members[key])
        if identity is not None:
            rows = view.docs_with_identity(run.tags.source_id, identity)
            found.linked.update(run.vault.card(row).key for row in rows if row.locator is not None)
    found.linked.difference_update(opened.members)


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
            acl = serving(before, seen.acl) if key in looked else seen.acl
            narrowed.append(Retag(row, acl, seen.changed_at))
        elif opens(before, seen.acl):
            found.opening += 1
    for batch in batches(narrowed, GROUP):
        try:
            retag(run, batch)
        except (IndexUnavailable, IndexUnknownOutcome, DiskFull) as error:
            run.away = error  # they are fenced by now: so is whatever narrows on the pages to come
    found.restless |= opened.restless
    if opened.missing:
        found.restless = True
        found.missing_in.add(opened.page.prefix)
        staging.stage(run, opened.missing)


def _unlistable(run: Run, found: Survey, view: LedgerView) -> None:
    """What lies in or below a page that could not be listed is hidden until it is seen again: its ACLs are not known.

    It is no deletion: nothing of it is staged, and no point is touched.
    """
    if not found.failed:
        return
    install, failed = run.install, found.prefixes_failed()
    for page in found.failed:
        locator = run.tags.page(page.prefix)
        found.seen.add(locator)
        seen = Observation(f"{page.prefix}/", b"", None, 0, run.started, None)
        with install.transaction() as tx:
            shelve(run, tx, seen, page.prefix, page.failure or Refusal(Reason.LISTING), None)
            if view.page(locator) is None:
                tx.ledger.put_page(run.page_row(page.prefix, None))
    for row in _recorded_below(run, view, failed):
        found.seen.add(row.locator)
        with install.transaction() as tx:
            tx.ledger.put_page(replace(row, stamp=None, scan=run.scan))
            for doc in view.docs_of_page(row.locator):
                if doc.fence is Fence.NONE:
                    tx.ledger.put_doc(replace(doc, fence=Fence.MISSING))
                    tx.audit(run.event(EventType.ACL_FENCED, Phase.OUTCOME, install.fresh_id(), doc.doc, unlisted=True))


def _recorded_below(run: Run, view: LedgerView, prefixes: tuple[str, ...]) -> Iterator[PageRow]:
    """The recorded pages at or below `prefixes`."""
    if run.whole:
        # Page by page: rows that an older syncd wrote do not say where they lie.
        for row in view.pages(run.tags.source_id):
            if below(open_place(run.install.keyring, "page", row.locator, row.sealed), prefixes):
                yield row
        return
    for prefix in prefixes:
        yield from _tree(view, run.tags.page(prefix))


def _tree(view: LedgerView, locator: bytes) -> Iterator[PageRow]:
    """The recorded page at `locator`, and all that lie below it."""
    waiting = [locator]
    while waiting:
        here = waiting.pop()
        row = view.page(here)
        if row is not None:
            yield row
        waiting += [child.locator for child in view.children(here)]


def _unseen(run: Run, staging: Staging, found: Survey) -> None:
    """Pages of the scope that are not there are gone, with all their documents."""
    with run.install.ledger.read() as view:
        unseen = list(_not_met(run, found, view))
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


def _not_met(run: Run, found: Survey, view: LedgerView) -> Iterator[PageRow]:
    if run.whole:
        # Of pages that were met, some may have been written after all: they lie below what could not be listed. Others may have
        # been dropped by whoever had a turn. The two numbers say nothing then, as one of something else may be missing. What he
        # recorded counts as seen: it was under the number of this scan.
        told = found.alone and not found.failed
        if told and view.unwritten(run.tags.source_id, run.scan) == len(found.met):
            return
        yield from (row for row in view.pages(run.tags.source_id) if row.scan != run.scan and row.locator not in found.met)
        return
    scope = run.order.scope
    for tree in scope.trees:
        yield from (page for page in _tree(view, run.tags.page(tree)) if page.locator not in found.seen)
    for prefix in scope.pages:
        if run.tags.page(prefix) not in found.seen:
            yield from _tree(view, run.tags.page(prefix))
