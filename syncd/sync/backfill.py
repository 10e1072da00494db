"""The reindex of a source as the ledger remembers it, so that it goes on where it was after whatever ended it."""

import json
from dataclasses import asdict, dataclass

from syncd.ports import LedgerTx, LedgerView


@dataclass(frozen=True, slots=True)
class Backfill:
    """A reindex under way. total: documents that were marked; rate: chunks a second at most, None for as fast as it goes."""

    op: str
    total: int
    requested_at: float
    rate: float | None = None
    paused: bool = False


def _name(source: bytes) -> str:
    return f"reindex/{source.hex()}"


def backfill(view: LedgerView, source: bytes) -> Backfill | None:
    """The reindex of a source, None when there is none."""
    stored = view.meta(_name(source))
    return Backfill(**json.loads(stored)) if stored else None


def put_backfill(tx: LedgerTx, source: bytes, value: Backfill | None) -> None:
    """Remember it; None: it is through."""
    tx.set_meta(_name(source), json.dumps(asdict(value)).encode() if value is not None else b"")


def close_backfill(tx: LedgerTx, source: bytes) -> None:
    """Forget it once nothing that was marked is left."""
    if backfill(tx, source) is not None and not tx.due(source):
        put_backfill(tx, source, None)
