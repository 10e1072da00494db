"""Laws of the audit log's building blocks, against independent oracles."""

import json
from functools import partial
from hashlib import sha256

import pytest
import rfc8785
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from syncd.audit.canonical import DEPTH_LIMIT, INT_LIMIT, decode, encode
from syncd.audit.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from syncd.audit.note import Checkpoint, Signer, Verifier

ASCII = st.text(st.characters(max_codepoint=127), max_size=6)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALAR = st.one_of(TEXT, st.booleans(), st.integers(1 - INT_LIMIT, INT_LIMIT - 1))
VALUE = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ASCII, inner, max_size=4), max_leaves=12)


def depth(value):
    """Objects and arrays within each other."""
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(VALUE)
@example({"\x7f\x00": '\u2028\U0001f600\x1f"\\/', "": [], "B": {}, "a": [True, False, 0, -1]})
def test_canonical_json_is_rfc_8785(value):
    """What is written equals what an independent implementation of RFC 8785 writes, and reads back as the same value."""
    assume(depth(value) <= DEPTH_LIMIT)
    data = encode(value)
    assert data == rfc8785.dumps(value)
    assert decode(data) == value


@given(VALUE, st.sampled_from([{"indent": 1}, {"sort_keys": False}, {"ensure_ascii": True}, {"separators": (", ", ":")}]))
def test_only_the_canonical_spelling_reads(value, options):
    """Any spelling of a value but the canonical one is refused."""
    assume(depth(value) <= DEPTH_LIMIT)
    settings_ = {"ensure_ascii": False, "separators": (",", ":"), "sort_keys": True, **options}
    data = json.dumps(value, **settings_).encode()
    assume(data != encode(value))
    with pytest.raises(ValueError, match="canonical"):
        decode(data)


def oracle_root(leaves):
    """The Merkle tree hash as RFC 6962 defines it, by recursion over the leaves' bytes."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + oracle_root(leaves[:split]) + oracle_root(leaves[split:])).digest()


def node_at(leaves, level, at):
    """The hash of a complete subtree, by the oracle."""
    return oracle_root(leaves[at << level : (at + 1) << level])


LEAVES = st.lists(st.binary(max_size=4), max_size=40)


@given(LEAVES)
def test_a_frontier_has_the_root_of_its_leaves_and_completes_each_subtree_once(leaves):
    """At each size the root is that of the definition; the completed nodes are all complete subtrees, with their hashes."""
    frontier, seen = Frontier(), {}
    for count, leaf in enumerate(leaves, 1):
        frontier, nodes = frontier.push(leaf_hash(leaf))
        assert (frontier.size, frontier.root()) == (count, oracle_root(leaves[:count]))
        for node in nodes:
            assert seen.setdefault((node.level, node.at), node.hash) is node.hash
    complete = {(level, at) for level in range(1, 7) for at in range(len(leaves) >> level)}
    assert seen == {place: node_at(leaves, *place) for place in complete}
    assert root(map(leaf_hash, leaves)) == oracle_root(leaves)


@given(LEAVES.filter(bool), st.data())
def test_inclusion_proofs_prove_their_leaf_and_nothing_else(leaves, data):
    """A proof verifies for its leaf at its place, and for no other leaf, root, or altered proof."""
    size = len(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(partial(node_at, leaves), index, size)
    leaf, whole = leaf_hash(leaves[index]), oracle_root(leaves)
    assert verify_inclusion(leaf, index, size, proof, whole)
    assert not verify_inclusion(leaf_hash(b"other"), index, size, proof, whole)
    assert not verify_inclusion(leaf, index, size, proof, leaf_hash(b"other"))
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        assert not verify_inclusion(leaf, index, size, proof[:place] + proof[place + 1 :], whole)
        assert not verify_inclusion(leaf, index, size, [*proof[:place], bytes(32), *proof[place + 1 :]], whole)


@given(LEAVES.filter(bool), st.data())
def test_consistency_proofs_prove_a_beginning_and_nothing_else(leaves, data):
    """A proof verifies between a tree and its beginning, and not from a tree with any earlier leaf changed."""
    new = len(leaves)
    old = data.draw(st.integers(0, new))
    proof = consistency_proof(partial(node_at, leaves), old, new)
    before, after = oracle_root(leaves[:old]), oracle_root(leaves)
    assert verify_consistency(old, new, proof, before, after)
    if old:
        place = data.draw(st.integers(0, old - 1))
        changed = [*leaves[:place], b"other", *leaves[place + 1 :]]
        assert not verify_consistency(old, new, proof, oracle_root(changed[:old]), after)
        assert not verify_consistency(old, new, proof, before, oracle_root(changed))
        forged = consistency_proof(partial(node_at, changed), old, new)
        assert not verify_consistency(old, new, forged, before, oracle_root(changed))


NAME = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="+"), min_size=1, max_size=8)


@settings(max_examples=50)
@given(NAME, st.binary(min_size=32, max_size=32), st.integers(0, 10**18), st.binary(min_size=32, max_size=32), st.data())
def test_a_signed_checkpoint_opens_by_its_key_until_a_byte_changes(name, seed, size, tree, data):
    """Name, size and root survive signing, spelling and pinning; a note with any character changed does not open alike."""
    signer = Signer(name, seed)
    checkpoint = Checkpoint(name, size, tree)
    note = signer.sign(checkpoint.text)
    pin = Verifier.parse(str(signer.verifier))
    assert Checkpoint.parse(pin.open(note)) == checkpoint
    place = data.draw(st.integers(0, len(note) - 1))
    letter = data.draw(st.sampled_from("A0 \n+é"))
    assume(note[place] != letter)
    with pytest.raises(ValueError, match=r"."):
        pin.open(note[:place] + letter + note[place + 1 :])
