"""The collection that an install writes to: one immutable uid, exactly one space."""

from dataclasses import dataclass

from syncd.core.rows import CollectionRow
from syncd.errors import LedgerLost, SpaceChanged
from syncd.seal.points import Sealer
from syncd.sync.install import Event, EventType, Install, Phase


def alias_of(install: Install) -> str:
    """The alias of an install's collection: installs may share a server."""
    return f"syncd-{install.keyring.install.hex()[:16]}"


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection and the sealer of its points."""

    row: CollectionRow
    sealer: Sealer

    @property
    def name(self) -> str:
        """Its name in the store, which says nothing."""
        return self.row.name


def open_collection(install: Install) -> Collection | None:
    """The recorded collection, or None before the first sync. Raises SpaceChanged when the embedder's vectors don't fit it."""
    with install.ledger.read() as view:
        rows = view.collections()
    if not rows:
        return None
    row = rows[-1]
    if row.space != install.embedder.space:
        raise SpaceChanged(configured=install.embedder.space.hex()[:12], recorded=row.space.hex()[:12])
    return Collection(row, Sealer(install.keyring, row.uid, install.policy.text))


def ensure_collection(install: Install) -> Collection:
    """The collection to write to; the first call records it before it is made, so that nothing is ever unrecorded.

    Raises SpaceChanged, and LedgerLost when the index holds a collection of this install that the ledger does not know.
    """
    collection, alias = open_collection(install), alias_of(install)
    if collection is None:
        if install.index.resolve(alias) is not None:
            raise LedgerLost
        uid = install.fresh_id()
        row = CollectionRow(uid, f"syncd-{uid.hex()}", install.embedder.space, install.embedder.dimension)
        with install.transaction() as tx:
            tx.ledger.put_collection(row)
            tx.audit(Event(EventType.SPACE_CHANGED, Phase.OUTCOME, install.fresh_id(), body={"space": row.space.hex()}))
        collection = Collection(row, Sealer(install.keyring, uid, install.policy.text))
    install.index.ensure_collection(collection.name, collection.row.dimension)
    if install.index.resolve(alias) != collection.name:
        install.index.switch_alias(alias, collection.name)
    return collection
