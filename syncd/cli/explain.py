"""`syncd explain`: why a document is or is not in the index."""

from collections.abc import Mapping
from typing import Any

import click

from syncd.cli.asking import asked, tell
from syncd.cli.exits import epilog
from syncd.cli.options import Context, Doc, json_option, pass_context
from syncd.cli.output import emit_json, printable
from syncd.errors import Exit

TIMES = (("seen_at", "last seen"), ("read_at", "last read"), ("embedded_at", "last embedded"), ("retagged_at", "last retagged"))


@click.command(
    "explain", epilog=epilog("syncd explain notes:plan.md", Exit.INTEGRITY, Exit.UNAVAILABLE, Exit.PERMISSION, Exit.CONFIG)
)
@click.argument("doc", metavar="DOC", type=Doc())
@json_option
@pass_context
def command(context: Context, doc: str, as_json: bool) -> Exit:
    """Say why DOC is or is not in the index, when it was last seen, read, embedded and retagged, and who can read it.

    DOC is a doc id, an absolute path, or SOURCE:KEY. The document is looked at now.
    """
    with asked(context, "explain", {"doc": doc}) as answer:
        if as_json:
            emit_json(answer.payload)
        else:
            _print(answer.payload)
        tell(answer)
        return answer.exit


def _print(found: Mapping[str, Any]) -> None:
    click.echo(f"{printable(found['source'] + ':' + found['key'])}: {found['state']}")
    for reason in found["why"]:
        click.echo(f"  {printable(reason)}")
    if found["doc"] is None:
        return
    click.echo(f"doc             {found['doc']}")
    click.echo(f"chunks          {found['chunks']}, ACL version {found['acl_version']}")
    for name, word in TIMES:
        click.echo(f"{word:<16}{found[name] or 'never'}")
    for number, clause in enumerate(found["readers"]):
        click.echo(f"{'readers' if not number else '  and':<16}{printable(clause)}")
