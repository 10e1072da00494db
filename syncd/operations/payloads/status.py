"""What `status` gives."""

from typing_extensions import TypedDict  # typing's own tells pydantic too little before Python 3.12

from syncd.operations.payloads.counts import LastReport


class LagGiven(TypedDict):
    """Seconds from change to searchable over the latest changes of a kind."""

    count: int
    p50: float
    p95: float


class ReindexUnderWay(TypedDict):
    """Documents that were marked, and are left; rate: chunks a second at most."""

    total: int
    left: int
    paused: bool
    rate: float | None


class Scrubbed(TypedDict):
    """How far a source is being read again. read: documents in this round, of about `documents`; found: that had changed unseen.

    began: when this round did; last: when the last one ended; last_found: in that one.
    """

    read: int
    documents: int
    found: int
    began: str | None
    last: str | None
    last_found: int


class UnwatchedGiven(TypedDict):
    """Parts of a source of which nothing tells, though it is watched: how many, why, since when one of them was not looked at.

    whole: it is one part, the source itself.
    """

    parts: int
    why: str
    whole: bool
    looked_at: str | None


class Watched(TypedDict):
    """What only a daemon knows of a source; without one it is None.

    oldest: since when a change waits; eta: seconds; trouble: why it is not known how fresh it is; lag: by kind of change.
    watched: whether anything tells of its changes; unwatched: of which parts nothing does even so. poll_every: seconds between
    two scans where it, or a part of it, is not watched.
    """

    doing: str | None
    eta: int | None
    pending: int | None
    oldest: str | None
    trouble: str | None
    watched: bool | None
    unwatched: UnwatchedGiven | None
    poll_every: float | None
    lag: dict[str, LagGiven]


class SourceStatus(Watched):
    """One source. state: of the last run, or "never"; fenced: documents that are hidden until their permissions are proven.

    older: those whose present version is in quarantine while an older one is found.
    """

    source: str
    state: str
    run: str | None
    documents: int
    chunks: int
    quarantined: int
    fenced: int
    older: int
    complete_at: str | None
    paused: bool
    reindex: ReindexUnderWay | None
    scrub: Scrubbed | None
    last_report: LastReport | None


class SpaceFilling(TypedDict):
    """Another model on its way: chunks that its collection holds so far."""

    chunks: int


class LastComparison(TypedDict):
    """The last reconcile. found: points that were not as recorded; left: those that were not mended; points: recorded ones."""

    at: str | None
    found: int
    left: int
    points: int
    full: bool


class AnchorTrouble(TypedDict):
    """An anchor that could not be read, or could not take the last checkpoint, and why."""

    place: str
    trouble: str


class AwayGiven(TypedDict):
    """What is needed and does not answer: "index" or "embedder". cause: what it said last; next_try: None while it is asked."""

    name: str
    since: str | None
    cause: str
    next_try: str | None


class StatusGiven(TypedDict):
    """verdict: "fresh", "late" or "unknown", and why. refused: why the daemon keeps a configuration that was replaced on disk.

    in_doubt: changes that a killed run left, to be settled by the next; audit_events: how long the history is; anchors: those
    that do not keep it; recovering: points of a lost ledger are still in the index.
    """

    verdict: str
    reason: str
    pending: int | None
    daemon: bool
    refused: str | None
    away: list[AwayGiven]
    in_doubt: int
    audit_events: int
    anchors: list[AnchorTrouble]
    recovering: bool
    embedder: str
    reconcile: LastComparison | None
    filling: SpaceFilling | None
    sources: list[SourceStatus]
