"""`syncd quarantine`: what is not indexed, and why."""

from typing import Any

import click

from syncd.cli.asking import asked, tell
from syncd.cli.exits import epilog
from syncd.cli.options import Context, Doc, json_option, pass_context, source_option
from syncd.cli.output import clock, emit_json, printable, table
from syncd.errors import Exit

CODES = (Exit.INTEGRITY, Exit.UNAVAILABLE, Exit.PERMISSION, Exit.CONFIG)


@click.command("list", epilog=epilog("syncd quarantine list --source notes", *CODES))
@source_option
@click.option("--all", "dropped", is_flag=True, help="Also what was dropped.")
@json_option
@pass_context
def command(context: Context, source: str | None, dropped: bool, as_json: bool) -> Exit:
    """List every document, new version of one, or folder that is not indexed, with the reason; --json adds attempts and next try.

    Reasons: format, too-large, special (these wait for another version or setting); unreadable, changing, acl, embedding, index,
    listing (these are tried again by a sync, at once, later after growing pauses of up to a day).
    """
    with asked(context, "quarantine-list", {"source": source, "dropped": dropped}) as answer:
        found = answer.payload["quarantine"]
        if as_json:
            emit_json(answer.payload)
        elif found:
            table(
                ("document", "reason", "detail", "older version", "since"),
                [
                    (
                        f"{entry['source']}:{entry['key']}",
                        entry["reason"],
                        entry["detail"] or "-",
                        "serves" if entry["serving_older_version"] else "-",
                        clock(entry["since"]),
                    )
                    for entry in found
                ],
            )
        else:
            click.echo("Nothing is in quarantine.")
        tell(answer)
        return answer.exit


def _one(context: Context, operation: str, doc: str, *, as_json: bool) -> Exit:
    """Ask about one entry, and print what is answered."""
    with asked(context, operation, {"doc": doc}) as answer:
        if as_json:
            emit_json(answer.payload)
        else:
            for name, value in answer.payload.items():
                click.echo(f"{name.replace('_', ' '):<24}{printable(_word(value))}")
        tell(answer)
        return answer.exit


def _word(value: Any) -> str:
    return {True: "yes", False: "no", None: "-"}.get(value, str(value)) if isinstance(value, bool | None) else str(value)


@click.command("show", epilog=epilog("syncd quarantine show notes:scan.bin", *CODES))
@click.argument("doc", metavar="DOC", type=Doc())
@json_option
@pass_context
def show(context: Context, doc: str, as_json: bool) -> Exit:
    """Show all that is known of one entry: reason, attempts, next try, and whether an older version serves."""
    return _one(context, "quarantine-show", doc, as_json=as_json)


@click.command("retry", epilog=epilog("syncd quarantine retry notes:scan.bin", *CODES, Exit.TRY_AGAIN))
@click.argument("doc", metavar="DOC", type=Doc())
@json_option
@pass_context
def retry(context: Context, doc: str, as_json: bool) -> Exit:
    """Have one entry tried again, whatever its reason: by a daemon at once, else by the next sync."""
    return _one(context, "quarantine-retry", doc, as_json=as_json)


@click.command("drop", epilog=epilog("syncd quarantine drop notes:scan.bin", *CODES, Exit.TRY_AGAIN))
@click.argument("doc", metavar="DOC", type=Doc())
@json_option
@pass_context
def drop(context: Context, doc: str, as_json: bool) -> Exit:
    """Leave one entry out of lists, counts and exit codes until its document changes. It goes into the history.

    Nothing else happens: it stays unindexed, and what serves of an older version goes on serving.
    """
    return _one(context, "quarantine-drop", doc, as_json=as_json)
