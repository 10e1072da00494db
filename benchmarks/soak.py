"""`make soak`: a real daemon under random load, watched for what grows.

    python benchmarks/soak.py --minutes 30 --seed 7

Some hundred documents of which as many come as go, beside many that stay; searches, scans and comparisons; every few seconds
memory, threads, descriptors and files of the daemon and its engine are read. Slopes are of what comes after the first third, or
after ten minutes, and the median of those between any two looks (Theil and Sen): Python takes memory from the system, and gives
it back, a MiB at a time, and a single such step in twenty minutes is four MiB an hour by least squares, which are shown beside.
So half an hour tells of what grows steadily, and of steps that come again; MINUTES=120 of slower ones. Each process has a slope
of its own, and the sum of both is judged: the median of their sums counts a step of one at the dip of the other. Mapped files
are left out: the system takes those pages back when it wants to, and what they can come to is the size of the index. Exit 1 where
something is beyond its bar, or where the index differs from a fresh one in the end.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from itertools import combinations
from pathlib import Path
from statistics import linear_regression, median

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests/crash"))

from checks import compare, dump, faults_in_rest
from daemon_kit import LiveDaemon, running
from deeds import Tree
from kit import Site, make_site, open_folders

MIB = 1 << 20
EVERY = 3.0
"""Seconds between two looks."""
FEW, MANY = 300, 340
"""With fewer documents some come, with more some go."""
ARCHIVE, LEFT = 9_000, 500
"""Documents at first, and how many of them stay: a daemon that has seen many has filled the caches that it may fill."""
WORDS = Path(__file__).parents[1].joinpath("README.md").read_text().split()
WARM = 600.0
"""Seconds at first that do not count, or a third where it is shorter."""
AT_ONCE = 16
"""Callers at once before it begins."""
MEMORY = 1.0
"""MB an hour that daemon and engine may grow by together."""
WAL = 65 * MIB
"""Bytes that the ledger's log may take: it is cut to 64 MiB after a checkpoint, and files are counted in blocks."""
SETTINGS = """
[guard]
min_deletes = 1000000
min_widenings = 1000000

[daemon]
scan_every = "60s"

[reconcile]
every = "60s"
repair = false
"""


@dataclass(frozen=True)
class Sample:
    """One look. MiB, but for counts; anon: without mapped files; busy: changes that wait."""

    at: float
    daemon: float
    daemon_anon: float
    engine: float
    engine_anon: float
    threads: float
    descriptors: float
    wal: float
    ledger: float
    index: float
    documents: float
    busy: float


class Crowd(Tree):
    """A larger tree, of about as many documents all the time."""

    def play(self, deed: str | None = None) -> str:
        """Anything, or what keeps the number."""
        count = len(self.files())
        if deed is None and count < FEW:
            deed = "create"
        elif deed is None and count > MANY:
            deed = "delete"
        deed = deed or self.rng.choice(sorted(self.deeds))
        self.deeds[deed]()
        return deed

    def _place(self) -> Path:
        place = super()._place()
        return place.with_name(f"{self.rng.randrange(20)} {place.name}")


def sizes(process: psutil.Process) -> tuple[float, float]:
    """MiB that a process takes, shared pages in shares, and what of that is its own memory: no mapped file, on whatever disk."""
    lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    found = {line.split()[0]: int(line.split()[1]) / 1024 for line in lines[1:]}
    return found["Pss:"], found["Pss_Anon:"]


def on_disk(path: Path) -> float:
    """MiB that files at and below `path` occupy; what goes away meanwhile counts nothing."""
    total = 0
    for each in (path, *(Path(folder, name) for folder, _, names in os.walk(path) for name in names)):
        with suppress(FileNotFoundError):
            total += each.stat().st_blocks * 512
    return total / MIB


def look(site: Site, daemon: LiveDaemon, began: float) -> Sample:
    """How it is now. Only the engine is a child of the daemon."""
    process = psutil.Process(daemon.process.pid)
    (engine,) = process.children()
    status = daemon.status()
    return Sample(
        time.monotonic() - began,
        *sizes(process),
        *sizes(engine),
        process.num_threads() + engine.num_threads(),
        process.num_fds() + engine.num_fds(),
        on_disk(site.state / "ledger.db-wal"),
        on_disk(site.state / "ledger.db"),
        on_disk(site.state / "index"),
        status["sources"][0]["documents"],
        status["pending"],
    )


def asked(daemon: LiveDaemon, tree: Crowd) -> dict[str, Callable[[], object]]:
    """What people and programs ask for, by name."""
    return {
        "search": lambda: daemon.ask("search", query=f"word{tree.rng.randrange(999, 9999)}", k=20),
        "search as a stranger": lambda: daemon.ask("search", query="section", k=50, principals=["user:nobody"]),
        "status": daemon.status,
        "sync": lambda: daemon.ask("sync"),
    }


def crowded(daemon: LiveDaemon, tree: Crowd) -> None:
    """As many at once as there will hardly be again: pools of threads and connections are as large as they get."""
    questions = asked(daemon, tree)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda name: questions[name](), sorted(questions) * AT_ONCE))


