"""The identities of security.md: how things are found and compared without their names being readable."""

import hashlib
import uuid

from syncd.core.acl import Acl
from syncd.core.keys import Epoch, IdentityKeys
from syncd.core.model import DocId, Fp, PointId
from syncd.seal.derive import Mac, collection_key, mac

TAG = 16


def source_id(keys: IdentityKeys, source: str) -> bytes:
    """How ledger and log name a source: 16 bytes."""
    return mac(keys.name, "source", source)[:TAG]


class SourceNames:
    """How the ledger finds and compares what one source names, without being able to read it."""

    def __init__(self, keys: IdentityKeys, source: str) -> None:
        self._document = Mac(keys.name, ("document", source))
        self._page = Mac(keys.name, ("page", source))
        self._version = Mac(keys.name, ("version", source))
        self._identity = Mac(keys.name, ("identity", source))

    def document(self, key: str) -> bytes:
        """The locator of a document: HMAC(K_name, TLV("document", source, key)), 32 bytes."""
        return self._document.over(key)

    def page(self, prefix: str) -> bytes:
        """The locator of a page: HMAC(K_name, TLV("page", source, prefix)), 32 bytes."""
        return self._page.over(prefix)

    def version(self, version: bytes) -> bytes:
        """A version as the ledger compares it, 16 bytes: sizes and times of files are nobody's business."""
        return self._version.over(version)[:TAG]

    def identity(self, identity: bytes) -> bytes:
        """What follows a document through a rename, as the ledger looks it up: 16 bytes."""
        return self._identity.over(identity)[:TAG]


def document_locator(keys: IdentityKeys, source: str, key: str) -> bytes:
    """The locator of one document."""
    return SourceNames(keys, source).document(key)


def content_tag(keys: IdentityKeys, digest: bytes) -> bytes:
    """A content digest as the ledger compares it: keyed, for an unkeyed digest confirms guesses."""
    return mac(keys.fp, "content", digest)[:TAG]


class StampTags:
    """The stamps of pages as the ledger compares them, with what the index was made with: either changed, and a page is opened.

    settings: of the source, then whatever decides what a point says.
    """

    def __init__(self, keys: IdentityKeys, *settings: bytes) -> None:
        self._mac = Mac(keys.page, ("stamp",), settings)

    def of(self, stamp: bytes) -> bytes:
        """HMAC(K_page, TLV("stamp", stamp, *settings)), 16 bytes."""
        return self._mac.over(stamp)[:TAG]


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
