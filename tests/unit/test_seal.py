"""Seals: what is sealed opens for exactly the point, document, collection and version that it was sealed for."""

import base64
import dataclasses
import hashlib
import hmac
import uuid

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.acl import NOBODY, Acl, allow, clause, deny, everyone, group, user
from syncd.core.card import Card
from syncd.core.keys import Epoch, IdentityKeys, Keyring
from syncd.core.model import Chunk, Fp, Piece, PointId
from syncd.core.tlv import tlv
from syncd.errors import CryptoUnavailable, Forged
from syncd.seal import aead, cards, identity
from syncd.seal.derive import collection_key, expand, subkey, wrap_key
from syncd.seal.points import PAD, AclClass, Sealer, TextMode
from syncd.seal.wrapping import DocKeys, open_dek, unwrap_keyring, wrap_dek, wrap_keyring

ALGORITHMS = (aead.GCM_SIV, aead.GCM)
DOC, OTHER = b"d" * 16, b"e" * 16
FP = Fp(b"f" * 16)
NONCE = b"n" * 12
STAFF = AclClass(b"u" * 16, Acl.of([clause(allow(group("unix", 5)))]))
BOARD = AclClass(b"v" * 16, Acl.of([clause(allow(group("unix", 6)))]))


def keyring(algorithm: str = aead.GCM_SIV) -> Keyring:
    names = IdentityKeys(*(bytes([n]) * 32 for n in range(1, 7)))
    return Keyring(b"i" * 16, algorithm, names, (Epoch(1, b"c" * 32), Epoch(2, b"k" * 32)))


def point(doc: bytes = DOC, fp: Fp = FP, occurrence: int = 0) -> PointId:
    return identity.point_id(keyring().identity, doc, fp, occurrence)


def test_expand_is_hkdf_expand():
    """Key derivation is RFC 5869, as another implementation of it says."""
    other = HKDFExpand(hashes.SHA256(), 32, b"some context").derive(b"k" * 32)
    assert expand(b"k" * 32, b"some context") == other


def test_every_use_has_a_key_of_its_own():
    """No two uses, collections, epochs or documents share a key."""
    ring = keyring()
    keys = [
        collection_key(epoch, use, uid) for epoch in ring.epochs for use in ("class", "seal") for uid in (b"a" * 16, b"b" * 16)
    ]
    keys += [wrap_key(epoch) for epoch in ring.epochs]
    for doc in (DOC, OTHER):
        own = DocKeys.of(b"x" * 32, doc)
        keys += [own.text, own.vault, own.audit]
    keys += [subkey(ring.identity.page, "place", role) for role in ("page", "quarantine")]
    assert len(set(keys)) == len(keys)


def test_identities_tell_kinds_apart():
    """A page and a document of the same name, or the same key in two sources, have different locators."""
    keys = keyring().identity
    found = {
        identity.document_locator(keys, "a", "x"),
        identity.document_locator(keys, "b", "x"),
        identity.SourceNames(keys, "a").page("x"),
        identity.document_locator(keys, "ax", ""),
    }
    assert len(found) == 4


def test_a_point_id_is_a_uuid_of_version_8():
    """Ids say of themselves what they are, and follow from document, text and occurrence alone."""
    assert uuid.UUID(point()).version == 8
    assert uuid.UUID(point()).variant == uuid.RFC_4122
    assert len({point(), point(OTHER), point(DOC, Fp(b"g" * 16)), point(DOC, FP, 1)}) == 4
    assert point() == point()


def test_a_fingerprint_is_keyed_and_bound_to_the_space():
    """Whoever lacks the key can't confirm a guess, and vectors of two models are never mixed up."""
    keys = keyring().identity
    other = dataclasses.replace(keys, fp=b"z" * 32)
    prints = {
        identity.fingerprint(keys, b"space", "text"),
        identity.fingerprint(keys, b"other", "text"),
        identity.fingerprint(other, b"space", "text"),
        identity.fingerprint(keys, b"space", "text "),
    }
    assert len(prints) == 4


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_was_sealed_opens_only_with_its_key_and_place(algorithm):
    """A flipped bit, another key or another place: nothing opens."""
    blob = aead.seal(algorithm, b"k" * 32, NONCE, b"secret", b"here")
    assert aead.unseal(algorithm, b"k" * 32, blob, b"here", "it") == b"secret"
    for key, bad, aad in (
        (b"K" * 32, blob, b"here"),
        (b"k" * 32, blob[:-1] + bytes([blob[-1] ^ 1]), b"here"),
        (b"k" * 32, blob, b"there"),
        (b"k" * 32, blob[:20], b"here"),
    ):
        with pytest.raises(Forged):
            aead.unseal(algorithm, key, bad, aad, "it")


