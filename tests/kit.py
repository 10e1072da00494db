"""A small site for tests: a tree of files, an install over it, and its commands, in this process or typed."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from syncd.adapters.keys import create_keys
from syncd.cli.setup import set_up
from syncd.config import load
from syncd.core.acl import Reader
from syncd.core.model import Where
from syncd.ports import VectorIndex
from syncd.retrieval.dump import DumpedChunk, Missing
from syncd.retrieval.reader import Answer
from syncd.seal.cards import open_place
from syncd.sync.collection import Collection, ensure_collection, open_collection
from syncd.sync.every import sync_sources
from syncd.sync.install import Actor
from syncd.sync.run import Outcome
from syncd.sync.rundata import Order
from syncd.wiring import Wiring

TESTER = Actor("account", uid=0, via="test")


@dataclass
class Site:
    """A tree `docs`, an install `state`. index: an engine of the test's own instead of the configured one."""

    docs: Path
    state: Path
    index: VectorIndex | None = None

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.state / "config.toml"

    def write(self, key: str, text: str | bytes, mode: int = 0o644) -> Path:
        """A file below `docs`, with its folders open to everyone."""
        path = self.docs / key
        for folder in reversed(path.relative_to(self.docs).parents):
            if not (self.docs / folder).is_dir():
                (self.docs / folder).mkdir()
                (self.docs / folder).chmod(0o755)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    def age(self, seconds: float = 60) -> None:
        """Make every file look untouched for a while, as far as mtime goes (ctime can't be set)."""
        for path in self.docs.rglob("*"):
            if path.is_file():
                os.utime(path, (path.stat().st_atime, path.stat().st_mtime - seconds))

    def change(self, old: str, new: str) -> None:
        """Replace a line of the configuration."""
        text = self.config.read_text()
        assert old in text, old
        self.config.chmod(0o600)
        self.config.write_text(text.replace(old, new))

    # -- in this process -----------------------------------------------------------------------------------------------

    @contextmanager
    def open(self, *, writer: bool = False) -> Iterator[Wiring]:
        """The install, wired."""
        wiring = Wiring(load(self.config), writer=writer)
        if self.index is not None:
            wiring.__dict__["index"] = self.index
        with wiring:
            yield wiring

    def sync(self, *, confirm: Outcome | None = None, source: str | None = None) -> Outcome:
        """One sync; the outcome of its one source. An error that ended it is raised."""
        with self.open(writer=True) as wiring:
            order = Order(TESTER, confirmed=confirm.report.held if confirm else None)
            (outcome,) = sync_sources(wiring.install(), wiring.sources(source), order, lambda _: lambda _: None).outcomes
        if outcome.error is not None:
            raise outcome.error
        return outcome

    def collection(self, wiring: Wiring) -> Collection:
        """The collection, which must be there."""
        collection = open_collection(wiring.install())
        assert collection is not None
        return collection

    def search(self, question: str, reader: Reader | None = None, k: int = 1000) -> Answer:
        """What `reader` (default: whoever runs the tests) finds."""
        with self.open() as wiring:
            return wiring.retriever(self.collection(wiring)).search(question, wiring.caller() if reader is None else reader, k)

    def found(self, question: str = "anything", reader: Reader | None = None) -> set[str]:
        """The keys of everything that `reader` may read."""
        return {hit.key for hit in self.search(question, reader).hits}

    def dump(self) -> list[DumpedChunk]:
        """Every live chunk, read back from the index; none may be missing."""
        with self.open() as wiring:
            chunks = list(wiring.dump(self.collection(wiring)).chunks())
        assert not [chunk for chunk in chunks if isinstance(chunk, Missing)]
        return [chunk for chunk in chunks if isinstance(chunk, DumpedChunk)]

    def quarantined(self) -> dict[str, str]:
        """Key -> reason of everything in quarantine."""
        with self.open() as wiring, wiring.ledger.read() as view:
            rows = list(view.quarantined())
            return {open_place(wiring.keyring, "quarantine", row.locator, row.sealed): row.reason for row in rows}

    def points(self, where: Where | None = None) -> int:
        """How many points the index itself counts."""
        with self.open(writer=True) as wiring:
            return wiring.index.count(ensure_collection(wiring.install()).name, where)

    # -- as a person types it ------------------------------------------------------------------------------------------

    def cli(self, *arguments: str, check: int | None = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        """`syncd ARGUMENTS` in a process of its own; its exit code must be `check`."""
        done = subprocess.run(
            [sys.executable, "-m", "syncd", *arguments],
            env={**os.environ, "SYNCD_CONFIG": str(self.config), "HF_HUB_OFFLINE": "1", **environ},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert check is None or done.returncode == check, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str, check: int | None = 0) -> dict:
        """The same with --json, parsed."""
        return json.loads(self.cli(*arguments, "--json", check=check).stdout)

    def fresh(self, name: str) -> "Site":
        """A second install over the same files, with nothing in it yet."""
        return make_site(self.docs, self.state.with_name(name), allow_everyone="allow_everyone = true" in self.config.read_text())

    def copy_state(self, name: str) -> "Site":
        """A copy of the whole state as it is now."""
        target = self.state.with_name(name)
        shutil.copytree(self.state, target, ignore=shutil.ignore_patterns("*.sock"))
        copied = Site(self.docs, target)
        copied.change(str(self.state), str(target))
        return copied


def make_site(docs: Path, state: Path, *, allow_everyone: bool = True, backend: str = "hash", index: str = "edge") -> Site:
    """`syncd init`, with the hash embedder unless another is asked for."""
    docs.mkdir(exist_ok=True, parents=True)
    if docs.stat().st_mode & 0o777 != 0o755:  # nor does another install over a tree that is watched touch it
        docs.chmod(0o755)
    set_up(docs, state, allow_everyone=allow_everyone, algorithm="A256GCMSIV", origin="syncd/test", create_keys=create_keys)
    site = Site(docs, state)
    site.change('backend = "sentence-transformers"', f'backend = "{backend}"')
    if index != "edge":
        site.change('backend = "edge"', f'backend = "{index}"')
    return site


def open_folders(path: Path) -> None:
    """Let everyone pass to `path`: pytest makes its folders for their owner alone."""
    for folder in (path, *path.parents):
        if folder.stat().st_uid == os.geteuid() and Path(tempfile.gettempdir()) in folder.parents:
            folder.chmod(folder.stat().st_mode | 0o711)
