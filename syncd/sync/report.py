"""What a run did, counted."""

from dataclasses import asdict, dataclass, field


@dataclass(slots=True)
class Documents:
    """Documents by what became of them; `quarantined` counts those in quarantine when the run ended."""

    added: int = 0
    updated: int = 0
    moved: int = 0
    retagged: int = 0
    deleted: int = 0
    unchanged: int = 0
    quarantined: int = 0


@dataclass(slots=True)
class Chunks:
    """Chunks of the documents that were added or updated: embedded now or reused; deleted: points taken from the index."""

    embedded: int = 0
    reused: int = 0
    deleted: int = 0


@dataclass(slots=True)
class Held:
    """Documents that the guard held back: it is this many that a confirmation says yes to. Also: that it let pass."""

    deletions: int = 0
    widenings: int = 0


@dataclass(slots=True)
class Report:
    """The counters of one run. opened: documents that opened to everyone."""

    documents: Documents = field(default_factory=Documents)
    chunks: Chunks = field(default_factory=Chunks)
    held: Held = field(default_factory=Held)
    opened: int = 0

    def as_dict(self) -> dict[str, dict[str, int]]:
        """For JSON."""
        return {"documents": asdict(self.documents), "chunks": asdict(self.chunks), "held": asdict(self.held)}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: what it does now, how many are done; `total` is None while nobody knows.

    backfill: how many documents of a reindex are done, or in phase "plan" are to be done, besides.
    """

    phase: str
    done: int
    total: int | None = None
    backfill: int = 0
