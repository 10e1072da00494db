"""A point as the store sees it: a vector, opaque ids, a class token and two sealed blobs (security.md, "A point")."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from enum import StrEnum

from syncd.core.acl import Acl
from syncd.core.keys import Epoch, Keyring
from syncd.core.model import Payload, PointId
from syncd.core.tlv import tlv
from syncd.errors import Forged
from syncd.seal import aead
from syncd.seal.derive import collection_key
from syncd.seal.identity import acl_digest, class_token
from syncd.seal.wrapping import DocKeys

PAD = 256
"""Sealed texts are padded to a multiple of this many bytes, so that lengths say little."""


class TextMode(StrEnum):
    """Where the text of a chunk goes."""

    SEALED = "sealed"
    OMITTED = "omitted"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class AclClass:
    """A distinct ACL with the random uid of its class."""

    uid: bytes
    acl: Acl


def _b64(blob: bytes) -> str:
    return base64.b64encode(blob).decode("ascii")


def _unb64(value: object, what: str) -> bytes:
    if not isinstance(value, str):
        raise Forged(what=what)
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Forged(what=what) from error


def _pad(text: bytes) -> bytes:
    framed = len(text).to_bytes(4, "big") + text
    return framed + bytes(-len(framed) % PAD)


def _unpad(padded: bytes) -> bytes:
    return padded[4 : 4 + int.from_bytes(padded[:4], "big")]


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals and opens the blobs of one collection."""

    keyring: Keyring
    collection: bytes
    mode: TextMode = TextMode.SEALED

    def _acl_aad(self, epoch: int, doc: bytes, version: int, token: str) -> bytes:
        return tlv("syncd/acl", self.keyring.algorithm, self.collection, epoch, doc, version, token)

    def _text_aad(self, doc: bytes, point: PointId, fp: bytes, plain: str | None) -> bytes:
        digest = b"" if plain is None else hashlib.sha256(plain.encode("utf-8", "surrogatepass")).digest()
        return tlv("syncd/text", self.keyring.algorithm, self.collection, doc, point, fp, digest)

    def acl_payload(self, doc: bytes, version: int, class_: AclClass, nonce: bytes) -> dict[str, str | int]:
        """The part of the payload that an ACL change rewrites: the same for all points of a document."""
        epoch = self.keyring.current
        token = class_token(epoch, self.collection, class_.uid, class_.acl)
        sealed = aead.seal(
            self.keyring.algorithm,
            collection_key(epoch, "seal", self.collection),
            nonce,
            class_.uid + acl_digest(class_.acl),
            self._acl_aad(epoch.number, doc, version, token),
        )
        return {"acl_class": token, "acl_version": version, "epoch": epoch.number, "acl_sealed": _b64(sealed)}

    def text_payload(self, keys: DocKeys, doc: bytes, point: PointId, fp: bytes, text: str, nonce: bytes) -> dict[str, str | int]:
        """The part of the payload that binds the point: always sealed, with the text in it unless it is omitted or plain."""
        inside = text if self.mode is TextMode.SEALED else ""
        plain = text if self.mode is TextMode.PLAIN else None
        sealed = aead.seal(
            self.keyring.algorithm, keys.text, nonce, _pad(inside.encode("utf-8")), self._text_aad(doc, point, fp, plain)
        )
        payload: dict[str, str | int] = {"doc": doc.hex(), "fp": fp.hex(), "text_sealed": _b64(sealed)}
        if plain is not None:
            payload["text"] = plain
        return payload

    def open_acl(self, payload: Payload, doc: bytes, class_: AclClass) -> None:
        """Check that the point is bound to this class of this document; raises Forged."""
        version, number, token = payload.get("acl_version"), payload.get("epoch"), payload.get("acl_class")
        epoch = self.keyring.epoch(number) if isinstance(number, int) else None
        if epoch is None or not isinstance(version, int) or version < 0 or not isinstance(token, str):
            raise Forged(what="ACL binding")
        opened = aead.unseal(
            self.keyring.algorithm,
            collection_key(epoch, "seal", self.collection),
            _unb64(payload.get("acl_sealed"), "ACL binding"),
            self._acl_aad(epoch.number, doc, version, token),
            "ACL binding",
        )
        if opened != class_.uid + acl_digest(class_.acl) or token != class_token(epoch, self.collection, class_.uid, class_.acl):
            raise Forged(what="ACL binding")

    def open_text(self, payload: Payload, keys: DocKeys, doc: bytes, point: PointId, fp: bytes) -> str | None:
        """The text of a point, None where texts are omitted; raises Forged when anything was moved or altered."""
        plain = payload.get("text")
        if plain is not None and not isinstance(plain, str):
            raise Forged(what="text")
        opened = aead.unseal(
            self.keyring.algorithm,
            keys.text,
            _unb64(payload.get("text_sealed"), "text"),
            self._text_aad(doc, point, fp, plain),
            "text",
        )
        if plain is not None:
            return plain
        text = _unpad(opened).decode("utf-8")
        return text if text or self.mode is not TextMode.OMITTED else None

    def token(self, epoch: Epoch, class_: AclClass) -> str:
        """The class token under `epoch`."""
        return class_token(epoch, self.collection, class_.uid, class_.acl)
