"""The second pass: the pages that differ are opened again, and what their documents say now goes into the index."""

from dataclasses import dataclass, field, replace

from syncd.core.acl import Acl
from syncd.core.diff import PERMANENT, Action, settle_look
from syncd.core.model import Observation, Page, Reason, Refusal
from syncd.core.rows import DocRow, Due, Fence, PageRow, QuarantineRow
from syncd.sync.apply import Applier
from syncd.sync.observe import OpenedPage
from syncd.sync.prepare import Fetched, fetch
from syncd.sync.retag import Retag, narrows, opens, retag, serving
from syncd.sync.rundata import Run, lifted
from syncd.sync.shelve import release
from syncd.sync.tags import recorded

MEMBERS_A_READ = 4_096
"""A turn has the page opened again: for each so many members a document is read before, or a huge folder would never end."""
_ACL_UNKNOWN = Refusal(Reason.ACL, "could not be read")
_TOO_MANY = Refusal(Reason.ACL, "more distinct ACLs than acl.max_classes")


@dataclass(slots=True)
class _Visit:
    """One opening of a page.

    fresh: documents found equal; retags: ACLs that are due; refused: keys whose ACL is not to be had; settled: nothing is undone.
    looked: keys that were read, also before the turns that others had meanwhile; reads: how many since.
    """

    opened: OpenedPage
    looked: set[str]
    fresh: list[tuple[DocRow, Fetched]] = field(default_factory=list)
    retags: dict[bytes, Retag] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    settled: bool = True
    reads: int = 0

    @property
    def prefix(self) -> str:
        """The page."""
        return self.opened.page.prefix


