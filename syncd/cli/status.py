"""`syncd status`: what is indexed, and how fresh it is."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context
from syncd.cli.output import emit_json, printable, table
from syncd.errors import Exit

if TYPE_CHECKING:
    from syncd.ports import LedgerView
    from syncd.wiring import Wiring

REASON = "no daemon watches the sources: what changed since the last scan is not known"


@click.command("status", epilog=epilog("syncd status", Exit.INTEGRITY, Exit.UNAVAILABLE, Exit.PERMISSION, Exit.CONFIG))
@json_option
@pass_context
def command(context: Context, as_json: bool) -> Exit:
    """Show, a line a source, what is indexed, when it was last completely scanned, and what needs a person.

    The verdict on freshness is unknown: nobody looks between two syncs.
    """
    from syncd.wiring import Wiring

    with Wiring(context.config, writer=False) as wiring, wiring.ledger.read() as view:
        sources = [_source(wiring, view, source.name) for source in context.config.sources]
        intents = len(view.intents())
        events = view.event_count()
    backend = context.config.embedder.backend
    if as_json:
        emit_json(
            {
                "verdict": "unknown",
                "reason": REASON,
                "pending": None,
                "in_doubt": intents,
                "audit_events": events,
                "embedder": backend,
                "sources": sources,
            }
        )
        return Exit.OK
    click.echo(f"unknown: {REASON}")
    if backend == "hash":
        click.secho("The embedder is `hash`: vectors mean nothing. It is for tests and benchmarks.", fg="red", bold=True)
    table(
        ("source", "last run", "documents", "chunks", "quarantine", "fenced", "last complete scan"),
        [
            (s["source"], s["state"], s["documents"], s["chunks"], s["quarantined"], s["fenced"], s["complete_at"] or "never")
            for s in sources
        ],
    )
    click.echo(f"{events} events in the audit log.")
    for hint in _hints(sources, intents):
        click.echo(hint)
    return Exit.OK


def _source(wiring: "Wiring", view: "LedgerView", name: str) -> dict[str, Any]:
    from syncd.seal.identity import source_id

    id_ = source_id(wiring.keyring.identity, name)
    row, counts = view.source(id_), view.counts(id_)
    runs = view.runs(id_, limit=1)
    return {
        "source": name,
        "state": runs[0].state if runs else "never",
        "run": runs[0].run.hex() if runs else None,
        "documents": counts.live,
        "chunks": counts.points,
        "quarantined": counts.quarantined,
        "fenced": counts.fenced,
        "complete_at": _time(row.complete_at) if row else None,
        "last_report": json.loads(runs[0].report) if runs else None,
    }


def _time(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else None


def _hints(sources: list[dict[str, Any]], intents: int) -> list[str]:
    """What needs a person, and which command helps."""
    hints = []
    for source in sources:
        name = printable(source["source"])
        if source["quarantined"]:
            hints.append(f"{name}: {source['quarantined']} in quarantine: `syncd quarantine list --source {name}`")
        elif source["state"] == "incomplete":
            hints.append(f"{name}: a folder could not be listed: `syncd sync --source {name}` looks again")
        if source["state"] == "halted":
            hints.append(f"{name}: the guard halted: `syncd plan --source {name}`, then `syncd sync --confirm {source['run']}`")
        if source["state"] in ("running", "failed"):
            hints.append(f"{name}: the last run did not end well: `syncd sync --source {name}`")
    if intents:
        hints.append(f"{intents} changes were begun and not ended: `syncd sync` settles them")
    return hints
