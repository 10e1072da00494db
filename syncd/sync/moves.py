"""Moves: a key that shows the inode and the content of a document whose own key shows something else now, or nothing.

A move changes ledger rows only, unless the new name says that the content is to be read in another way. It is claimed before
deletions are released, so a renamed folder loses nothing, and before contents are read, so that its documents are hidden for as
short as possible.
"""

from dataclasses import dataclass, replace

from syncd.core.acl import Acl
from syncd.core.model import Content, Observation
from syncd.core.rows import DocRow, DocState, Due, Fence, NameRow
from syncd.ports import LedgerView
from syncd.seal.cards import seal_name
from syncd.seal.vault import Vault
from syncd.sync.install import EventType, Phase
from syncd.sync.observe import Observer, OpenedPage
from syncd.sync.reopen import reopen
from syncd.sync.retag import narrows
from syncd.sync.rundata import Run, lifted


@dataclass(frozen=True, slots=True)
class Claim:
    """The document `row`, last at `former`, is now what was `seen`, under `acl`. displaced: what was there before."""

    row: DocRow
    former: str
    seen: Observation
    acl: Acl
    prefix: str
    displaced: DocRow | None


def claim(vault: Vault, observer: Observer, view: LedgerView, opened: OpenedPage, key: str) -> Claim | None:
    """The document that moved to `key`, if one did. Reads the content of candidates only."""
    seen = opened.members.get(key)
    identity = observer.tags.identity(seen) if seen is not None else None
    if seen is None or identity is None or seen.refusal is not None or seen.acl is None:
        return None
    here = opened.rows.get(key)
    if here is not None:
        if here.identity == identity:
            return None
        here = view.doc_at(observer.tags.locator(key))  # an earlier claim may have taken it away
    for row in view.docs_with_identity(observer.tags.source_id, identity):
        former = _former(vault, observer, row, seen)
        if former is not None:
            return Claim(row, former, seen, seen.acl, opened.page.prefix, here)
    return None


def _former(vault: Vault, observer: Observer, row: DocRow, seen: Observation) -> str | None:
    """Where the document of `row` was, if it is at `seen` now and not at its own key any more."""
    if row.state is not DocState.LIVE:
        return None
    former = vault.card(row).key
    there = observer.source.observe(former) if former != seen.key else None
    if there is not None and row.locator is not None and observer.tags.identity(there) == row.identity:
        return None  # a hard link: the document is still at its own key
    got = observer.source.fetch(seen)
    same = isinstance(got, Content) and observer.tags.content(got.digest) == row.content
    return former if same else None


def move(run: Run, found: Claim) -> DocRow:
    """Record a move. Under a narrower ACL the document stays hidden until the index knows of it.

    The displaced document is staged and hidden, unless a later claim finds it elsewhere. A name of another kind has the document
    read and cut anew: what was cut as plain text is not what Markdown would be.
    """
    install, seen, row = run.install, found.seen, found.row
    keys = run.vault.keys(row)
    card = replace(run.vault.card(row), key=seen.key, size=seen.size, changed_at=seen.changed_at)
    locator, op = run.tags.locator(seen.key), install.fresh_id()
    narrowed = narrows(run.classes.acl(row.class_id), found.acl)
    same_kind = install.extractor.kind(found.former) == install.extractor.kind(seen.key)
    moved = replace(
        row,
        locator=locator,
        page=run.tags.page(found.prefix),
        version=run.tags.version(seen),
        due=row.due if same_kind else max(row.due, Due.LOOK),
        racy=seen.racy,
        staged=False,
        fence=Fence.NARROWED if narrowed and row.fence is not Fence.ACL else lifted(row),
        vault=run.vault.sealed(row, card, install.nonce()),
        seen_at=run.started,
    )
    with install.transaction() as tx:
        if found.displaced is not None:
            hidden = Fence.MISSING if found.displaced.fence is Fence.NONE else found.displaced.fence
            tx.ledger.put_doc(replace(found.displaced, locator=None, staged=True, fence=hidden))
            run.staged.append(found.displaced.doc)
        reopen(tx.ledger, row.page)
        tx.ledger.clear_locators([row.doc])
        tx.ledger.put_doc(moved)
        tx.ledger.drop_copy(row.doc)  # its card has the old name
        seq = tx.audit(run.event(EventType.DOC_MOVED, Phase.OUTCOME, op, row.doc, fenced=moved.fence is not Fence.NONE))
        sealed = seal_name(install.keyring.algorithm, keys, row.doc, locator, seen.key, install.nonce())
        tx.ledger.put_name(NameRow(row.doc, locator, seq, sealed))
    run.report.documents.moved += 1
    run.touched.add(row.doc)
    return moved
