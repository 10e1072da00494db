"""A vector index with patience: every call may be made twice, so what got no answer is asked again."""

from collections.abc import Callable, Sequence

from syncd.adapters.patient.line import Line, rest
from syncd.core.model import Payload, Point, PointId, Scored, Vector, Where
from syncd.errors import IndexUnavailable
from syncd.ports import Clock, Entropy, VectorIndex


class PatientIndex:
    """`index`, asked over a line. pause: as the line's."""

    def __init__(self, index: VectorIndex, clock: Clock, entropy: Entropy, pause: Callable[[float], bool] = rest) -> None:
        self.engine = index
        self.line = Line("index", IndexUnavailable, self._probe, clock, entropy, pause)

    @property
    def name(self) -> str:
        """The engine, for people."""
        return self.engine.name

    @property
    def keeps_points(self) -> bool:
        """False only for an index that keeps nothing."""
        return self.engine.keeps_points

    def ensure_collection(self, collection: str, dimension: int) -> None:
        """Create it, with its payload indexes, unless it is there."""
        self.line.ask(lambda: self.engine.ensure_collection(collection, dimension))

    def drop_collection(self, collection: str) -> None:
        """Remove it with all its points; a missing one is a no-op."""
        self.line.ask(lambda: self.engine.drop_collection(collection))

    def collections(self) -> tuple[str, ...]:
        """All of them, sorted."""
        return self.line.ask(self._probe)

    def _probe(self) -> tuple[str, ...]:
        return self.engine.collections()

    def resolve(self, alias: str) -> str | None:
        """The collection behind `alias`."""
        return self.line.ask(lambda: self.engine.resolve(alias))

    def switch_alias(self, alias: str, collection: str) -> None:
        """Point `alias` at `collection`, atomically."""
        self.line.ask(lambda: self.engine.switch_alias(alias, collection))

    def make_sure_of_room(self, size: int) -> None:
        """Raises DiskFull when about `size` bytes of points can't be taken safely."""
        self.line.ask(lambda: self.engine.make_sure_of_room(size))

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Insert or replace whole points."""
        self.line.ask(lambda: self.engine.upsert(collection, points))

    def set_payload(self, collection: str, payload: Payload, where: Where) -> None:
        """Merge `payload` into every point that matches."""
        self.line.ask(lambda: self.engine.set_payload(collection, payload, where))

    def delete(self, collection: str, where: Where) -> None:
        """Remove every point that matches."""
        self.line.ask(lambda: self.engine.delete(collection, where))

    def retrieve(self, collection: str, ids: Sequence[PointId], *, vectors: bool) -> list[Point]:
        """The points of `ids` that exist, in any order."""
        return self.line.ask(lambda: self.engine.retrieve(collection, ids, vectors=vectors))

    def scroll(
        self, collection: str, where: Where | None, after: PointId | None, limit: int, *, vectors: bool
    ) -> tuple[list[Point], PointId | None]:
        """Up to `limit` points by ascending id beyond `after`, and where to go on (None: the end)."""
        return self.line.ask(lambda: self.engine.scroll(collection, where, after, limit, vectors=vectors))

    def count(self, collection: str, where: Where | None) -> int:
        """Exactly how many points match."""
        return self.line.ask(lambda: self.engine.count(collection, where))

    def query(self, collection: str, vector: Vector, where: Where, limit: int) -> list[Scored]:
        """The nearest `limit` points that match, best first; vectors are not returned."""
        return self.line.ask(lambda: self.engine.query(collection, vector, where, limit))

    def tidy(self, collection: str) -> None:
        """Give back the space of what was deleted."""
        self.line.ask(lambda: self.engine.tidy(collection))

    def barrier(self) -> None:
        """Return when everything acknowledged before is durable."""
        self.line.ask(self.engine.barrier)

    def close(self) -> None:
        """Release the engine."""
        self.engine.close()
