"""`syncd sync`: make the index equal to the sources."""

from collections.abc import Mapping
from typing import Any

import click

from syncd.cli.asking import asked, tell
from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context, source_option
from syncd.cli.output import emit_json, table
from syncd.errors import Exit

WORKING = (
    Exit.INCOMPLETE,
    Exit.HALTED,
    Exit.INTEGRITY,
    Exit.UNAVAILABLE,
    Exit.TRY_AGAIN,
    Exit.PERMISSION,
    Exit.CONFIG,
)
"""How a command that syncs may end."""
COLUMNS = ("source", "state", "added", "updated", "moved", "retagged", "deleted", "unchanged", "quarantined", "embedded", "s")


@click.command("sync", epilog=epilog("syncd sync --source notes", *WORKING))
@source_option
@click.option("--confirm", metavar="RUN", help="Carry out what the guard held back in this halted run, if it is not more by now.")
@json_option
@pass_context
def command(context: Context, source: str | None, confirm: str | None, as_json: bool) -> Exit:
    """Bring the index up to date with the sources: scan, compare, carry out the difference, record what is now true.

    Only chunks whose text is new are embedded. A document that can't be indexed goes into quarantine by name; the others go on.
    A daemon does this by itself; then the command asks it for a whole scan and watches. Ctrl-C leaves, and the work goes on.
    """
    with asked(context, "sync", {"source": source, "confirm": confirm}) as answer:
        show(answer, as_json=as_json)
        return answer.exit


def show(reply: Any, *, as_json: bool) -> None:
    """Print what every run did."""
    if as_json:
        emit_json(reply.payload)
    else:
        show_runs(reply.payload)
    tell(reply)


def show_runs(payload: Mapping[str, Any]) -> None:
    """The runs as a table."""
    table(COLUMNS, [_row(run) for run in payload["runs"]])


def _row(run: Mapping[str, Any]) -> tuple[object, ...]:
    return (run["source"], run["state"], *run["documents"].values(), run["chunks"]["embedded"], f"{run['seconds']:.1f}")
