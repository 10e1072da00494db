"""A group of documents that are committed together, so that a commit costs little a document."""

from dataclasses import dataclass, field

from syncd.core.model import Chunk, Observation, Refusal
from syncd.core.rows import DocRow, PageRow, PointRow, PointState
from syncd.seal.wrapping import DocKeys
from syncd.sync.install import Policy
from syncd.sync.prepare import Cut


@dataclass(slots=True)
class Item:
    """A document on its way into the index. parked: its key is in quarantine.

    is_new: it has no life yet. again: a reindex, so that nothing recorded is believed. rewrite: every point is written anew.
    """

    seen: Observation
    prefix: str
    digest: bytes
    cut: Cut
    row: DocRow
    keys: DocKeys
    parked: bool
    op: bytes
    is_new: bool = False
    again: bool = False
    rewrite: bool = False
    existing: dict[tuple[bytes, int], PointState] = field(default_factory=dict)
    failed: dict[int, Refusal] = field(default_factory=dict)
    embedded: int = 0

    def wanted(self) -> dict[tuple[bytes, int], int]:
        """(fp, occurrence) -> place in the text."""
        return {(chunk.fp, chunk.occurrence): place for place, chunk in enumerate(self.cut.chunks)}

    def to_write(self) -> list[int]:
        """Places whose point is not known to be in the index."""
        return [
            place
            for place, chunk in enumerate(self.cut.chunks)
            if self.rewrite or self.existing.get((chunk.fp, chunk.occurrence)) is not PointState.LIVE
        ]

    def kept_chunks(self) -> tuple[Chunk, ...]:
        """The chunks that are in the index now, in the order of the text."""
        return tuple(chunk for place, chunk in enumerate(self.cut.chunks) if place not in self.failed)

    def stale(self) -> list[PointRow]:
        """Points of the document that the new version does not have (or whose embedding failed)."""
        wanted = {(chunk.fp, chunk.occurrence) for chunk in self.kept_chunks()}
        return [PointRow(self.row.doc, fp, occ, state) for (fp, occ), state in self.existing.items() if (fp, occ) not in wanted]


@dataclass(frozen=True, slots=True)
class Refused:
    """A version that goes into quarantine, and the document whose older version goes on serving."""

    seen: Observation
    prefix: str
    refusal: Refusal
    row: DocRow | None


@dataclass(slots=True)
class Group:
    """Items, refusals, and the pages that are complete once these are recorded."""

    items: list[Item] = field(default_factory=list)
    refusals: list[Refused] = field(default_factory=list)
    pages: list[PageRow] = field(default_factory=list)
    chunks: int = 0
    bytes: int = 0

    def add(self, item: Item) -> None:
        """One more document."""
        self.items.append(item)
        self.chunks += len(item.cut.chunks)
        self.bytes += sum(map(len, item.cut.bodies)) * 2

    def full(self, policy: Policy, chunks: int) -> bool:
        """Whether it should be committed: it has as many `chunks`, or as much of anything else as a group may have."""
        return (
            self.chunks >= chunks
            or len(self.items) + len(self.refusals) >= policy.group_documents
            or self.bytes >= policy.group_bytes
            or len(self.pages) >= 4 * policy.group_documents
        )
