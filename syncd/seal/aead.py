"""The one AEAD of syncd: AES-256-GCM-SIV, or AES-256-GCM where a site needs FIPS.

A blob is nonce (12 bytes), ciphertext, tag (16 bytes).
"""

from functools import lru_cache

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV

from syncd.errors import CryptoUnavailable, Forged

GCM_SIV = "A256GCMSIV"
GCM = "A256GCM"
NONCE = 12
OVERHEAD = NONCE + 16


@lru_cache(maxsize=512)  # each takes 3 KiB, and is made in 20 microseconds
def _cipher(algorithm: str, key: bytes) -> AESGCM | AESGCMSIV:
    return AESGCMSIV(key) if algorithm == GCM_SIV else AESGCM(key)


def probe(algorithm: str) -> None:
    """Refuse clearly where the algorithm is not to be had (OpenSSL before 3.2 lacks SIV)."""
    if algorithm not in (GCM_SIV, GCM):
        raise CryptoUnavailable(algorithm=algorithm, detail=f"known are {GCM_SIV} and {GCM}")
    try:
        _cipher(algorithm, bytes(32))
    except UnsupportedAlgorithm as error:
        raise CryptoUnavailable(algorithm=algorithm, detail=str(error)) from error


def seal(algorithm: str, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Encrypt and authenticate; `nonce` must be 12 fresh random bytes."""
    return nonce + _cipher(algorithm, key).encrypt(nonce, plaintext, aad)


def unseal(algorithm: str, key: bytes, blob: bytes, aad: bytes, what: str) -> bytes:
    """The plaintext of `blob`; raises Forged, naming `what`, when it was not sealed with this key for this place."""
    if len(blob) < OVERHEAD:
        raise Forged(what=what)
    try:
        return _cipher(algorithm, key).decrypt(blob[:NONCE], blob[NONCE:], aad)
    except InvalidTag as error:
        raise Forged(what=what) from error
