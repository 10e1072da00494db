"""Classes: one row for each distinct ACL, found again by its key; the row outlives its documents."""

from syncd.core.acl import NOBODY, Acl
from syncd.core.rows import ClassRow
from syncd.ports import LedgerTx, LedgerView
from syncd.seal.cards import open_acl, seal_acl
from syncd.seal.identity import acl_key
from syncd.seal.points import AclClass
from syncd.sync.install import Install


class Classes:
    """The classes of an install, remembered for one run: a tree has few, and every document asks.

    A transaction that fails ends its run, so nothing is remembered here that was rolled back.
    """

    def __init__(self, install: Install, view: LedgerView) -> None:
        self._install = install
        self._acls: dict[int, Acl] = {}
        self.refresh(view)

    def refresh(self, view: LedgerView) -> None:
        """Read again what the ledger holds: another run had its turn meanwhile."""
        self._live = set(view.live_classes())
        self._by_id = {row.id: row for row in view.classes()}
        self._by_key = {row.key: row for row in self._by_id.values()}

    def row(self, class_id: int) -> ClassRow:
        """The class of that id."""
        return self._by_id[class_id]

    def acl(self, class_id: int) -> Acl:
        """Its ACL, opened once."""
        if class_id not in self._acls:
            row = self._by_id[class_id]
            self._acls[class_id] = open_acl(self._install.keyring, row.uid, row.sealed)
        return self._acls[class_id]

    def sealing(self, class_id: int) -> AclClass:
        """What the sealer needs to know of a class."""
        return AclClass(self._by_id[class_id].uid, self.acl(class_id))

    def full(self, key: bytes) -> bool:
        """Whether the ACL of that key would be one more class in use, beyond `acl.max_classes`."""
        known = self._by_key.get(key)
        return (known is None or known.id not in self._live) and len(self._live) >= self._install.policy.max_classes

    def ensure(self, tx: LedgerTx, key: bytes, acl: Acl) -> ClassRow:
        """The class of `acl`, made in this transaction if it is new."""
        found = self._by_key.get(key)
        if found is None:
            uid = self._install.fresh_id()
            sealed = seal_acl(self._install.keyring, uid, acl, self._install.nonce())
            found = tx.put_class(ClassRow(0, key, uid, sealed))
            self._by_key[key] = self._by_id[found.id] = found
        self._live.add(found.id)
        return found

    def nobody(self, tx: LedgerTx) -> ClassRow:
        """The class that no reader will ever match: for documents whose ACL is unknown."""
        return self.ensure(tx, acl_key(self._install.keyring.identity, NOBODY), NOBODY)