def load(site: Site, daemon: LiveDaemon, tree: Crowd, minutes: float) -> list[Sample]:
    """Deeds at random moments, in bursts now and then, and questions in between."""
    rng, began = tree.rng, time.monotonic()
    samples, due, told = [look(site, daemon, began)], EVERY, 0
    questions = asked(daemon, tree)
    while (now := time.monotonic() - began) < minutes * 60:
        for _ in range(rng.choice((1, 1, 1, 1, 40))):
            tree.play()
        questions[rng.choice(sorted(questions))]()
        if now >= due:
            samples.append(look(site, daemon, began))
            due = now + EVERY
        if now >= told * 60:
            told += 1
            print(said(samples[-1]), flush=True)
        time.sleep(rng.expovariate(3.0))
    return samples


def said(sample: Sample) -> str:
    """A sample on a line."""
    names = [field.name for field in fields(Sample)]
    return "  ".join(f"{name} {value:.1f}" for name, value in zip(names, astuple(sample), strict=True))


def series(samples: list[Sample], name: str) -> list[tuple[float, float]]:
    """When, in hours, and how much then."""
    return [(sample.at / 3600, getattr(sample, name)) for sample in samples]


def slope(samples: list[Sample], name: str) -> float:
    """By how much it grows in an hour: the median of all slopes between two looks."""
    return median((after - before) / (then - at) for (at, before), (then, after) in combinations(series(samples, name), 2))


def least_squares(samples: list[Sample], name: str) -> float:
    """The same by least squares, which a single step moves."""
    return linear_regression(*zip(*series(samples, name), strict=True)).slope


def floor_grew(samples: list[Sample], name: str) -> float:
    """By how much the least of a count is more in the last third than in the first."""
    third = max(1, len(samples) // 3)
    values = [getattr(sample, name) for sample in samples]
    return min(values[-third:]) - min(values[:third])


def judged(samples: list[Sample]) -> list[str]:
    """Print the slopes; returns what is beyond its bar."""
    counted = [s for s in samples if s.at >= min(WARM, samples[-1].at / 3)]
    print(f"{len(counted)} looks, from minute {counted[0].at / 60:.1f} to {counted[-1].at / 60:.1f}; an hour each:")
    for name in [field.name for field in fields(Sample)][1:]:
        values = [getattr(sample, name) for sample in counted]
        slopes = f"{slope(counted, name):+10.2f}  ({least_squares(counted, name):+.2f} by least squares)"
        print(f"{slopes:45} {name:12} {min(values):.1f} to {max(values):.1f}")
    memory = slope(counted, "daemon_anon") + slope(counted, "engine_anon")
    wal = max(sample.wal for sample in samples) * MIB
    print(f"memory {memory:+.2f} MiB/h without mapped files; the ledger's log took {wal / MIB:.1f} MiB at most")
    faults = [f"memory grows by {memory:.2f} MiB/h"] * (memory * MIB > MEMORY * 1e6)
    for name in ("threads", "descriptors"):
        if (grew := floor_grew(counted, name)) > 0:
            faults.append(f"{name}: {grew:.0f} more")
    return faults + [f"the log of the ledger took {wal:.0f} bytes"] * (wal > WAL)


def unlike_fresh(site: Site, daemon: LiveDaemon) -> list[str]:
    """What differs from a fresh install in the end, or is wrong with the history."""
    daemon.calm(300)
    mine = dump(site, site.state.with_name("mine.json"))
    code = daemon.stop()
    faults = [f"it ended with {code}"] * (code != 0) + faults_in_rest(site)
    verdict = site.json("audit", "verify", check=None)["verdict"]
    faults += [f"the history is {verdict}"] * (verdict != "good")
    fresh = site.fresh("fresh")
    fresh.sync()
    count, lines = compare(mine, dump(fresh, site.state.with_name("fresh.json")))
    return faults + [f"{count} differences to a fresh install:\n{lines}"] * (count > 0)


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="A daemon under random load, watched for what grows.")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (default: 30)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="what is drawn")
    given = parser.parse_args(arguments)
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="syncd-soak-") as folder:
        place = Path(folder) / "here"
        place.mkdir()
        open_folders(place)
        site = make_site(place / "docs", place / "state")
        site.config.chmod(0o600)
        with site.config.open("a") as file:
            file.write(SETTINGS)
        rng = random.Random(given.seed)
        for number in range(ARCHIVE):
            site.write(f"archive/{number // 100}/{number}.md", f"# Page {number}\n\n{' '.join(rng.choices(WORDS, k=60))}")
        (site.docs / "live").mkdir(mode=0o755)
        tree = Crowd(site.docs / "live", rng)
        for _ in range(FEW):
            tree.create()
        with running(site, calm=False) as daemon:
            daemon.calm(1_800)
            for number in range(LEFT, ARCHIVE):
                (site.docs / f"archive/{number // 100}/{number}.md").unlink()
            daemon.ask("sync")
            daemon.calm(1_800)
            crowded(daemon, tree)
            samples = load(site, daemon, tree, given.minutes)
            faults = judged(samples) + unlike_fresh(site, daemon)
    for fault in faults:
        print(f"FAULT  {fault}")
    print("beyond its bars" if faults else "within its bars")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
