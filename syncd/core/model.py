"""The nouns of syncd (architecture.md, "Words"): frozen values, no behaviour that touches the world."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from syncd.core.acl import Acl
from syncd.core.tlv import tlv

DocId = NewType("DocId", bytes)
"""16 random bytes for one life of a document; kept through moves, never given again."""
Fp = NewType("Fp", bytes)
"""16 bytes: keyed fingerprint of (space, text to embed)."""
PointId = NewType("PointId", str)
"""A UUID in its canonical text form, or the decimal digits of a number: syncd gives UUIDs only, somebody else may not."""
Vector = NewType("Vector", bytes)
"""A unit vector as float32, little endian: four bytes a dimension."""


class Reason(StrEnum):
    """Why something is in quarantine."""

    FORMAT = "format"
    """Not a kind of text that this syncd reads (binary, another encoding, another type)."""
    TOO_LARGE = "too-large"
    UNREADABLE = "unreadable"
    """The daemon's account may not read it."""
    SPECIAL = "special"
    """A FIFO, socket or device under a name that was asked for."""
    CHANGING = "changing"
    """It kept changing while it was read."""
    ACL = "acl"
    """Its ACL could not be read or understood: fenced without end."""
    EMBEDDING = "embedding"
    """The embedder refused one of its chunks."""
    INDEX = "index"
    """The index found one of its chunks invalid."""
    LISTING = "listing"
    """A directory that could not be listed: what is recorded below it is kept."""


class Lane(StrEnum):
    """How urgent it is that texts are embedded. Questions are the most urgent, and have a way of their own."""

    LIVE = "live"
    """Something changed just now."""
    BACKFILL = "backfill"
    """There is much of it, and it can wait for whatever else the machine is asked to do."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a document, or a version of it, is not indexed. `detail` never holds a name, a principal or text."""

    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a scan just saw of a document.

    version: opaque, equal if and only if the source gives no reason to look again.
    identity: what follows a document through a rename (on a filesystem: device and inode), None where nothing does.
    changed_at: Unix seconds, 0.0 where the source does not know.
    acl: None when it could not be read, which quarantines the document.
    racy: it changed so recently that an equal version proves nothing next time.
    """

    key: str
    version: bytes
    identity: bytes | None
    size: int
    changed_at: float
    acl: Acl | None
    racy: bool = False
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A page that was opened: its members in key order, and the stamp of just what was listed (None: look again)."""

    prefix: str
    stamp: bytes | None
    members: tuple[Observation, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A named slice of a source. `load` is not called when `stamp` equals the recorded one.

    failure: it could not be listed; nothing recorded at or below `prefix` counts as gone. size: how many members there are, as
    far as that is known without looking inside. keys: only these were looked at, and nothing is said of the others; None: all.
    """

    prefix: str
    stamp: bytes | None
    load: Callable[[], Listing]
    failure: Refusal | None = None
    size: int = 0
    keys: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a document, of exactly the version that was observed."""

    data: bytes = field(repr=False)
    digest: bytes
    """32 bytes, equal for equal documents: the SHA-256 of `data`, and of what else a source says of it (see `of`)."""
    extension: str | None = None
    """How `data` is to be read where the key doesn't say: as a file of this extension ("md", "html") would be."""
    title: str | None = field(default=None, repr=False)
    """What the document is called, where that does not stand in `data`."""

    @staticmethod
    def of(data: bytes, *, extension: str | None = None, title: str | None = None) -> "Content":
        """The content with its digest."""
        if extension is None and title is None:
            return Content(data, hashlib.sha256(data).digest())
        told = tlv("content", extension or "", title or "", data)
        return Content(data, hashlib.sha256(told).digest(), extension, title)


class Absence(StrEnum):
    """Why a fetch brought nothing."""

    GONE = "gone"
    CHANGED = "changed"


class Form(StrEnum):
    """How a text shows its structure to the chunker."""

    MARKDOWN = "markdown"
    RST = "rst"
    CODE = "code"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of a document, its form, and its title if it has one."""

    text: str = field(repr=False)
    form: Form
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk as the chunker cut it: text[start:end], with the nearest heading and the path of headings above it.

    Offsets are in characters of the extracted text. `heading` is "" before the first heading.
    """

    start: int
    end: int
    heading: str = ""
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """The unit of embedding: identity is `fp` and `occurrence`, never the place in the document."""

    fp: Fp
    occurrence: int
    piece: Piece


Payload = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Point:
    """What the index holds: an id, a vector (empty when it was not asked for), a payload."""

    id: PointId
    vector: Vector
    payload: Payload


@dataclass(frozen=True, slots=True)
class Scored:
    """A point that a query found, with its score (cosine similarity, higher is nearer)."""

    point: Point
    score: float


@dataclass(frozen=True, slots=True)
class Eq:
    """field == value."""

    field: str
    value: str | int


@dataclass(frozen=True, slots=True)
class AnyOf:
    """field is one of `values`; an empty one matches nothing."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lt:
    """field < value, for integers."""

    field: str
    value: int


@dataclass(frozen=True, slots=True)
class Ids:
    """The point is one of these; a missing id is a no-op, an empty one matches nothing."""

    ids: tuple[PointId, ...]


Condition = Eq | AnyOf | Lt | Ids


@dataclass(frozen=True, slots=True)
class Where:
    """All of `must` and none of `must_not`. Without a `must` it can't be built: in every engine an empty filter is everything."""

    must: tuple[Condition, ...]
    must_not: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        if not self.must:
            raise ValueError("a filter without a `must` condition would match everything")
