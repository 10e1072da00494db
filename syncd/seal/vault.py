"""The vault: what is sealed of a document in its ledger row, opened with the document's own key."""

from dataclasses import dataclass

from syncd.core.card import Card
from syncd.core.keys import Keyring
from syncd.core.rows import DocRow
from syncd.seal.cards import open_card, seal_card
from syncd.seal.wrapping import DocKeys, open_dek


@dataclass(frozen=True, slots=True)
class Vault:
    """Opens and seals the rows of one install. What does not open raises Forged."""

    keyring: Keyring

    def keys(self, row: DocRow) -> DocKeys:
        """The keys of a document."""
        return open_dek(self.keyring, row.epoch, row.dek, row.doc)

    def card(self, row: DocRow) -> Card:
        """Where a document is, what it is called, which chunks it has."""
        return open_card(self.keyring.algorithm, self.keys(row), row.doc, row.vault)

    def sealed(self, row: DocRow, card: Card, nonce: bytes) -> bytes:
        """`card` as the row of the document keeps it."""
        return seal_card(self.keyring.algorithm, self.keys(row), row.doc, card, nonce)
