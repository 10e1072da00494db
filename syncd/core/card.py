"""The card of a document: what is sealed of it in the ledger, one packed row a document."""

from dataclasses import dataclass

from syncd.core.model import Chunk


@dataclass(frozen=True, slots=True)
class Card:
    """Place, title, size in bytes, time of last change (Unix seconds), and the chunk map in the order of the text."""

    key: str
    title: str | None
    size: int
    changed_at: float
    chunks: tuple[Chunk, ...]
