"""The desk of an install, as one command alone sets it up, and as a daemon does."""

import os
from collections.abc import Callable, Sequence

from syncd.errors import LedgerMissing
from syncd.operations.desk import Desk
from syncd.operations.operation import EVERY_ROLE, Caller, Role
from syncd.retrieval.dump import Dump
from syncd.retrieval.holdings import Holdings
from syncd.retrieval.reader import Retriever
from syncd.sync.collection import Collection, opened, serving
from syncd.sync.install import Event, Install
from syncd.wiring.install import Wiring
from syncd.wiring.patience import dependencies


class Serving:
    """Readers of the collection that serves, which may be another one by the next question.

    installs: those in whose spaces there are embedders at hand.
    """

    def __init__(self, wiring: Wiring, installs: Callable[[], Sequence[Install]]) -> None:
        self._wiring = wiring
        self._installs = installs
        self._known: dict[bytes, Holdings] = {}

    def retriever(self) -> Retriever:
        """The reader. Raises LedgerMissing before the first sync, SpaceChanged."""
        wiring = self._wiring
        install, collection = self._opened()
        return Retriever(self._holdings(collection), install.embedder, wiring.clock, wiring.config.acl.stale_after)

    def dump(self) -> Dump:
        """The operators' view. Raises LedgerMissing before the first sync, SpaceChanged."""
        return Dump(self._holdings(self._opened()[1]))

    def _opened(self) -> tuple[Install, Collection]:
        """The collection that serves, and the install whose embedder is of its space."""
        installs = self._installs()
        with installs[0].ledger.read() as view:
            row = serving(view)
        if row is None:
            raise LedgerMissing(file=self._wiring.config.state.ledger)
        install = next((each for each in installs if each.embedder.space == row.space), installs[0])
        return install, opened(install, row)

    def _holdings(self, collection: Collection) -> Holdings:
        found = self._known.get(collection.row.uid)
        if found is None:
            found = self._wiring.holdings(collection)
            self._known = {collection.row.uid: found}
        return found


def direct_desk(wiring: Wiring, *, empty: bool = False) -> Desk:
    """The desk of a command that works alone. empty: where there is no ledger yet, one without anything in it is read."""
    install = wiring.install(wiring.ledger_or_empty if empty else None)
    return Desk(
        install=install,
        sources=wiring.sources(),
        directory=wiring.directory,
        serving=Serving(wiring, lambda: (install,)),
        record=lambda event: _record_alone(wiring, event),
        candidate=lambda: wiring.install(embedder=wiring.configured_embedder),
        target=wiring.config.freshness.target,
        dependencies=dependencies,
    )


def _record_alone(wiring: Wiring, event: Event) -> None:
    """One event, signed at once, by whoever may write for as long as that takes."""
    if wiring.writer:
        record(wiring.install(), event)
        return
    with Wiring(wiring.config, writer=True) as writing:
        record(writing.install(), event)


def record(install: Install, event: Event) -> None:
    """One event, signed at once."""
    with install.transaction() as tx:
        tx.audit(event)
        tx.checkpoint()


def direct_caller(wiring: Wiring) -> Caller:
    """Whoever types a command: root and the account that owns the state may do everything, others search for themselves."""
    account = os.geteuid()
    owner = wiring.config.state.dir.stat().st_uid
    return Caller(account, EVERY_ROLE if account in (0, owner) else frozenset({Role.SELF}), wiring.actor)
