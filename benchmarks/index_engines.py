"""Microseconds a point and milliseconds a call of the index engines: `python benchmarks/index_engines.py [POINTS ...]`.

Every figure is taken at the port, so for the embedded engine it includes checks, frames and the child.
"""

import random
import shutil
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from uuid import UUID

from syncd.adapters.index.edge import EdgeIndex
from syncd.adapters.index.null import NullIndex
from syncd.adapters.index.qdrant import QdrantIndex
from syncd.core.model import AnyOf, Eq, Lt, Point, PointId, Vector, Where
from syncd.ports import VectorIndex

DIMENSION = 384
BATCH = 256
CLASSES = 200
READABLE = Where((AnyOf("acl_class", tuple(f"class-{n}" for n in range(140))),))
"""A reader of 140 of 200 classes."""


def points(count: int) -> list[Point]:
    """Random vectors, payloads of the size that sealed chunks have."""
    chance = random.Random(1)
    made = []
    for number in range(count):
        vector = Vector(struct.pack(f"<{DIMENSION}f", *(chance.gauss(0, DIMENSION**-0.5) for _ in range(DIMENSION))))
        payload = {
            "doc": f"doc-{number // 20}",
            "fp": f"{number:022}",
            "acl_class": f"class-{number % CLASSES}",
            "acl_sealed": "A" * 104,
            "acl_version": 1,
            "epoch": 1,
            "text_sealed": "T" * 1500,
        }
        made.append(Point(PointId(str(UUID(int=chance.getrandbits(128)))), vector, payload))
    return made


def timed(call: Callable[[], object], times: int = 1) -> float:
    """Median milliseconds of a call."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1e3)
    return median(taken)


def measure(index: VectorIndex, made: list[Point]) -> None:
    """One line of figures."""
    index.ensure_collection("bench", DIMENSION)
    batches = [made[start : start + BATCH] for start in range(0, len(made), BATCH)]
    cpu = time.process_time()
    upsert = timed(lambda: [index.upsert("bench", batch) for batch in batches])
    cpu = time.process_time() - cpu
    one_document = Where((Eq("doc", "doc-1"), Lt("acl_version", 2)))
    figures = {
        "upsert us/point": upsert * 1e3 / len(made),
        "of it parent CPU": cpu * 1e6 / len(made),
        "barrier ms": timed(index.barrier),
        "query top 10 ms": timed(lambda: index.query("bench", made[7].vector, READABLE, 10), 9),
        "retrieve 100 with vectors ms": timed(lambda: index.retrieve("bench", [p.id for p in made[:100]], vectors=True), 9),
        "count ms": timed(lambda: index.count("bench", READABLE), 9),
        "payload write ms": timed(lambda: index.set_payload("bench", {"acl_version": 2}, one_document)),
        "delete ms": timed(lambda: index.delete("bench", Where((Eq("doc", "doc-1"),)))),
    }
    print(f"{index.name:7} {len(made):7} points", *(f"| {name} {value:.2f}" for name, value in figures.items()))


def main(counts: list[int]) -> None:
    """Edge and null at every count, the client's memory mode at the first only."""
    for count in counts:
        made = points(count)
        measure(NullIndex(), made)
        folder = Path(tempfile.mkdtemp())
        index = EdgeIndex(folder / "index")
        measure(index, made)
        print(f"edge    {count:7} points | close ms {timed(index.close):.0f}", end=" ")
        index = EdgeIndex(folder / "index")
        print(f"| open and first count ms {timed(lambda index=index: index.count('bench', None)):.0f}")
        index.close()
        shutil.rmtree(folder)
        if count == counts[0]:
            memory = QdrantIndex.memory()
            measure(memory, made)
            memory.close()


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [2_000, 50_000])
