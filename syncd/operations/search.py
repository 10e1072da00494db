"""`search`: what a reader may read, nearest first."""

import hashlib
import time
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from syncd.audit.event import Event, EventType, Phase
from syncd.core.acl import Principal, Reader
from syncd.core.freshness import Verdict
from syncd.errors import CollectionSwitched, Exit, IndexNotFound, LedgerBusy, NotYet, PrincipalUnclear
from syncd.operations.desk import Desk
from syncd.operations.operation import Caller, Gives, Operation, Reply, Role
from syncd.operations.payloads.documents import HitGiven, SearchGiven
from syncd.operations.status import time_text
from syncd.operations.words import counted
from syncd.retrieval.reader import Answer, Hit
from syncd.seal.derive import mac

ASK_AGAIN = 0.05
"""Seconds between two looks at whether the index is as far as it is asked to be."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """query: the question. k: hits at most, 1 to 1,000. principals: for whom, as user:NAME or group:NAME; none: for the caller.

    at_least: answer only from a state that includes this sequence number. max_staleness: only while no change that was seen waits
    for longer than this many seconds, and what nothing tells of was scanned within them. timeout: seconds to wait for either.
    """

    query: str
    k: Annotated[int, Field(ge=1, le=1_000)] = 10
    principals: tuple[str, ...] = ()
    at_least: int | None = None
    max_staleness: float | None = None
    timeout: float = 10.0


def search(desk: Desk, caller: Caller, request: SearchRequest) -> Reply:
    """Decide, filter, query, unseal, decide again."""
    reader = _asserted(desk, caller, request.principals) if request.principals else desk.directory.account(caller.uid)
    _wait(desk, request)
    found = _found(desk, request, reader)
    notes = []
    if found.truncated:
        notes.append("there may be more: too many points had to be passed over. Next: `syncd sync`.")
    if found.harmed:
        notes += _harm(desk, caller, found)
    payload: SearchGiven = {
        "hits": [shown(hit, pending=_pending(desk, hit)) for hit in found.hits],
        "as_of": found.as_of,
        "pending": desk.daemon.freshness().pending if desk.daemon is not None else None,
    }
    return Reply(payload, Exit.INTEGRITY if found.harmed else Exit.OK, tuple(notes))


def _found(desk: Desk, request: SearchRequest, reader: Reader) -> Answer:
    """The answer of the collection that serves; asked once more where that changed over meanwhile."""
    try:
        return desk.serving.retriever().search(request.query, reader, request.k)
    except (CollectionSwitched, IndexNotFound):
        return desk.serving.retriever().search(request.query, reader, request.k)


def shown(hit: Hit, *, pending: bool | None) -> HitGiven:
    """A hit as JSON. pending: whether its document may have changed since; None: nobody watches."""
    return {
        "score": round(hit.score, 6),
        "source": hit.source,
        "key": hit.key,
        "text": hit.text,
        "heading": hit.heading,
        "path": list(hit.path),
        "span": list(hit.span),
        "title": hit.title,
        "doc": hit.doc,
        "as_of": time_text(hit.seen_at),
        "pending": pending,
    }


def _pending(desk: Desk, hit: Hit) -> bool | None:
    return desk.daemon.pending(hit.source, hit.key) if desk.daemon is not None else None


def _asserted(desk: Desk, caller: Caller, names: tuple[str, ...]) -> Reader:
    """Who is asserted, after the right to do so was checked and the fact was recorded."""
    caller.need("--as", Role.READER)
    found: set[Principal] = set()
    for name in names:
        kind, colon, who = name.partition(":")
        if not colon or kind not in ("user", "group"):
            raise PrincipalUnclear(name=name)
        found |= desk.directory.user(who) if kind == "user" else desk.directory.group(who)
    reader = frozenset(found)
    digest = hashlib.sha256("\n".join(sorted(map(str, reader))).encode()).digest()
    # Committed to under the row key: who was meant can be confirmed, not read.
    who = mac(desk.install.keyring.identity.row, "who", digest).hex()[:32]
    _record(desk, caller, EventType.RETRIEVAL_IMPERSONATED, {"principals": len(reader), "who": who})
    return reader


def _wait(desk: Desk, request: SearchRequest) -> None:
    """Return once the state is as the request wants it. Raises NotYet when the time is up."""
    if request.at_least is None and request.max_staleness is None:
        return
    deadline = time.monotonic() + min(max(request.timeout, 0.0), 60.0)
    while (why := _lacking(desk, request)) is not None:
        if time.monotonic() >= deadline:
            raise NotYet(what=why, seconds=f"{request.timeout:g}")
        time.sleep(ASK_AGAIN)


def _lacking(desk: Desk, request: SearchRequest) -> str | None:
    """What is not as the request wants it, in words."""
    if request.at_least is not None and (seq := desk.seq()) < request.at_least:
        return f"the ledger is at sequence {seq} and did not reach {request.at_least}"
    if request.max_staleness is None:
        return None
    if desk.daemon is None:
        return "no daemon watches the sources, so nobody could say how stale the index is"
    known = desk.daemon.freshness()
    if known.verdict is Verdict.UNKNOWN:
        return f"nobody could say how stale the index is ({known.reason})"
    now = desk.install.now()
    for source in known.sources:
        if (unseen := source.unseen(now)) > request.max_staleness:
            return f"nothing tells of some changes in {source.source}, and it was last scanned for them {unseen:.0f} s ago"
    stale = max((now - source.oldest for source in known.sources if source.oldest is not None), default=0.0)
    if stale > request.max_staleness or any(source.halted for source in known.sources):
        return f"a change that waits for {stale:.0f} s did not come in"
    return None


def _harm(desk: Desk, caller: Caller, found: Answer) -> list[str]:
    notes = []
    try:
        dropped = {drop.value: count for drop, count in found.dropped.items()}
        _record(desk, caller, EventType.RETRIEVAL_INTEGRITY, {"dropped": dropped})
    except LedgerBusy:  # the answer is given and the finding told; a sync that holds the ledger must not hide either
        notes.append("the finding could not be recorded, for another syncd holds the ledger.")
    notes.append(
        f"left out: {counted(found.harmed, 'point')} of the index, not as recorded."
        " Next: `syncd audit verify`, then `syncd reconcile --full --repair`."
    )
    return notes


def _record(desk: Desk, caller: Caller, type_: EventType, body: dict[str, Any]) -> None:
    desk.record(Event(type_, Phase.OUTCOME, desk.install.fresh_id(), actor=caller.actor, body=body))


SEARCH = Operation(
    "search",
    "Find the chunks nearest to a question that a reader may read.",
    SearchRequest,
    frozenset({Role.SELF, Role.READER}),
    search,
    Gives(reply=SearchGiven),
)