class ContentPass:
    """Works through the pages that changed. hold_widenings: the guard waits for a person.

    A wider ACL is given to a document after its content: who gains access gains it to the new text, not to the former one.
    """

    def __init__(self, run: Run, applier: Applier, *, hold_widenings: bool) -> None:
        self.run = run
        self.applier = applier
        self.hold_widenings = hold_widenings
        self.again: list[Page] = []
        """Pages with a document whose ACL widens once its new text is in."""

    def page(self, page: Page) -> PageRow:
        """Bring one page into the index (its last documents may still be in the applier's group); returns its row.

        Whatever is more urgent goes first, between two documents: then the page is opened again, for its rows are old by then.
        Each document is read once, so that turns without end don't keep the page from coming to its own.
        """
        looked: set[str] = set()
        while True:
            with self.run.install.ledger.read() as view:
                visit = _Visit(self.run.observer.open(view, page), looked)
            if self._work(visit):
                return self._closed(visit)
            self.applier.flush()
            self.run.give_turn()

    def _work(self, visit: _Visit) -> bool:
        """Do what the page asks for; False when somebody wanted a turn before all was done."""
        run, opened = self.run, visit.opened
        through = True
        for key in opened.asking(Action.QUARANTINE):
            self._refuse(visit, opened.members[key], opened.members[key].refusal or _ACL_UNKNOWN, opened.rows.get(key))
        newer = {*opened.asking(Action.LOOK, Action.QUARANTINE)}
        for key in opened.asking(Action.RETAG):
            if key not in newer:
                shelved = key in opened.diff.shelved
                visit.settled &= self._acl(visit, opened.rows[key], opened.members[key], sure=not shelved) or shelved
        for key in opened.asking(Action.ADD, Action.LOOK):
            if not through:
                break
            if key in visit.looked:
                self._pass(visit, key)
                continue
            visit.looked.add(key)
            visit.reads += 1
            self._look(visit, key)
            through = visit.reads * MEMBERS_A_READ < len(opened.members) or not run.order.turns.wanted()
        self._refresh(visit)
        visit.settled &= retag(run, visit.retags.values())
        return through

    def _closed(self, visit: _Visit) -> PageRow:
        """The row of a page that was worked through."""
        run, opened = self.run, visit.opened
        # What is missing now and was not at the survey is the next run's.
        visit.settled &= all(row.staged for row in opened.missing)
        visit.settled &= run.backfill or all(row.due is not Due.EMBED for row in opened.rows.values())
        return run.page_row(visit.prefix, run.tags.stamp(opened.listing.stamp) if visit.settled else None)

    def _acl(self, visit: _Visit, row: DocRow, seen: Observation, *, sure: bool) -> bool:
        """Let a document have the ACL that was seen, as far as that is due; False when more of it is to come.

        sure: the text that it serves is the one that this ACL is for.
        """
        run, before = self.run, self.run.classes.acl(row.class_id)
        acl: Acl | None = seen.acl if sure else serving(before, seen.acl)
        if acl is None or run.classes.full(run.tags.acl(acl)):
            self.applier.refuse(seen, visit.prefix, _ACL_UNKNOWN if acl is None else _TOO_MANY, row)
            visit.refused.add(seen.key)
            if row.fence is not Fence.ACL:
                visit.retags[row.doc] = Retag(row, None)
            visit.settled = False
            return False
        if opens(before, acl) and self.hold_widenings and not narrows(before, acl):
            visit.settled = False
            return False
        unproven = row.floor != row.issued or row.fence is Fence.NARROWED or (sure and row.fence is Fence.ACL)
        if unproven or run.tags.acl(acl) != run.classes.row(row.class_id).key:
            visit.retags[row.doc] = Retag(row, acl, seen.changed_at)
        return sure or acl == seen.acl

    def _refuse(self, visit: _Visit, seen: Observation, refusal: Refusal, row: DocRow | None) -> None:
        """Quarantine a version. The older one goes on serving whom both ACLs permit, and nobody when the new one is unknown."""
        self.applier.refuse(seen, visit.prefix, refusal, row)
        visit.settled &= refusal.reason in PERMANENT
        if row is not None and refusal.reason is Reason.ACL and row.fence is not Fence.ACL:
            visit.retags[row.doc] = Retag(row, None)
        elif row is not None and seen.acl is not None:
            self._acl(visit, self._seen_again(row), seen, sure=False)

    def _seen_again(self, row: DocRow) -> DocRow:
        """A document that was hidden until it is seen again, and is: its older version serves once more."""
        if row.fence is not Fence.MISSING:
            return row
        row = replace(row, fence=lifted(row), staged=False)
        with self.run.install.ledger.write() as tx:
            tx.put_doc(row)
        return row

    def _pass(self, visit: _Visit, key: str) -> None:
        """Leave to the next run what was read before a turn and is not as recorded, but for who must not read it any more."""
        row = visit.opened.rows.get(key)
        visit.settled = False
        if row is not None:
            self._acl(visit, row, visit.opened.members[key], sure=False)

    def _look(self, visit: _Visit, key: str) -> None:
        """Read one document, and give it to the applier unless it says what is recorded."""
        run, opened = self.run, visit.opened
        seen, row = opened.members[key], opened.rows.get(key)
        if row is None and run.away is not None:
            visit.settled = False  # a new text waits for the embedder; of a known document more may be due than its text
            return
        got = fetch(run.source, seen)
        if got is None:
            visit.settled = False
            return
        if isinstance(got, Refusal):
            self._refuse(visit, seen, got, row)
            return
        visit.settled &= got.seen is seen
        parked = key in opened.parked
        if row is None:
            self._put(visit, got, None, parked=parked)
            return
        known = recorded(row, run.classes.row(row.class_id), backfill=run.backfill)
        if settle_look(known, run.tags.content(got.content.digest), run.tags.shape) is Action.REFRESH:
            visit.fresh.append((row, got))
            visit.settled &= self._acl(visit, row, got.seen, sure=True)
            return
        self._acl(visit, row, got.seen, sure=False)
        if row.doc in visit.retags:
            # Narrowed while the content was read: the ACL first, the content when the page is opened again.
            visit.settled = False
            self._come_back(visit)
            return
        if got.seen.acl is not None and run.tags.acl(got.seen.acl) != run.classes.row(row.class_id).key:
            self._come_back(visit)
        self._put(visit, got, row, parked=parked)

    def _put(self, visit: _Visit, got: Fetched, row: DocRow | None, *, parked: bool) -> None:
        if self.run.away is not None:
            visit.settled = False
            return
        refusal = self.applier.put(got, visit.prefix, row, parked=parked)
        if refusal is not None:
            self._refuse(visit, got.seen, refusal, row)

    def _come_back(self, visit: _Visit) -> None:
        visit.settled = False
        if visit.opened.page not in self.again:
            self.again.append(visit.opened.page)

    def _freed(self, opened: OpenedPage, refused: set[str]) -> list[QuarantineRow]:
        """What was in quarantine and needs nothing more: its ACL is known again, and its content is as recorded."""
        busy = {*refused, *opened.diff.shelved, *opened.asking(Action.ADD, Action.LOOK, Action.QUARANTINE)}
        return [shelf for key, shelf in opened.parked.items() if key not in busy]

    def _refresh(self, visit: _Visit) -> None:
        """Record the new versions of documents whose content did not change, and let go what is no longer listed."""
        run, install, opened = self.run, self.run.install, visit.opened
        gone = [*opened.unparked, *self._freed(opened, visit.refused)]
        if not visit.fresh and not gone:
            return
        with install.transaction() as tx:
            for row, got in visit.fresh:
                seen = got.seen
                card = replace(run.vault.card(row), key=seen.key, size=seen.size, changed_at=seen.changed_at)
                row = replace(  # noqa: PLW2901 - the row as it is from here on
                    row,
                    version=run.tags.version(seen),
                    identity=run.tags.identity(seen),
                    racy=seen.racy,
                    vault=run.vault.sealed(row, card, install.nonce()),
                    seen_at=run.started,
                )
                tx.ledger.put_doc(row)
                if row.doc in visit.retags:
                    visit.retags[row.doc] = replace(visit.retags[row.doc], row=row)
                if seen.key in opened.parked:
                    release(run, tx, run.tags.locator(seen.key), row.doc)
            for shelf in gone:
                release(run, tx, shelf.locator, shelf.doc)
