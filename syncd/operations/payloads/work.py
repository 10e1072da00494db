"""What long work gives: its plan, and what came of it."""

from typing_extensions import TypedDict  # typing's own tells pydantic too little before Python 3.12

from syncd.operations.payloads.counts import ChunkCounts, DocumentCounts


class RunGiven(TypedDict):
    """One run over one source. seconds: how long it took."""

    run: str
    state: str
    source: str
    documents: DocumentCounts
    chunks: ChunkCounts
    seconds: float


class SyncGiven(TypedDict):
    """Every run, and the ledger sequence after them: for `search --at-least`."""

    runs: list[RunGiven]
    seq: int


class ReindexPlan(TypedDict):
    """What is embedded again."""

    documents: int
    chunks: int
    sources: list[str]


class ReindexPaused(TypedDict):
    """The sources whose reindex rests, or goes on."""

    sources: list[str]
    paused: bool


class NewSpacePlan(ReindexPlan):
    """What the other model embeds. model: its name."""

    model: str


class SpaceGivenUp(TypedDict):
    """Whether there was another model on its way."""

    given_up: bool


class NewSpaceGiven(TypedDict):
    """The collection that serves now. left_out: documents that could not be read as they are indexed."""

    documents: int
    embedded: int
    left_out: int
    collection: str
    state: str
    seq: int


class DriftedDocument(TypedDict):
    """A document whose points were not as recorded: how many, by kind. key: None for one that was deleted."""

    source: str
    key: str | None
    doc: str
    points: dict[str, int]


class ReconcileGiven(TypedDict):
    """Points that were not as recorded, by kind; repaired: those that are now.

    missing: recorded, and not there. extra: ours, and not recorded. altered: not what is recorded, or with a vector that is not
    the model's. unsealed: a blob does not open. foreign: nobody here wrote it. unfenced: of a document whose ACL is unknown, and
    not closed. points: recorded ones; sampled: vectors that were computed anew; documents: the first thousand that drifted.
    """

    missing: int
    extra: int
    altered: int
    unsealed: int
    foreign: int
    unfenced: int
    repaired: int
    points: int
    sampled: int
    documents: list[DriftedDocument]
    seq: int


class ScrubGiven(TypedDict):
    """One round over a source. documents: that were read again; found: those whose bytes had changed behind their times."""

    source: str
    documents: int
    found: int
    seq: int


class RestoreGiven(TypedDict):
    """A restored ledger, accepted. hidden: documents that nobody could read until they were looked at again.

    anchored: events that an anchor knows to have been signed, None where none could be asked; repaired: points put right.
    """

    hidden: int
    anchored: int | None
    runs: list[RunGiven]
    repaired: int
    seq: int


class RecoverGiven(TypedDict):
    """A lost ledger, begun anew. taken: points of the lost one that were found in the store; gone: those that were taken away.

    anchored: events that an anchor knows to have been signed, None where none could be asked; repaired: points put right.
    """

    taken: int
    gone: int
    anchored: int | None
    runs: list[RunGiven]
    repaired: int
    seq: int
