"""What the use cases ask of the world. Adapters implement these Protocols; nothing above knows a concrete class."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from syncd.core.acl import Reader
from syncd.core.blind import Blind
from syncd.core.breaker import Away
from syncd.core.hints import Hint
from syncd.core.keys import Keyring
from syncd.core.model import (
    Absence,
    Content,
    Extracted,
    Lane,
    Observation,
    Page,
    Payload,
    Point,
    PointId,
    Refusal,
    Scored,
    Vector,
    Where,
)
from syncd.core.rows import (
    ClassRow,
    CollectionRow,
    CopyRow,
    Counts,
    DocRow,
    EventRow,
    IntentRow,
    NameRow,
    PageRow,
    PointRow,
    QuarantineRow,
    RunRow,
    SourceRow,
)


class Clock(Protocol):
    """Time, passed in, so that tests own it."""

    def now(self) -> datetime:
        """The present in UTC."""

    def monotonic_ns(self) -> int:
        """Nanoseconds that never run backwards within a boot."""


class Entropy(Protocol):
    """Randomness, passed in."""

    def bytes(self, count: int) -> bytes:
        """`count` unpredictable bytes."""


class Source(Protocol):
    """A configured store that can be scanned page by page in key order.

    Nothing here says "file": an object store lists flat pages of a key range, a table shares of its rows. Every document is on
    exactly one page, which its key alone decides; "/" in a prefix says what lies below what. docs/sources.md tells how one is
    written, and `syncd.testing.sources` what it has to do.
    """

    @property
    def name(self) -> str:
        """The name in the configuration."""

    @property
    def realm(self) -> str:
        """The realm of the principals in its ACLs."""

    @property
    def settings(self) -> bytes:
        """A digest of the settings that change what a scan sees (filters, limits, ACL rules)."""

    @property
    def place(self) -> str:
        """Where the store is; sources of equal place and settings see the same."""

    def scan(self, below: str = "", *, deep: bool = True) -> Iterator[Page]:
        """Every page at or below the prefix `below`, in key order; only that one page when not `deep`, none where there is none.

        Raises SourceUnavailable when the store itself is not there.
        """

    def page_of(self, key: str) -> str:
        """The prefix of the page that `key` is, or would be, a member of."""

    def watch(self, tell: Callable[[Hint], None]) -> "Watch | None":
        """Begin to tell of changes, from any thread; None where nothing can be told, so that only scans find them.

        Raises SourceUnavailable when the store itself is not there.
        """

    def observe(self, key: str) -> Observation | None:
        """What is there under `key` now; None when nothing is, or nothing that the settings select."""

    def look(self, prefix: str, keys: Sequence[str]) -> list[Observation]:
        """The same for several keys of the page `prefix` at once, leaving out those under which nothing is."""

    def fetch(self, seen: Observation) -> Content | Absence | Refusal:
        """The bytes of exactly the version that was observed, or why not."""

    def locate(self, path: str) -> str | None:
        """The key of what a person calls `path` (for a filesystem an absolute path), or None when it is not of this source."""


class Watch(Protocol):
    """A source that is being watched. Hints may be lost, doubled and out of order: a scan is the truth."""

    def fault(self) -> str | None:
        """Why hints are not to be believed since the last `mend`, in a few words without names; None while all is well.

        Events were dropped, the watcher died, the root is another one: what was not told nobody knows.
        """

    def blind(self) -> Blind:
        """What of the source nothing tells of, while hints about all the rest are to be believed; asked about every second.

        More directories than watches, a network mount: scans of just these trees stand in for hints.
        """

    def regain(self) -> None:
        """Watch what is blind, where that is possible by now, and tell of the trees that came to be watched.

        Raises SourceUnavailable when the store itself is not there.
        """

    def mend(self) -> None:
        """Watch anew whatever is not watched, and forget the fault: the caller scans the whole source after this.

        Raises SourceUnavailable when the store itself is not there.
        """

    def close(self) -> None:
        """Stop telling."""


class Extractor(Protocol):
    """Turns bytes into text."""

    @property
    def version(self) -> str:
        """Changes whenever equal bytes may give another text; part of the shape."""

    def kind(self, key: str) -> str:
        """What of a key decides how its bytes are read: under keys of one kind, equal bytes give an equal text."""

    def extract(self, content: Content, key: str) -> Extracted | Refusal:
        """The text of `content`; `key` is a hint at its type."""


class Embedder(Protocol):
    """Turns texts into vectors of one space. Nothing is loaded before the first text needs it."""

    @property
    def name(self) -> str:
        """The model, for people."""

    @property
    def settings(self) -> str:
        """What it takes to have this embedder again, as JSON: its backend and model. No secret is in it."""

    @property
    def space(self) -> bytes:
        """32 bytes: digest of what makes vectors comparable."""

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""

    @property
    def window(self) -> int:
        """Model tokens of text that the model reads; the rest would be cut."""

    @property
    def embedded(self) -> int:
        """How many texts were embedded by this object."""

    def warm(self) -> None:
        """Load what the first text would have to wait for."""

    def offsets(self, text: str) -> Sequence[int]:
        """Where each model token of `text` starts, in characters, ascending."""

    def embed(self, texts: Sequence[str], lane: Lane = Lane.LIVE) -> list[Vector | Refusal]:
        """One vector a text, in order; a text that the model refuses costs only itself."""

    def query(self, text: str) -> Vector:
        """The vector of a question, with the model's query prompt where it has one."""


