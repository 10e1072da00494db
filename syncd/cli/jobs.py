"""`syncd jobs`: long work of the daemon, watched again."""

from typing import Any, Final

import click

from syncd.cli.asking import needed, tell, watched
from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context
from syncd.cli.output import clock, emit_json, table
from syncd.cli.reconcile import show_comparison
from syncd.cli.reindex import show_change
from syncd.cli.sources import show_scrub
from syncd.cli.sync import WORKING, show_runs
from syncd.errors import Exit

CODES = (Exit.UNAVAILABLE, Exit.TRY_AGAIN, Exit.PERMISSION, Exit.CONFIG)
SHOWN: Final = {"runs": show_runs, "sampled": show_comparison, "left_out": show_change, "found": show_scrub}
"""How each kind of work tells what came of it, by a field that only its reply has."""


@click.command("list", epilog=epilog("syncd jobs list", *CODES))
@json_option
@pass_context
def command(context: Context, as_json: bool) -> Exit:
    """List the daemon's long work: what runs, what waits, what ended lately."""
    jobs = needed(context, "`jobs`").jobs()
    if as_json:
        emit_json({"jobs": jobs})
    elif jobs:
        table(
            ("job", "kind", "sources", "state", "started", "ended", "exit"),
            [_row(job) for job in jobs],
        )
    else:
        click.echo("No work is known.")
    return Exit.OK


def _row(job: dict[str, Any]) -> tuple[object, ...]:
    exit_ = "-" if job["exit"] is None else job["exit"]
    return job["job"], job["kind"], ", ".join(job["sources"]), job["state"], _at(job["started"]), _at(job["ended"]), exit_


def _at(moment: str | None) -> str:
    return "-" if moment is None else clock(moment)


@click.command("watch", epilog=epilog("syncd jobs watch 1f0c", *WORKING))
@click.argument("job", metavar="JOB")
@json_option
@pass_context
def watch(context: Context, job: str, as_json: bool) -> Exit:
    """Watch one job to its end, and print what the command that began it would have printed. Ctrl-C leaves; the work goes on."""
    reply = watched(needed(context, "`jobs`"), job)
    show = None if as_json else next((shown for field, shown in SHOWN.items() if field in reply.payload), None)
    (show or emit_json)(reply.payload)
    tell(reply)
    return reply.exit
