"""`status`: what is indexed, and how fresh it is."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from syncd.core.breaker import Away
from syncd.core.freshness import Freshness, SourceFreshness, Unwatched, Verdict
from syncd.errors import Exit
from syncd.operations.desk import Desk
from syncd.operations.operation import EVERY_ROLE, Caller, Gives, Operation, Reply
from syncd.operations.payloads.status import (
    AwayGiven,
    LastComparison,
    Scrubbed,
    SourceStatus,
    StatusGiven,
    UnwatchedGiven,
    Watched,
)
from syncd.ports import LedgerView
from syncd.sync.backfill import backfill
from syncd.sync.collection import filling, serving
from syncd.sync.pausing import is_paused
from syncd.sync.reconcile import Reconciled, last_reconcile
from syncd.sync.recover import unfinished
from syncd.sync.scrub import Round, scrubbed

NOBODY_WATCHES = "no daemon watches the sources: what changed since the last scan is not known"
EXITS = {Verdict.FRESH: Exit.OK, Verdict.LATE: Exit.INCOMPLETE, Verdict.UNKNOWN: Exit.UNAVAILABLE}
"""What `--check` ends with."""


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """check: the exit code is the verdict: 0 fresh, 3 late, 69 unknown."""

    check: bool = False


def status(desk: Desk, caller: Caller, request: StatusRequest) -> Reply:  # noqa: ARG001 - the signature of every operation
    """The verdict, and a line a source."""
    known = desk.daemon.freshness() if desk.daemon is not None else Freshness(Verdict.UNKNOWN, NOBODY_WATCHES)
    by_name = {source.source: source for source in known.sources}
    with desk.install.ledger.read() as view:
        sources = [_source(desk, view, source.name, by_name.get(source.name)) for source in desk.sources]
        intents, events = len(view.intents()), view.event_count()
        row, other = serving(view), filling(view)
        copied = view.copy_point_count() if other is not None else 0
        compared, half_recovered = last_reconcile(view), unfinished(view)
    payload: StatusGiven = {
        "verdict": known.verdict.value,
        "reason": known.reason,
        "pending": known.pending if desk.daemon is not None else None,
        "daemon": desk.daemon is not None,
        "refused": desk.daemon.refused if desk.daemon is not None else None,
        "away": [_away(desk, each) for each in desk.away()],
        "in_doubt": intents if desk.daemon is None else 0,
        "audit_events": events,
        "anchors": [{"place": place, "trouble": trouble} for place, trouble in desk.install.anchors.faults.items()],
        "recovering": half_recovered,
        "embedder": json.loads(row.embedder)["backend"] if row is not None and row.embedder else desk.install.embedder.name,
        "reconcile": _compared(compared),
        "filling": {"chunks": copied} if other is not None else None,
        "sources": sources,
    }
    return Reply(payload, EXITS[known.verdict] if request.check else Exit.OK)


def _compared(last: Reconciled | None) -> LastComparison | None:
    if last is None:
        return None
    return {"at": time_text(last.at), "found": last.found, "left": last.left, "points": last.points, "full": last.full}


def _away(desk: Desk, away: Away) -> AwayGiven:
    next_try = time_text(desk.install.now() + away.rest) if away.rest else None
    return {"name": away.name, "since": time_text(away.since), "cause": away.cause, "next_try": next_try}


def _source(desk: Desk, view: LedgerView, name: str, known: SourceFreshness | None) -> SourceStatus:
    id_ = desk.source_id(name)
    row, counts, run = view.source(id_), view.counts(id_), view.deciding_run(id_)
    work = backfill(view, id_)
    shown: SourceStatus = {
        "source": name,
        "state": run.state if run else "never",
        "run": run.run.hex() if run else None,
        "documents": counts.live,
        "chunks": counts.points,
        "quarantined": counts.quarantined,
        "fenced": counts.fenced,
        "older": view.older(id_),
        "complete_at": time_text(row.complete_at) if row else None,
        "paused": is_paused(view, id_),
        "reindex": None,
        "scrub": _scrubbed(scrubbed(view, id_), counts.live),
        "last_report": json.loads(run.report) if run else None,
        **_watched(known),
    }
    if work is not None:
        left = view.due(id_)
        shown["reindex"] = {"total": work.total, "left": left, "paused": work.paused, "rate": work.rate}
    return shown


def _scrubbed(known: Round, documents: int) -> Scrubbed | None:
    if not known.began and not known.last:
        return None
    return {
        "read": known.read,
        "documents": documents,
        "found": known.found,
        "began": time_text(known.began),
        "last": time_text(known.last),
        "last_found": known.last_found,
    }


def _watched(known: SourceFreshness | None) -> Watched:
    if known is None:
        return {
            "doing": None,
            "eta": None,
            "pending": None,
            "oldest": None,
            "trouble": None,
            "watched": None,
            "unwatched": None,
            "poll_every": None,
            "lag": {},
        }
    return {
        "doing": known.doing,
        "eta": round(known.eta) if known.eta is not None else None,
        "pending": known.pending,
        "oldest": time_text(known.oldest or 0.0),
        "trouble": known.trouble,
        "watched": known.watched,
        "unwatched": _unwatched(known.unwatched),
        "poll_every": known.poll_every,
        "lag": {
            kind.value: {"count": lag.count, "p50": round(lag.p50, 3), "p95": round(lag.p95, 3)}
            for kind, lag in known.lags.items()
        },
    }


def _unwatched(known: Unwatched | None) -> UnwatchedGiven | None:
    if known is None:
        return None
    return {"parts": known.parts, "why": known.why, "whole": known.whole, "looked_at": time_text(known.looked_at)}


def time_text(seconds: float) -> str | None:
    """A time in UTC, to the second; None for 0, which is never."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else None


STATUS = Operation(
    "status", "Tell what is indexed, and how fresh it is.", StatusRequest, EVERY_ROLE, status, Gives(reply=StatusGiven)
)
