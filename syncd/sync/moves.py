"""Moves: a key that shows the inode and the content of a document whose own key shows something else now, or nothing.

A move changes ledger rows only. It is claimed before deletions are released, so a renamed folder loses nothing, and before
contents are read, so that its documents are hidden for as short as possible.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from syncd.core.model import Content, Observation
from syncd.core.rows import DocRow, DocState, NameRow
from syncd.ports import LedgerView
from syncd.seal.cards import open_card, seal_card, seal_name
from syncd.seal.wrapping import open_dek
from syncd.sync.install import EventType, Install, Phase
from syncd.sync.observe import Observer, OpenedPage
from syncd.sync.prepare import Fetched
from syncd.sync.rundata import Run, lifted


@dataclass(frozen=True, slots=True)
class Claim:
    """The document `row`, last at `former`, is now what `fetched` shows. `displaced`: the document that was there before."""

    row: DocRow
    former: str
    fetched: Fetched
    prefix: str
    displaced: DocRow | None


def claims(install: Install, observer: Observer, view: LedgerView, opened: OpenedPage, key: str) -> Iterator[Claim]:
    """The documents that may have moved to `key`. Reads the content of candidates only."""
    seen = opened.members.get(key)
    here = opened.rows.get(key)
    identity = observer.tags.identity(seen) if seen is not None else None
    if seen is None or identity is None or (here is not None and here.identity == identity):
        return
    if here is not None:
        here = view.doc_at(observer.tags.locator(key))  # an earlier claim may have taken it away
    for row in view.docs_with_identity(observer.tags.source_id, identity):
        claim = _claim(install, observer, row, seen, opened.page.prefix, here)
        if claim is not None:
            yield claim


def _claim(
    install: Install, observer: Observer, row: DocRow, seen: Observation, prefix: str, here: DocRow | None
) -> Claim | None:
    if row.state is not DocState.LIVE:
        return None
    keys = open_dek(install.keyring, row.epoch, row.dek, row.doc)
    former = open_card(install.keyring.algorithm, keys, row.doc, row.vault).key
    there = observer.source.observe(former) if former != seen.key else None
    if there is not None and row.locator is not None and observer.tags.identity(there) == row.identity:
        return None  # a hard link: the document is still at its own key
    got = observer.source.fetch(seen) if seen.refusal is None and seen.acl is not None else None
    if not isinstance(got, Content) or observer.tags.content(got.digest) != row.content:
        return None
    return Claim(row, former, Fetched(seen, got), prefix, here)


def move(run: Run, claim: Claim) -> DocRow:
    """Record a move; the displaced document is staged, unless a later claim finds it elsewhere."""
    install, seen, row = run.install, claim.fetched.seen, claim.row
    keys = open_dek(install.keyring, row.epoch, row.dek, row.doc)
    card = replace(
        open_card(install.keyring.algorithm, keys, row.doc, row.vault), key=seen.key, size=seen.size, changed_at=seen.changed_at
    )
    locator, op = run.tags.locator(seen.key), install.fresh_id()
    moved = replace(
        row,
        locator=locator,
        page=run.tags.page(claim.prefix),
        version=run.tags.version(seen),
        racy=seen.racy,
        staged=False,
        fence=lifted(row),
        vault=seal_card(install.keyring.algorithm, keys, row.doc, card, install.nonce()),
        seen_at=run.started,
    )
    with install.transaction() as tx:
        if claim.displaced is not None:
            tx.ledger.put_doc(replace(claim.displaced, locator=None, staged=True))
        tx.ledger.clear_locators([row.doc])
        tx.ledger.put_doc(moved)
        seq = tx.audit(run.event(EventType.DOC_MOVED, Phase.OUTCOME, op, row.doc, outcome="ok"))
        sealed = seal_name(install.keyring.algorithm, keys, row.doc, locator, seen.key, install.nonce())
        tx.ledger.put_name(NameRow(row.doc, locator, seq, sealed))
    run.report.documents.moved += 1
    run.touched.add(row.doc)
    return moved
