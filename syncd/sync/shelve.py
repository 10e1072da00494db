"""Quarantine: what is not indexed, by name, with a reason. An older version goes on serving unless its ACL is unknown."""

from syncd.core.model import Observation, Refusal
from syncd.core.rows import DocRow, QuarantineRow
from syncd.seal.cards import seal_place
from syncd.sync.install import EventType, Phase, Transaction
from syncd.sync.rundata import Run

FIRST_RETRY = 60.0
LAST_RETRY = 24 * 3600.0


def next_try(now: float, attempts: int) -> float:
    """When to try again: with the next sync, then after a minute, doubled each time, at most a day."""
    return now + (min(FIRST_RETRY * 2.0 ** min(attempts - 2, 20), LAST_RETRY) if attempts > 1 else 0.0)


def shelve(run: Run, tx: Transaction, seen: Observation, prefix: str, refusal: Refusal, row: DocRow | None) -> None:
    """Put a version of a document into quarantine."""
    install, locator = run.install, run.tags.locator(seen.key)
    before = tx.ledger.quarantine(locator)
    attempts = before.attempts + 1 if before else 1
    now = install.now()
    tx.ledger.put_quarantine(
        QuarantineRow(
            locator=locator,
            source=run.tags.source_id,
            page=run.tags.page(prefix),
            doc=row.doc if row else None,
            reason=refusal.reason.value,
            detail=refusal.detail,
            version=run.tags.version(seen),
            shape=run.tags.shape,
            attempts=attempts,
            first_at=before.first_at if before else now,
            last_at=now,
            next_at=next_try(now, attempts),
            sealed=seal_place(install.keyring, "quarantine", locator, seen.key, install.nonce()),
        )
    )
    if before is None or before.reason != refusal.reason:
        tx.audit(
            run.event(
                EventType.DOC_QUARANTINED,
                Phase.OUTCOME,
                install.fresh_id(),
                row.doc if row else None,
                reason=refusal.reason.value,
            )
        )


def release(run: Run, tx: Transaction, locator: bytes, doc: bytes | None) -> None:
    """Take something out of quarantine because it is indexed now, or gone."""
    if tx.ledger.quarantine(locator) is not None:
        tx.ledger.drop_quarantine(locator)
        tx.audit(run.event(EventType.DOC_RELEASED, Phase.OUTCOME, run.install.fresh_id(), doc))
