"""Quarantine: what is not indexed, by name, with a reason. An older version goes on serving unless its ACL is unknown."""

from syncd.core.model import Observation, Refusal
from syncd.core.retry import Policy, draw_from
from syncd.core.rows import DocRow, QuarantineRow
from syncd.seal.cards import seal_place
from syncd.sync.install import EventType, Phase, Transaction
from syncd.sync.rundata import Run

AGAIN = Policy(first=60.0, longest=24 * 3600.0, jitter=0.1)


def next_try(now: float, attempts: int, draw: float) -> float:
    """When to try again: with the next sync, then after a minute, doubled each time, at most a day; draw: from 0 to 1."""
    return now + (AGAIN.rest(attempts - 1, draw) if attempts > 1 else 0.0)


def shelve(run: Run, tx: Transaction, seen: Observation, prefix: str, refusal: Refusal, row: DocRow | None) -> None:
    """Put a version of a document into quarantine."""
    install, locator = run.install, run.tags.locator(seen.key)
    run.shelved += 1
    before = tx.ledger.quarantine(locator)
    attempts = before.attempts + 1 if before else 1
    now, version = install.now(), run.tags.version(seen)
    tx.ledger.put_quarantine(
        QuarantineRow(
            locator=locator,
            source=run.tags.source_id,
            page=run.tags.page(prefix),
            doc=row.doc if row else None,
            reason=refusal.reason.value,
            detail=refusal.detail,
            version=version,
            shape=run.tags.shape,
            attempts=attempts,
            first_at=before.first_at if before else now,
            last_at=now,
            next_at=next_try(now, attempts, draw_from(install.entropy.bytes(1))),
            sealed=seal_place(install.keyring, "quarantine", locator, seen.key, install.nonce()),
            dropped=before is not None and before.dropped and before.version == version,
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
