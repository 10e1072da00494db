"""Settling: what was begun and has no outcome is closed in the log, and looked at again."""

from dataclasses import replace

from syncd.sync.install import Actor, Event, EventType, Install, Phase
from syncd.sync.tags import STALE


def settle(install: Install, actor: Actor) -> int:
    """Close every open intent; returns how many there were.

    The points that an intent names stay recorded as "may exist": the next sync of the document finds their vectors again, and
    takes away what it does not need. A shape that no document has makes sure that it looks.
    """
    with install.ledger.read() as view:
        intents = view.intents()
    if not intents:
        return 0
    with install.transaction() as tx:
        for intent in intents:
            row = tx.ledger.doc(intent.doc)
            if row is not None:
                tx.ledger.put_doc(replace(row, shape=row.shape if row.shape == STALE else b""))
                page = tx.ledger.page(row.page)
                if page is not None:
                    tx.ledger.put_page(replace(page, stamp=None))
            tx.ledger.drop_intent(intent.op)
            tx.audit(
                Event(
                    EventType.LEDGER_RECOVERED,
                    Phase.OUTCOME,
                    intent.op,
                    run=intent.run,
                    doc=intent.doc or None,
                    actor=actor,
                    body={"kind": intent.kind, "intent_seq": intent.seq},
                )
            )
    return len(intents)
