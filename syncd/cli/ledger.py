"""`syncd ledger accept-restore`: go on with a ledger that was put back to an older state."""

import click

from syncd.cli.asking import stepping, tell, with_keys
from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context
from syncd.cli.output import emit_json, progress
from syncd.cli.sync import WORKING, show_runs
from syncd.errors import Exit
from syncd.operations.words import counted


@click.command("accept-restore", epilog=epilog('syncd ledger accept-restore --reason "disk died, backup of Sunday"', *WORKING))
@click.option("--reason", metavar="WHY", required=True, help="Why; the history commits to it.")
@json_option
@pass_context
def command(context: Context, reason: str, as_json: bool) -> Exit:
    """Go on with a ledger that was restored from a backup. Stop the daemon first.

    What was closed to somebody since the backup is not known. So nobody reads any document until its source has been looked at
    again, which this command does next; everything is sealed under a new key, and what the index has beyond the ledger is taken
    away. The history goes on under another name, and says how much of it is missing. Nothing is embedded that did not change.
    """
    from syncd.operations.ledger import accept_restore
    from syncd.wiring.desk import direct_desk
    from syncd.wiring.restoring import restored

    with with_keys(), restored(context.config) as (wiring, known), progress() as report:
        answer = accept_restore(direct_desk(wiring), wiring.actor, reason, known, stepping(report))
        if as_json:
            emit_json(answer.payload)
        else:
            show_runs(answer.payload)
            click.echo(
                f"{counted(answer.payload['hidden'], 'document')} hidden until looked at; "
                f"{counted(answer.payload['repaired'], 'point')} put right in the index."
            )
        tell(answer)
        return answer.exit
