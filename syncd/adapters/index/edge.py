"""The embedded engine (Qdrant Edge) in a process of its own, as a VectorIndex.

What it guarantees, and where that ends: an acknowledged write survives the death of the child and of syncd; only `barrier` makes
it survive a power cut. After a child that died, the next call starts another on the same directory, and the next barrier also
covers what was acknowledged before. A write bigger than a frame is several writes: when one fails, those before it were done.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from syncd.adapters.index import checks
from syncd.adapters.index.edge_process import EngineLost, EngineProcess
from syncd.adapters.index.lock import DirectoryLock
from syncd.adapters.index.paging import PAGE, pages, read_on
from syncd.adapters.index.space import free_bytes_of, occupied_bytes
from syncd.adapters.index.wire import frame_bytes, pack_points, pack_where, unpack_point
from syncd.core.model import Payload, Point, PointId, Scored, Vector, Where
from syncd.errors import DiskFull, IndexNotFound, IndexUnavailable, IndexUnknownOutcome

_MIB = 2**20
_FRAME_BYTES = 8 * _MIB
_TIDIED = 250_000
"""Points of a collection that is tidied up: some seconds for every ten thousand."""
_GROWTH = 4
"""A write may take this many times its size on the disk: log, storage, indexes."""


class EdgeIndex:
    """Collections under the directory `path`, made with mode 0700 on first use.

    free_bytes: what stays free on the disk at least; a write that would go below raises DiskFull before the engine is asked,
    for a full disk kills the engine (SIGBUS). Half of that may be used by what closes or takes away. free_space: what tells how
    much is free. lock_wait: seconds for another syncd to let go, then IndexBusy. call_timeout: seconds for one call, then the
    engine is killed. All methods may be called from any thread; calls take turns.
    """

    name = "edge"
    keeps_points = True

    def __init__(
        self,
        path: Path,
        *,
        free_bytes: int = 256 * _MIB,
        lock_wait: float = 10.0,
        call_timeout: float = 300.0,
        free_space: Callable[[Path], int] = free_bytes_of,
    ) -> None:
        self._path = path.absolute()
        self._reserve = free_bytes
        self._lock_wait = lock_wait
        self._timeout = call_timeout
        self._free_space = free_space
        self._turn = Lock()
        self._lock: DirectoryLock | None = None
        self._child: EngineProcess | None = None
        self._closed = False
        self._unflushed: set[str] = set()
        self._dimensions: dict[str, int] = {}

    @property
    def child_pid(self) -> int | None:
        """The engine's process id while it runs."""
        child = self._child
        return child.pid if child else None

    # -- collections and aliases ---------------------------------------------------------------------------------------

    def ensure_collection(self, collection: str, dimension: int) -> None:
        """Create it, with its payload indexes, unless it is there; IndexInvalid when it is there with another dimension."""
        checks.check_name("collection", collection)
        checks.check_dimension(dimension)
        if not (self._path / "collections" / collection).exists():  # one that is there can be worked with, whatever is free
            self.make_sure_of_room(0)
        self._write("ensure", collection, dimension)
        self._dimensions[collection] = dimension

    def drop_collection(self, collection: str) -> None:
        """Remove it with all its points and the aliases that point at it; a missing one is a no-op."""
        checks.check_name("collection", collection)
        self._dimensions.pop(collection, None)
        self._write("drop", collection)

    def collections(self) -> tuple[str, ...]:
        """All of them, sorted."""
        return tuple(self._read("collections"))

    def resolve(self, alias: str) -> str | None:
        """The collection behind `alias`."""
        checks.check_name("alias", alias)
        found: str | None = self._read("resolve", alias)
        return found

    def switch_alias(self, alias: str, collection: str) -> None:
        """Point `alias` at `collection`, atomically and durably."""
        checks.check_name("alias", alias)
        checks.check_name("collection", collection)
        self._write("switch", alias, collection)

    # -- writes --------------------------------------------------------------------------------------------------------

    def make_sure_of_room(self, size: int) -> None:
        """Raises DiskFull, before the engine is asked, when `size` more bytes would eat the reserve."""
        self._room(self._reserve + _GROWTH * size)

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Insert or replace whole points, in frames of about 8 MB; of equal ids the last one stays."""
        checks.check_points(points, self._dimension(collection))
        for frame, size in _frames(points):
            self.make_sure_of_room(size)
            self._write("upsert", collection, pack_points(frame), touches=collection)

    def set_payload(self, collection: str, payload: Payload, where: Where) -> None:
        """Merge `payload` into every point that matches."""
        checks.check_payload(payload)
        if self._pointless(collection, where) or not payload:
            return
        self._room(self._reserve // 2 + _GROWTH * frame_bytes(payload))
        self._write("set_payload", collection, dict(payload), pack_where(checks.effective(where)), touches=collection)

    def delete(self, collection: str, where: Where) -> None:
        """Remove every point that matches."""
        if self._pointless(collection, where):
            return
        self._room(self._reserve // 2)
        self._write("delete", collection, pack_where(checks.effective(where)), touches=collection)

    def tidy(self, collection: str) -> None:
        """Give back the space of what was deleted, where that is much and there is room for a copy.

        Everybody waits meanwhile, so what would take too long is left as it is: a server is for that.
        """
        copy = occupied_bytes(self._path / "collections" / collection)
        if self.count(collection, None) <= _TIDIED and self._free_space(self._path) >= self._reserve + copy:
            self._write("tidy", collection, touches=collection)

    # -- reads ---------------------------------------------------------------------------------------------------------

    def retrieve(self, collection: str, ids: Sequence[PointId], *, vectors: bool) -> list[Point]:
        """The points of `ids` that exist, in any order."""
        self._dimension(collection)
        checks.check_ids(ids)
        wanted = list(dict.fromkeys(ids))
        return [unpack_point(p) for page in pages(wanted, PAGE) for p in self._read("retrieve", collection, page, vectors)]

    def scroll(
        self, collection: str, where: Where | None, after: PointId | None, limit: int, *, vectors: bool
    ) -> tuple[list[Point], PointId | None]:
        """Up to `limit` points by ascending id beyond `after`, and where to go on (None: the end)."""
        checks.check_limit(limit)
        checks.check_ids([] if after is None else [after])
        if self._pointless(collection, where):
            return [], None
        packed_where = None if where is None else pack_where(checks.effective(where))

        def read(start: PointId | None, count: int) -> tuple[list[Point], bool]:
            page, more = self._read("scroll", collection, packed_where, start, count, vectors)
            return [unpack_point(found) for found in page], more

        return read_on(read, after, limit)

    def count(self, collection: str, where: Where | None) -> int:
        """Exactly how many points match."""
        if self._pointless(collection, where):
            return 0
        return int(self._read("count", collection, None if where is None else pack_where(checks.effective(where))))

    def query(self, collection: str, vector: Vector, where: Where, limit: int) -> list[Scored]:
        """The nearest `limit` points that match, best first; exact, for this engine is asked for no HNSW graph."""
        checks.check_limit(limit)
        checks.check_vectors([vector], self._dimension(collection))
        if self._pointless(collection, where) or not limit:
            return []
        found = self._read("query", collection, vector, pack_where(checks.effective(where)), limit)
        return [Scored(unpack_point(point), score) for point, score in found]

    # -- durability and end --------------------------------------------------------------------------------------------

    def barrier(self) -> None:
        """Return when everything acknowledged before is durable, also what a child acknowledged that has died since."""
        with self._turn:
            if self._unflushed:
                self._ask("flush", (sorted(self._unflushed),), IndexUnavailable)
                self._unflushed.clear()

    def close(self) -> None:
        """Flush, end the engine, let the next syncd in. Final, and a no-op the second time."""
        with self._turn:
            if self._closed:
                return
            try:
                if self._unflushed:
                    self._ask("flush", (sorted(self._unflushed),), IndexUnavailable)
            finally:
                self._closed = True
                if self._child:
                    self._child.close()
                self._child = None
                self._let_go()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _pointless(self, collection: str, where: Where | None) -> bool:
        """Check `where` and that `collection` exists; True when nothing can match."""
        checks.check_where(where)
        self._dimension(collection)
        return checks.matches_nothing(where)

    def _dimension(self, collection: str) -> int:
        checks.check_name("collection", collection)
        known = self._dimensions.get(collection)
        if known is None:
            known = self._dimensions[collection] = int(self._read("dimension", collection))
        return known

    def _room(self, needed: int) -> None:
        try:
            self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
            free = self._free_space(self._path)
        except OSError as error:
            raise IndexUnavailable(detail=_strerror(error)) from error
        if free < needed:
            raise DiskFull(path=self._path, free=free // _MIB, needed=-(-needed // _MIB))

    def _read(self, operation: str, *arguments: object) -> Any:
        with self._turn:
            return self._ask(operation, arguments, IndexUnavailable)

    def _write(self, operation: str, *arguments: object, touches: str | None = None) -> None:
        with self._turn:
            if touches:
                self._unflushed.add(touches)
            self._ask(operation, arguments, IndexUnknownOutcome)

    def _ask(
        self, operation: str, arguments: tuple[object, ...], lost: type[IndexUnavailable] | type[IndexUnknownOutcome]
    ) -> Any:
        if self._child and not self._child.alive:
            self._child.kill()
            self._child = None
        child = self._child or self._start()
        try:
            return child.call(operation, arguments, self._timeout)
        except EngineLost as error:
            raise self._lost(error, lost) from error
        except IndexNotFound as error:
            self._dimensions.pop(str(error.facts["collection"]), None)
            raise

    def _start(self) -> EngineProcess:
        if self._closed:
            raise IndexUnavailable(detail="it was closed")
        try:
            self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path.chmod(0o700)
            if self._lock is None:
                self._lock = DirectoryLock(self._path, self._lock_wait)
            self._child = EngineProcess(self._path, self._lock.descriptor)
        except (OSError, EngineLost) as error:
            self._let_go()
            raise self._lost(error, IndexUnavailable) from error
        return self._child

    def _lost(
        self, error: OSError | EngineLost, lost: type[IndexUnavailable] | type[IndexUnknownOutcome]
    ) -> IndexUnavailable | IndexUnknownOutcome | DiskFull:
        """What to tell. An engine without space ends in many ways, and needs some to read, too: then the disk is the cause."""
        detail = _strerror(error) if isinstance(error, OSError) else str(error)
        try:
            free = self._free_space(self._path)
        except OSError:
            return lost(detail=detail)
        if free >= _MIB:
            return lost(detail=detail)
        return DiskFull(path=self._path, free=0, needed=max(1, self._reserve // _MIB))

    def _let_go(self) -> None:
        if self._lock:
            self._lock.release()
        self._lock = None


def _strerror(error: OSError) -> str:
    """What the system said, without the file's name."""
    return error.strerror or type(error).__name__


def _frames(points: Sequence[Point]) -> Iterator[tuple[list[Point], int]]:
    """`points` in order, cut where a frame would grow beyond its size; each with about how many bytes it is."""
    frame: list[Point] = []
    size = 0
    for point in points:
        weight = len(point.vector) + frame_bytes(point.payload) + 64
        if frame and size + weight > _FRAME_BYTES:
            yield frame, size
            frame, size = [], 0
        frame.append(point)
        size += weight
    if frame:
        yield frame, size
