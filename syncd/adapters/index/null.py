"""An index that keeps nothing, for benchmarks of everything before it."""

from collections.abc import Sequence

from syncd.adapters.index import checks
from syncd.core.model import Payload, Point, PointId, Scored, Vector, Where
from syncd.errors import IndexInvalid, IndexNotFound


class NullIndex:
    """Refuses what every engine refuses, accepts all other writes and forgets the points; reads find nothing.

    Collections and aliases live as long as the object. `keeps_points` tells whoever verifies a write by reading it back that here
    there is nothing to read.
    """

    name = "null"
    keeps_points = False

    def __init__(self) -> None:
        self._dimensions: dict[str, int] = {}
        self._aliases: dict[str, str] = {}

    def ensure_collection(self, collection: str, dimension: int) -> None:
        """Remember its name and dimension. Raises IndexInvalid when it has another dimension."""
        checks.check_name("collection", collection)
        checks.check_dimension(dimension)
        if (there := self._dimensions.setdefault(collection, dimension)) != dimension:
            raise IndexInvalid(detail=f"collection {collection} holds vectors of {there} components, not {dimension}")

    def tidy(self, collection: str) -> None:
        """Nothing was kept."""

    def make_sure_of_room(self, size: int) -> None:
        """There is room for nothing."""

    def drop_collection(self, collection: str) -> None:
        """Forget it and the aliases that point at it."""
        checks.check_name("collection", collection)
        self._dimensions.pop(collection, None)
        self._aliases = {alias: behind for alias, behind in self._aliases.items() if behind != collection}

    def collections(self) -> tuple[str, ...]:
        """All of them, sorted."""
        return tuple(sorted(self._dimensions))

    def resolve(self, alias: str) -> str | None:
        """The collection behind `alias`."""
        return self._aliases.get(alias)

    def switch_alias(self, alias: str, collection: str) -> None:
        """Point `alias` at `collection`."""
        checks.check_name("alias", alias)
        self._dimension(collection)
        self._aliases[alias] = collection

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Check them and let them go."""
        checks.check_points(points, self._dimension(collection))

    def set_payload(self, collection: str, payload: Payload, where: Where) -> None:
        """Check it and let it go."""
        checks.check_payload(payload)
        self._check(collection, where)

    def delete(self, collection: str, where: Where) -> None:
        """There is nothing to delete."""
        self._check(collection, where)

    def retrieve(self, collection: str, ids: Sequence[PointId], *, vectors: bool) -> list[Point]:  # noqa: ARG002 -- the port's signature
        """No point."""
        self._dimension(collection)
        checks.check_ids(ids)
        return []

    def scroll(
        self,
        collection: str,
        where: Where | None,
        after: PointId | None,
        limit: int,
        *,
        vectors: bool,  # noqa: ARG002 -- the port's signature
    ) -> tuple[list[Point], PointId | None]:
        """No point, and the end."""
        checks.check_limit(limit)
        checks.check_ids([] if after is None else [after])
        self._check(collection, where)
        return [], None

    def count(self, collection: str, where: Where | None) -> int:
        """0."""
        self._check(collection, where)
        return 0

    def query(self, collection: str, vector: Vector, where: Where, limit: int) -> list[Scored]:
        """No point."""
        checks.check_limit(limit)
        checks.check_vectors([vector], self._dimension(collection))
        self._check(collection, where)
        return []

    def barrier(self) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        """There is nothing to release."""

    def _check(self, collection: str, where: Where | None) -> None:
        self._dimension(collection)
        checks.check_where(where)

    def _dimension(self, collection: str) -> int:
        if collection not in self._dimensions:
            raise IndexNotFound(collection=collection)
        return self._dimensions[collection]
