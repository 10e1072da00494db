"""What syncd itself costs: real files, the hash embedder, an index that keeps nothing; then the real engine.

`python benchmarks/pipeline.py [DIR]`: DIR holds real documents; without it, the texts that installed packages carry.
CPU is that of this process (the engine's child is shown apart).
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import corpus
from kit import Site, make_site


def measure(site: Site) -> tuple[float, float, object]:
    """CPU seconds of this process, wall seconds, and the outcome of one sync."""
    cpu, wall = time.process_time(), time.monotonic()
    done = site.sync()
    return time.process_time() - cpu, time.monotonic() - wall, done


def counts(site: Site) -> tuple[int, int, int]:
    """Documents, chunks, bytes of the ledger."""
    with site.open() as wiring, wiring.ledger.read() as view:
        counted = view.counts()
    return counted.live, counted.points, site.state.joinpath("ledger.db").stat().st_size


def run(docs: Path, place: Path, index: str) -> None:
    """First sync and second sync over one engine."""
    site = make_site(docs, place / index, index=index)
    with site.open(writer=True) as wiring:
        wiring.install()  # imports and key files are not what is measured
    cpu, wall, done = measure(site)
    documents, chunks, size = counts(site)
    child = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{index}: {documents} documents, {chunks} chunks, {done.report.chunks.embedded} texts embedded")
    print(f"  first sync   {cpu / chunks * 1000:.3f} ms CPU a chunk   {wall:.1f} s wall   {chunks / wall:.0f} points/s")
    if index == "edge":
        print(f"  engine child {(child.ru_utime + child.ru_stime) / chunks * 1000:.3f} ms CPU a chunk")
    print(f"  ledger       {size / chunks:.0f} bytes a chunk")
    time.sleep(2.1)  # so that no file is racy: what is measured is the quiet case
    site.sync()
    cpu, wall, done = measure(site)
    print(f"  second sync  {done.report.chunks.embedded} texts   {cpu / documents * 1000:.3f} ms CPU a file   {wall:.2f} s wall")
    print(f"  peak memory  {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        place = Path(folder)
        docs = Path(sys.argv[1]) if len(sys.argv) > 1 else place / "docs"
        if len(sys.argv) < 2:
            corpus.copy(docs, 1456)
        for index in ("null", "edge"):
            run(docs, place, index)


if __name__ == "__main__":
    main()