def test_an_unknown_algorithm_is_refused_clearly():
    """The message names what is known."""
    with pytest.raises(CryptoUnavailable, match="A256GCMSIV"):
        aead.probe("ROT13")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_keyring_comes_back_and_no_key_can_take_the_place_of_another(algorithm):
    """Each wrapped key is bound to role, epoch and install: rows that were swapped do not open."""
    ring = keyring(algorithm)
    wrapped = wrap_keyring(ring, b"K" * 32, [bytes([n]) * 12 for n in range(8)])
    assert unwrap_keyring(wrapped, b"K" * 32, algorithm=algorithm, install=ring.install) == ring
    swapped = {**wrapped, "name": wrapped["fp"], "fp": wrapped["name"]}
    epochs = {**wrapped, "cmk/1": wrapped["cmk/2"], "cmk/2": wrapped["cmk/1"]}
    for bad, kek, install in (
        (swapped, b"K" * 32, ring.install),
        (epochs, b"K" * 32, ring.install),
        (wrapped, b"L" * 32, ring.install),
        (wrapped, b"K" * 32, b"j" * 16),
    ):
        with pytest.raises(Forged):
            unwrap_keyring(bad, kek, algorithm=algorithm, install=install)


def test_a_documents_key_opens_for_no_other_document_and_no_other_epoch():
    """Wrapped document keys can't be swapped between rows."""
    ring = keyring()
    wrapped = wrap_dek(ring, ring.epochs[0], b"x" * 32, DOC, NONCE)
    assert open_dek(ring, 1, wrapped, DOC) == DocKeys.of(b"x" * 32, DOC)
    for epoch, doc in ((1, OTHER), (2, DOC), (3, DOC)):
        with pytest.raises(Forged):
            open_dek(ring, epoch, wrapped, doc)


def test_the_sealed_acl_has_one_length_whatever_the_acl():
    """The length of the blob tells nothing: 48 bytes are sealed for every ACL."""
    sealer = Sealer(keyring(), b"C" * 16)
    long = AclClass(b"w" * 16, Acl.of([clause(allow(*(user("unix", n) for n in range(500))), deny(everyone("unix")))]))
    lengths = {len(str(sealer.acl_payload(DOC, 1, c, NONCE)["acl_sealed"])) for c in (STAFF, long, AclClass(b"x" * 16, NOBODY))}
    assert len(lengths) == 1


def test_a_binding_opens_only_for_its_document_version_class_and_collection():
    """A blob moved between documents, versions, classes or collections is forged, and so is a swapped or stripped token."""
    sealer = Sealer(keyring(), b"C" * 16)
    payload = sealer.acl_payload(DOC, 3, STAFF, NONCE)
    sealer.open_acl(payload, DOC, STAFF)
    board = sealer.acl_payload(DOC, 3, BOARD, NONCE)
    attempts = [
        (payload, OTHER, STAFF, sealer),
        (payload, DOC, BOARD, sealer),
        ({**payload, "acl_version": 4}, DOC, STAFF, sealer),
        ({**payload, "epoch": 1}, DOC, STAFF, sealer),
        ({**payload, "acl_class": board["acl_class"]}, DOC, STAFF, sealer),
        ({**payload, "acl_class": board["acl_class"], "acl_sealed": board["acl_sealed"]}, DOC, STAFF, sealer),
        ({k: v for k, v in payload.items() if k != "acl_sealed"}, DOC, STAFF, sealer),
        ({**payload, "acl_sealed": "no base64!"}, DOC, STAFF, sealer),
        (payload, DOC, STAFF, Sealer(keyring(), b"D" * 16)),
    ]
    for forged, doc, class_, reader in attempts:
        with pytest.raises(Forged):
            reader.open_acl(forged, doc, class_)


@pytest.mark.parametrize("mode", list(TextMode))
def test_a_text_opens_only_at_its_point(mode):
    """The text blob binds the point in every mode: moved to another point, document or fingerprint it is forged."""
    sealer = Sealer(keyring(), b"C" * 16, mode)
    keys = DocKeys.of(b"x" * 32, DOC)
    payload = sealer.text_payload(keys, DOC, point(), FP, "a text", NONCE)
    assert sealer.open_text(payload, keys, DOC, point(), FP) == (None if mode is TextMode.OMITTED else "a text")
    for doc, id_, fp in ((OTHER, point(), FP), (DOC, point(DOC, FP, 1), FP), (DOC, point(), Fp(b"g" * 16))):
        with pytest.raises(Forged):
            sealer.open_text(payload, keys, doc, id_, fp)
    with pytest.raises(Forged):
        sealer.open_text(payload, DocKeys.of(b"y" * 32, DOC), DOC, point(), FP)


def test_plain_text_that_was_edited_in_the_store_is_forged():
    """In plain mode the blob holds a digest of the text: whoever edits the text is found out, and so is who adds one."""
    keys = DocKeys.of(b"x" * 32, DOC)
    plain = Sealer(keyring(), b"C" * 16, TextMode.PLAIN)
    payload = plain.text_payload(keys, DOC, point(), FP, "a text", NONCE)
    sealed = Sealer(keyring(), b"C" * 16).text_payload(keys, DOC, point(), FP, "a text", NONCE)
    for forged in ({**payload, "text": "another"}, {**payload, "text": 7}, {**sealed, "text": "added"}):
        with pytest.raises(Forged):
            plain.open_text(forged, keys, DOC, point(), FP)


