"""Sources that a person paused: the ledger remembers it, so that a restart does not forget."""

from syncd.ports import LedgerView
from syncd.sync.install import Actor, Event, EventType, Install, Phase


def _name(source: bytes) -> str:
    return f"paused/{source.hex()}"


def is_paused(view: LedgerView, source: bytes) -> bool:
    """Whether nobody is to look at the source of this id."""
    return view.meta(_name(source)) == b"1"


def set_paused(install: Install, source: bytes, actor: Actor, *, paused: bool) -> bool:
    """Pause or resume a source; False when it was so already. The history says who did it."""
    with install.transaction() as tx:
        if is_paused(tx.ledger, source) == paused:
            return False
        tx.ledger.set_meta(_name(source), b"1" if paused else b"0")
        type_ = EventType.SOURCE_PAUSED if paused else EventType.SOURCE_RESUMED
        tx.audit(Event(type_, Phase.OUTCOME, install.fresh_id(), source=source, actor=actor))
    return True
