"""`syncd audit log` and `syncd audit verify`: the history, and the proof that it is whole."""

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.asking import asked, listed, tell
from syncd.cli.exits import epilog
from syncd.cli.options import Context, Doc, json_option, pass_context, source_option
from syncd.cli.output import emit_json, emit_json_list, printable, table
from syncd.errors import Exit
from syncd.operations.words import counted

if TYPE_CHECKING:
    from syncd.operations.operation import Reply
    from syncd.wiring import Wiring

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
@click.option(
    "--doc", metavar="DOC", type=Doc(), help="Of this document: a doc id, an absolute path (also a former one), or SOURCE:KEY."
)
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
    fields = {"source": source, "doc": doc, "types": list(types) or None, "run": run, "since": since, "until": until}
    with listed(context, "audit-log", fields) as series:
        _print(series.items, "json" if as_json else form)
        tell(series.reply)
        return series.reply.exit


def _print(items: Iterator[Mapping[str, Any]], form: str) -> None:
    if form == "json":
        emit_json_list("events", map(_leaf, items))
    elif form == "jsonl":
        for item in items:
            click.echo(item["leaf"])
    elif form == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(COLUMNS)
        writer.writerows([_harmless(cell) for cell in _cells(item)] for item in items)
    else:
        table(COLUMNS, map(_cells, items))


def _cells(item: Mapping[str, Any]) -> tuple[str, ...]:
    moment = datetime.fromtimestamp(item["ts"] / 1_000_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    facts = _facts(_leaf(item).get("body", {}))
    return str(item["seq"]), moment, item["type"], item["phase"], item["source"], item["doc"][:12], item["run"][:12], facts


def _leaf(item: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(item["leaf"]) if item["leaf"] else {}


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
    if file is None and context.client is not None:
        with asked(context, "audit-verify", {"key": key}) as reply:
            return _show(reply, as_json=as_json)
    return _show(_offline(context, file, key), as_json=as_json)


def _show(reply: "Reply", *, as_json: bool) -> Exit:
    if as_json:
        emit_json(reply.payload)
    else:
        _tell(reply.payload)
    return reply.exit


def _offline(context: Context, file: Path | None, key: str | None) -> "Reply":
    """Check a file without a daemon, and without the keys where this account has none."""
    from syncd.adapters.ledger import SqlLedger
    from syncd.audit.verify import verify as check
    from syncd.operations.audit import parsed_key, verdict

    if file is None:
        return _configured(context, key)
    if not file.is_file():
        raise click.UsageError(f"--ledger {printable(str(file))}: no such file")
    with closing(SqlLedger.open(file, writer=False)) as ledger, ledger.read() as view:
        return verdict(check(view, verifier=parsed_key(key) if key else None))


def _configured(context: Context, key: str | None) -> "Reply":
    """Check the configured install, also against its anchors."""
    from syncd.adapters.ledger import SqlLedger
    from syncd.audit.verify import verify as check
    from syncd.operations.audit import parsed_key, verdict
    from syncd.wiring import Wiring

    key = key or context.config.audit.public_key or None
    with Wiring(context.config, writer=False) as wiring:
        marks = wiring.marks()
        with closing(SqlLedger.open(context.config.state.ledger, writer=False)) as ledger, ledger.read() as view:
            report = check(view, verifier=parsed_key(key) if key else None, row_key=_row_key(wiring))
            return verdict(wiring.anchors.reported(view, marks, report))


def _row_key(wiring: "Wiring") -> bytes | None:
    """The row key where this account may have it; an auditor without it checks all the rest."""
    from syncd.errors import ConfigError, NotPermitted

    try:
        return wiring.keyring.identity.row
    except (ConfigError, NotPermitted):
        return None


def _tell(found: Mapping[str, Any]) -> None:
    click.echo(
        f"{found['verdict']}: {counted(found['events'], 'event')}, {counted(found['checkpoints'], 'checkpoint')},"
        f" {counted(found['signed'], 'event')} signed"
    )
    click.echo(f"signature: {'by the trusted key' if found['authenticated'] else 'not checked against a trusted key'}")
    click.echo(f"row MACs: {'checked' if found['macs_checked'] else 'not checked (they need the keyring)'}")
    for finding in (*found["findings"], *found["info"]):
        span = str(finding["first"]) if finding["first"] == finding["last"] else f"{finding['first']}-{finding['last']}"
        click.echo(f"{finding['kind']} at {span}: {finding['detail']}")
    if found["omitted"]:
        click.echo(f"and {found['omitted']} more")
