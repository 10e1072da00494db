"""Keys under keys: the keyring under the KEK, document keys under an epoch. The AAD names role, epoch and owner of each."""

from dataclasses import dataclass

from syncd.core.keys import Epoch, IdentityKeys, Keyring
from syncd.core.tlv import tlv
from syncd.errors import Forged
from syncd.seal import aead
from syncd.seal.derive import subkey, wrap_key

IDENTITY_ROLES = ("name", "fp", "pid", "acl", "page", "row")


def wrap(algorithm: str, key: bytes, nonce: bytes, secret: bytes, *, role: str, epoch: int, owner: bytes) -> bytes:
    """Seal `secret` under `key` with AAD = TLV("syncd/wrap", role, epoch, owner)."""
    return aead.seal(algorithm, key, nonce, secret, tlv("syncd/wrap", role, epoch, owner))


def unwrap(algorithm: str, key: bytes, blob: bytes, *, role: str, epoch: int, owner: bytes) -> bytes:
    """Open what `wrap` made; raises Forged for another role, epoch or owner."""
    return aead.unseal(algorithm, key, blob, tlv("syncd/wrap", role, epoch, owner), f"wrapped {role} key")


def wrap_keyring(keyring: Keyring, kek: bytes, nonces: list[bytes]) -> dict[str, bytes]:
    """Every key of `keyring`, each wrapped under the KEK: {"name": ..., "cmk/1": ...}; one nonce a key."""
    secrets = {(role, 0): getattr(keyring.identity, role) for role in IDENTITY_ROLES}
    secrets |= {("cmk", epoch.number): epoch.cmk for epoch in keyring.epochs}
    return {
        (f"{role}/{epoch}" if role == "cmk" else role): wrap(
            keyring.algorithm, kek, nonce, secret, role=role, epoch=epoch, owner=keyring.install
        )
        for ((role, epoch), secret), nonce in zip(secrets.items(), nonces, strict=True)
    }


def unwrap_keyring(wrapped: dict[str, bytes], kek: bytes, *, algorithm: str, install: bytes) -> Keyring:
    """The keyring again; raises Forged under a wrong KEK, KeyError when a key is missing."""
    identity = IdentityKeys(
        **{role: unwrap(algorithm, kek, wrapped[role], role=role, epoch=0, owner=install) for role in IDENTITY_ROLES}
    )
    numbers = sorted(int(name.removeprefix("cmk/")) for name in wrapped if name.startswith("cmk/"))
    epochs = tuple(
        Epoch(number, unwrap(algorithm, kek, wrapped[f"cmk/{number}"], role="cmk", epoch=number, owner=install))
        for number in numbers
    )
    return Keyring(install=install, algorithm=algorithm, identity=identity, epochs=epochs)


@dataclass(frozen=True, slots=True)
class DocKeys:
    """The keys of one document, derived from its DEK, which is never used itself: K_d,x for x in {text, vault, audit}."""

    text: bytes
    vault: bytes
    audit: bytes

    @staticmethod
    def of(dek: bytes, doc: bytes) -> "DocKeys":
        """Derive them."""
        return DocKeys(*(subkey(dek, "doc", use, doc) for use in ("text", "vault", "audit")))


def wrap_dek(keyring: Keyring, epoch: Epoch, dek: bytes, doc: bytes, nonce: bytes) -> bytes:
    """A document's key as the ledger keeps it."""
    return wrap(keyring.algorithm, wrap_key(epoch), nonce, dek, role="dek", epoch=epoch.number, owner=doc)


def open_dek(keyring: Keyring, number: int, wrapped: bytes, doc: bytes) -> DocKeys:
    """A document's keys from its ledger row; raises Forged, also when the epoch was retired."""
    epoch = keyring.epoch(number)
    if epoch is None:
        raise Forged(what="document key of an unknown epoch")
    return DocKeys.of(unwrap(keyring.algorithm, wrap_key(epoch), wrapped, role="dek", epoch=number, owner=doc), doc)
