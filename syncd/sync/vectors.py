"""Vectors for a group: taken from the index where the same text is there under the same space, embedded otherwise."""

from collections.abc import Sequence

from syncd.core.model import Fp, Refusal, Vector
from syncd.core.rows import DocState
from syncd.errors import EmbeddingFailed
from syncd.seal.identity import point_id
from syncd.sync.group import Group
from syncd.sync.rundata import Run

BATCH = 256


def vectors_for(run: Run, group: Group) -> dict[Fp, Vector | Refusal]:
    """A vector, or the embedder's refusal, for every fingerprint that the group writes; counts what was embedded.

    While the embedder is away there are only those that the index has.
    """
    texts: dict[Fp, str] = {}
    afresh: set[Fp] = set()
    for item in group.items:
        for place in item.to_write():
            fp = item.cut.chunks[place].fp
            texts.setdefault(fp, item.cut.texts[place])
            if item.again:
                afresh.add(fp)
    found: dict[Fp, Vector | Refusal] = dict(_from_index(run, [fp for fp in texts if fp not in afresh], _unborn(group)))
    rest = [fp for fp in texts if fp not in found]
    if rest and run.away is None:
        try:
            found |= zip(rest, run.install.embedder.embed([texts[fp] for fp in rest], run.order.turns.lane), strict=True)
        except EmbeddingFailed as error:
            run.away = error
    _count(run, group, frozenset(fp for fp in rest if isinstance(found.get(fp), bytes)))
    return found


def _count(run: Run, group: Group, embedded: frozenset[Fp]) -> None:
    """An embedded text counts once, for the first document that needs it; every other chunk was reused."""
    left = set(embedded)
    for item in group.items:
        mine = {item.cut.chunks[place].fp for place in item.to_write()} & left
        left -= mine
        item.embedded = len(mine)
    run.report.chunks.embedded += len(embedded)


def _unborn(group: Group) -> list[bytes]:
    """Documents of the group that were never completed: their points are recorded, and most likely not in the index."""
    return [item.row.doc for item in group.items if item.row.state is DocState.PENDING]


def _from_index(run: Run, fps: Sequence[Fp], unborn: Sequence[bytes]) -> dict[Fp, Vector]:
    """Vectors that are there. Only a few owners of a text are asked for it: those of which most is to be hoped, first."""
    found = _of_owners(run, fps, unborn)
    rest = [fp for fp in fps if fp not in found]
    return found | _of_owners(run, rest, ()) if unborn else found


def _of_owners(run: Run, fps: Sequence[Fp], without: Sequence[bytes]) -> dict[Fp, Vector]:
    install, name = run.install, run.collection.name
    if not fps or not install.index.keeps_points:
        return {}
    with install.ledger.read() as view:
        owners = view.owners(fps, without)
    identity = install.keyring.identity
    wanted = {point_id(identity, owner.doc, owner.fp, owner.occurrence): Fp(owner.fp) for owner in owners}
    found: dict[Fp, Vector] = {}
    ids = list(wanted)
    for start in range(0, len(ids), BATCH):
        for point in install.index.retrieve(name, ids[start : start + BATCH], vectors=True):
            fp = wanted[point.id]
            if point.payload.get("fp") == fp.hex() and len(point.vector) == 4 * run.collection.row.dimension:
                found.setdefault(fp, point.vector)
    return found
