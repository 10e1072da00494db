"""The rows of the ledger as values. What would tell a name, a place or a text is sealed or keyed before it comes here."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class DocState(IntEnum):
    """Where a document's life stands."""

    PENDING = 0
    """Intended, never completed."""
    LIVE = 1
    DELETED = 2
    """A tombstone: it keeps the name history, and late writes from resurrecting anything."""


class Fence(StrEnum):
    """Why no reader may see a document at present."""

    NONE = ""
    NARROWED = "narrowed"
    """Its ACL narrowed and the index has not been proven to know."""
    MISSING = "missing"
    """It was not in its completely listed page, or the page could not be listed: hidden until it is seen again."""
    ACL = "acl"
    """Its ACL is unknown: fenced without end."""


class Due(IntEnum):
    """Whether a document is to be looked at although nothing says that it changed."""

    NO = 0
    LOOK = 1
    """A change of it was begun and never proven, or a chunk of it is missing: read it and compare again."""
    EMBED = 2
    """A reindex: nothing recorded of it is believed, its texts are embedded again."""


class PointState(IntEnum):
    """What is believed of a point."""

    INTENDED = 0
    LIVE = 1


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source: its locator, the number of its last scan, when one was last complete (Unix seconds, 0: never).

    acls_at: when its ACLs were last completely scanned; readers refuse the source when that is too long ago.
    """

    source: bytes
    scan: int
    complete_at: float
    acls_at: float


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page that was seen: keyed stamp (None: look again), the scan that last wrote it, its sealed prefix.

    parent: the locator of the page that it lies in; None for the root, and where an older syncd wrote the row.
    """

    locator: bytes
    source: bytes
    stamp: bytes | None
    scan: int
    sealed: bytes
    parent: bytes | None = None


@dataclass(frozen=True, slots=True)
class DocRow:
    """A document. locator: None once it is deleted. version, content, identity: keyed tags, compared for equality.

    issued: the last acl_version given; floor: the last one proven converged. dek: wrapped; vault: sealed under the DEK.
    staged: it was missing from its completely listed page and goes when the scan is complete and the guard agrees.
    """

    doc: bytes
    source: bytes
    state: DocState
    locator: bytes | None
    page: bytes
    identity: bytes | None
    version: bytes
    content: bytes
    shape: bytes
    due: Due
    racy: bool
    class_id: int
    issued: int
    floor: int
    fence: Fence
    epoch: int
    staged: bool
    dek: bytes
    vault: bytes
    seen_at: float
    synced_at: float


@dataclass(frozen=True, slots=True)
class PointRow:
    """A point that exists or may exist: (doc, fp, occurrence) gives its id."""

    doc: bytes
    fp: bytes
    occurrence: int
    state: PointState


@dataclass(frozen=True, slots=True)
class NameRow:
    """A place that a document has had since audit sequence `seq`; sealed under the document's key."""

    doc: bytes
    locator: bytes
    seq: int
    sealed: bytes


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A distinct ACL: keyed digest, random uid, sealed canonical form. id is 0 until the ledger gave one."""

    id: int
    key: bytes
    uid: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """Something that is not indexed, and why. doc: an older version goes on serving under that id.

    dropped: a person has seen it and wants to hear no more of it until the document changes.
    """

    locator: bytes
    source: bytes
    page: bytes
    doc: bytes | None
    reason: str
    detail: str
    version: bytes
    shape: bytes
    attempts: int
    first_at: float
    last_at: float
    next_at: float
    sealed: bytes
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class IntentRow:
    """A change that was begun and has no outcome yet."""

    op: bytes
    doc: bytes
    kind: str
    run: bytes
    seq: int


class CollectionState(StrEnum):
    """What a collection is for."""

    SERVING = "serving"
    """Readers are answered from it, and it is kept fresh. There is exactly one."""
    FILLING = "filling"
    """Another space, filled beside the serving one. At most one."""
    RETIRED = "retired"
    """It served before, or was given up; its points are gone or go."""


@dataclass(frozen=True, slots=True)
class CollectionRow:
    """A collection of the index: immutable uid, the space of its vectors, its dimension.

    embedder: the settings of the embedder as JSON, so that it can be had when the configuration names another; "" where an
    older syncd wrote the row.
    """

    uid: bytes
    name: str
    space: bytes
    dimension: int
    state: CollectionState = CollectionState.SERVING
    embedder: str = ""


@dataclass(frozen=True, slots=True)
class CopyRow:
    """What the filling collection holds of a document: the content, shape and ACL version that its points are of.

    vault: the document's card with the chunks of that collection, sealed under its DEK.
    """

    doc: bytes
    content: bytes
    shape: bytes
    issued: int
    vault: bytes


@dataclass(frozen=True, slots=True)
class RunRow:
    """One attempt on one source. `report` is JSON without names."""

    run: bytes
    source: bytes
    trigger: str
    state: str
    started_at: float
    finished_at: float
    report: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event of the audit log: exact leaf bytes, its RFC 6962 leaf hash, row MAC, and index columns that equal the leaf.

    ts: microseconds since the epoch. doc, run: hex or "".
    """

    seq: int
    leaf: bytes | None
    leaf_hash: bytes
    mac: bytes
    ts: int
    type: str
    phase: str
    op: str
    run: str
    source: str
    doc: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the ledger holds."""

    live: int
    pending: int
    deleted: int
    fenced: int
    points: int
    quarantined: int
