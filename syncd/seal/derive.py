"""Key derivation: HKDF-Expand (RFC 5869) from keys that are uniform already, so that no key is used for two things."""

import hashlib
import hmac
from functools import lru_cache

from syncd.core.keys import Epoch
from syncd.core.tlv import Part, tlv

VERSION = "syncd/v1"


@lru_cache(maxsize=4096)
def expand(key: bytes, info: bytes) -> bytes:
    """HKDF-Expand-SHA256 to 32 bytes: for one block it is T(1) = HMAC(key, info || 0x01) (RFC 5869, 2.3)."""
    return hmac.digest(key, info + b"\x01", hashlib.sha256)


def subkey(key: bytes, *context: Part) -> bytes:
    """A key for one use of `key`."""
    return expand(key, tlv(VERSION, *context))


def u32be(number: int) -> bytes:
    """Four bytes, big endian."""
    return number.to_bytes(4, "big")


def collection_key(epoch: Epoch, use: str, collection: bytes) -> bytes:
    """K_x,e of security.md for x in {class, seal}: bound to the collection's immutable uid."""
    return expand(epoch.cmk, tlv(VERSION, use, collection, u32be(epoch.number)))


def wrap_key(epoch: Epoch) -> bytes:
    """K_wrap,e: what document keys are wrapped under; of no collection."""
    return expand(epoch.cmk, tlv(VERSION, "wrap", u32be(epoch.number)))


class Mac:
    """HMAC-SHA256 over TLV(head, parts), for many lists of parts after one head: the key and the head are taken in once."""

    def __init__(self, key: bytes, *head: Part) -> None:
        self._begun = hmac.new(key, tlv(*head), hashlib.sha256)

    def over(self, *parts: Part) -> bytes:
        """What `mac(key, *head, *parts)` is."""
        going = self._begun.copy()
        going.update(tlv(*parts))
        return going.digest()


def mac(key: bytes, *parts: Part) -> bytes:
    """HMAC-SHA256 over TLV(parts)."""
    return hmac.digest(key, tlv(*parts), hashlib.sha256)
