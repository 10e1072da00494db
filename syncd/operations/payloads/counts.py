"""What a run counts."""

from typing_extensions import TypedDict  # typing's own tells pydantic too little before Python 3.12


class DocumentCounts(TypedDict):
    """Documents by what became of them in a run."""

    added: int
    updated: int
    moved: int
    retagged: int
    deleted: int
    unchanged: int
    quarantined: int


class ChunkCounts(TypedDict):
    """Chunks of a run: embedded or reused; deleted: taken from the index."""

    embedded: int
    reused: int
    deleted: int


class HeldCounts(TypedDict):
    """Documents that the guard held back."""

    deletions: int
    widenings: int


class LastReport(TypedDict):
    """What the last whole run did."""

    documents: DocumentCounts
    chunks: ChunkCounts
    held: HeldCounts
