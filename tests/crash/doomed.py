"""syncd, doomed: the real program, that kills itself, or its engine, at a named step.

`python doomed.py FOLDER -- ARGUMENTS` runs `syncd ARGUMENTS`. FOLDER/armed holds "COUNT STEP": when the step is reached for the
COUNT-th time, SIGKILL is sent, and the file is gone. FOLDER/journal gets a line for every kill, and one for every call of the
embedder with the digests of its texts. Nothing but the seams between the parts is touched: the product knows nothing of this.
"""

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

COMMITS: Final = {
    "a new collection": "space.changed outcome",
    "the beginning of a run": "run.started intent",
    "the end of a run": "run.finished outcome",
    "the intent of documents": "doc.synced intent",
    "the outcome of documents": "doc.synced outcome",
    "the fence of what is missing": "fence",
    "the intent of deletions": "doc.deleted intent",
    "the outcome of deletions": "doc.deleted outcome",
    "the intent of ACLs": "acl.changed intent",
    "the outcome of ACLs": "acl.changed outcome",
    "a move": "doc.moved outcome",
    "what was settled": "ledger.recovered outcome",
    "a checkpoint": "checkpoint",
    "a reindex that was asked for": "reindex.requested outcome",
    "a quarantine": "doc.quarantined outcome",
    "what left quarantine": "doc.released outcome",
}
"""What is committed -> what of a transaction tells."""
SETTLING: Final = ("settling", "before the commit of what was settled", "after the commit of what was settled")
REINDEXED: Final = "reindexed points written"
EMBEDDED: Final = "texts embedded"
INDEX: Final = {
    "upsert": "points written",
    "set_payload": "ACLs written",
    "delete Ids": "stale points deleted",
    "delete AnyOf": "points of deleted documents deleted",
}
"""A write of the index -> the step after it."""
ENGINE: Final = {
    "upsert": "engine: asked to write points",
    "set_payload": "engine: asked to write ACLs",
    "delete": "engine: asked to delete points",
    "flush": "engine: asked to make it durable",
}
"""A call of the engine -> the step at which the engine dies of it, having done it or not."""
ANSWERED: Final = "engine: has written points"
STEPS: Final = (
    *(f"{when} the commit of {what}" for what in COMMITS for when in ("before", "after")),
    SETTLING[0],
    EMBEDDED,
    *INDEX.values(),
    REINDEXED,
    *ENGINE.values(),
    ANSWERED,
)
FIRST: Final = STEPS[:2]
"""Those that only a first start comes to."""


class Doom:
    """Knows when the time has come."""

    def __init__(self, folder: Path) -> None:
        self.armed = folder / "armed"
        self.journal = folder / "journal"
        self.notes: set[str] = set()
        """What the open write transaction is about; there is one at a time."""

    def write(self, **facts: Any) -> None:
        """Add a line to the journal; it is there when this returns, whoever dies."""
        write_line(self.journal, facts)

    def reached(self, step: str, victim: int | None = None) -> None:
        """A step is reached: kill `victim` (default: this process) if that is what was wanted."""
        try:
            count, _, wanted = self.armed.read_text().partition(" ")
        except FileNotFoundError:
            return
        if wanted != step:
            return
        if int(count) > 1:
            self.armed.write_text(f"{int(count) - 1} {step}")
            return
        self.armed.unlink()
        self.write(killed=step)
        os.kill(victim or os.getpid(), signal.SIGKILL)
        if victim is None:
            signal.pause()


def write_line(path: Path, facts: dict[str, Any]) -> None:
    """Add a line to a journal, in one piece."""
    line = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(line, json.dumps(facts).encode() + b"\n")
    finally:
        os.close(line)


def after(owner: type, name: str, deed: Callable[..., None]) -> None:
    """Have `deed` done with the same arguments whenever a method has returned."""
    real = getattr(owner, name)

    def both(*arguments: Any, **named: Any) -> Any:
        result = real(*arguments, **named)
        deed(*arguments)
        return result

    setattr(owner, name, both)


