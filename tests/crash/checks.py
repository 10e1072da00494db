"""What must be true of an install after kills: of its index, its ledger, its history, and of what it embedded."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit import Site

from syncd.core.model import Fp
from syncd.core.rows import PointState
from syncd.ports import VectorIndex
from syncd.seal.identity import point_id
from syncd.sync.collection import open_collection
from syncd.sync.reconcile import Depth
from syncd.sync.reconcile import compare as compare_all

COMPARE = Path(__file__).with_name("compare_dumps.py")
PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Again:
    """Texts that were embedded more than once. batches: those of the groups that kills took; unexplained: in none of these."""

    texts: int
    batches: int
    unexplained: int


def embedded_again(journal: Iterable[dict[str, Any]]) -> Again:
    """Count in a journal what was embedded again although nobody asked for it.

    A kill takes at most the group that was embedded last before it; a reindex has every text that was there embedded once more.
    """
    seen: set[str] = set()
    asked: set[str] = set()
    taken: Counter[str] = Counter()
    last: list[str] = []
    texts = batches = unexplained = 0
    for line in journal:
        if "killed" in line:
            batches += len(last)
            taken.update(last)
            last = []
        elif "reindex" in line:
            asked |= seen
        for text in line.get("embed", ()):
            if text not in seen or text in asked:
                asked.discard(text)
            else:
                texts += 1
                unexplained += taken[text] == 0
                taken[text] -= taken[text] > 0
            seen.add(text)
        last = line.get("embed", last)
    return Again(texts, batches, unexplained)


@dataclass(frozen=True, slots=True)
class Found:
    """Ledger and index, read directly while no daemon runs. points: by id, as recorded; in_doubt: those of documents with an
    open intent; there: ids in the index.
    """

    points: dict[Any, PointState]
    in_doubt: set[Any]
    there: set[Any]
    counted: int
    recorded: int
    unknown: int
    intents: int

    @property
    def live(self) -> set[Any]:
        """Ids that are recorded as being in the index."""
        return {id_ for id_, state in self.points.items() if state is PointState.LIVE}


def _look(site: Site) -> Found:
    with site.open(writer=True) as wiring:
        install, identity = wiring.install(), wiring.keyring.identity
        with install.ledger.read() as view:
            collections = {row.name for row in view.collections()}
            rows = [point for doc in view.docs() for point in view.points(doc.doc)]
            intents, recorded = view.intents(), view.counts().points
        doubted = {intent.doc for intent in intents}
        ids = {point_id(identity, row.doc, Fp(row.fp), row.occurrence): row for row in rows}
        names = install.index.collections()
        return Found(
            points={id_: row.state for id_, row in ids.items()},
            in_doubt={id_ for id_, row in ids.items() if row.doc in doubted},
            there={id_ for name in names for id_ in _ids(install.index, name)},
            counted=sum(install.index.count(name, None) for name in names),
            recorded=recorded,
            unknown=len(set(names) - collections),
            intents=len(intents),
        )


def _ids(index: VectorIndex, name: str) -> Iterator[Any]:
    after = None
    while True:
        page, after = index.scroll(name, None, after, PAGE, vectors=False)
        yield from (point.id for point in page)
        if after is None:
            return


def _told(found: dict[str, int]) -> list[str]:
    return [f"{count} {what}" for what, count in found.items() if count]


def faults_after_kill(site: Site) -> list[str]:
    """What is wrong right after a kill, before anything is settled: nothing is in the index without a committed intent, and
    what is recorded is there, unless its document is in doubt.
    """
    found = _look(site)
    return _told(
        {
            "unrecorded points right after a kill": len(found.there - set(found.points)),
            "points recorded too early": len(found.live - found.there - found.in_doubt),
            "collections that nobody recorded": found.unknown,
        }
    )


def _drifted(site: Site) -> int:
    """Points that syncd's own comparison finds wrong, with every seal opened."""
    with site.open(writer=True) as wiring:
        collection = open_collection(wiring.install())
        return compare_all(wiring.install(), collection, Depth(True, 0), lambda _: None).total if collection is not None else 0


def faults_in_rest(site: Site) -> list[str]:
    """What is wrong at rest: ledger and index have to agree to the point, and nothing may be in doubt."""
    found = _look(site)
    return _told(
        {
            "points that a reconcile finds wrong": _drifted(site),
            "unrecorded points": len(found.there - set(found.points)),
            "recorded points that are not there": len(found.live - found.there),
            "points that are recorded and not live": len(set(found.points) - found.live),
            "points beyond those that are recorded": found.counted - found.recorded,
            "collections that nobody recorded": found.unknown,
            "open intents": found.intents,
        }
    )


def dump(site: Site, path: Path) -> Path:
    """What `syncd dump --json` says, in a file."""
    path.write_text(site.cli("dump", "--json").stdout)
    return path


def compare(one: Path, other: Path) -> tuple[int, str]:
    """What the independent script says of two dumps: how many lines differ, and which."""
    done = subprocess.run([sys.executable, "-I", str(COMPARE), str(one), str(other)], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1) or done.stderr:
        raise RuntimeError(done.stderr)
    *lines, verdict = done.stdout.splitlines()
    count = int(verdict.split()[0])
    if (count != 0) is not (done.returncode == 1):
        raise RuntimeError(done.stdout)
    return count, "\n".join(lines)
