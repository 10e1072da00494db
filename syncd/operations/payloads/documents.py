"""What is given of documents and chunks: searched, waited for, explained, planned, dumped."""

from typing_extensions import TypedDict  # typing's own tells pydantic too little before Python 3.12


class HitGiven(TypedDict):
    """A chunk that the reader may read.

    score: the nearer, the larger. span: where it stands in the document's text, in characters, end excluded. as_of: when its
    document was last seen as it is here; pending: whether it may have changed since, None where nobody watches.
    """

    score: float
    source: str
    key: str
    text: str | None
    heading: str
    path: list[str]
    span: list[int]
    title: str | None
    doc: str
    as_of: str | None
    pending: bool | None


class SearchGiven(TypedDict):
    """Hits, nearest first. as_of: the ledger sequence that they include; pending: changes that are seen and not in yet."""

    hits: list[HitGiven]
    as_of: int
    pending: int | None


class WaitGiven(TypedDict):
    """state: "searchable", "gone" or "quarantined", then with its reason. seq: for `search --at-least`."""

    source: str
    key: str
    state: str
    seq: int
    reason: str | None


class ShelvedBriefly(TypedDict):
    """Why a document is in quarantine, since when, how often it was tried, and when it is tried again."""

    reason: str
    since: str | None
    attempts: int
    next_try: str | None


class ExplainGiven(TypedDict, total=False):
    """Why a document is or is not in the index. there: whether something is at the source now; doc: None for what never came in,
    and then the fields after it are missing or empty.
    """

    source: str
    key: str
    state: str
    why: list[str]
    there: bool
    quarantine: ShelvedBriefly | None
    doc: str | None
    title: str
    chunks: int
    acl_version: int
    readers: list[str]
    seen_at: str | None
    read_at: str | None
    embedded_at: str | None
    retagged_at: str | None


class PlannedChange(TypedDict):
    """What a sync would do to one document. sign: as the plan prints it; chunks: estimated unless it is exact."""

    source: str
    action: str
    sign: str
    key: str
    chunks: int
    note: str


class ChunkGiven(TypedDict):
    """A live chunk as the index holds it."""

    source: str
    key: str
    span: list[int]
    text_sha256: str
    vector_sha256: str
    readers: list[str]
