"""RFC 6962 Merkle trees: hashes of leaves and nodes, a frontier that grows by leaves, proofs and their verification.

A node is named by (level, at): the complete subtree over the leaves [at << level, (at + 1) << level). Level 0 are the
leaf hashes. All hashes are 32 bytes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

HASH_SIZE = 32
EMPTY_ROOT = sha256().digest()
"""The root of a tree without leaves."""


class Node(NamedTuple):
    """The hash of a complete subtree."""

    level: int
    at: int
    hash: bytes


NodeAt = Callable[[int, int], bytes]
"""Gives the hash of the node (level, at)."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf with the bytes `data`."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node above `left` and `right`."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What of a tree of `size` leaves is needed to grow it: the complete subtrees without a parent, largest first.

    A value: growing it gives another one, so a writer whose transaction rolled back still has the old one.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def push(self, leaf: bytes) -> tuple["Frontier", list[Node]]:
        """The frontier with one more leaf hash, and the nodes (level 1 and up, ascending) that it completes."""
        peaks = list(self.peaks)
        level, at, node = 0, self.size, leaf
        completed: list[Node] = []
        while at & 1:
            node = node_hash(peaks.pop(), node)
            level, at = level + 1, at >> 1
            completed.append(Node(level, at, node))
        peaks.append(node)
        return Frontier(self.size + 1, tuple(peaks)), completed

    def root(self) -> bytes:
        """The Merkle tree hash."""
        if not self.peaks:
            return EMPTY_ROOT
        *rest, node = self.peaks
        for peak in reversed(rest):
            node = node_hash(peak, node)
        return node


def root(leaves: Iterable[bytes]) -> bytes:
    """The root of the tree over these leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier, _ = frontier.push(leaf)
    return frontier.root()


def inclusion_proof(node_at: NodeAt, index: int, size: int) -> list[bytes]:
    """The proof that leaf `index` is in the tree of `size` leaves (RFC 9162, 2.1.3.1). Raises ValueError when it isn't."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    proof: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            proof.append(_range_root(node_at, middle, high))
            high = middle
        else:
            proof.append(_range_root(node_at, low, middle))
            low = middle
    return proof[::-1]


def consistency_proof(node_at: NodeAt, old: int, new: int) -> list[bytes]:
    """The proof that the tree of `new` leaves begins with that of `old` leaves (RFC 9162, 2.1.4.1); empty if old is 0 or new.

    Raises ValueError when `old` is beyond `new`.
    """
    if not 0 <= old <= new:
        raise ValueError(f"no tree of {old} leaves within one of {new}")
    if old in {0, new}:
        return []
    proof: list[bytes] = []
    low, high = 0, new
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            proof.append(_range_root(node_at, middle, high))
            high = middle
        else:
            proof.append(_range_root(node_at, low, middle))
            low = middle
    if low:
        # Only when the old tree is itself a left complete subtree does the verifier know its root already.
        proof.append(_range_root(node_at, low, high))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether `proof` shows the leaf hash at `index` in the tree of `size` leaves with root `expected` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            place, last = _climb(place, last)
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and node == expected


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether `proof` shows that the tree (new, new_root) begins with the tree (old, old_root) (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            place, last = _climb(place, last)
        else:
            after = node_hash(after, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


def _climb(place: int, last: int) -> tuple[int, int]:
    """Skip the levels at which a node at the right edge has no sibling."""
    while place and not place & 1:
        place, last = place >> 1, last >> 1
    return place, last


def _split(count: int) -> int:
    """The largest power of two below `count` (at least 2)."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_root(node_at: NodeAt, low: int, high: int) -> bytes:
    """The root over the leaves [low, high), a range that the splitting of a tree gives."""
    count = high - low
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node_at(level, low >> level)
    middle = low + _split(count)
    return node_hash(_range_root(node_at, low, middle), _range_root(node_at, middle, high))
