"""The child's side of the embedded engine: a directory a collection, aliases in one file, and the calls themselves.

    ROOT/aliases.json                   alias -> collection, replaced atomically
    ROOT/collections/NAME/about.json    {"format": 1, "dimension": 384}
    ROOT/collections/NAME/shard/        the engine's own files

A collection comes and goes by a rename: what is being made or removed has a name that starts with a dot, and is swept away when
the store opens. Only one process may open a store; its parent holds a lock on it.

`update` of the engine writes its log without fsync: an acknowledged write survives the death of the process, but a power cut only
after `flush`. The log is never switched off. An exception of the engine is not caught: the child dies of it, and the next one
starts from what is on disk.
"""

import json
import shutil
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qdrant_edge as engine

from syncd.adapters.index.durable import replace_file, sync_directory, sync_tree
from syncd.adapters.index.edge_filter import build_filter
from syncd.adapters.index.engine_ids import engine_id
from syncd.adapters.index.schema import INTEGER_FIELDS, KEYWORD_FIELDS
from syncd.adapters.index.wire import Packed, unpack_where
from syncd.core.model import PointId
from syncd.errors import IndexInvalid, IndexNotFound

_FORMAT = 1
TIDY_SHARE, TIDY_LEAST = 0.2, 1_000
"""The share of deleted points from which a collection is written anew, and the least number of points that it must have."""


@dataclass(frozen=True, slots=True)
class _Open:
    """An opened collection."""

    shard: Any
    row: struct.Struct
    """Bytes of a vector to floats and back."""


