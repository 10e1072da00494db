"""The collection that an install writes to: one immutable uid, exactly one space."""

from dataclasses import dataclass, replace

from syncd.core.rows import CollectionRow, CollectionState
from syncd.errors import LedgerLost, SpaceChanged
from syncd.ports import LedgerView
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


def serving(view: LedgerView) -> CollectionRow | None:
    """The collection that readers are answered from; None before the first sync."""
    return next((row for row in view.collections() if row.state is CollectionState.SERVING), None)


def filling(view: LedgerView) -> CollectionRow | None:
    """The collection of another space that is filled beside the serving one, if there is one."""
    return next((row for row in view.collections() if row.state is CollectionState.FILLING), None)


def open_collection(install: Install) -> Collection | None:
    """The recorded collection, or None before the first sync. Raises SpaceChanged when the embedder's vectors don't fit it."""
    with install.ledger.read() as view:
        row = serving(view)
    return None if row is None else opened(install, row)


def opened(install: Install, row: CollectionRow) -> Collection:
    """A collection as `install` works with it. Raises SpaceChanged when the embedder's vectors don't fit it."""
    if row.space != install.embedder.space:
        raise SpaceChanged(configured=install.embedder.space.hex()[:12], recorded=row.space.hex()[:12])
    return Collection(row, Sealer(install.keyring, row.uid, install.policy.text))


def new_collection(install: Install, uid: bytes, state: CollectionState) -> CollectionRow:
    """A collection for the vectors of the install's embedder; its name says nothing."""
    embedder = install.embedder
    return CollectionRow(uid, f"syncd-{uid.hex()}", embedder.space, embedder.dimension, state, embedder.settings)


def ensure_collection(install: Install) -> Collection:
    """The collection to write to; the first call records it before it is made, so that nothing is ever unrecorded.

    Raises SpaceChanged, and LedgerLost when the index holds a collection of this install that the ledger does not know.
    """
    collection, alias = open_collection(install), alias_of(install)
    if collection is None:
        if install.index.resolve(alias) is not None:
            raise LedgerLost(detail="the index holds a collection of this install that it does not know")
        uid = install.fresh_id()
        row = new_collection(install, uid, CollectionState.SERVING)
        with install.transaction() as tx:
            tx.ledger.put_collection(row)
            tx.audit(Event(EventType.SPACE_CHANGED, Phase.OUTCOME, install.fresh_id(), body={"space": row.space.hex()}))
        collection = Collection(row, Sealer(install.keyring, uid, install.policy.text))
    elif not collection.row.embedder:  # an older syncd made it
        collection = replace(collection, row=replace(collection.row, embedder=install.embedder.settings))
        with install.ledger.write() as tx:
            tx.put_collection(collection.row)
    install.index.ensure_collection(collection.name, collection.row.dimension)
    if install.index.resolve(alias) != collection.name:
        install.index.switch_alias(alias, collection.name)
    return collection
