"""Vectors for a group: taken from the index where the same text is there under the same space, embedded otherwise."""

from collections.abc import Sequence

from syncd.core.model import Fp, Refusal, Vector
from syncd.seal.identity import point_id
from syncd.sync.group import Group
from syncd.sync.rundata import Run

BATCH = 256


def vectors_for(run: Run, group: Group) -> dict[Fp, Vector | Refusal]:
    """A vector, or the embedder's refusal, for every fingerprint that the group writes; counts what was embedded."""
    texts: dict[Fp, str] = {}
    afresh: set[Fp] = set()
    for item in group.items:
        for place in item.to_write():
            fp = item.cut.chunks[place].fp
            texts.setdefault(fp, item.cut.texts[place])
            if item.again:
                afresh.add(fp)
    found: dict[Fp, Vector | Refusal] = dict(_from_index(run, [fp for fp in texts if fp not in afresh]))
    rest = [fp for fp in texts if fp not in found]
    if rest:
        found |= zip(rest, run.install.embedder.embed([texts[fp] for fp in rest]), strict=True)
    _count(run, group, frozenset(fp for fp in rest if not isinstance(found[fp], Refusal)))
    return found


def _count(run: Run, group: Group, embedded: frozenset[Fp]) -> None:
    """An embedded text counts once, for the first document that needs it; every other chunk was reused."""
    left = set(embedded)
    for item in group.items:
        mine = {item.cut.chunks[place].fp for place in item.to_write()} & left
        left -= mine
        item.embedded = len(mine)
    run.report.chunks.embedded += len(embedded)


def _from_index(run: Run, fps: Sequence[Fp]) -> dict[Fp, Vector]:
    install, name = run.install, run.collection.name
    if not fps or not install.index.keeps_points:
        return {}
    with install.ledger.read() as view:
        owners = view.owners(fps)
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
