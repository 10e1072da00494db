"""Opening an install whose ledger is not what it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from syncd.adapters.ledger import SqlLedger
from syncd.audit.lineage import Mark
from syncd.config import Config
from syncd.errors import AnchorsAway, LedgerCorrupt, LedgerLost, LedgerMissing, LedgerStale, NothingToRecover
from syncd.sync.collection import alias_of, serving
from syncd.sync.recover import unfinished
from syncd.wiring.install import Wiring


@contextmanager
def restored(config: Config) -> Iterator[tuple[Wiring, Mark | None]]:
    """An install whose ledger was put back, with what its anchors know. Raises LedgerMissing where none was."""
    if not config.state.ledger.exists():
        raise LedgerMissing(file=config.state.ledger)
    with Wiring(config, writer=True, restoring=True) as wiring:
        _ = wiring.ledger
        known = _known(wiring)
        wiring.renew_epoch()
        yield wiring, known


@contextmanager
def recovering(config: Config) -> Iterator[tuple[Wiring, Mark | None, Path | None]]:
    """An install with a new ledger, or the one whose recovery goes on; what its anchors know; where the old ledger is now.

    Raises NothingToRecover for a ledger that is sound.
    """
    begun, aside = False, None
    path = config.state.ledger
    with Wiring(config, writer=True, restoring=True) as wiring:
        _ = wiring.audit
        if path.exists():
            begun = _begun(wiring)
    if not begun:
        aside = SqlLedger.set_aside(path, f"lost-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    with Wiring(config, writer=True, restoring=True) as wiring:
        if not begun:
            wiring.renew_epoch()
        yield wiring, _known(wiring), aside


def _begun(wiring: Wiring) -> bool:
    """Whether a recovery of the ledger that is there was begun; False where it is of no use. Raises NothingToRecover."""
    try:
        with wiring.ledger.read() as view:
            if unfinished(view):
                return True
            known = serving(view) is not None
            wiring.anchors.check(view, wiring.anchors.marks())
    except (LedgerCorrupt, LedgerLost, LedgerStale, AnchorsAway):
        return False
    if known or wiring.index.resolve(alias_of(wiring.install())) is None:
        raise NothingToRecover(file=wiring.config.state.ledger)
    return False


def _known(wiring: Wiring) -> Mark | None:
    """The newest that an anchor knows; None where none can be asked, for then nothing can be cited."""
    try:
        return wiring.anchors.newest()
    except AnchorsAway:
        return None
