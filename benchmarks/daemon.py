"""The daemon under way: from the last write to searchable, status and search beside a backfill, a signal under load, leaks.

`python benchmarks/daemon.py [hash|model] [edits backfill signal cycles=N load=SECONDS]`: without words, all but cycles and load.
Figures of one run on one machine, taken side by side: compare them with each other, not with those of another day.
"""

import compileall
import json
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from daemon_kit import LiveDaemon, running, start, until
from kit import Site, make_site

import syncd

SETTLING = 0.1
"""Seconds that a finished file is left alone before it is looked at."""
SINGLE, BURST, BACKFILL = 40, 96, 5_000
WORDS = Path(__file__).parents[1].joinpath("README.md").read_text().split()


def text(number: int, words: int = 60) -> str:
    """A page of its own: about one chunk."""
    chosen = random.Random(number).choices(WORDS, k=words)
    return f"# Page {number}\n\n{' '.join(chosen)}\n"


def percentiles(values: list[float]) -> str:
    """p50 and p95 in milliseconds."""
    ordered = sorted(values)
    return f"p50 {statistics.median(ordered) * 1000:.0f} ms, p95 {ordered[int(len(ordered) * 0.95) - 1] * 1000:.0f} ms"


def timed(deed: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.monotonic()
    deed()
    return time.monotonic() - began


def typed(site: Site, *arguments: str) -> tuple[float, float]:
    """Wall and CPU seconds of a command in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = timed(lambda: site.cli(*arguments, check=None))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def events(daemon: LiveDaemon, type_: str) -> list[dict]:
    """The history's events of a type."""
    return [json.loads(item["leaf"]) for item in daemon.client.ask("audit-log", {"types": [type_]}).items]


def batches(daemon: LiveDaemon) -> int:
    """How many runs followed hints so far."""
    return sum(event["body"].get("trigger") == "hint" for event in events(daemon, "run.started"))


def edits(site: Site, embedding: Callable[[list[str]], float]) -> None:
    """Single edits and a burst, last write to searchable. embedding: seconds that the model takes for the same, just before."""
    with running(site) as daemon:
        single, beyond, told = [], [], []
        for number in range(SINGLE):
            model = embedding([text(10_000 + number)])
            site.write("single.md", text(10_000 + number))
            written = time.time()
            told.append(timed(lambda: daemon.wait("single.md")))
            single.append(searchable_at(daemon, 1) - written)
            beyond.append(single[-1] - SETTLING - model)
        print(f"single edit ({SINGLE}): {percentiles(single)}; beyond settling and the model: {percentiles(beyond)}")
        print(f"  until `wait` returns: {percentiles(told)}")
        whole, beyond, used = [], [], []
        for turn in range(10):
            before = batches(daemon)
            pages = [text(20_000 + 1_000 * turn + number) for number in range(BURST)]
            model = embedding(pages)
            for number, page in enumerate(pages):
                site.write(f"burst/{number}.md", page)
            written = time.time()
            time.sleep(1.0)
            while daemon.source()["pending"]:
                time.sleep(0.5)  # asking all the time would be work of its own
            # Asking 96 times would take longer than the work: when the last one was searchable, the history knows.
            whole.append(searchable_at(daemon, BURST) - written)
            beyond.append(whole[-1] - SETTLING - model)
            used.append(batches(daemon) - before)
        print(
            f"burst of {BURST} (10): {percentiles(whole)}; beyond settling and the model: {percentiles(beyond)}; batches {used}"
        )


def searchable_at(daemon: LiveDaemon, count: int) -> float:
    """When the last of the latest `count` documents became searchable (Unix seconds)."""
    items = daemon.client.ask("audit-log", {"types": ["doc.synced"]}).items
    return max([item["ts"] for item in items if item["phase"] == "outcome"][-count:]) / 1e6


def backfill(site: Site) -> None:
    """Status and search while everything is embedded again."""
    for number in range(BACKFILL):
        site.write(f"many/{number // 100}/{number}.md", text(number))
    with running(site, calm=False) as daemon:
        daemon.calm(patience=600)  # a real model embeds about 30 pages a second on two cores
        print(f"documents: {daemon.source()['documents']}, chunks {daemon.source()['chunks']}")

        def look(times: int) -> dict[str, list[float]]:
            found: dict[str, list[float]] = {"status": [], "search": [], "status typed": [], "search typed": [], "CPU": []}
            for number in range(times):
                found["status"].append(timed(daemon.status))
                found["search"].append(timed(lambda: daemon.ask("search", query=text(number, 6), k=10)))  # noqa: B023 - called at once
                wall, cpu = typed(site, "status")
                found["status typed"].append(wall)
                found["CPU"].append(cpu)
                found["search typed"].append(typed(site, "search", text(number, 6))[0])
            return found

        idle = look(40)
        job = daemon.client.begin("reindex", {"reason": "benchmark"})
        until(lambda: daemon.client.job(job)["state"] == "running")
        busy: dict[str, list[float]] = {name: [] for name in idle}
        while daemon.client.job(job)["state"] == "running" and len(busy["status"]) < 200:
            for name, values in look(5).items():
                busy[name] += values
        print(f"samples beside the backfill: {len(busy['status'])}; it is {daemon.client.job(job)['state']}")
        for name in idle:
            print(f"  {name:<13} idle {percentiles(idle[name])}   busy {percentiles(busy[name])}")
        live = []
        for number in range(10):
            if daemon.client.job(job)["state"] == "running":
                site.write("live.md", text(30_000 + number))
                live.append(timed(lambda: daemon.wait("live.md")))
        if live:
            print(f"  an edit beside it ({len(live)}): {percentiles(live)}")


def under_signal(site: Site) -> None:
    """SIGTERM while a first sync is under way."""
    for number in range(2_000):
        site.write(f"load/{number // 100}/{number}.md", text(50_000 + number))
    took = []
    for _ in range(5):
        daemon = start(site)
        until(lambda: daemon.source()["doing"] not in ("idle", "following hints"))  # noqa: B023 - waits here
        time.sleep(random.uniform(0.1, 1.0))
        began = time.monotonic()
        assert daemon.stop() == 0
        took.append(time.monotonic() - began)
    print(f"SIGTERM under load: exit 0 five times, {percentiles(took)}")


def slope(values: list[float]) -> str:
    """First, last, and what a least-squares line gains a sample."""
    line = statistics.linear_regression(range(len(values)), values) if len(values) > 1 else None
    return f"first {values[0]:.1f}, last {values[-1]:.1f}, slope {line.slope if line else 0:.5f} a sample over {len(values)}"


def sizes(daemon: LiveDaemon) -> tuple[float, float, float]:
    """Threads, open descriptors and MiB of the daemon's process."""
    process = psutil.Process(daemon.process.pid)
    return process.num_threads(), process.num_fds(), process.memory_info().rss / 2**20


def tell_sizes(samples: list[tuple[float, float, float]]) -> None:
    """Whether anything grows."""
    for name, values in zip(("threads", "descriptors", "MiB"), zip(*samples, strict=True), strict=True):
        print(f"  {name:<12} {slope(list(values))}")


def cycles(site: Site, count: int) -> None:
    """Start, ask, stop, over and over on one install."""
    samples, starts = [], []
    began = time.monotonic()
    for number in range(count):
        moment = time.monotonic()
        daemon = start(site)
        daemon.calm()
        starts.append(time.monotonic() - moment)
        samples.append(sizes(daemon))
        if number % 10 == 0:
            site.write("cycle.md", text(60_000 + number))
            daemon.wait("cycle.md")
        assert daemon.stop() == 0
    left = [p for p in psutil.process_iter(["cmdline"]) if str(site.state) in " ".join(p.info["cmdline"] or [])]
    print(
        f"{count} cycles in {time.monotonic() - began:.0f} s; processes left: {len(left)}; start to fresh: {percentiles(starts)}"
    )
    tell_sizes(samples)


def load(site: Site, seconds: float) -> None:
    """Random deeds and questions on one daemon."""
    chance = random.Random(1)
    for number in range(300):
        site.write(f"r/{number % 7}/{number}.md", text(number))
    deeds = 0
    with running(site) as daemon:
        samples = []
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            key = f"r/{chance.randrange(7)}/{chance.randrange(300)}.md"
            path = site.docs / key
            match chance.randrange(6):
                case 0 | 1:
                    site.write(key, text(chance.randrange(10**6)))
                case 2 if path.exists():
                    path.unlink()
                case 3 if path.exists():
                    path.chmod(chance.choice((0o600, 0o644)))
                case 4:
                    daemon.ask("search", query=text(deeds, 5))
                case _:
                    daemon.status()
            deeds += 1
            if deeds % 50 == 0:
                samples.append(sizes(daemon))
        daemon.calm()
        print(f"{deeds} deeds in {seconds:.0f} s; history {daemon.ask('audit-verify')['verdict']}")
        half = len(samples) // 2
        tell_sizes(samples[half:])


def model_seconds(backend: str) -> Callable[[list[str]], float]:
    """What tells how long the embedder takes for pages, in a process that does nothing else."""
    if backend == "hash":
        return lambda _: 0.0
    from syncd.adapters.embed.sentence_transformer import SentenceTransformerEmbedder

    embedder = SentenceTransformerEmbedder()
    embedder.warm()
    return lambda pages: timed(lambda: embedder.embed(pages))


def main() -> None:
    """Print the figures."""
    compileall.compile_dir(Path(syncd.__file__).parent, quiet=1)  # as pip does when it installs: a checkout may have none yet
    words = sys.argv[1:] or ["hash"]
    backend = "sentence-transformers" if "model" in words else "hash"
    wanted = [word for word in words if word not in ("hash", "model")] or ["edits", "backfill", "signal"]
    embedding = model_seconds(backend)
    page, pages = embedding([text(0)]), embedding([text(70_000 + number) for number in range(BURST)])
    print(f"embedder {backend}; one page takes it {page * 1000:.0f} ms, {BURST} pages {pages:.1f} s")
    for word in wanted:
        name, _, value = word.partition("=")
        with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
            place = Path(folder)
            place.chmod(0o755)
            site = make_site(place / "docs", place / "state", backend=backend)
            site.write("first.md", text(1))
            match name:
                case "edits":
                    edits(site, embedding)
                case "backfill":
                    backfill(site)
                case "signal":
                    under_signal(site)
                case "cycles":
                    cycles(site, int(value or 1000))
                case "load":
                    load(site, float(value or 3600))


if __name__ == "__main__":
    main()
