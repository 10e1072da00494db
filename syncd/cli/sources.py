"""`syncd sources`: what is watched; pausing, resuming, scanning."""

import click

from syncd.cli.asking import asked, tell
from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context
from syncd.cli.output import emit_json, printable, table
from syncd.cli.sync import WORKING
from syncd.cli.sync import show as show_runs
from syncd.errors import Exit

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
                ("source", "doing", "watched", "paused", "pending", "documents", "last complete scan"),
                [
                    (
                        s["source"],
                        s["doing"] or s["state"],
                        {True: "yes", False: "no"}.get(s["watched"], "-"),
                        "yes" if s["paused"] else "no",
                        "-" if s["pending"] is None else s["pending"],
                        s["documents"],
                        s["complete_at"] or "never",
                    )
                    for s in answer.payload["sources"]
                ],
            )
        tell(answer)
        return answer.exit


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
