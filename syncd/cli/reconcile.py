"""`syncd reconcile`: whether the index is what is recorded of it."""

from collections.abc import Mapping
from typing import Any

import click

from syncd.cli.asking import asked, tell
from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context
from syncd.cli.output import emit_json, printable, table
from syncd.cli.sync import WORKING
from syncd.errors import Exit
from syncd.operations.words import counted

KINDS = ("missing", "extra", "altered", "unsealed", "foreign", "unfenced")


@click.command("reconcile", epilog=epilog("syncd reconcile --repair", *WORKING))
@click.option("--repair", is_flag=True, help="Mend what differs; vectors that are still there are used again.")
@click.option("--full", is_flag=True, help="Open the seals of every point, too.")
@click.option("--sample", metavar="N", type=click.IntRange(0, 100_000), help="Vectors to compute anew, chosen by chance (64).")
@json_option
@pass_context
def command(context: Context, repair: bool, full: bool, sample: int | None, as_json: bool) -> Exit:
    """Compare the index with what the ledger has recorded of it, point by point.

    What is missing, extra, altered, unsealed, foreign or unfenced is counted, named by document, and written into the history.
    Exit 6 when something differs, 3 when --repair could not mend all of it. A daemon does this by itself (`reconcile.every`).
    """
    fields = {"repair": repair, "full": full, "sample": sample}
    with asked(context, "reconcile", fields) as answer:
        if as_json:
            emit_json(answer.payload)
        else:
            show_comparison(answer.payload)
        tell(answer)
        return answer.exit


def show_comparison(payload: Mapping[str, Any]) -> None:
    """What differed, and what became of it."""
    if payload["documents"]:
        rows = [(d["source"], printable(d["key"] or f"{d['doc']} (deleted)"), _kinds(d["points"])) for d in payload["documents"]]
        table(("source", "document", "points"), rows)
    found = _kinds(payload) or "nothing differs"
    repaired = f"; repaired: {payload['repaired']}" if payload["repaired"] else ""
    sampled = f"{counted(payload['sampled'], 'vector')} computed anew"
    click.echo(f"{counted(payload['points'], 'point')} recorded, {sampled}: {found}{repaired}.")


def _kinds(points: Mapping[str, int]) -> str:
    return ", ".join(f"{points[kind]} {kind}" for kind in KINDS if points.get(kind))
