"""Merkle trees against the published reference data of certificate transparency."""

import pytest

from syncd.audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    Node,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
NODES = [
    [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
        "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
    ],
    [
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    ],
    [
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    ["5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"],
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# (index, size) and (old, new) -> proof, where a proof names nodes as (level, index).
INCLUSION = {
    (0, 1): [],
    (0, 2): [(0, 1)],
    (1, 2): [(0, 0)],
    (2, 3): [(1, 0)],
    (1, 5): [(0, 0), (1, 1), (0, 4)],
    (0, 8): [(0, 1), (1, 1), (2, 1)],
    (5, 8): [(0, 4), (1, 3), (2, 0)],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [(0, 1), (1, 1), (2, 1)],
    (2, 5): [(1, 1), (0, 4)],
    (6, 8): [(1, 2), (1, 3), (2, 0)],
}


def node_at(level, at):
    return bytes.fromhex(NODES[level][at])


def hashes(places):
    return [node_at(*place) for place in places]


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots_come_out(size):
    """The root over the first leaves is the published one, also of no leaf."""
    assert root(map(leaf_hash, LEAVES[:size])).hex() == ROOTS[size]
    assert EMPTY_ROOT.hex() == ROOTS[0]


def test_a_frontier_completes_exactly_the_published_nodes():
    """Eight leaves complete each inner node once, children before parents, with its published hash."""
    frontier, completed = Frontier(), []
    for leaf in LEAVES:
        frontier, nodes = frontier.push(leaf_hash(leaf))
        completed += nodes
    places = [(1, 0), (1, 1), (2, 0), (1, 2), (1, 3), (2, 1), (3, 0)]
    assert completed == [Node(level, at, node_at(level, at)) for level, at in places]
    assert (frontier.size, frontier.root().hex()) == (8, ROOTS[8])


def test_growing_a_frontier_leaves_the_old_one():
    """A frontier is a value: whoever holds the old one is not affected by growth."""
    old, _ = Frontier().push(leaf_hash(b"a"))
    old.push(leaf_hash(b"b"))
    assert (old.size, old.root()) == (1, leaf_hash(b"a"))


def test_leaves_and_nodes_hash_apart():
    """The bytes of two hashes as a leaf are not the node above these two."""
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_the_published_inclusion_proofs_come_out_and_verify(index, size):
    """The generated proof is the published one, and it verifies for this leaf, place and tree only."""
    proof, leaf, expected = hashes(INCLUSION[index, size]), node_at(0, index), bytes.fromhex(ROOTS[size])
    assert inclusion_proof(node_at, index, size) == proof
    assert verify_inclusion(leaf, index, size, proof, expected)
    assert not verify_inclusion(leaf_hash(b"other"), index, size, proof, expected)
    assert not verify_inclusion(leaf, index, size, [*proof, leaf], expected)
    assert not verify_inclusion(leaf, index, size, proof, leaf_hash(b"other"))
    assert not verify_inclusion(leaf, size, size, proof, expected)
    assert not verify_inclusion(leaf, index - size, size, proof, expected)
    if proof:
        assert not verify_inclusion(leaf, index, size, proof[:-1], expected)
        assert not verify_inclusion(leaf, index ^ 1, size, proof, expected)


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_the_published_consistency_proofs_come_out_and_verify(old, new):
    """The generated proof is the published one, and it verifies for these two trees only."""
    proof, before, after = hashes(CONSISTENCY[old, new]), bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new])
    other = leaf_hash(b"other")
    assert consistency_proof(node_at, old, new) == proof
    assert verify_consistency(old, new, proof, before, after)
    assert not verify_consistency(old, new, proof, other, after)
    assert not verify_consistency(old, new, proof, before, other)
    assert not verify_consistency(old, new, [*proof, other], before, after)
    assert not verify_consistency(new + 1, new, proof, before, after)
    if proof:
        assert not verify_consistency(old, new, proof[:-1], before, after)
        assert not verify_consistency(old, new, [], before, after)
        assert not verify_consistency(new, old, proof, after, before)


def test_every_tree_begins_with_the_empty_one():
    """From no leaves to any tree needs no proof, but the old root has to be that of no leaves."""
    after = bytes.fromhex(ROOTS[5])
    assert consistency_proof(node_at, 0, 5) == []
    assert verify_consistency(0, 5, [], EMPTY_ROOT, after)
    assert not verify_consistency(0, 5, [], after, after)
    assert not verify_consistency(0, 5, [after], EMPTY_ROOT, after)


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0)])
def test_a_leaf_that_is_not_there_has_no_proof(index, size):
    """Asking for the proof of a leaf beyond the tree is an error, not a proof of something else."""
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(node_at, index, size)


@pytest.mark.parametrize(("old", "new"), [(-1, 4), (5, 4)])
def test_a_tree_that_shrank_has_no_proof(old, new):
    """A larger tree is not the beginning of a smaller one."""
    with pytest.raises(ValueError, match="no tree"):
        consistency_proof(node_at, old, new)
