"""The identities of security.md: how things are found and compared without their names being readable."""

import hashlib
import uuid

from syncd.core.acl import Acl
from syncd.core.keys import Epoch, IdentityKeys
from syncd.core.model import DocId, Fp, PointId
from syncd.seal.derive import collection_key, mac

TAG = 16


def source_id(keys: IdentityKeys, source: str) -> bytes:
    """How ledger and log name a source: 16 bytes."""
    return mac(keys.name, "source", source)[:TAG]


def document_locator(keys: IdentityKeys, source: str, key: str) -> bytes:
    """How the ledger finds a document by name: HMAC(K_name, TLV("document", source, key)), 32 bytes."""
    return mac(keys.name, "document", source, key)


def page_locator(keys: IdentityKeys, source: str, prefix: str) -> bytes:
    """How the ledger finds a page by its prefix, 32 bytes."""
    return mac(keys.name, "page", source, prefix)


def version_tag(keys: IdentityKeys, source: str, version: bytes) -> bytes:
    """A version as the ledger compares it: sizes and times of files are nobody's business."""
    return mac(keys.name, "version", source, version)[:TAG]


def identity_tag(keys: IdentityKeys, source: str, identity: bytes) -> bytes:
    """What follows a document through a rename, as the ledger looks it up."""
    return mac(keys.name, "identity", source, identity)[:TAG]


def content_tag(keys: IdentityKeys, digest: bytes) -> bytes:
    """A content digest as the ledger compares it: keyed, for an unkeyed digest confirms guesses."""
    return mac(keys.fp, "content", digest)[:TAG]


def stamp_tag(keys: IdentityKeys, stamp: bytes, *settings: bytes) -> bytes:
    """A page's stamp together with what the index was made with: either changed, and the page is opened."""
    return mac(keys.page, "stamp", stamp, *settings)[:TAG]


def fingerprint(keys: IdentityKeys, space: bytes, text: str) -> Fp:
    """The fp of a text: HMAC(K_fp, TLV(space, text to embed))[:16]."""
    return Fp(mac(keys.fp, space, text)[:TAG])


def point_id(keys: IdentityKeys, doc: bytes, fp: bytes, occurrence: int) -> PointId:
    """UUIDv8(HMAC(K_pid, TLV(doc, fp, occurrence))): RFC 9562 version and variant bits over the first 16 bytes."""
    raw = bytearray(mac(keys.pid, doc, fp, occurrence)[:TAG])
    raw[6] = (raw[6] & 0x0F) | 0x80
    raw[8] = (raw[8] & 0x3F) | 0x80
    return PointId(str(uuid.UUID(bytes=bytes(raw))))


def acl_key(keys: IdentityKeys, acl: Acl) -> bytes:
    """How the class of an ACL is found again: HMAC(K_acl, canonical ACL), 32 bytes."""
    return mac(keys.acl, acl.canonical())


def class_token(epoch: Epoch, collection: bytes, class_uid: bytes, acl: Acl) -> str:
    """HMAC(K_class,e, TLV(class uid, canonical ACL))[:16] as hex: what a point carries, and what a query names."""
    return mac(collection_key(epoch, "class", collection), class_uid, acl.canonical())[:TAG].hex()


def acl_digest(acl: Acl) -> bytes:
    """SHA-256 of the canonical ACL: what the sealed binding holds."""
    return hashlib.sha256(acl.canonical()).digest()


def new_doc(random: bytes) -> DocId:
    """A document id from 16 random bytes."""
    if len(random) != TAG:
        raise ValueError("a document id is 16 random bytes")
    return DocId(random)
