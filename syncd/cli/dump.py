"""`syncd dump`: every live chunk, read back from the index."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context
from syncd.cli.output import emit_json_list, printable
from syncd.errors import Exit, LedgerMissing

if TYPE_CHECKING:
    from syncd.retrieval.dump import DumpedChunk


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
    from syncd.retrieval.dump import DumpedChunk, Missing
    from syncd.sync.collection import open_collection
    from syncd.wiring import Wiring

    missing = 0

    def present(items: Iterator[DumpedChunk | Missing]) -> Iterator[DumpedChunk]:
        nonlocal missing
        for item in items:
            if isinstance(item, Missing):
                missing += 1
            else:
                yield item

    with Wiring(context.config, writer=False) as wiring:
        collection = open_collection(wiring.install())
        if collection is None:
            raise LedgerMissing(file=context.config.state.ledger)
        chunks = present(wiring.dump(collection).chunks())
        if as_json:
            emit_json_list("chunks", (_shown(chunk) for chunk in chunks))
        else:
            for chunk in chunks:
                readers = printable(" & ".join(chunk.readers))
                place = f"{printable(chunk.source)}:{printable(chunk.key)} {chunk.span[0]}-{chunk.span[1]}"
                click.echo(f"{place}  text {chunk.text_sha256[:12]}  vector {chunk.vector_sha256[:12]}  {readers}")
    if missing:
        lost = f"{missing} recorded chunks are not in the index"
        click.echo(f"syncd: {lost}. Next: `syncd reindex --reason 'points lost'`.", err=True)
        return Exit.INTEGRITY
    return Exit.OK


def _shown(chunk: "DumpedChunk") -> dict[str, object]:
    return {
        "source": chunk.source,
        "key": chunk.key,
        "span": list(chunk.span),
        "text_sha256": chunk.text_sha256,
        "vector_sha256": chunk.vector_sha256,
        "readers": list(chunk.readers),
    }
