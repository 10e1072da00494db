"""`audit log`, `audit verify`: the history, and the proof that it is whole."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from syncd.audit.event import EventType
from syncd.audit.note import Verifier
from syncd.audit.report import Finding, Report
from syncd.audit.verify import verify as check
from syncd.core.rows import EventRow
from syncd.errors import Exit, Unreadable
from syncd.operations.desk import Desk
from syncd.operations.operation import Caller, Gives, Operation, Reply, Role, Series
from syncd.operations.payloads.history import FindingGiven, LoggedEvent, VerifyGiven
from syncd.ports import LedgerView
from syncd.sync.locate import find_docs

AUDITORS = frozenset({Role.AUDITOR, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class LogRequest:
    """Only events of this source, document (DOC), types, run (the beginning of its id will do), and time (UTC, ISO 8601)."""

    source: str | None = None
    doc: str | None = None
    types: tuple[str, ...] = ()
    run: str | None = None
    since: str | None = None
    until: str | None = None


def log(desk: Desk, caller: Caller, request: LogRequest) -> Series:  # noqa: ARG001 - the signature of every operation
    """The events, oldest first: leaf bytes as text, with the index columns and the source's name beside them."""
    first, last = moment(request.since, 0), moment(request.until, 1 << 62)
    _known(request.types)
    chosen = desk.select(request.source)
    names = {desk.source_id(source.name).hex(): source.name for source in desk.sources}
    wanted = {desk.source_id(source.name).hex() for source in chosen} if request.source else None
    if request.doc is not None:
        with desk.install.ledger.read() as view:  # an unknown document is an error before the first line
            docs = [row.doc.hex() for row in find_docs(view, desk.install.keyring, chosen, request.doc)]
    else:
        docs = None

    def rows() -> Iterator[LoggedEvent]:
        with desk.install.ledger.read() as view:
            for row in _events(view, docs):
                if (
                    first <= row.ts < last
                    and (wanted is None or row.source in wanted)
                    and (not request.types or row.type in request.types)
                    and (request.run is None or row.run.startswith(request.run))
                ):
                    yield _shown(row, names)

    return Series("events", rows())


def _events(view: LedgerView, docs: list[str] | None) -> Iterator[EventRow]:
    if docs is None:
        return view.events()
    return iter(sorted((row for doc in docs for row in view.events_of(doc)), key=lambda row: row.seq))


def _known(types: tuple[str, ...]) -> None:
    """An auditor who mistypes a type must not read that nothing of the kind happened. Raises Unreadable."""
    for type_ in types:
        if type_ not in set(EventType):
            raise Unreadable(what=type_, wanted=f"a type of event, one of {', '.join(sorted(EventType))}")


def moment(text: str | None, default: int) -> int:
    """Microseconds since the epoch. Raises Unreadable."""
    if text is None:
        return default
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Unreadable(what=text, wanted="a time, such as 2026-01-31 or 2026-01-31T08:00") from error
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def _shown(row: EventRow, names: dict[str, str]) -> LoggedEvent:
    return {
        "seq": row.seq,
        "ts": row.ts,
        "type": row.type,
        "phase": row.phase,
        "source": names.get(row.source, row.source[:8]),
        "doc": row.doc,
        "run": row.run,
        "leaf": (row.leaf or b"").decode(),
    }


def leaf(item: dict[str, Any]) -> dict[str, Any]:
    """The event itself, parsed."""
    return json.loads(item["leaf"]) if item["leaf"] else {}


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """key: the verifier key to trust; without one the key that the configuration pins."""

    key: str | None = None


def verify(desk: Desk, caller: Caller, request: VerifyRequest) -> Reply:  # noqa: ARG001 - the signature of every operation
    """Check the history of this install, with the row MACs."""
    verifier = parsed_key(request.key) if request.key else desk.install.audit.verifier
    marks = desk.install.anchors.marks()
    with desk.install.ledger.read() as view:
        report = check(view, verifier=verifier, row_key=desk.install.keyring.identity.row)
        return verdict(desk.install.anchors.reported(view, marks, report))


def parsed_key(key: str) -> Verifier:
    """A verifier key as it is written. Raises Unreadable."""
    try:
        return Verifier.parse(key)
    except ValueError as error:
        raise Unreadable(what="--key", wanted=str(error)) from error


def verdict(report: Report) -> Reply:
    """What a check found, in a word and whole."""
    word = "broken" if not report.good else "good" if report.authenticated else "consistent, unauthenticated"
    payload: VerifyGiven = {
        "verdict": word,
        "events": report.size,
        "checkpoints": report.checkpoints,
        "signed": report.signed,
        "authenticated": report.authenticated,
        "macs_checked": report.mac_checked,
        "findings": [_finding(finding) for finding in report.findings],
        "info": [_finding(finding) for finding in report.info],
        "omitted": report.omitted,
    }
    return Reply(payload, {"broken": Exit.INTEGRITY, "good": Exit.OK}.get(word, Exit.INCOMPLETE))


def _finding(finding: Finding) -> FindingGiven:
    return {"kind": finding.kind.value, "first": finding.first, "last": finding.last, "detail": finding.detail}


AUDIT_LOG = Operation("audit-log", "Read the history.", LogRequest, AUDITORS, log, Gives(item=LoggedEvent))
AUDIT_VERIFY = Operation(
    "audit-verify", "Check the history against the pinned key.", VerifyRequest, AUDITORS, verify, Gives(reply=VerifyGiven)
)
