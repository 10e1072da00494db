"""Reindex: treat the recorded state as stale. Old points serve until the new are in; nothing is dropped and rebuilt.

The mark is in the ledger, so a reindex that is killed goes on with the next sync. It is the one thing that embeds a text again
although its vector is in the index: an admin asks for it because he does not believe what is there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pathspec import GitIgnoreSpec

from syncd.audit.canonical import Json
from syncd.core.rows import DocRow, DocState, Due
from syncd.ports import LedgerView, Source
from syncd.seal.identity import source_id
from syncd.seal.vault import Vault
from syncd.sync.install import Actor, Event, EventType, Install, Phase
from syncd.sync.locate import find_docs
from syncd.sync.reason import commit
from syncd.sync.stage import batches


@dataclass(frozen=True, slots=True)
class Selection:
    """What a reindex is to cover; `sources` are the sources that then have to be synced."""

    docs: tuple[bytes, ...]
    sources: tuple[str, ...]
    chunks: int


def select(
    install: Install, view: LedgerView, sources: Sequence[Source], *, doc: str | None = None, glob: str | None = None
) -> Selection:
    """The live documents of `sources`: all, one, or those whose key matches a pattern as in .gitignore."""
    rows: Iterable[DocRow]
    if doc is not None:
        rows = find_docs(view, install.keyring, sources, doc)[:1]
    else:
        rows = (row for source in sources for row in view.docs(source_id(install.keyring.identity, source.name)))
    if glob is not None:
        spec, vault = GitIgnoreSpec.from_lines([glob]), Vault(install.keyring)
        rows = (row for row in rows if row.state is not DocState.DELETED and spec.match_file(vault.card(row).key))
    docs, mine, chunks = [], set(), 0
    for row in rows:
        if row.state is not DocState.DELETED:
            docs.append(row.doc)
            mine.add(row.source)
            chunks += len(view.points(row.doc))
    names = tuple(s.name for s in sources if source_id(install.keyring.identity, s.name) in mine)
    return Selection(tuple(docs), names, chunks)


def request(install: Install, selection: Selection, *, actor: Actor, reason: str) -> bytes:
    """Mark every selected document, in one transaction: all are marked, or none. Returns the id that the history knows it by.

    The log holds a salted commitment to the reason; its opening is sealed in the ledger.
    """
    op = install.fresh_id()
    body: dict[str, Json] = {"documents": len(selection.docs), "chunks": selection.chunks}
    with install.transaction() as tx:
        body["reason"] = commit(install, tx, op, reason)
        tx.audit(Event(EventType.REINDEX_REQUESTED, Phase.OUTCOME, op, actor=actor, body=body))
        for batch in batches(selection.docs, 256):
            with install.ledger.read() as view:
                found = [row for doc in batch if (row := view.doc(doc)) is not None]
                rows = [row for row in found if row.state is not DocState.DELETED]  # some may be gone since they were selected
                pages = [page for locator in {row.page for row in rows} if (page := view.page(locator)) is not None]
            for row in rows:
                tx.ledger.put_doc(replace(row, due=Due.EMBED))
            for page in pages:
                tx.ledger.put_page(replace(page, stamp=None))
    return op
