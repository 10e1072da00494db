"""`syncd audit log` and `syncd audit verify`: the history, and the proof that it is whole."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context, source_option
from syncd.cli.output import emit_json, emit_json_list, printable, table
from syncd.errors import Exit

if TYPE_CHECKING:
    from syncd.audit.report import Finding, Report
    from syncd.core.rows import EventRow

COLUMNS = ("seq", "time", "type", "phase", "source", "doc", "run", "facts")


@click.command(
    "log",
    epilog=epilog(
        "syncd audit log --doc ~/plan.md --since 2026-01-01",
        Exit.INTEGRITY,
        Exit.UNAVAILABLE,
        Exit.PERMISSION,
        Exit.CONFIG,
    ),
)
@source_option
@click.option("--doc", metavar="DOC", help="Of this document: a doc id, an absolute path (also a former one), or SOURCE:KEY.")
@click.option("--type", "types", metavar="TYPE", multiple=True, help="Of this type, such as doc.synced; repeatable.")
@click.option("--run", metavar="RUN", help="Of this run; the first characters of its id will do.")
@click.option("--since", metavar="TIME", help="From this time on (UTC, such as 2026-01-31 or 2026-01-31T08:00).")
@click.option("--until", metavar="TIME", help="Before this time.")
@click.option("--format", "form", type=click.Choice(("table", "jsonl", "csv")), default="table", show_default=True)
@json_option
@pass_context
def log(
    context: Context,
    source: str | None,
    doc: str | None,
    types: tuple[str, ...],
    run: str | None,
    since: str | None,
    until: str | None,
    form: str,
    as_json: bool,
) -> Exit:
    """Print the history: what was intended and what came of it. No names: a doc id stands for a document.

    jsonl is the exact bytes of each event, one a line; it and --json also say who caused it.
    """
    from syncd.seal.identity import source_id
    from syncd.sync.locate import find_docs
    from syncd.wiring import Wiring

    first, last = _moment(since, 0), _moment(until, 1 << 62)
    with Wiring(context.config, writer=False) as wiring, wiring.ledger.read() as view:
        keyring = wiring.keyring
        names = {source_id(keyring.identity, s.name).hex(): s.name for s in context.config.sources}
        docs = {row.doc.hex() for row in find_docs(view, keyring, wiring.sources(source), doc)} if doc else None
        wanted = {key for key, name in names.items() if name == source} if context.config.select(source) and source else None
        rows = (
            row
            for row in view.events()
            if first <= row.ts < last
            and (docs is None or row.doc in docs)
            and (wanted is None or row.source in wanted)
            and (not types or row.type in types)
            and (run is None or row.run.startswith(run))
        )
        _print(rows, names, "json" if as_json else form)
    return Exit.OK


def _moment(text: str | None, default: int) -> int:
    """Microseconds since the epoch."""
    if text is None:
        return default
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.UsageError(f"{printable(text)} is no time: say 2026-01-31 or 2026-01-31T08:00") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def _print(rows: Iterable["EventRow"], names: dict[str, str], form: str) -> None:
    if form == "json":
        emit_json_list("events", map(_leaf, rows))
    elif form == "jsonl":
        for row in rows:
            click.echo((row.leaf or b"").decode())
    elif form == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(COLUMNS)
        writer.writerows([_harmless(cell) for cell in cells] for cells in _cells(rows, names))
    else:
        table(COLUMNS, _cells(rows, names))


def _cells(rows: Iterable["EventRow"], names: dict[str, str]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        moment = datetime.fromtimestamp(row.ts / 1_000_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        facts = _facts(_leaf(row).get("body", {}))
        yield str(row.seq), moment, row.type, row.phase, names.get(row.source, row.source[:8]), row.doc[:12], row.run[:12], facts


def _leaf(row: "EventRow") -> dict[str, Any]:
    return json.loads(row.leaf) if row.leaf else {}


def _facts(body: dict[str, Any], before: str = "") -> str:
    """The body of an event in one line; digests are of no use to the eye."""
    parts = []
    for name, value in body.items():
        if isinstance(value, dict):
            parts.append(_facts(value, f"{before}{name}."))
        elif name != "doc" and not (isinstance(value, str) and len(value) >= 32):
            parts.append(f"{before}{name}={value}")
    return " ".join(filter(None, parts))


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


@click.command(
    "verify",
    epilog=epilog(
        'syncd audit verify\nsyncd audit verify --ledger copy-of-ledger.db --key "$(cat audit.pub)"',
        Exit.INCOMPLETE,
        Exit.INTEGRITY,
        Exit.UNAVAILABLE,
        Exit.CONFIG,
    ),
)
@click.option("--ledger", "file", metavar="FILE", type=click.Path(path_type=Path), help="A copy of a ledger.")
@click.option("--key", metavar="PUB", help="The verifier key to trust  [default: the pinned one; none with --ledger].")
@json_option
@pass_context
def verify(context: Context, file: Path | None, key: str | None, as_json: bool) -> Exit:
    """Check the history: every hash, every checkpoint and its signature, every intent's outcome. Needs no secret.

    Exit 0: whole, and signed by the trusted key. Exit 3: consistent, but nothing is signed by a trusted key. Exit 6: broken.
    """
    from syncd.adapters.ledger import SqlLedger
    from syncd.audit.note import Verifier
    from syncd.audit.verify import verify as check

    row_key = None
    if file is None:
        path = context.config.state.ledger
        key = key or context.config.audit.public_key or None
        row_key = _row_key(context)
    else:
        path = file
        if not path.is_file():
            raise click.UsageError(f"--ledger {printable(str(path))}: no such file")
    try:
        verifier = Verifier.parse(key) if key else None
    except ValueError as error:
        raise click.UsageError(f"--key: {error}") from error
    ledger = SqlLedger.open(path, writer=False)
    try:
        with ledger.read() as view:
            report = check(view, verifier=verifier, row_key=row_key)
    finally:
        ledger.close()
    verdict = "broken" if not report.good else "good" if report.authenticated else "consistent, unauthenticated"
    if as_json:
        emit_json({"verdict": verdict, **_report(report)})
    else:
        _tell(report, verdict)
    return {"broken": Exit.INTEGRITY, "good": Exit.OK}.get(verdict, Exit.INCOMPLETE)


def _row_key(context: Context) -> bytes | None:
    """The row key where this account may have it; an auditor without it checks all the rest."""
    from syncd.errors import ConfigError, NotPermitted
    from syncd.wiring import Wiring

    try:
        with Wiring(context.config, writer=False) as wiring:
            return wiring.keyring.identity.row
    except (ConfigError, NotPermitted):
        return None


def _report(report: "Report") -> dict[str, object]:
    return {
        "events": report.size,
        "checkpoints": report.checkpoints,
        "signed": report.signed,
        "authenticated": report.authenticated,
        "macs_checked": report.mac_checked,
        "findings": [_finding(finding) for finding in report.findings],
        "info": [_finding(finding) for finding in report.info],
        "omitted": report.omitted,
    }


def _finding(finding: "Finding") -> dict[str, object]:
    return {"kind": finding.kind.value, "first": finding.first, "last": finding.last, "detail": finding.detail}


def _tell(report: "Report", verdict: str) -> None:
    click.echo(f"{verdict}: {report.size} events, {report.checkpoints} checkpoints, {report.signed} events signed")
    click.echo(f"signature: {'by the trusted key' if report.authenticated else 'not checked against a trusted key'}")
    click.echo(f"row MACs: {'checked' if report.mac_checked else 'not checked (they need the keyring)'}")
    for finding in (*report.findings, *report.info):
        span = str(finding.first) if finding.first == finding.last else f"{finding.first}-{finding.last}"
        click.echo(f"{finding.kind.value} at {span}: {finding.detail}")
    if report.omitted:
        click.echo(f"and {report.omitted} more")
