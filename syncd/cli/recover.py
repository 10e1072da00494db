"""`syncd recover`: begin another ledger where it is lost, and use the vectors that are there."""

import click

from syncd.cli.asking import stepping, tell, with_keys
from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context
from syncd.cli.output import emit_json, printable, progress
from syncd.cli.sync import WORKING, show_runs
from syncd.errors import Exit
from syncd.operations.words import counted


@click.command("recover", epilog=epilog('syncd recover --reason "ledger.db is gone, no backup"', Exit.USAGE, *WORKING))
@click.option("--reason", metavar="WHY", required=True, help="Why; the history commits to it.")
@json_option
@pass_context
def command(context: Context, reason: str, as_json: bool) -> Exit:
    """Begin another ledger where the old one is lost, damaged, or older than its anchors. Stop the daemon first.

    Every document gets a new life, key and ACL from its source; its vectors are taken from the index, and only what changed is
    embedded. What is in the index of the lost ledger goes when all sources were looked at. The new history cites how far the old
    one is known to have come. A ledger file that is of no use is kept beside the new one. Interrupted, the same command goes on.
    """
    from syncd.operations.ledger import recover_ledger
    from syncd.wiring.desk import direct_desk
    from syncd.wiring.restoring import recovering

    with with_keys(), recovering(context.config) as (wiring, known, aside), progress() as report:
        answer = recover_ledger(direct_desk(wiring), wiring.actor, reason, known, stepping(report))
        if aside is not None:
            click.echo(f"syncd: what was there of a ledger is now {printable(str(aside))}*", err=True)
        if as_json:
            emit_json(answer.payload)
        else:
            show_runs(answer.payload)
            click.echo(
                f"{counted(answer.payload['taken'], 'point')} of the lost ledger found, "
                f"{counted(answer.payload['gone'], 'point')} of it taken away."
            )
        tell(answer)
        return answer.exit
