"""`syncd wait`: return when the present state of a document is searchable."""

import click

from syncd.cli.asking import asked, tell
from syncd.cli.exits import epilog
from syncd.cli.options import Context, Doc, json_option, pass_context
from syncd.cli.output import emit_json, printable
from syncd.errors import Exit


@click.command(
    "wait",
    epilog=epilog(
        "syncd wait ~/documents/plan.md && syncd search 'the new plan'",
        Exit.INCOMPLETE,
        Exit.INTEGRITY,
        Exit.UNAVAILABLE,
        Exit.TRY_AGAIN,
        Exit.PERMISSION,
        Exit.CONFIG,
    ),
)
@click.argument("doc", metavar="DOC", type=Doc())
@click.option("--timeout", metavar="SECONDS", type=click.FloatRange(0, 3600), default=60.0, show_default=True, help="How long.")
@json_option
@pass_context
def command(context: Context, doc: str, timeout: float, as_json: bool) -> Exit:
    """Return when DOC can be found as it is now, content and permissions, or when it is gone and is not found any more.

    Exit 3: this version went into quarantine. Exit 75: not within the time. --json prints the sequence for `search --at-least`.
    """
    with asked(context, "wait", {"doc": doc, "timeout": timeout}) as answer:
        payload = answer.payload
        if as_json:
            emit_json(payload)
        else:
            why = f" ({payload['reason']})" if payload["reason"] else ""
            click.echo(
                f"{printable(payload['source'] + ':' + payload['key'])} is {payload['state']}{why}, sequence {payload['seq']}"
            )
        tell(answer)
        return answer.exit
