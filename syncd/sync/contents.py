"""The second pass: the pages that differ are opened again, and what their documents say now goes into the index."""

from dataclasses import replace

from syncd.core.acl import Acl
from syncd.core.diff import PERMANENT, Action, settle_look
from syncd.core.model import Page, Reason, Refusal
from syncd.core.rows import DocRow, Fence, PageRow, QuarantineRow
from syncd.seal.cards import open_card, seal_card, seal_place
from syncd.seal.wrapping import open_dek
from syncd.sync.apply import Applier
from syncd.sync.observe import OpenedPage
from syncd.sync.prepare import Fetched, fetch
from syncd.sync.retag import Retag, narrows, retag
from syncd.sync.rundata import Run
from syncd.sync.shelve import release
from syncd.sync.tags import recorded

_ACL_UNKNOWN = Refusal(Reason.ACL, "could not be read")


class ContentPass:
    """Works through the pages that changed. `hold_widenings`: the guard waits for a person."""

    def __init__(self, run: Run, applier: Applier, *, hold_widenings: bool) -> None:
        self.run = run
        self.applier = applier
        self.hold_widenings = hold_widenings

    def page(self, page: Page) -> PageRow:
        """Bring one page into the index (its last documents may still be in the applier's group); returns its row."""
        opened = self._acls_first(page)
        settled = not self._held(opened)
        fresh: list[tuple[DocRow, Fetched]] = []
        for key in opened.asking(Action.QUARANTINE):
            settled &= self._refuse(opened, key)
        for key in opened.asking(Action.ADD, Action.LOOK):
            settled &= self._look(opened, key, fresh)
        self._refresh(opened, fresh)
        locator = self.run.tags.page(page.prefix)
        sealed = seal_place(self.run.install.keyring, "page", locator, page.prefix, self.run.install.nonce())
        stamp = self.run.tags.stamp(opened.listing.stamp) if settled else None
        return PageRow(locator, self.run.tags.source_id, stamp, self.run.scan, sealed)

    def _open(self, page: Page) -> OpenedPage:
        with self.run.install.ledger.read() as view:
            return self.run.observer.open(view, page)

    def _acls_first(self, page: Page) -> OpenedPage:
        """The page with every ACL that may change brought up to date."""
        opened = self._open(page)
        changes = []
        for key in opened.asking(Action.RETAG):
            row, acl = opened.rows[key], opened.members[key].acl
            if acl is not None and not self._waits(row, acl):
                changes.append(Retag(row, acl))
        for key in opened.asking(Action.QUARANTINE):
            seen = opened.members[key]
            if seen.acl is None and key in opened.rows and opened.rows[key].fence is not Fence.ACL:
                changes.append(Retag(opened.rows[key], None))
        if not changes:
            return opened
        retag(self.run, changes)
        return self._open(page)

    def _waits(self, row: DocRow, acl: Acl) -> bool:
        """Whether the change opens the document to everyone while the guard holds that back."""
        before = self.run.classes.acl(row.class_id)
        return self.hold_widenings and acl.open_to_everyone() and not before.open_to_everyone() and not narrows(before, acl)

    def _held(self, opened: OpenedPage) -> bool:
        """Whether an ACL change of this page is still to be done."""
        return any(True for _ in opened.asking(Action.RETAG))

    def _refuse(self, opened: OpenedPage, key: str) -> bool:
        seen = opened.members[key]
        refusal = seen.refusal or _ACL_UNKNOWN
        self.applier.refuse(seen, opened.page.prefix, refusal, opened.rows.get(key))
        return refusal.reason in PERMANENT

    def _look(self, opened: OpenedPage, key: str, fresh: list[tuple[DocRow, Fetched]]) -> bool:
        """Read one document; False when the page has to be opened again next time."""
        run, prefix, seen, row = self.run, opened.page.prefix, opened.members[key], opened.rows.get(key)
        got = fetch(run.source, seen)
        if got is None:
            return False
        if isinstance(got, Refusal):
            self.applier.refuse(seen, prefix, got, row)
            return got.reason in PERMANENT
        calm = got.seen is seen
        if row is None:
            return self.applier.put(got, prefix, None, parked=key in opened.parked) and calm
        if got.seen.acl is None or run.tags.acl(got.seen.acl) != run.classes.row(row.class_id).key:
            return False  # its ACL changed just now: next pass, ACL first
        known = recorded(row, run.classes.row(row.class_id))
        if settle_look(known, run.tags.content(got.content.digest), run.tags.shape) is Action.REFRESH:
            fresh.append((row, got))
            return calm
        return self.applier.put(got, prefix, row, parked=key in opened.parked) and calm

    def _freed(self, opened: OpenedPage) -> list[QuarantineRow]:
        """What was in quarantine and needs nothing more: its ACL is known again, and its content is as recorded."""
        busy = {*opened.diff.shelved, *opened.asking(Action.ADD, Action.LOOK, Action.QUARANTINE)}
        return [shelf for key, shelf in opened.parked.items() if key not in busy]

    def _refresh(self, opened: OpenedPage, fresh: list[tuple[DocRow, Fetched]]) -> None:
        """Record the new versions of documents whose content did not change, and let go what is no longer listed."""
        run, install = self.run, self.run.install
        freed = self._freed(opened)
        if not fresh and not opened.unparked and not freed:
            return
        with install.transaction() as tx:
            for row, got in fresh:
                seen = got.seen
                keys = open_dek(install.keyring, row.epoch, row.dek, row.doc)
                card = open_card(install.keyring.algorithm, keys, row.doc, row.vault)
                card = replace(card, key=seen.key, size=seen.size, changed_at=seen.changed_at)
                vault = seal_card(install.keyring.algorithm, keys, row.doc, card, install.nonce())
                tx.ledger.put_doc(
                    replace(
                        row,
                        version=run.tags.version(seen),
                        identity=run.tags.identity(seen),
                        racy=seen.racy,
                        vault=vault,
                        seen_at=run.started,
                    )
                )
                if seen.key in opened.parked:
                    release(run, tx, run.tags.locator(seen.key), row.doc)
            for shelf in (*opened.unparked, *freed):
                release(run, tx, shelf.locator, shelf.doc)
