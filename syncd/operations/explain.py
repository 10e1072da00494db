"""`explain`: why a document is or is not in the index, and who can read it."""

import json
from dataclasses import dataclass
from typing import Any

from syncd.core.breaker import Away
from syncd.core.diff import Action
from syncd.core.lifecycle import RunState
from syncd.core.rows import DocRow, DocState, Due, Fence, PointState, QuarantineRow, RunRow
from syncd.errors import DocUnknown
from syncd.operations.desk import Desk
from syncd.operations.operation import Caller, Gives, Operation, Reply, Role
from syncd.operations.payloads.documents import ExplainGiven, ShelvedBriefly
from syncd.operations.quarantine import next_try
from syncd.operations.status import time_text
from syncd.operations.wait import named
from syncd.ports import LedgerView
from syncd.seal.cards import open_acl
from syncd.seal.vault import Vault
from syncd.sync.locate import find_docs
from syncd.sync.pausing import is_paused
from syncd.sync.present import Presence, Present, present

FENCES = {
    Fence.NARROWED: "hidden: fewer may read it than before, and the index was not proven to know that yet",
    Fence.MISSING: "hidden: it was not where it was, or its folder could not be listed, and it is gone once a scan is complete",
    Fence.ACL: "hidden: its permissions are not known",
}


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """doc: a document as DOC, by its present name."""

    doc: str


def explain(desk: Desk, caller: Caller, request: ExplainRequest) -> Reply:  # noqa: ARG001 - the signature of every operation
    """The document as it is, as it is recorded, and why the two are what they are."""
    with desk.install.ledger.read() as view:
        place = named(desk, view, request.doc)
        (source,) = desk.select(place.source)
        now = present(desk.install, view, source, place.key)
        if now.seen is None and now.row is None and now.shelf is None:
            _former(desk, view, request.doc)
        paused = is_paused(view, desk.source_id(source.name))
        decided = view.deciding_run(desk.source_id(source.name))
        pending = desk.daemon.pending(source.name, place.key) if desk.daemon is not None else None
        shown: dict[str, Any] = {
            "source": source.name,
            "key": place.key,
            "state": _state(now),
            "why": _reasons(now, decided, desk.away(), paused=paused, pending=pending),
            "there": now.seen is not None,
            "quarantine": None if now.shelf is None else _shelved(now.shelf),
        }
        shown |= _recorded(desk, view, now.row) if now.row is not None else {"doc": None, "readers": [], "chunks": 0}
    return Reply(shown)


def _shelved(shelf: QuarantineRow) -> ShelvedBriefly:
    return {
        "reason": shelf.reason,
        "since": time_text(shelf.first_at),
        "attempts": shelf.attempts,
        "next_try": next_try(shelf),
    }


def _former(desk: Desk, view: LedgerView, doc: str) -> None:
    """Say what became of a document that is known by a former name only. Raises DocUnknown where there is none."""
    rows = find_docs(view, desk.install.keyring, desk.sources, doc)
    if not any(row.state is DocState.DELETED for row in rows):
        raise DocUnknown(doc=doc)


def _state(now: Present) -> str:
    if now.presence is Presence.GONE:
        return "not indexed"
    if now.row is None or now.row.state is not DocState.LIVE:
        return "quarantined" if now.presence is Presence.QUARANTINED else "not indexed"
    if now.presence is Presence.SEARCHABLE:
        return "indexed"
    return "an older version is indexed" if now.points else "not indexed"


def _reasons(now: Present, decided: RunRow | None, away: tuple[Away, ...], *, paused: bool, pending: bool | None) -> list[str]:
    """In words, the most important first. decided: the run whose state is the source's."""
    said = []
    if decided is not None and decided.state == RunState.HALTED and now.presence is Presence.PENDING:
        said.append(f"the guard halted its source, and a person decides (`syncd sync --confirm {decided.run.hex()}`)")
    if now.row is not None and now.row.fence is not Fence.NONE:
        said.append(FENCES[now.row.fence])
    if now.shelf is not None:
        detail = f", {now.shelf.detail}" if now.shelf.detail else ""
        said.append(f"in quarantine: {now.shelf.reason}{detail}; attempts: {now.shelf.attempts}")
    if now.seen is None:
        gone = "nothing is there now, or nothing that `include` and `exclude` select"
        said.append(gone if now.row is not None else f"{gone}; it was deleted, or never indexed")
    elif Action.ADD in now.actions:
        said.append("it is new, and was not looked at yet")
    elif now.presence is Presence.PENDING and Action.LOOK in now.actions:
        said.append("its content changed since it was indexed, or a chunk of it is missing")
    if Action.RETAG in now.actions:
        said.append("its permissions changed since they were indexed")
    if now.row is not None and now.row.due is Due.EMBED:
        said.append("a reindex has marked it, and has not come to it yet")
    if now.presence is Presence.PENDING:
        said += [f"the {each.name} is away ({each.cause}): it comes in by itself once that is back" for each in away]
    if paused:
        said.append("its source is paused")
    if pending:
        said.append("a hint waits to be followed")
    return said or ["content and permissions are in the index as they are at the source"]


def _recorded(desk: Desk, view: LedgerView, row: DocRow) -> dict[str, Any]:
    """What ledger and history say of it."""
    read = embedded = retagged = 0
    for event in view.events_of(row.doc.hex()):
        if event.phase != "outcome" or event.leaf is None:
            continue
        if event.type == "doc.synced":
            read = event.ts
            embedded = event.ts if json.loads(event.leaf)["body"]["chunks"]["embedded"] else embedded
        elif event.type == "acl.changed":
            retagged = event.ts
    class_ = next(found for found in view.classes() if found.id == row.class_id)
    source = view.source(row.source)
    # A scan writes nothing of what it finds as recorded: whatever it did not find missing, it saw.
    seen = source is not None and not row.staged and row.fence is not Fence.MISSING
    scanned = source.complete_at if source is not None and seen else 0.0
    return {
        "doc": row.doc.hex(),
        "title": Vault(desk.install.keyring).card(row).title,
        "chunks": sum(point.state is PointState.LIVE for point in view.points(row.doc)),
        "acl_version": row.issued,
        "readers": list(open_acl(desk.install.keyring, class_.uid, class_.sealed).readers()),
        "seen_at": time_text(max(row.seen_at, scanned)),
        "read_at": time_text(max(read / 1e6, row.seen_at if read else 0.0)),
        "embedded_at": time_text(embedded / 1e6),
        "retagged_at": time_text(retagged / 1e6),
    }


EXPLAIN = Operation(
    "explain",
    "Tell why a document is or is not in the index.",
    ExplainRequest,
    frozenset({Role.OPERATOR, Role.ADMIN}),
    explain,
    Gives(reply=ExplainGiven),
)