class EdgeStore:
    """Collections under `root`, which is an existing directory. Arguments and answers are plain values (see wire.py)."""

    def __init__(self, root: Path) -> None:
        self._aliases_file = root / "aliases.json"
        self._collections = root / "collections"
        self._collections.mkdir(exist_ok=True)
        sync_directory(root)
        for leftover in self._collections.glob(".*"):
            shutil.rmtree(leftover)
        self._aliases: dict[str, str] = json.loads(self._aliases_file.read_bytes()) if self._aliases_file.exists() else {}
        self._open: dict[str, _Open] = {}

    # -- collections and aliases ---------------------------------------------------------------------------------------

    def ensure(self, collection: str, dimension: int) -> None:
        """Make it, with its payload indexes, unless it is there. Raises IndexInvalid when it is there with another dimension."""
        if self._home(collection).exists():
            if (there := self.dimension(collection)) != dimension:
                raise IndexInvalid(detail=f"collection {collection} holds vectors of {there} components, not {dimension}")
            return
        if collection in self._aliases:
            raise IndexInvalid(detail=f"{collection} is an alias")
        self._create(self._collections / f".new-{collection}", dimension)
        (self._collections / f".new-{collection}").rename(self._home(collection))
        sync_directory(self._collections)

    def drop(self, collection: str) -> None:
        """Remove it and the aliases that point at it."""
        if not self._home(collection).exists():
            return
        self._put_aliases({alias: behind for alias, behind in self._aliases.items() if behind != collection})
        if opened := self._open.pop(collection, None):
            opened.shard.close()
        gone = self._collections / f".gone-{collection}"
        self._home(collection).rename(gone)
        sync_directory(self._collections)
        shutil.rmtree(gone)

    def collections(self) -> list[str]:
        """All of them, sorted."""
        return sorted(home.name for home in self._collections.iterdir() if not home.name.startswith("."))

    def dimension(self, collection: str) -> int:
        """How many components the vectors of `collection` have. Raises IndexNotFound."""
        try:
            about = json.loads((self._home(collection) / "about.json").read_bytes())
        except FileNotFoundError:
            raise IndexNotFound(collection=collection) from None
        return int(about["dimension"])

    def resolve(self, alias: str) -> str | None:
        """The collection behind `alias`."""
        return self._aliases.get(alias)

    def switch(self, alias: str, collection: str) -> None:
        """Point `alias` at `collection`."""
        self.dimension(collection)
        if self._home(alias).exists():
            raise IndexInvalid(detail=f"{alias} is a collection")
        self._put_aliases({**self._aliases, alias: collection})

    # -- writes --------------------------------------------------------------------------------------------------------

    def upsert(self, collection: str, points: list[Packed]) -> None:
        """Insert or replace whole points."""
        opened = self._opened(collection)
        if any(len(vector) != opened.row.size for _, vector, _ in points):
            raise IndexInvalid(detail=f"a vector that is not of the dimension of collection {collection}")
        batch = [
            engine.Point(engine_id(PointId(point)), list(opened.row.unpack(vector)), payload) for point, vector, payload in points
        ]
        opened.shard.update(engine.UpdateOperation.upsert_points(batch))

    def set_payload(self, collection: str, payload: dict[str, str | int], where: list[Any]) -> None:
        """Merge `payload` into what matches: always by filter, for by bare ids a missing one fails half-way."""
        matching = build_filter(unpack_where(where))
        self._opened(collection).shard.update(engine.UpdateOperation.set_payload_by_filter(matching, payload))

    def delete(self, collection: str, where: list[Any]) -> None:
        """Remove what matches."""
        matching = build_filter(unpack_where(where))
        self._opened(collection).shard.update(engine.UpdateOperation.delete_points_by_filter(matching))

    def flush(self, collections: list[str]) -> None:
        """Make every acknowledged write to `collections` durable; dropped ones are passed over."""
        for collection in collections:
            if self._home(collection).exists():
                self._opened(collection).shard.flush()
                # the engine syncs the data it mapped, but not every directory in which it made a file
                sync_tree(self._home(collection) / "shard", files=False)

    def tidy(self, collection: str) -> None:
        """Write what is left of a collection anew where much was deleted or replaced; nothing else gives that space back."""
        opened = self._opened(collection)
        opened.shard.flush()
        if opened.shard.optimize():
            opened.shard.flush()
            sync_tree(self._home(collection) / "shard", files=True)

    # -- reads ---------------------------------------------------------------------------------------------------------

    def retrieve(self, collection: str, ids: list[str], vectors: bool) -> list[Packed]:
        """The points of `ids` that exist."""
        opened = self._opened(collection)
        return [
            _packed(found, opened.row, vectors)
            for found in opened.shard.retrieve([engine_id(PointId(each)) for each in ids], True, vectors)
        ]

    def scroll(
        self, collection: str, where: list[Any] | None, start: str | None, limit: int, vectors: bool
    ) -> tuple[list[Packed], bool]:
        """Up to `limit` points by ascending id from `start` on, and whether there are more."""
        opened = self._opened(collection)
        found, more = opened.shard.scroll(
            engine.ScrollRequest(
                offset=None if start is None else engine_id(PointId(start)),
                limit=limit,
                filter=_filter(where),
                with_payload=True,
                with_vector=vectors,
            )
        )
        return [_packed(record, opened.row, vectors) for record in found], more is not None

    def count(self, collection: str, where: list[Any] | None) -> int:
        """Exactly how many match."""
        return int(self._opened(collection).shard.count(engine.CountRequest(exact=True, filter=_filter(where))))

    def query(self, collection: str, vector: bytes, where: list[Any], limit: int) -> list[tuple[Packed, float]]:
        """The nearest `limit` that match, best first."""
        opened = self._opened(collection)
        nearest = engine.Query.Nearest(list(opened.row.unpack(vector)))
        request = engine.QueryRequest(limit=limit, query=nearest, filter=_filter(where), with_payload=True, with_vector=False)
        return [(_packed(found, opened.row, vectors=False), found.score) for found in opened.shard.query(request)]

    def close(self) -> None:
        """Flush and release every shard."""
        self.flush(list(self._open))
        while self._open:
            self._open.popitem()[1].shard.close()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _home(self, collection: str) -> Path:
        return self._collections / collection

    def _opened(self, collection: str) -> _Open:
        if collection not in self._open:
            dimension = self.dimension(collection)
            shutil.rmtree(self._home(collection) / "shard/temp_segments", ignore_errors=True)  # of a tidying that was killed
            shard = engine.EdgeShard.load(str(self._home(collection) / "shard"), _config(dimension))
            # a predecessor that was killed may have left acknowledged writes in the log only
            shard.flush()
            self._open[collection] = _Open(shard, struct.Struct(f"<{dimension}f"))
        return self._open[collection]

    def _put_aliases(self, aliases: dict[str, str]) -> None:
        if aliases != self._aliases:
            replace_file(self._aliases_file, json.dumps(aliases, sort_keys=True).encode())
            self._aliases = aliases

    def _create(self, home: Path, dimension: int) -> None:
        home.mkdir()
        shard = engine.EdgeShard.create(str(home / "shard"), _config(dimension))
        for fields, kind in (
            (KEYWORD_FIELDS, engine.PayloadSchemaType.Keyword),
            (INTEGER_FIELDS, engine.PayloadSchemaType.Integer),
        ):
            for field in fields:
                shard.update(engine.UpdateOperation.create_field_index(field, kind))
        shard.flush()
        shard.close()
        (home / "about.json").write_text(json.dumps({"format": _FORMAT, "dimension": dimension}))
        sync_tree(home, files=True)


def _config(dimension: int) -> Any:
    # Dot: the vectors have unit length already, and an engine that normalises would not give back the bits it was given
    vectors = engine.EdgeVectorParams(size=dimension, distance=engine.Distance.Dot)
    optimizers = engine.EdgeOptimizersConfig(
        deleted_threshold=TIDY_SHARE,
        vacuum_min_vector_number=TIDY_LEAST,
        indexing_threshold=0,  # no graph: it costs minutes, and answers would not be exact
    )
    return engine.EdgeConfig(vectors=vectors, optimizers=optimizers)


def _filter(where: list[Any] | None) -> Any | None:
    return None if where is None else build_filter(unpack_where(where))


def _packed(found: Any, row: struct.Struct, vectors: bool) -> Packed:
    vector: Sequence[float] = found.vector if vectors else ()
    return str(found.id), row.pack(*vector) if vectors else b"", found.payload or {}
