"""`syncd search`: what you may read, nearest first."""

from collections.abc import Mapping
from typing import Any

import click

from syncd.cli.asking import asked, tell
from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context
from syncd.cli.output import emit_json, printable
from syncd.errors import Exit

SHOWN = 300


@click.command(
    "search",
    epilog=epilog(
        "syncd search 'how long do we keep invoices' -k 3 --as user:alice",
        Exit.INTEGRITY,
        Exit.UNAVAILABLE,
        Exit.TRY_AGAIN,
        Exit.PERMISSION,
        Exit.CONFIG,
    ),
)
@click.argument("question", metavar="QUERY")
@click.option("--as", "asserted", metavar="WHO", multiple=True, help="As user:NAME or group:NAME; may be given more than once.")
@click.option("-k", default=10, show_default=True, type=click.IntRange(1, 1000), help="How many hits at most.")
@click.option("--at-least", metavar="SEQ", type=int, help="Only from a state with this sequence (of `sync` or `wait`) in it.")
@click.option(
    "--max-staleness",
    metavar="SECONDS",
    type=float,
    help="Only while no change that was seen waits for longer, and what can't be watched was scanned within them.",
)
@click.option("--timeout", metavar="SECONDS", type=float, default=10.0, show_default=True, help="How long to wait for either.")
@json_option
@pass_context
def command(
    context: Context,
    question: str,
    asserted: tuple[str, ...],
    k: int,
    at_least: int | None,
    max_staleness: float | None,
    timeout: float,
    as_json: bool,
) -> Exit:
    """Search the chunks that you may read. Who you are is looked up now; --as goes into the audit log before the search.

    What was seen closed to you is not found, whatever the index says: the ledger decides after the index has answered. Through
    a daemon anybody who may reach its socket searches for himself; --as takes the role `reader`. Without one only the account
    that owns the state can open the keys.
    """
    fields = {
        "query": question,
        "k": k,
        "principals": list(asserted) or None,
        "at_least": at_least,
        "max_staleness": max_staleness,
        "timeout": timeout,
    }
    with asked(context, "search", fields) as answer:
        if as_json:
            emit_json(answer.payload)
        else:
            _print(answer.payload)
        tell(answer)
        return answer.exit


def _print(payload: Mapping[str, Any]) -> None:
    for number, hit in enumerate(payload["hits"], 1):
        place = [*hit["path"], *filter(None, [hit["heading"]])]
        head = f"  {printable(' > '.join(place))}" if place else ""
        changed = "  (changed since)" if hit["pending"] else ""
        click.echo(f"{number:>3}. {hit['score']:.3f}  {printable(hit['source'] + ':' + hit['key'])}{head}{changed}")
        text = " ".join((hit["text"] or "(text is not kept in this index)").split())
        click.echo(f"     {printable(text[:SHOWN])}{'…' if len(text) > SHOWN else ''}")
    if not payload["hits"]:
        click.echo("Nothing found that you may read.")