def before(owner: Any, name: str, deed: Callable[..., None]) -> None:
    """Have `deed` done with the same arguments whenever a method, or function of a module, is about to be called."""
    real = getattr(owner, name)

    def both(*arguments: Any, **named: Any) -> Any:
        deed(*arguments)
        return real(*arguments, **named)

    setattr(owner, name, both)


def doom_ledger(doom: Doom) -> None:
    """Steps around commits: before, everything is written and nothing holds; after, it holds and nobody was told."""
    from syncd.adapters.ledger import SqlLedger
    from syncd.adapters.ledger.tx import SqlTx
    from syncd.core.rows import Fence
    from syncd.sync import settle

    real = SqlLedger.write

    @contextmanager
    def write(self: SqlLedger) -> Iterator[SqlTx]:
        with real(self) as tx:
            doom.notes = set()
            yield tx
            tx.flush()
            told = [what for what, note in COMMITS.items() if note in doom.notes]
            for what in told:
                doom.reached(f"before the commit of {what}")
        if "a reindex that was asked for" in told:
            doom.write(reindex=True)
        for what in told:
            doom.reached(f"after the commit of {what}")

    def fenced(_: SqlTx, row: Any) -> None:
        doom.notes |= {"fence"} if row.staged and row.fence is Fence.MISSING else set()

    SqlLedger.write = write
    before(SqlTx, "put_event", lambda _, row: doom.notes.add(f"{row.type} {row.phase}"))
    before(SqlTx, "put_checkpoint", lambda *_: doom.notes.add("checkpoint"))
    before(SqlTx, "put_doc", fenced)
    before(settle, "_lost", lambda *_: doom.reached(SETTLING[0]))


def doom_index(doom: Doom) -> None:
    """Steps after writes of the index; the engine itself can die while it is asked, and after it has answered."""
    from syncd.adapters.index.edge import EdgeIndex
    from syncd.adapters.index.edge_process import EngineProcess
    from syncd.adapters.index.frames import Pipes

    asked: list[EngineProcess | str] = []

    def deleted(_: EdgeIndex, __: str, where: Any) -> None:
        doom.reached(INDEX[f"delete {type(where.must[0]).__name__}"])

    def sent(*_: Any) -> None:
        if asked:
            process, operation = asked
            if operation in ENGINE:
                doom.reached(ENGINE[operation], process.pid)

    def answered(process: EngineProcess, operation: str, *_: Any) -> None:
        asked.clear()
        if operation == "upsert":
            doom.reached(ANSWERED, process.pid)

    after(EdgeIndex, "upsert", lambda *_: doom.reached(INDEX["upsert"]))
    after(EdgeIndex, "set_payload", lambda *_: doom.reached(INDEX["set_payload"]))
    after(EdgeIndex, "delete", deleted)
    before(EngineProcess, "call", lambda process, operation, *_: asked.__setitem__(slice(None), [process, operation]))
    after(EngineProcess, "call", answered)
    after(Pipes, "send", sent)


def doom_work(doom: Doom) -> None:
    """Steps of embedding, and the count of what is embedded."""
    from syncd.adapters.embed.hash import HashEmbedder
    from syncd.sync.apply import Applier

    def embedding(_: HashEmbedder, texts: Any, *__: Any) -> None:
        doom.write(embed=[hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16] for text in texts])

    def written(_: Applier, group: Any, __: Any) -> None:
        if any(item.again for item in group.items):
            doom.reached(REINDEXED)

    before(HashEmbedder, "embed", embedding)
    after(HashEmbedder, "embed", lambda *_: doom.reached(EMBEDDED))
    after(Applier, "_write", written)


def main(folder: Path, arguments: list[str]) -> None:
    """Run syncd, doomed."""
    from syncd.cli.main import main as syncd

    doom = Doom(folder)
    for each in (doom_ledger, doom_index, doom_work):
        each(doom)
    sys.argv = ["syncd", *arguments]
    syncd()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[3:])
