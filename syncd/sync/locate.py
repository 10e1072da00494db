"""DOC on a command line: a doc id, an absolute path, or SOURCE:KEY."""

from collections.abc import Sequence
from dataclasses import dataclass

from syncd.core.keys import Keyring
from syncd.core.rows import DocRow
from syncd.errors import DocUnknown
from syncd.ports import LedgerView, Source
from syncd.seal.identity import document_locator


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document is or was."""

    source: str
    key: str


def places(sources: Sequence[Source], text: str) -> list[Place]:
    """Every (source, key) that `text` may name."""
    found = []
    for source in sources:
        key = source.locate(text) if text.startswith("/") else None
        if key is not None:
            found.append(Place(source.name, key))
        if text.startswith(source.name + ":"):
            found.append(Place(source.name, text[len(source.name) + 1 :]))
    return found


def find_docs(view: LedgerView, keyring: Keyring, sources: Sequence[Source], text: str) -> list[DocRow]:
    """The documents that `text` names now or named once, the present one first. Raises DocUnknown."""
    rows: dict[bytes, DocRow] = {}
    if len(text) == 32 and not set(text) - set("0123456789abcdef"):
        row = view.doc(bytes.fromhex(text))
        if row is not None:
            rows[row.doc] = row
    for place in places(sources, text):
        locator = document_locator(keyring.identity, place.source, place.key)
        row = view.doc_at(locator)
        if row is not None:
            rows[row.doc] = row
        for name in view.names(locator):
            row = view.doc(name.doc)
            if row is not None:
                rows.setdefault(row.doc, row)
    if not rows:
        raise DocUnknown(doc=text)
    return list(rows.values())