class VectorIndex(Protocol):
    """Collections of points. One contract suite says what every engine does (tests/contract).

    Writes are visible to the next call when they return, and durable once `barrier` has returned. Raises IndexInvalid (repeating
    it won't help; of several points one may be invalid), IndexNotFound, IndexUnavailable (retry), IndexUnknownOutcome (repeat:
    every write here may be done twice).
    """

    @property
    def name(self) -> str:
        """The engine, for people."""

    @property
    def keeps_points(self) -> bool:
        """False only for an index that keeps nothing, made for benchmarks: there is nothing to count in it."""

    def ensure_collection(self, collection: str, dimension: int) -> None:
        """Create it, with its payload indexes, unless it is there."""

    def drop_collection(self, collection: str) -> None:
        """Remove it with all its points; a missing one is a no-op."""

    def collections(self) -> tuple[str, ...]:
        """All of them, sorted."""

    def resolve(self, alias: str) -> str | None:
        """The collection behind `alias`."""

    def switch_alias(self, alias: str, collection: str) -> None:
        """Point `alias` at `collection`, atomically."""

    def make_sure_of_room(self, size: int) -> None:
        """Raises DiskFull when about `size` bytes of points can't be taken safely: asked before anything is begun."""

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Insert or replace whole points."""

    def set_payload(self, collection: str, payload: Payload, where: Where) -> None:
        """Merge `payload` into every point that matches."""

    def delete(self, collection: str, where: Where) -> None:
        """Remove every point that matches."""

    def retrieve(self, collection: str, ids: Sequence[PointId], *, vectors: bool) -> list[Point]:
        """The points of `ids` that exist, in any order."""

    def scroll(
        self, collection: str, where: Where | None, after: PointId | None, limit: int, *, vectors: bool
    ) -> tuple[list[Point], PointId | None]:
        """Up to `limit` points by ascending id beyond `after`, and where to go on (None: the end)."""

    def count(self, collection: str, where: Where | None) -> int:
        """Exactly how many points match."""

    def query(self, collection: str, vector: Vector, where: Where, limit: int) -> list[Scored]:
        """The nearest `limit` points that match, best first; vectors are not returned."""

    def tidy(self, collection: str) -> None:
        """Give back the space of what was deleted or replaced. Others may have to wait: for times when there is little to do."""

    def barrier(self) -> None:
        """Return when everything acknowledged before is durable."""

    def close(self) -> None:
        """Release the engine."""


class Keys(Protocol):
    """Where the secrets of an install are kept."""

    def keyring(self) -> Keyring:
        """The opened keyring. Raises KeyMissing, KeyUnsafe, KeyWrong; writes nothing."""

    def signing_key(self) -> bytes:
        """The Ed25519 seed (32 bytes) that signs checkpoints."""

    def add_epoch(self, cmk: bytes, nonces: Sequence[bytes]) -> Keyring:
        """The keyring with one more epoch, to write under from here on; kept before this returns."""


class Anchor(Protocol):
    """A place out of the ledger that keeps the notes of checkpoints."""

    @property
    def place(self) -> str:
        """Where it is, for people."""

    def notes(self) -> list[str]:
        """The newest notes, newest first, as they are written there. Raises AnchorUnavailable."""

    def begin(self) -> None:
        """Make what the first note needs. Raises AnchorUnavailable."""

    def keep(self, note: str) -> None:
        """Keep one more, durably. Raises AnchorUnavailable."""


class Directory(Protocol):
    """Who somebody is, in every realm that this machine can resolve (NSS)."""

    def account(self, uid: int) -> Reader:
        """All principals of the account `uid`: itself, its groups, everyone of its realms."""

    def user(self, name: str) -> Reader:
        """All principals of the user `name`. Raises PrincipalUnknown."""

    def group(self, name: str) -> Reader:
        """The principals of a member of group `name` of whom nothing else is known. Raises PrincipalUnknown."""


class LedgerView(Protocol):
    """One consistent snapshot of the ledger. Rows are as stored: names, texts and places in them are sealed."""

    def meta(self, name: str) -> bytes | None: ...
    def sources(self) -> list[SourceRow]: ...
    def source(self, source: bytes) -> SourceRow | None: ...
    def page(self, locator: bytes) -> PageRow | None: ...
    def stamps_at(self, locators: Sequence[bytes]) -> dict[bytes, bytes | None]: ...
    def pages(self, source: bytes) -> Iterator[PageRow]: ...
    def unwritten(self, source: bytes, scan: int) -> int: ...
    def children(self, parent: bytes) -> list[PageRow]: ...
    def doc(self, doc: bytes) -> DocRow | None: ...
    def docs(self, source: bytes | None = None, after: bytes = b"") -> Iterator[DocRow]: ...
    def docs_of_page(self, page: bytes) -> list[DocRow]: ...
    def doc_at(self, locator: bytes) -> DocRow | None: ...
    def docs_with_identity(self, source: bytes, identity: bytes) -> list[DocRow]: ...
    def staged(self, source: bytes) -> Iterator[DocRow]: ...
    def points(self, doc: bytes) -> list[PointRow]: ...
    def point(self, doc: bytes, fp: bytes, occurrence: int) -> PointRow | None: ...
    def points_of(self, docs: Sequence[bytes]) -> dict[bytes, list[PointRow]]: ...
    def owners(self, fps: Sequence[bytes], without: Sequence[bytes] = ()) -> list[PointRow]: ...
    def names(self, locator: bytes) -> list[NameRow]: ...
    def names_of(self, doc: bytes) -> list[NameRow]: ...
    def classes(self) -> list[ClassRow]: ...
    def class_of(self, key: bytes) -> ClassRow | None: ...
    def live_classes(self) -> frozenset[int]: ...
    def quarantine(self, locator: bytes) -> QuarantineRow | None: ...
    def quarantined(self, source: bytes | None = None) -> Iterator[QuarantineRow]: ...
    def quarantine_of_page(self, page: bytes) -> list[QuarantineRow]: ...
    def intents(self) -> list[IntentRow]: ...
    def collections(self) -> list[CollectionRow]: ...
    def runs(self, source: bytes | None = None, limit: int = 20) -> list[RunRow]: ...
    def deciding_run(self, source: bytes) -> RunRow | None: ...
    def due(self, source: bytes) -> int: ...
    def copy(self, doc: bytes) -> CopyRow | None: ...
    def copy_points(self, doc: bytes) -> list[PointRow]: ...
    def copy_owners(self, fps: Sequence[bytes]) -> list[PointRow]: ...
    def copy_point_count(self) -> int: ...
    def uncopied(self, shape: bytes, after: bytes = b"") -> Iterator[DocRow]: ...
    def uncopied_count(self, shape: bytes, source: bytes | None = None) -> int: ...
    def orphans(self) -> Iterator[bytes]: ...
    def live(self, source: bytes) -> int: ...
    def held_back(self, source: bytes) -> int: ...
    def counts(self, source: bytes | None = None) -> Counts: ...
    def older(self, source: bytes) -> int: ...
    def events(self, since: int = 0, limit: int | None = None) -> Iterator[EventRow]: ...
    def events_of(self, doc: str) -> Iterator[EventRow]: ...
    def event(self, seq: int) -> EventRow | None: ...
    def event_count(self) -> int: ...
    def nodes(self, level: int | None = None) -> Iterator[tuple[int, int, bytes]]: ...
    def checkpoints(self) -> Iterator[tuple[int, bytes, str]]: ...
    def last_checkpoint(self) -> tuple[int, bytes, str] | None: ...


class LedgerTx(LedgerView, Protocol):
    """A write transaction: all of it is committed, or nothing."""

    def set_meta(self, name: str, value: bytes) -> None: ...
    def put_source(self, row: SourceRow) -> None: ...
    def put_page(self, row: PageRow) -> None: ...
    def drop_page(self, locator: bytes) -> None: ...
    def put_doc(self, row: DocRow) -> None: ...
    def clear_locators(self, docs: Sequence[bytes]) -> None: ...
    def put_points(self, rows: Sequence[PointRow]) -> None: ...
    def drop_points(self, rows: Sequence[PointRow]) -> None: ...
    def put_copy(self, row: CopyRow) -> None: ...
    def drop_copy(self, doc: bytes) -> None: ...
    def put_copy_points(self, rows: Sequence[PointRow]) -> None: ...
    def drop_copy_points(self, rows: Sequence[PointRow]) -> None: ...
    def adopt_copies(self) -> None: ...
    def clear_copies(self) -> None: ...
    def put_name(self, row: NameRow) -> None: ...
    def put_class(self, row: ClassRow) -> ClassRow: ...
    def put_quarantine(self, row: QuarantineRow) -> None: ...
    def drop_quarantine(self, locator: bytes) -> None: ...
    def put_intent(self, row: IntentRow) -> None: ...
    def drop_intent(self, op: bytes) -> None: ...
    def put_collection(self, row: CollectionRow) -> None: ...
    def put_run(self, row: RunRow) -> None: ...
    def put_event(self, row: EventRow) -> None: ...
    def put_node(self, level: int, index: int, node: bytes) -> None: ...
    def put_checkpoint(self, size: int, root: bytes, note: str) -> None: ...


class Ledger(Protocol):
    """The durable record of what is believed to be indexed, and the audit log in the same transactions."""

    def write(self) -> AbstractContextManager[LedgerTx]:
        """One write transaction; an exception inside rolls all of it back."""

    def read(self) -> AbstractContextManager[LedgerView]:
        """One snapshot, which never waits for a writer."""

    def close(self) -> None:
        """Release the file."""


class Dependency(Protocol):
    """Something that may be away, as those see it who have to live with that."""

    @property
    def name(self) -> str:
        """What it is: the index, or the embedder."""

    @property
    def away(self) -> Away | None:
        """What is known of it while it is away; None while it answers."""

    def look(self) -> None:
        """Ask it something harmless, if it may be asked by now."""
