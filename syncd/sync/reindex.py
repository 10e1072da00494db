"""Reindex: treat the recorded state as stale. Old points serve until the new are in; nothing is dropped and rebuilt.

The mark is in the ledger, so a reindex that is killed goes on with the next sync. It is the one thing that embeds a text again
although its vector is in the index: an admin asks for it because he does not believe what is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from syncd.audit.canonical import Json
from syncd.core.rows import DocRow, DocState, Due
from syncd.ports import LedgerView, Source
from syncd.seal.cards import seal_note
from syncd.seal.derive import mac
from syncd.seal.identity import source_id
from syncd.sync.install import Actor, Event, EventType, Install, Phase
from syncd.sync.locate import find_docs
from syncd.sync.stage import batches


@dataclass(frozen=True, slots=True)
class Selection:
    """What a reindex is to cover; `sources` are the sources that then have to be synced."""

    docs: tuple[bytes, ...]
    sources: tuple[str, ...]
    chunks: int


def select(install: Install, view: LedgerView, sources: Sequence[Source], *, source: str | None, doc: str | None) -> Selection:
    """The live documents of a source, or one document, or all."""
    rows: list[DocRow]
    if doc is not None:
        rows = find_docs(view, install.keyring, sources, doc)[:1]
    else:
        wanted = [s for s in sources if source in (None, s.name)]
        rows = [row for s in wanted for row in view.docs(source_id(install.keyring.identity, s.name))]
    rows = [row for row in rows if row.state is not DocState.DELETED]
    mine = {row.source for row in rows}
    names = tuple(s.name for s in sources if source_id(install.keyring.identity, s.name) in mine)
    return Selection(tuple(row.doc for row in rows), names, sum(len(view.points(row.doc)) for row in rows))


def request(install: Install, selection: Selection, *, actor: Actor, reason: str) -> None:
    """Mark every selected document, in one transaction: all are marked, or none.

    The log holds a salted commitment to the reason; its opening is sealed in the ledger.
    """
    salt = install.fresh_id()
    op = install.fresh_id()
    opening = seal_note(install.keyring, f"reason/{op.hex()}", f"{salt.hex()} {reason}", install.nonce())
    body: dict[str, Json] = {
        "documents": len(selection.docs),
        "chunks": selection.chunks,
        "reason": mac(salt, "reason", reason).hex(),
    }
    with install.transaction() as tx:
        tx.audit(Event(EventType.REINDEX_REQUESTED, Phase.OUTCOME, op, actor=actor, body=body))
        tx.ledger.set_meta(f"reason/{op.hex()}", opening)
        for batch in batches(selection.docs, 256):
            with install.ledger.read() as view:
                rows = [row for doc in batch if (row := view.doc(doc)) is not None]
                pages = [page for locator in {row.page for row in rows} if (page := view.page(locator)) is not None]
            for row in rows:
                tx.ledger.put_doc(replace(row, due=Due.EMBED))
            for page in pages:
                tx.ledger.put_page(replace(page, stamp=None))
