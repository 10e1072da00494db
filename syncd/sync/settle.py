"""Settling: what was begun and has no outcome is closed in the log, and looked at again."""

from collections.abc import Container
from dataclasses import replace

from syncd.core.rows import Due, IntentRow, PointRow, PointState
from syncd.ports import LedgerView
from syncd.seal.identity import point_id
from syncd.sync.collection import Collection
from syncd.sync.install import Actor, Event, EventType, Install, Phase, Transaction
from syncd.sync.reopen import reopen


def settle(install: Install, collection: Collection, actor: Actor, runs: Container[bytes] | None = None) -> int:
    """Close every open intent, or those of `runs`, none of which goes on; returns how many there were.

    A change that was killed may have taken points away that the ledger still believes in. They are asked for, and those that
    are gone count as intended again. Intended points stay recorded: the next sync of the document finds the vectors of those
    that exist, writes the others, and takes away what it does not need.
    """
    with install.ledger.read() as view:
        intents = [intent for intent in view.intents() if runs is None or intent.run in runs]
        lost = {intent.op: _lost(install, collection, view, intent) for intent in intents if intent.doc}
    if not intents:
        return 0
    with install.transaction() as tx:
        for intent in intents:
            _look_again(tx, intent, lost.get(intent.op, []))
            tx.ledger.drop_intent(intent.op)
            tx.audit(
                Event(
                    EventType.LEDGER_RECOVERED,
                    Phase.OUTCOME,
                    intent.op,
                    run=intent.run or None,  # a repair is of no run
                    doc=intent.doc or None,
                    actor=actor,
                    body={"kind": intent.kind, "intent_seq": intent.seq},
                )
            )
    return len(intents)


def _lost(install: Install, collection: Collection, view: LedgerView, intent: IntentRow) -> list[PointRow]:
    """Points of the document that are recorded as live and not in the index."""
    if not install.index.keeps_points:
        return []
    live = [point for point in view.points(intent.doc) if point.state is PointState.LIVE]
    ids = {point_id(install.keyring.identity, point.doc, point.fp, point.occurrence): point for point in live}
    there = {point.id for point in install.index.retrieve(collection.name, list(ids), vectors=False)} if ids else set()
    return [point for id_, point in ids.items() if id_ not in there]


def _look_again(tx: Transaction, intent: IntentRow, lost: list[PointRow]) -> None:
    row = tx.ledger.doc(intent.doc) if intent.doc else None
    if row is None:
        return
    tx.ledger.put_doc(replace(row, due=max(row.due, Due.LOOK)))
    tx.ledger.put_points([replace(point, state=PointState.INTENDED) for point in lost])
    reopen(tx.ledger, row.page)
