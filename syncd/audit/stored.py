"""Reading the stored tree without reading all of it. Events come by seq, nodes by index, checkpoints by size, ascending."""

from dataclasses import dataclass

from syncd.audit.merkle import HASH_SIZE, Frontier
from syncd.core.rows import EventRow
from syncd.errors import AuditBroken
from syncd.ports import LedgerView


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A row of the table of checkpoints."""

    size: int
    root: bytes
    note: str


def last_checkpoint(view: LedgerView) -> StoredCheckpoint | None:
    """The checkpoint of the most events. Raises AuditBroken when its row is not one that was written here."""
    last = view.last_checkpoint()
    if last is None:
        return None
    stored = StoredCheckpoint(*last)
    if checkpoint_malformed(stored):
        raise AuditBroken(detail="the last checkpoint is no checkpoint")
    return stored


def checkpoint_malformed(stored: StoredCheckpoint) -> bool:
    """Whether a stored checkpoint holds what no checkpoint has. A ledger's columns can hold anything."""
    numbers = type(stored.size) is int and stored.size >= 0
    return not (numbers and isinstance(stored.root, bytes) and isinstance(stored.note, str))


def stored_frontier(view: LedgerView, size: int) -> Frontier:
    """The frontier of the first `size` events as they are stored; its root tells whether that is true. Raises AuditBroken.

    The upper half of the levels comes from the stored nodes, the rest from the last leaf hashes: about 4 sqrt(size) rows.
    """
    split = max(1, size.bit_length() // 2)
    aligned = size >> split << split
    levels = [level for level in range(size.bit_length() - 1, split - 1, -1) if aligned >> level & 1]
    frontier = Frontier(aligned, tuple(_stored_node(view, level, (aligned >> level) - 1) for level in levels))
    for row in view.events(since=aligned, limit=size - aligned) if aligned < size else ():
        frontier, _ = frontier.push(_checked(row, frontier.size))
    return frontier


def stored_leaf_hash(view: LedgerView, seq: int) -> bytes:
    """The leaf hash of an event that must be there. Raises AuditBroken when it is not."""
    return _checked(view.event(seq), seq)


def _checked(row: EventRow | None, seq: int) -> bytes:
    """The leaf hash of a row, if it has one."""
    if row is None or not _is_hash(row.leaf_hash):
        raise AuditBroken(detail=f"event {seq} was there and is not any more")
    return row.leaf_hash


def _stored_node(view: LedgerView, level: int, index: int) -> bytes:
    """The hash of a stored node."""
    for _, at, node in view.nodes(level):
        if at == index and _is_hash(node):
            return node
    raise AuditBroken(detail=f"node {index} of level {level} is not there")


def _is_hash(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == HASH_SIZE
