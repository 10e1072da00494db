"""Why somebody wants something: the history commits to it, and the ledger keeps it sealed."""

from syncd.seal.cards import seal_note
from syncd.seal.derive import mac
from syncd.sync.install import Install, Transaction


def commit(install: Install, tx: Transaction, op: bytes, reason: str) -> str:
    """A salted commitment to `reason`, hex; its opening is sealed in the ledger. op: by which the history knows the deed."""
    salt = install.fresh_id()
    opening = seal_note(install.keyring, f"reason/{op.hex()}", f"{salt.hex()} {reason}", install.nonce())
    tx.ledger.set_meta(f"reason/{op.hex()}", opening)
    return mac(salt, "reason", reason).hex()
