"""Reconcile at size: what a comparison costs, whether every damage is found and mended, how many texts that takes.

`python benchmarks/reconcile.py [DOCUMENTS CHUNKS]`: without words 2,000 documents of about 50 chunks each, on the embedded engine
with the hash embedder. Figures of one run on one machine, taken side by side.
"""

import random
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kit import TESTER, Site, make_site

from syncd.core.model import Ids, Point, PointId, Vector, Where
from syncd.operations.reconcile import ReconcileRequest, carry_out
from syncd.ports import VectorIndex
from syncd.sync.collection import ensure_collection
from syncd.wiring.desk import direct_desk

KINDS = ("missing", "extra", "altered", "unsealed", "foreign", "unfenced")
DAMAGED = 1_000
"""Points that are damaged at once."""
CHANCE = random.Random(11)
WORDS = Path(__file__).parents[1].joinpath("README.md").read_text().split()


def page(number: int, chunks: int) -> str:
    """A document of about so many chunks."""
    chance = random.Random(number)
    return "\n\n".join(f"## Part {part} of {number}\n\n{' '.join(chance.choices(WORDS, k=140))}" for part in range(chunks))


def compared(site: Site, **asked: Any) -> tuple[Mapping[str, Any], float]:
    """What a comparison gives, and its seconds."""
    began = time.monotonic()
    with site.open(writer=True) as wiring:
        payload = carry_out(direct_desk(wiring), TESTER, ReconcileRequest(**asked), lambda *_: None).payload
    return payload, time.monotonic() - began


def embedded(site: Site) -> int:
    """Texts that runs embedded so far, by the history."""
    events = site.json("audit", "log", "--type", "run.finished")["events"]
    return sum(event["body"]["chunks"]["embedded"] for event in events)


@contextmanager
def store(site: Site) -> Iterator[tuple[VectorIndex, str, list[Point]]]:
    """The index behind everybody's back, with some points of it."""
    with site.open(writer=True) as wiring:
        index, name = wiring.index, ensure_collection(wiring.install()).name
        some: dict[PointId, Point] = {}
        while len(some) < DAMAGED:
            start = PointId(str(uuid.UUID(int=CHANCE.getrandbits(128))))
            some.update((p.id, p) for p in index.scroll(name, None, start, 5, vectors=True)[0])
        yield index, name, list(some.values())[:DAMAGED]
        index.barrier()


def changed(field: str, make: Callable[[Point], Any]) -> Callable[[VectorIndex, str, list[Point]], None]:
    """A damage: another value in a field."""
    return lambda index, name, points: index.upsert(name, [Point(p.id, p.vector, {**p.payload, field: make(p)}) for p in points])


def strange(_: Point) -> PointId:
    """An id that nobody has."""
    return PointId(str(uuid.UUID(int=CHANCE.getrandbits(128))))


DAMAGES: Mapping[str, Callable[[VectorIndex, str, list[Point]], None]] = {
    "missing": lambda index, name, points: index.delete(name, Where((Ids(tuple(p.id for p in points)),))),
    "altered": changed("acl_version", lambda _: 0),
    "unsealed": changed("text_sealed", lambda _: "AAAA"),
    "extra": lambda index, name, points: index.upsert(name, [Point(strange(p), p.vector, p.payload) for p in points]),
    "foreign": lambda index, name, points: index.upsert(name, [Point(strange(p), p.vector, {}) for p in points]),
}


def tell(what: str, site: Site, **asked: Any) -> None:
    """Compare and repair; print what was found, what it took, and that nothing is left."""
    before = embedded(site)
    found, seconds = compared(site, full=True, sample=0, repair=True, **asked)
    left, _ = compared(site, full=True, sample=0)
    counts = ", ".join(f"{found[kind]} {kind}" for kind in KINDS if found[kind])
    texts, rest = embedded(site) - before, sum(left[kind] for kind in KINDS)
    print(f"{what}: {counts or 'nothing'}; repaired {found['repaired']} in {seconds:.1f} s; texts embedded {texts}; left {rest}")


def main() -> None:
    """Print the figures."""
    documents, chunks = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (2_000, 50)
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        site = make_site(place / "docs", place / "state")
        for number in range(documents):
            site.write(f"{number % 40}/{number}.md", page(number, chunks))
        site.sync()
        sums, seconds = compared(site, sample=0)
        _, whole = compared(site, full=True, sample=0)
        print(f"{documents} documents, {sums['points']} points: by sums {seconds:.1f} s, every seal opened {whole:.1f} s")
        for kind, harm in DAMAGES.items():
            with store(site) as (index, name, points):
                harm(index, name, points)
            tell(f"{DAMAGED} {kind}", site)
        with store(site) as (index, name, points):
            index.upsert(name, [Point(p.id, Vector(p.vector[4:] + p.vector[:4]), p.payload) for p in points])
        found, seconds = compared(site, sample=2_000)
        print(f"{DAMAGED} other vectors, 2,000 sampled: {found['altered']} found in {seconds:.1f} s")
        while sum(compared(site, sample=20_000, repair=True)[0][kind] for kind in KINDS):
            pass
        shutil.copytree(site.state / "index", place / "copy")
        for number in range(0, documents, 10):
            site.write(f"{number % 40}/{number}.md", page(documents + number, chunks))
        site.sync()
        shutil.rmtree(site.state / "index")
        shutil.copytree(place / "copy", site.state / "index")
        tell("an older copy, a tenth of the documents edited since", site)
        shutil.rmtree(site.state / "index")
        tell("the store wiped", site)


if __name__ == "__main__":
    main()
