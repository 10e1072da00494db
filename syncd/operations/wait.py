"""`wait`: return when the present state of a document is searchable."""

import time
from dataclasses import dataclass

from syncd.errors import DocUnknown, Exit, NotYet, SourcePaused
from syncd.operations.desk import Desk
from syncd.operations.operation import Caller, Gives, Operation, Reply, Role
from syncd.operations.payloads.documents import WaitGiven
from syncd.ports import LedgerView
from syncd.seal.identity import document_locator
from syncd.seal.vault import Vault
from syncd.sync.locate import Place, places
from syncd.sync.pausing import is_paused
from syncd.sync.present import Presence, present

ASK_AGAIN = 0.5
"""Seconds after which a document is looked at again although no run has ended."""
LONGEST = 3_600.0


@dataclass(frozen=True, slots=True)
class WaitRequest:
    """doc: a document as DOC; it need not be indexed yet. timeout: seconds, at most an hour."""

    doc: str
    timeout: float = 60.0


def wait(desk: Desk, caller: Caller, request: WaitRequest) -> Reply:  # noqa: ARG001 - the signature of every operation
    """What became of it, and the sequence number for `search --at-least`. Raises NotYet when the time is up."""
    deadline = time.monotonic() + min(max(request.timeout, 0.0), LONGEST)
    with desk.install.ledger.read() as view:
        place = named(desk, view, request.doc)
    (source,) = desk.select(place.source)
    ends, asked = 0, False
    while True:
        if desk.daemon is not None:
            ends = desk.daemon.moved_on(-1, 0.0)
        with desk.install.ledger.read() as view:
            now = present(desk.install, view, source, place.key)
            seq = view.event_count() - 1
            paused = is_paused(view, desk.source_id(source.name))
        if now.presence is Presence.GONE and not was_known(desk, place):
            raise DocUnknown(doc=request.doc)
        if now.presence is not Presence.PENDING:
            payload = {"source": source.name, "key": place.key, "state": now.presence.value, "seq": seq}
            quarantined = now.presence is Presence.QUARANTINED
            reason = now.shelf.reason if quarantined and now.shelf is not None else None
            return Reply(payload | {"reason": reason}, Exit.INCOMPLETE if quarantined else Exit.OK)
        if paused:
            raise SourcePaused(source=source.name)
        left = deadline - time.monotonic()
        if left <= 0:
            raise NotYet(what=f"{request.doc} did not become searchable", seconds=f"{request.timeout:g}")
        if desk.daemon is None:
            time.sleep(min(ASK_AGAIN, left))
        else:
            if not asked and not desk.daemon.pending(source.name, place.key):
                desk.daemon.look(source.name, place.key)
                asked = True
            desk.daemon.moved_on(ends, min(ASK_AGAIN, left))


def was_known(desk: Desk, place: Place) -> bool:
    """Whether anything of that name was ever indexed."""
    with desk.install.ledger.read() as view:
        return bool(view.names(document_locator(desk.install.keyring.identity, place.source, place.key)))


def named(desk: Desk, view: LedgerView, doc: str) -> Place:
    """The place that DOC names: of a doc id where the document is now. Raises DocUnknown."""
    if len(doc) == 32 and not set(doc) - set("0123456789abcdef"):
        row = view.doc(bytes.fromhex(doc))
        for source in desk.sources:
            if row is not None and row.source == desk.source_id(source.name):
                return Place(source.name, Vault(desk.install.keyring).card(row).key)
    found = places(desk.sources, doc)
    if not found:
        raise DocUnknown(doc=doc)
    return found[0]


WAIT = Operation(
    "wait",
    "Return when the present state of a document is searchable.",
    WaitRequest,
    frozenset({Role.OPERATOR, Role.ADMIN, Role.READER}),
    wait,
    Gives(reply=WaitGiven),
)
