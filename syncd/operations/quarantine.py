"""`quarantine`: what is not indexed, and why; trying again; not wanting to hear of it any more."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from syncd.audit.canonical import Json
from syncd.audit.event import Event, EventType, Phase
from syncd.core.diff import PERMANENT
from syncd.core.rows import Fence, PointState, QuarantineRow
from syncd.errors import NotInQuarantine
from syncd.operations.desk import Desk
from syncd.operations.operation import Caller, Gives, Operation, Reply, Role
from syncd.operations.payloads.shelves import DroppedGiven, QuarantineGiven, RetryGiven, Shelved
from syncd.operations.status import time_text
from syncd.ports import LedgerView
from syncd.seal.cards import open_place
from syncd.seal.identity import document_locator
from syncd.sync.locate import places
from syncd.sync.reopen import reopen

OPERATORS = frozenset({Role.OPERATOR, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class QuarantineRequest:
    """source: only of this one. dropped: also what somebody did not want to hear of any more."""

    source: str | None = None
    dropped: bool = False


def listed(desk: Desk, caller: Caller, request: QuarantineRequest) -> Reply:  # noqa: ARG001 - the signature of every operation
    """Everything that is held back, by source and key."""
    with desk.install.ledger.read() as view:
        found = [
            _shown(desk, view, source.name, row)
            for source in desk.select(request.source)
            for row in view.quarantined(desk.source_id(source.name))
            if request.dropped or not row.dropped
        ]
    found.sort(key=lambda entry: (entry["source"], entry["key"]))
    return Reply({"quarantine": found})


def _shown(desk: Desk, view: LedgerView, source: str, row: QuarantineRow) -> Shelved:
    return {
        "source": source,
        "key": open_place(desk.install.keyring, "quarantine", row.locator, row.sealed),
        "reason": row.reason,
        "detail": row.detail,
        "serving_older_version": serves_older(view, row),
        "attempts": row.attempts,
        "since": time_text(row.first_at),
        "last_try": time_text(row.last_at),
        "next_try": next_try(row),
        "dropped": row.dropped,
    }


def next_try(row: QuarantineRow) -> str | None:
    """When it is tried again; None where that waits for another version or setting, and no time brings it."""
    return None if row.reason in PERMANENT else time_text(row.next_at)


def serves_older(view: LedgerView, shelf: QuarantineRow) -> bool:
    """Whether another version of a document than the one in quarantine is in the index and may be shown."""
    row = view.doc(shelf.doc) if shelf.doc is not None else None
    if row is None or row.fence is not Fence.NONE or row.version == shelf.version:
        return False
    return any(point.state is PointState.LIVE for point in view.points(row.doc))


@dataclass(frozen=True, slots=True)
class ShelfRequest:
    """doc: a document as DOC, or the folder that could not be listed as SOURCE:PREFIX/."""

    doc: str


def shelf_show(desk: Desk, caller: Caller, request: ShelfRequest) -> Reply:  # noqa: ARG001 - the signature of every operation
    """One entry, whole."""
    with desk.install.ledger.read() as view:
        source, row = _found(desk, view, request.doc)
        return Reply(_shown(desk, view, source, row))


def _found(desk: Desk, view: LedgerView, doc: str) -> tuple[str, QuarantineRow]:
    return next(_named(desk, view, doc), None) or _missing(doc)


def _named(desk: Desk, view: LedgerView, doc: str) -> Iterator[tuple[str, QuarantineRow]]:
    for place in places(desk.sources, doc):
        row = view.quarantine(document_locator(desk.install.keyring.identity, place.source, place.key))
        if row is not None:
            yield place.source, row
    if len(doc) == 32 and not set(doc) - set("0123456789abcdef"):
        for source in desk.sources:
            for row in view.quarantined(desk.source_id(source.name)):
                if row.doc is not None and row.doc.hex() == doc:
                    yield source.name, row


def _missing(doc: str) -> tuple[str, QuarantineRow]:
    raise NotInQuarantine(doc=doc)


def shelf_retry(desk: Desk, caller: Caller, request: ShelfRequest) -> Reply:  # noqa: ARG001 - the signature of every operation
    """Have it tried again at once, whatever its reason."""

    def retry() -> tuple[str, str]:
        with desk.install.ledger.write() as tx:
            source, row = _found(desk, tx, request.doc)
            # Another version than any: what only another version could lift is looked at as well.
            tx.put_quarantine(replace(row, version=b"", next_at=0.0, dropped=False))
            reopen(tx, row.page)
            return source, open_place(desk.install.keyring, "quarantine", row.locator, row.sealed)

    source, key = desk.at_turn(retry)
    if desk.daemon is not None:
        desk.daemon.look(source, key)
    return Reply({"source": source, "key": key, "retry": "now" if desk.daemon is not None else "with the next sync"})


def shelf_drop(desk: Desk, caller: Caller, request: ShelfRequest) -> Reply:
    """Leave it out of lists and counts until the document changes. What of it serves goes on serving."""

    def drop() -> dict[str, Any]:
        with desk.install.transaction() as tx:
            source, row = _found(desk, tx.ledger, request.doc)
            tx.ledger.put_quarantine(replace(row, dropped=True))
            body: dict[str, Json] = {"dropped": True, "reason": row.reason}
            tx.audit(
                Event(
                    EventType.DOC_RELEASED,
                    Phase.OUTCOME,
                    desk.install.fresh_id(),
                    source=row.source,
                    doc=row.doc,
                    actor=caller.actor,
                    body=body,
                )
            )
            return {"source": source, "key": open_place(desk.install.keyring, "quarantine", row.locator, row.sealed)}

    return Reply(desk.at_turn(drop) | {"dropped": True})


QUARANTINE_LIST = Operation(
    "quarantine-list", "Tell what is not indexed, and why.", QuarantineRequest, OPERATORS, listed, Gives(reply=QuarantineGiven)
)
QUARANTINE_SHOW = Operation(
    "quarantine-show", "Tell all of one entry of the quarantine.", ShelfRequest, OPERATORS, shelf_show, Gives(reply=Shelved)
)
QUARANTINE_RETRY = Operation(
    "quarantine-retry",
    "Try again at once what is in quarantine.",
    ShelfRequest,
    OPERATORS,
    shelf_retry,
    Gives(reply=RetryGiven),
    writes=True,
)
QUARANTINE_DROP = Operation(
    "quarantine-drop",
    "Leave an entry out of lists and counts until its document changes.",
    ShelfRequest,
    OPERATORS,
    shelf_drop,
    Gives(reply=DroppedGiven),
    writes=True,
)
