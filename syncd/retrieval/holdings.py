"""What readers read from: one collection, and the ledger and keys that say what is in it."""

from dataclasses import dataclass, field

from syncd.core.keys import Keyring
from syncd.ports import Ledger, LedgerView, VectorIndex
from syncd.seal.cards import open_acl
from syncd.seal.identity import source_id
from syncd.seal.points import AclClass, Sealer
from syncd.seal.vault import Vault


@dataclass(frozen=True, slots=True)
class Holdings:
    """A collection with everything that opens it. sources: the names of the configured ones."""

    ledger: Ledger
    index: VectorIndex
    keyring: Keyring
    sealer: Sealer
    collection: str
    sources: tuple[str, ...]
    _classes: dict[int, AclClass] = field(default_factory=dict)

    @property
    def vault(self) -> Vault:
        """Opens cards."""
        return Vault(self.keyring)

    def names(self) -> dict[bytes, str]:
        """Source names by source id."""
        return {source_id(self.keyring.identity, name): name for name in self.sources}

    def classes(self, view: LedgerView) -> dict[int, AclClass]:
        """Every class by its id, each opened once: a class never changes."""
        for row in view.classes():
            if row.id not in self._classes:
                self._classes[row.id] = AclClass(row.uid, open_acl(self.keyring, row.uid, row.sealed))
        return self._classes
