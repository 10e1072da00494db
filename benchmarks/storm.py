"""A storm over a running daemon, with its scans by the clock off: what the index says at quiet against what is on the disk.

    python benchmarks/storm.py --files 50000 --operations 100000 --seed 7

Bursts of everything that people and programs do to files, as fast as it goes. In the midst the daemon is stopped (SIGSTOP)
while more happens than the kernel's queue of events holds, so that some are lost for good. Printed: documents that differ in the
end, by text, readers, or in that they are there (has to be 0); seconds from the last deed until the daemon says that it is
fresh; how often a watch broke; the runs that were made, by what asked for them. Exit 1 where anything differs, or no event was
lost.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from daemon_kit import LiveDaemon, running
from following import set_acl
from kit import Site, make_site

from syncd.config import load
from syncd.core.model import Observation
from syncd.wiring import Wiring

QUEUE = Path("/proc/sys/fs/inotify/max_queued_events")
TOLD = 2.5
"""Seconds in which a daemon has noticed that a watch is broken, twice over."""
PATIENCE = 3_600.0
EACH = 50
"""Files of a folder at first."""
GROUP = 50
"""Folders of a folder."""
SETTINGS = """
[guard]
min_deletes = 1000000000
min_widenings = 1000000000

[daemon]
scan_every = "365d"
"""


class Storm:
    """A tree of two levels of folders, whose names are known without looking."""

    def __init__(self, docs: Path, files: int, rng: random.Random) -> None:
        self.docs = docs
        self.rng = rng
        self._serial = 0
        self.groups: list[str] = []
        self.folders: list[tuple[int, str]] = []
        """Of each the number of the folder that it is in, and its name; one that was removed is made again under another name."""
        self.files: list[tuple[int, str]] = []
        self.done: Counter[str] = Counter()
        self.deeds: dict[str, tuple[float, Callable[[], None]]] = {
            "create": (10, self.create),
            "write": (20, self.write),
            "append": (10, self.append),
            "truncate": (3, self.truncate),
            "rename": (12, self.rename),
            "swap": (5, self.swap),
            "replace": (12, self.replace),
            "link": (3, self.link),
            "delete": (8, self.delete),
            "chmod": (6, self.chmod),
            "setfacl": (2, self.setfacl),
            "touch": (6, self.touch),
            "symlink": (2, self.symlink),
            "rename folder": (0.3, self.rename_folder),
            "rename group": (0.02, self.rename_group),
            "chmod folder": (0.2, self.chmod_folder),
            "remove folder": (0.1, self.remove_folder),
        }
        for number in range(files):
            if number % (EACH * GROUP) == 0:
                self.groups.append(self._name("g"))
                self._mkdir(docs / self.groups[-1])
            if number % EACH == 0:
                self.folders.append((len(self.groups) - 1, self._name("d")))
                self._mkdir(self.folder(len(self.folders) - 1))
            self.files.append((len(self.folders) - 1, self._name("f") + ".md"))
            self._new(self.path(self.files[-1]))

    def blow(self, count: int) -> None:
        """So many deeds, one after the other without a pause."""
        names = list(self.deeds)
        for name in self.rng.choices(names, [self.deeds[name][0] for name in names], k=count):
            with suppress(OSError):  # of something that went with its folder, or was a link's
                self.deeds[name][1]()
                self.done[name] += 1

    def lose(self, process: int) -> None:
        """More events than the kernel keeps, while nobody reads them."""
        most = int(QUEUE.read_text())
        os.kill(process, signal.SIGSTOP)
        try:
            self.blow(most)
            one, other = self.path(self.files[0]), self.path(self.files[-1])
            for number in range(most // 2 + 1):  # equal events in a row are one: two files in turn
                for path in (one, other):
                    with suppress(OSError):
                        os.utime(path, (number, number))
            self.blow(most // 4)  # what is not told at all
        finally:
            os.kill(process, signal.SIGCONT)

    # -- where ---------------------------------------------------------------------------------------------------------

    def folder(self, number: int) -> Path:
        """Where it is now."""
        group, name = self.folders[number]
        return self.docs / self.groups[group] / name

    def path(self, file: tuple[int, str]) -> Path:
        """Where it is now."""
        return self.folder(file[0]) / file[1]

    def _any(self) -> int:
        return self.rng.randrange(len(self.files))

    def _place(self) -> tuple[int, str]:
        return self.rng.randrange(len(self.folders)), self._name("f") + ".md"

    def _name(self, kind: str) -> str:
        self._serial += 1
        return f"{kind}{self._serial}"

    def _text(self) -> str:
        self._serial += 1
        return f"# Page {self._serial}\n\n" + " ".join(f"word{self.rng.randrange(9999)}" for _ in range(12))

    def _new(self, path: Path) -> None:
        path.write_text(self._text())

    def _mkdir(self, path: Path) -> None:
        path.mkdir()

    # -- deeds ---------------------------------------------------------------------------------------------------------

    def create(self) -> None:
        """A new file."""
        place = self._place()
        self._new(self.path(place))
        self.files.append(place)

    def write(self) -> None:
        """Another text in place."""
        self._new(self.path(self.files[self._any()]))

    def append(self) -> None:
        """More at the end."""
        with self.path(self.files[self._any()]).open("a") as file:
            file.write(f" more{self._serial}")

    def truncate(self) -> None:
        """Less of it."""
        os.truncate(self.path(self.files[self._any()]), 60)

    def rename(self) -> None:
        """To any folder."""
        number, place = self._any(), self._place()
        self.path(self.files[number]).rename(self.path(place))
        self.files[number] = place

    def swap(self) -> None:
        """Two files change places."""
        one, other = self.path(self.files[self._any()]), self.path(self.files[self._any()])
        between = self.docs / self._name("between")
        one.rename(between)
        try:
            if one != other:
                other.rename(one)
        finally:
            between.rename(other)

    def replace(self) -> None:
        """As editors save."""
        path = self.path(self.files[self._any()])
        fresh = path.with_name(f".{self._name('new')}.tmp")
        self._new(fresh)
        fresh.rename(path)

    def link(self) -> None:
        """Another name of a file."""
        number, place = self._any(), self._place()
        self.path(place).hardlink_to(self.path(self.files[number]))
        self.files.append(place)

    def delete(self) -> None:
        """One name less."""
        number = self._any()
        self.path(self.files[number]).unlink()
        self.files[number] = self.files[-1]
        self.files.pop()

    def chmod(self) -> None:
        """Who may read it, by mode."""
        self.path(self.files[self._any()]).chmod(self.rng.choice((0o600, 0o640, 0o644)))

    def setfacl(self) -> None:
        """Who may read it, by an ACL."""
        set_acl(self.path(self.files[self._any()]), self.rng.randrange(61_000, 61_020))

    def touch(self) -> None:
        """Another ctime, and nothing else."""
        path = self.path(self.files[self._any()])
        facts = path.stat()
        os.utime(path)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    def symlink(self) -> None:
        """A link that is not followed."""
        self.path(self._place()).symlink_to(self.path(self.files[self._any()]))

    def rename_folder(self) -> None:
        """Into any other."""
        number = self.rng.randrange(len(self.folders))
        place = (self.rng.randrange(len(self.groups)), self._name("d"))
        self.folder(number).rename(self.docs / self.groups[place[0]] / place[1])
        self.folders[number] = place

    def rename_group(self) -> None:
        """With all that is below."""
        number, name = self.rng.randrange(len(self.groups)), self._name("g")
        (self.docs / self.groups[number]).rename(self.docs / name)
        self.groups[number] = name

    def chmod_folder(self) -> None:
        """Who may read what is in it."""
        self.folder(self.rng.randrange(len(self.folders))).chmod(self.rng.choice((0o700, 0o755)))

    def remove_folder(self) -> None:
        """With all that is in it; an empty one comes."""
        number = self.rng.randrange(len(self.folders))
        shutil.rmtree(self.folder(number))
        self.files = [file for file in self.files if file[0] != number]
        self.folders[number] = (self.folders[number][0], self._name("d"))
        self._mkdir(self.folder(number))


# -- what came of it -----------------------------------------------------------------------------------------------------------


def on_disk(site: Site) -> Iterator[tuple[Observation, str]]:
    """What is there, as a source sees it, with its text."""
    with Wiring(load(site.config), writer=False) as wiring:
        (source,) = wiring.sources()
        for page in source.scan():
            for seen in page.load().members:
                yield seen, (site.docs / seen.key).read_text()


def mismatches(site: Site, daemon: LiveDaemon) -> Counter[str]:
    """Documents in which the index differs from the disk, by how."""
    indexed: dict[str, list[dict]] = {}
    for chunk in daemon.client.ask("dump", {}).items:
        indexed.setdefault(chunk["key"], []).append(chunk)
    found: Counter[str] = Counter()
    for seen, text in on_disk(site):
        chunks = indexed.pop(seen.key, [])
        if not chunks and text.strip():
            found["missing"] += 1
        for chunk in chunks:
            start, end = chunk["span"]
            if hashlib.sha256(text[start:end].encode()).hexdigest() != chunk["text_sha256"]:
                found["another text"] += 1
                break
        covered = sum(len(text[start:end].split()) for start, end in (chunk["span"] for chunk in chunks))
        found["not all of it"] += bool(chunks) and covered != len(text.split())
        readers = tuple(seen.acl.readers()) if seen.acl is not None else ()
        found["other readers"] += any(tuple(chunk["readers"]) != readers for chunk in chunks)
    found["gone, and still there"] += len(indexed)
    return +found


def quiet(site: Site, daemon: LiveDaemon) -> float:
    """Wait until the daemon is fresh and stays so; seconds that this took it."""
    began = time.monotonic()
    site.write("sentinel.md", f"# Sentinel\n\n{began}")
    daemon.wait("sentinel.md", PATIENCE)
    while True:
        daemon.calm(PATIENCE)
        at = time.monotonic()
        time.sleep(TOLD)
        status = daemon.status()
        if status["verdict"] == "fresh" and not status["pending"] and all(s["doing"] == "idle" for s in status["sources"]):
            return at - began


def scans(daemon: LiveDaemon) -> Counter[str]:
    """Runs by what asked for them."""
    items = daemon.client.ask("audit-log", {"types": ["run.started"]}).items
    return Counter(json.loads(item["leaf"])["body"]["trigger"] for item in items)


@contextmanager
def installed(folder: Path) -> Iterator[Site]:
    """An install over nothing yet."""
    folder.chmod(0o755)
    before = os.umask(0o022)
    try:
        site = make_site(folder / "docs", folder / "state")
        site.config.chmod(0o600)
        site.change('name = "docs"', 'name = "docs"\nscrub_every = "off"')
        with site.config.open("a") as file:
            file.write(SETTINGS)
        yield site
    finally:
        os.umask(before)


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="A storm over a running daemon: index against disk at quiet.")
    parser.add_argument("--files", type=int, default=2_000, help="at first (default: 2000)")
    parser.add_argument("--operations", type=int, default=5_000, help="in bursts, besides those that are lost (default: 5000)")
    parser.add_argument("--bursts", type=int, default=10, help="(default: 10)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="what is drawn")
    given = parser.parse_args(arguments)
    print(f"seed {given.seed}; {given.files} files, {given.operations} operations in {given.bursts} bursts", flush=True)
    with tempfile.TemporaryDirectory(prefix="syncd-storm-") as folder, installed(Path(folder)) as site:
        rng = random.Random(given.seed)
        storm = Storm(site.docs, given.files, rng)
        began = time.monotonic()
        with running(site, calm=False) as daemon:
            daemon.calm(PATIENCE)
            print(f"{daemon.source()['documents']} documents followed after {time.monotonic() - began:.0f} s", flush=True)
            began = time.monotonic()
            for number in range(given.bursts):
                storm.blow(given.operations // given.bursts)
                if number == given.bursts // 2:
                    storm.lose(daemon.process.pid)
                time.sleep(rng.expovariate(1.0))
            took = time.monotonic() - began
            print(f"{sum(storm.done.values())} operations in {took:.0f} s: {dict(storm.done)}", flush=True)
            waited = quiet(site, daemon)
            found = mismatches(site, daemon)
            broken = sum(line["event"] == "watch.broken" for line in daemon.lines())
            made = scans(daemon)
            verdict = daemon.ask("audit-verify")["verdict"]
            documents = daemon.source()["documents"]
    print(f"quiet after {waited:.1f} s with {documents} documents; history {verdict}")
    print(f"queue overflows that were noticed: {broken}; runs: {dict(made)}")
    print(f"mismatches: {sum(found.values())} {dict(found) or ''}")
    return 0 if not found and broken and verdict == "good" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
