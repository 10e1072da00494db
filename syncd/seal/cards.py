"""Cards, names, places and ACLs as the ledger keeps them: packed (msgpack) and sealed for exactly one row."""

import msgpack

from syncd.core.acl import Acl, Clause, Effect, Entry, Principal, PrincipalKind
from syncd.core.card import Card
from syncd.core.keys import Keyring
from syncd.core.model import Chunk, Fp, Piece
from syncd.core.tlv import encode_part, tlv
from syncd.seal import aead
from syncd.seal.derive import subkey
from syncd.seal.wrapping import DocKeys

FP = 16


def _pack(value: object) -> bytes:
    packed: bytes = msgpack.packb(value, use_bin_type=True)
    return packed


def _name(key: bytes) -> str:
    return key.decode("utf-8", "surrogateescape")


def pack_card(card: Card) -> bytes:
    """A card in few bytes: heading texts are kept once, spans as the distance from the end of the chunk before."""
    texts: dict[str, int] = {}

    def text(value: str) -> int:
        return texts.setdefault(value, len(texts))

    spans: list[int] = []
    heads: list[object] = []
    end = 0
    for chunk in card.chunks:
        piece = chunk.piece
        spans += (chunk.occurrence, piece.start - end, piece.end - piece.start)
        heads.append([text(piece.heading), *map(text, piece.path)])
        end = piece.end
    return _pack(
        [
            encode_part(card.key),
            card.title,
            card.size,
            card.changed_at,
            b"".join(chunk.fp for chunk in card.chunks),
            spans,
            heads,
            list(texts),
        ]
    )


def unpack_card(data: bytes) -> Card:
    """The card again."""
    key, title, size, changed_at, fps, spans, heads, texts = msgpack.unpackb(data, raw=False)
    chunks = []
    end = 0
    for place, head in enumerate(heads):
        occurrence, gap, length = spans[3 * place : 3 * place + 3]
        start = end + gap
        end = start + length
        piece = Piece(start, end, texts[head[0]], tuple(texts[index] for index in head[1:]))
        chunks.append(Chunk(Fp(fps[FP * place : FP * (place + 1)]), occurrence, piece))
    return Card(_name(key), title, size, changed_at, tuple(chunks))


def seal_card(algorithm: str, keys: DocKeys, doc: bytes, card: Card, nonce: bytes) -> bytes:
    """The vault of a document's row."""
    return aead.seal(algorithm, keys.vault, nonce, pack_card(card), tlv("syncd/vault", algorithm, doc))


def open_card(algorithm: str, keys: DocKeys, doc: bytes, vault: bytes) -> Card:
    """The card in a vault; raises Forged."""
    return unpack_card(aead.unseal(algorithm, keys.vault, vault, tlv("syncd/vault", algorithm, doc), "document card"))


def seal_name(algorithm: str, keys: DocKeys, doc: bytes, locator: bytes, key: str, nonce: bytes) -> bytes:
    """A place in a document's history, under the document's own key: it can be erased with it."""
    return aead.seal(algorithm, keys.vault, nonce, encode_part(key), tlv("syncd/name", algorithm, doc, locator))


def open_name(algorithm: str, keys: DocKeys, doc: bytes, locator: bytes, sealed: bytes) -> str:
    """The place again."""
    return _name(aead.unseal(algorithm, keys.vault, sealed, tlv("syncd/name", algorithm, doc, locator), "name"))


def seal_place(keyring: Keyring, role: str, locator: bytes, place: str, nonce: bytes) -> bytes:
    """A prefix ("page") or a quarantined key ("quarantine"), which no document key covers."""
    key = subkey(keyring.identity.page, "place", role)
    return aead.seal(keyring.algorithm, key, nonce, encode_part(place), tlv("syncd/place", keyring.algorithm, role, locator))


def open_place(keyring: Keyring, role: str, locator: bytes, sealed: bytes) -> str:
    """The place again; raises Forged."""
    key = subkey(keyring.identity.page, "place", role)
    return _name(aead.unseal(keyring.algorithm, key, sealed, tlv("syncd/place", keyring.algorithm, role, locator), "place"))


def seal_note(keyring: Keyring, owner: str, text: str, nonce: bytes) -> bytes:
    """A free text such as the reason of a request, of which the audit log holds a commitment only."""
    key = subkey(keyring.identity.row, "note")
    return aead.seal(keyring.algorithm, key, nonce, text.encode(), tlv("syncd/note", keyring.algorithm, owner))


def seal_acl(keyring: Keyring, uid: bytes, acl: Acl, nonce: bytes) -> bytes:
    """The ACL of a class as its ledger row keeps it."""
    packed = _pack(
        [
            [[entry.effect.value, [[p.kind.value, p.realm, p.id] for p in entry.principals]] for entry in clause.entries]
            for clause in acl.clauses
        ]
    )
    key = subkey(keyring.identity.acl, "class")
    return aead.seal(keyring.algorithm, key, nonce, packed, tlv("syncd/class", keyring.algorithm, uid))


def open_acl(keyring: Keyring, uid: bytes, sealed: bytes) -> Acl:
    """The ACL again; raises Forged."""
    key = subkey(keyring.identity.acl, "class")
    packed = aead.unseal(keyring.algorithm, key, sealed, tlv("syncd/class", keyring.algorithm, uid), "ACL class")
    clauses = msgpack.unpackb(packed, raw=False)
    return Acl(
        tuple(
            Clause(
                tuple(
                    Entry(Effect(effect), tuple(Principal(PrincipalKind(kind), realm, id_) for kind, realm, id_ in principals))
                    for effect, principals in entries
                )
            )
            for entries in clauses
        )
    )
