"""`syncd sources`: what is watched; pausing, resuming, scanning, scrubbing."""

from collections.abc import Mapping
from typing import Any

import click

from syncd.cli.asking import asked, tell
from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context
from syncd.cli.output import clock, emit_json, printable, table
from syncd.cli.sync import WORKING
from syncd.cli.sync import show as show_runs
from syncd.errors import Exit
from syncd.operations.words import counted

CODES = (Exit.INTEGRITY, Exit.UNAVAILABLE, Exit.TRY_AGAIN, Exit.PERMISSION, Exit.CONFIG)


@click.command("list", epilog=epilog("syncd sources list", *CODES))
@json_option
@pass_context
def command(context: Context, as_json: bool) -> Exit:
    """List every source: what it does now, whether it is watched or paused, how much is indexed."""
    with asked(context, "sources-list") as answer:
        if as_json:
            emit_json(answer.payload)
        else:
            table(
                ("source", "now", "watched", "paused", "pending", "documents", "last scan", "scrub"),
                [
                    (
                        s["source"],
                        s["doing"] or s["state"],
                        _watching(s),
                        "yes" if s["paused"] else "no",
                        "-" if s["pending"] is None else s["pending"],
                        s["documents"],
                        clock(s["complete_at"]),
                        _scrub(s["scrub"]),
                    )
                    for s in answer.payload["sources"]
                ],
            )
        tell(answer)
        return answer.exit


def _watching(source: Mapping[str, Any]) -> str:
    """Whether changes are told of; where not, or not of all, how often it is scanned for them."""
    if source["watched"] is None:
        return "-"
    polled = f", scanned every {source['poll_every']:g} s" if source["poll_every"] else ""
    return ("yes" if source["watched"] and not polled else "in part" if source["watched"] else "no") + polled


def _scrub(scrub: Mapping[str, Any] | None) -> str:
    """How far it is being read again, or when it last was."""
    if scrub is None:
        return "not yet"
    found = scrub["found"] + scrub["last_found"]
    told = f", {found} found" if found else ""
    if scrub["began"]:
        return f"{min(100, 100 * scrub['read'] // max(1, scrub['documents']))} %{told}"
    return f"done {clock(scrub['last'])}{told}"


def _set(context: Context, operation: str, source: str, *, as_json: bool) -> Exit:
    with asked(context, operation, {"source": source}) as answer:
        if as_json:
            emit_json(answer.payload)
        else:
            word = "paused" if answer.payload["paused"] else "looked at"
            already = "" if answer.payload["changed"] else " already"
            click.echo(f"{printable(source)} is {word}{already}.")
        tell(answer)
        return answer.exit


@click.command("pause", epilog=epilog("syncd sources pause notes", *CODES))
@click.argument("source", metavar="SOURCE")
@json_option
@pass_context
def pause(context: Context, source: str, as_json: bool) -> Exit:
    """Stop looking at a source, also after a restart, until it is resumed. What is indexed of it goes on being found.

    Nothing of it is seen meanwhile, no revocation either: after `acl.stale_after` readers refuse it.
    """
    return _set(context, "sources-pause", source, as_json=as_json)


@click.command("resume", epilog=epilog("syncd sources resume notes", *CODES))
@click.argument("source", metavar="SOURCE")
@json_option
@pass_context
def resume(context: Context, source: str, as_json: bool) -> Exit:
    """Look at a source again. A daemon scans it at once; without one the next sync does."""
    return _set(context, "sources-resume", source, as_json=as_json)


@click.command("scan", epilog=epilog("syncd sources scan notes", *WORKING))
@click.argument("source", metavar="SOURCE")
@json_option
@pass_context
def scan(context: Context, source: str, as_json: bool) -> Exit:
    """Scan one source now, as `syncd sync --source` does."""
    with asked(context, "sources-scan", {"source": source}) as answer:
        show_runs(answer, as_json=as_json)
        return answer.exit


@click.command("scrub", epilog=epilog("syncd sources scrub notes", *WORKING))
@click.argument("source", metavar="SOURCE")
@json_option
@pass_context
def scrub(context: Context, source: str, as_json: bool) -> Exit:
    """Read every document of a source again, whatever its times say; what had changed behind them is brought in and told.

    A daemon does this by itself, slowly (`source.scrub_every`). Nothing is embedded or written where nothing differs.
    """
    with asked(context, "sources-scrub", {"source": source}) as answer:
        if as_json:
            emit_json(answer.payload)
        else:
            show_scrub(answer.payload)
        tell(answer)
        return answer.exit


def show_scrub(payload: Mapping[str, Any]) -> None:
    """How much was read again, and what of it differed."""
    read = counted(payload["documents"], "document")
    click.echo(f"{printable(payload['source'])}: {read} read again, {payload['found']} had changed.")
