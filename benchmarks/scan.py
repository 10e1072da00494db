"""Finding out that nothing changed, in a large tree: a whole run with its ledger, beside `find`, `git status` and `rsync -n`.

`python benchmarks/scan.py [FILES [PER_FOLDER]] [first]`: 100,000 small files in folders of 10 without words, below the folder for
temporary files (TMPDIR). Everything is measured in one run, in turns, the middle of three; CPU is user and system time of the
process. Then one document changes: until it is searchable, by a hint, by a whole scan, and beside a running daemon.

A first sync of a million documents takes an hour. So one folder is synced; what a sync would record of the other documents, pages
and points is written straight into the ledger, true to the last tag but for the digests of contents and chunks, without history.
`first`: all of it is synced, and the cost of that is shown.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from daemon_kit import running
from kit import TESTER, Site, make_site, open_folders

from syncd.core.card import Card
from syncd.core.model import Fp, Page
from syncd.core.rows import DocRow, DocState, PageRow, PointRow, PointState
from syncd.core.scope import WHOLE, Scope, parent_of
from syncd.seal import identity
from syncd.seal.cards import seal_card, seal_place
from syncd.seal.wrapping import DocKeys, wrap_dek
from syncd.sync.collection import ensure_collection
from syncd.sync.every import sync_sources
from syncd.sync.install import Install
from syncd.sync.rundata import Order
from syncd.sync.stage import batches
from syncd.sync.tags import Tags, shape_of

TURNS = 3
FOLDERS_EACH = 100
"""Folders in a folder."""
STAT = "%D %i %s %T@ %C@ %m %U %G %P\\n"
"""What a scan asks of each file, in the language of find."""


@dataclass(frozen=True)
class Cost:
    """Seconds, and bytes that the process asked the system for (read calls) and that came from the disk."""

    cpu: float
    wall: float
    read: int = 0
    disk: int = 0


# -- the process that syncs --------------------------------------------------------------------------------------------------


def reads() -> tuple[int, int]:
    """Bytes that this process read so far: by calls, and from the disk."""
    said = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(said["rchar"]), int(said["read_bytes"])


def work(config: Path) -> None:
    """Sync the scopes that are asked for, one a line, as a daemon would: everything is imported and open."""
    with Site(config, config.parent).open(writer=True) as wiring:
        install = wiring.install()
        for line in sys.stdin:
            asked = json.loads(line)
            scope = Scope(keys=tuple(asked)) if asked else WHOLE
            cpu, wall, (read, disk) = time.process_time(), time.monotonic(), reads()
            order = Order(TESTER, trigger="hint" if asked else "command", scope=scope)
            (outcome,) = sync_sources(install, wiring.sources(None), order, lambda _: lambda _: None).outcomes
            if outcome.error is not None:
                raise outcome.error
            now = reads()
            answer = {
                "cpu": time.process_time() - cpu,
                "wall": time.monotonic() - wall,
                "read": now[0] - read,
                "disk": now[1] - disk,
                "texts": outcome.report.chunks.embedded,
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
            print(json.dumps(answer), flush=True)


def learn(site: Site) -> None:
    """Record the rest of the tree as a sync would, after the model of the one document that a sync has recorded."""
    with site.open(writer=True) as wiring:
        install = wiring.install()
        source = wiring.sources(None)[0]
        tags = Tags(install.keyring.identity, source, shape_of(install), ensure_collection(install).row.space)
        with install.ledger.read() as view:
            model = next(view.docs())
            row = view.source(tags.source_id)
        assert row is not None
        for pages in batches(source.scan(), 500):
            with install.ledger.write() as tx:
                for page in pages:
                    stamp, docs = recorded(install, tags, model, page)
                    above = parent_of(page.prefix)
                    locator = tags.page(page.prefix)
                    sealed = seal_place(install.keyring, "page", locator, page.prefix, install.nonce())
                    parent = None if above is None else tags.page(above)
                    tx.put_page(PageRow(locator, tags.source_id, stamp, row.scan, sealed, parent))
                    for doc in docs:
                        tx.put_doc(doc)
                    tx.put_points([PointRow(doc.doc, Fp(install.entropy.bytes(16)), 0, PointState.LIVE) for doc in docs])


def recorded(install: Install, tags: Tags, model: DocRow, page: Page) -> tuple[bytes | None, list[DocRow]]:
    """The stamp of a page, and a row for each document on it, with keys and card of its own."""
    listing, docs = page.load(), []
    epoch = install.keyring.current
    for seen in listing.members:
        if tags.locator(seen.key) == model.locator:
            continue
        doc, dek = identity.new_doc(install.fresh_id()), install.entropy.bytes(32)
        card = Card(seen.key, None, seen.size, seen.changed_at, ())
        docs.append(
            replace(
                model,
                doc=doc,
                state=DocState.LIVE,
                locator=tags.locator(seen.key),
                page=tags.page(page.prefix),
                identity=tags.identity(seen),
                version=tags.version(seen),
                content=tags.content(install.entropy.bytes(32)),
                racy=seen.racy,
                dek=wrap_dek(install.keyring, epoch, dek, doc, install.nonce()),
                vault=seal_card(install.keyring.algorithm, DocKeys.of(dek, doc), doc, card, install.nonce()),
            )
        )
    return tags.stamp(listing.stamp), docs


@contextmanager
def worker(site: Site) -> Iterator[Callable[..., dict]]:
    """What syncs in a process of its own, whose peak memory is that of what it was asked for."""
    command = [sys.executable, __file__, "--work", str(site.config)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(*keys: str) -> dict:
            print(json.dumps(keys), file=process.stdin, flush=True)
            line = process.stdout.readline()
            assert line, "the process that syncs has ended"
            return json.loads(line)

        try:
            yield ask
        finally:
            process.stdin.close()


# -- the others --------------------------------------------------------------------------------------------------------------


def command(*words: str) -> Cost:
    """What a command costs."""
    began = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    return Cost(used.ru_utime + used.ru_stime, time.monotonic() - began)


def others(site: Site, place: Path) -> dict[str, Callable[[], Cost]]:
    """What else tells that nothing changed; a tool that is not here is named and left out."""
    found: dict[str, Callable[[], Cost]] = {}
    docs = str(site.docs)
    if shutil.which("find"):
        found["find -printf"] = lambda: command("find", docs, "-printf", STAT)
    if shutil.which("git"):
        git = (
            "git",
            f"--git-dir={place / 'git'}",
            f"--work-tree={docs}",
            "-c",
            "gc.auto=0",
            "-c",
            "core.looseCompression=0",
            "-c",
            "core.fsync=none",
        )
        for words in (("init", "-q"), ("add", "-A"), ("-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "-m", "all")):
            command(*git, *words)
        found["git status"] = lambda: command(*git, "status", "--porcelain")
    if shutil.which("rsync"):
        command("rsync", "-a", docs + "/", str(place / "copy"))
        found["rsync -an"] = lambda: command("rsync", "-an", docs + "/", str(place / "copy"))
    for name in {"find", "git", "rsync"} - {name.split()[0] for name in found}:
        print(f"  {name} is not here: left out")
    return found


# -- the figures -------------------------------------------------------------------------------------------------------------


def plant(docs: Path, files: int, each: int) -> None:
    """So many files of one chunk, each with a text of its own, `each` in a folder."""
    for number in range(files):
        folder = number // each
        place = docs / f"{folder // FOLDERS_EACH:05}" / f"{folder % FOLDERS_EACH:02}"
        if number % each == 0:
            place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:07}.md").write_bytes(b"# Page %d\n\ntext %d\n" % (number, number))


def middle(costs: list[Cost]) -> Cost:
    """The median of each."""
    return Cost(statistics.median(c.cpu for c in costs), statistics.median(c.wall for c in costs))


def quiet(site: Site, place: Path, files: int) -> None:
    """The scan that finds nothing, beside the others."""
    rivals = others(site, place)
    taken: dict[str, list[Cost]] = {name: [] for name in ["syncd", "syncd sync", *rivals]}
    with worker(site) as ask:
        assert ask()["texts"] == 0
        for _ in range(TURNS):
            done = ask()
            assert done["texts"] == 0
            taken["syncd"].append(Cost(done["cpu"], done["wall"]))
            for name, rival in rivals.items():
                taken[name].append(rival())
    for _ in range(TURNS):
        taken["syncd sync"].append(command(sys.executable, "-m", "syncd", "--config", str(site.config), "sync"))
    base = middle(taken["find -printf"]).cpu if "find -printf" in rivals else 0.0
    for name, costs in taken.items():
        cost = middle(costs)
        ratio = f"   {cost.cpu / base:5.2f} x find's CPU" if base else ""
        print(
            f"  {name:<13} {cost.cpu:7.2f} s CPU   {cost.wall:7.2f} s wall   {cost.cpu / files * 1e6:6.2f} µs CPU a file{ratio}"
        )
    print(f"  peak memory of the process that scanned: {done['peak']:.0f} MiB")


def one_changed(site: Site, files: int) -> None:
    """From one edit to searchable."""
    key = str(next(path for path in site.docs.rglob(f"{files // 2:07}.md")).relative_to(site.docs))
    with worker(site) as ask:
        ask(key)
        for name, asked in (("by a hint", (key,)), ("by a whole scan", ())):
            (site.docs / key).write_text(f"# Changed\n\n{name}\n")
            done = ask(*asked)
            assert done["texts"] == 1
            spent = f"{done['wall']:.3f} s, {done['cpu']:.3f} s CPU"
            read = f"{done['read'] / 1024:.0f} KiB read, {done['disk'] / 1024:.0f} of them from the disk"
            print(f"  one of {files:,} changed, {name}: {spent}; {read}")


def followed(site: Site, files: int) -> None:
    """Beside a running daemon, which watches: its memory, and from one edit to searchable."""
    path = next(path for path in site.docs.rglob(f"{files // 3:07}.md"))
    began = time.monotonic()
    with running(site, calm=False) as daemon:
        daemon.calm(3600)
        settled = time.monotonic() - began
        peak = in_mib(daemon.process.pid, "VmHWM")
        began = time.monotonic()
        path.write_text("# Changed\n\nbeside the daemon\n")
        daemon.wait(str(path.relative_to(site.docs)))
        seen = time.monotonic() - began
        now = in_mib(daemon.process.pid, "VmRSS")
        again = path.with_name("again.md")
        everything = (sys.executable, "-m", "syncd", "--config", str(site.config), "sync")
        with subprocess.Popen(everything, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as scan:
            time.sleep(files / 250_000)  # it has begun by then, and is not through
            began = time.monotonic()
            again.write_text("# New\n\nwhile all is scanned\n")
            daemon.wait(str(again.relative_to(site.docs)))
            meanwhile, through = time.monotonic() - began, scan.poll() is not None
    print(f"  daemon: {settled:.1f} s from start to watched and scanned; peak memory then {peak:.0f} MiB, {now:.0f} MiB later")
    print(f"  one of {files:,} changed beside the daemon: {seen:.3f} s until it was searchable")
    print(f"  one more while all is scanned: {meanwhile:.3f} s" + (" (the scan was through before)" if through else ""))


def in_mib(pid: int, what: str) -> float:
    """A line of /proc/PID/status."""
    said = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(said[what].split()[0]) / 1024


def known(site: Site, files: int, each: int, *, first: bool) -> None:
    """A tree of so many files, all of them recorded. first: by a sync."""
    plant(site.docs, files if first else 1, each)
    with worker(site) as ask:
        done = ask()
    if first:
        spent = f"{done['cpu']:.1f} s CPU, {done['wall']:.1f} s wall, {done['cpu'] / files * 1e3:.2f} ms CPU a file"
        print(f"  first sync: {spent}; peak memory {done['peak']:.0f} MiB", flush=True)
    else:
        plant(site.docs, files, each)
    time.sleep(2.1)  # what was touched a moment ago is racy: the quiet case is measured
    if not first:
        learn(site)


def main() -> None:
    """Print the figures."""
    words = [word for word in sys.argv[1:] if word != "first"]
    files, each = (int(word) for word in (*words, *("100000", "10")[len(words) :]))
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        place = Path(folder)
        open_folders(place)
        site = make_site(place / "docs", place / "state", index="null")
        print(f"{files:,} files of one chunk, {each} in a folder, {FOLDERS_EACH} folders in a folder; on {folder}", flush=True)
        known(site, files, each, first="first" in sys.argv)
        quiet(site, place, files)
        one_changed(site, files)
        followed(site, files)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(Path(sys.argv[2]))
    else:
        main()
