"""`syncd dump`: every live chunk, read back from the index."""

import click

from syncd.cli.asking import listed, tell
from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context
from syncd.cli.output import emit_json_list, printable
from syncd.errors import Exit


@click.command(
    "dump",
    epilog=epilog(
        "syncd dump --json > index.json", Exit.INTEGRITY, Exit.UNAVAILABLE, Exit.TRY_AGAIN, Exit.PERMISSION, Exit.CONFIG
    ),
)
@json_option
@pass_context
def command(context: Context, as_json: bool) -> Exit:
    """Print every live chunk in key order, read back from the index: where it is, digests of text and vector, who may read it.

    Two installs over the same files print the same places, texts and readers, and with `hash` the same vectors; a real model's
    vectors differ in their last bits from batch to batch. For operators: it shows names and readers.
    """
    with listed(context, "dump") as series:
        if as_json:
            emit_json_list(series.key, series.items)
        else:
            for chunk in series.items:
                readers = printable(" & ".join(chunk["readers"]))
                place = f"{printable(chunk['source'])}:{printable(chunk['key'])} {chunk['span'][0]}-{chunk['span'][1]}"
                click.echo(f"{place}  text {chunk['text_sha256'][:12]}  vector {chunk['vector_sha256'][:12]}  {readers}")
        tell(series.reply)
        return series.reply.exit