def test_the_blobs_of_a_point_are_those_of_the_design():
    """Built from their parts by hand: each part of key and AAD is there, so that no layer leans on another one."""
    ring, uid = keyring(), b"C" * 16
    acl = STAFF.acl.canonical()
    info = ("syncd/v1", "class", uid, (2).to_bytes(4, "big"))
    token = hmac.digest(expand(b"k" * 32, tlv(*info)), tlv(STAFF.uid, acl), "sha256")[:16].hex()
    payload = Sealer(ring, uid).acl_payload(DOC, 3, STAFF, NONCE)
    assert (payload["acl_class"], payload["acl_version"], payload["epoch"]) == (token, 3, 2)
    key = expand(b"k" * 32, tlv("syncd/v1", "seal", uid, (2).to_bytes(4, "big")))
    aad = tlv("syncd/acl", aead.GCM_SIV, uid, 2, DOC, 3, token)
    made = aead.seal(aead.GCM_SIV, key, NONCE, STAFF.uid + hashlib.sha256(acl).digest(), aad)
    assert base64.b64decode(payload["acl_sealed"]) == made

    text_key = expand(b"x" * 32, tlv("syncd/v1", "doc", "text", DOC))
    for mode, inside, digest in (
        (TextMode.SEALED, b"a text", b""),
        (TextMode.OMITTED, b"", b""),
        (TextMode.PLAIN, b"", hashlib.sha256(b"a text").digest()),
    ):
        sealed = Sealer(ring, uid, mode).text_payload(DocKeys.of(b"x" * 32, DOC), DOC, point(), FP, "a text", NONCE)
        aad = tlv("syncd/text", aead.GCM_SIV, uid, DOC, point(), FP, digest)
        padded = (len(inside).to_bytes(4, "big") + inside).ljust(PAD, b"\0")
        assert base64.b64decode(sealed["text_sealed"]) == aead.seal(aead.GCM_SIV, text_key, NONCE, padded, aad)


def test_lengths_of_sealed_texts_come_in_steps():
    """Texts of similar length are the same size in the store."""
    sealer = Sealer(keyring(), b"C" * 16)
    keys = DocKeys.of(b"x" * 32, DOC)
    sizes = {len(str(sealer.text_payload(keys, DOC, point(), FP, "x" * n, NONCE)["text_sealed"])) for n in range(PAD - 4)}
    assert len(sizes) == 1


TEXTS = st.text(max_size=20)
PIECES = st.builds(
    lambda start, length, heading, path: Piece(start, start + length, heading, tuple(path)),
    st.integers(0, 10**6),
    st.integers(0, 10**4),
    TEXTS,
    st.lists(TEXTS, max_size=3),
)
CHUNKS = st.builds(Chunk, st.binary(min_size=16, max_size=16).map(Fp), st.integers(0, 9), PIECES)


@given(
    st.builds(
        Card,
        st.binary(min_size=1, max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
        st.none() | TEXTS,
        st.integers(0, 2**50),
        st.floats(0, 4e9, allow_nan=False),
        st.lists(CHUNKS, max_size=8).map(tuple),
    )
)
def test_a_card_comes_back_whole(card):
    """Packing loses nothing, also of names that are not UTF-8."""
    keys = DocKeys.of(b"x" * 32, DOC)
    sealed = cards.seal_card(aead.GCM_SIV, keys, DOC, card, NONCE)
    assert cards.open_card(aead.GCM_SIV, keys, DOC, sealed) == card
    with pytest.raises(Forged):
        cards.open_card(aead.GCM_SIV, keys, OTHER, sealed)


def test_places_names_and_acls_open_only_in_their_row():
    """A sealed name moved to another row of the ledger does not open there."""
    ring = keyring()
    keys = DocKeys.of(b"x" * 32, DOC)
    place = cards.seal_place(ring, "page", b"l" * 32, "a/b", NONCE)
    name = cards.seal_name(ring.algorithm, keys, DOC, b"l" * 32, "a/b", NONCE)
    acl = cards.seal_acl(ring, STAFF.uid, STAFF.acl, NONCE)
    assert cards.open_place(ring, "page", b"l" * 32, place) == "a/b"
    assert cards.open_name(ring.algorithm, keys, DOC, b"l" * 32, name) == "a/b"
    assert cards.open_acl(ring, STAFF.uid, acl) == STAFF.acl
    for attempt in (
        lambda: cards.open_place(ring, "quarantine", b"l" * 32, place),
        lambda: cards.open_place(ring, "page", b"m" * 32, place),
        lambda: cards.open_name(ring.algorithm, keys, DOC, b"m" * 32, name),
        lambda: cards.open_acl(ring, BOARD.uid, acl),
    ):
        with pytest.raises(Forged):
            attempt()


def test_keys_do_not_show_themselves():
    """No key is in the text that a traceback or log would show."""
    assert "cccc" not in repr(keyring())
    assert repr(b"c" * 4)[2:-1] not in repr(keyring().current)
