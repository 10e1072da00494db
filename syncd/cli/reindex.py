"""`syncd reindex`: treat what is recorded as stale."""

from typing import TYPE_CHECKING

import click

from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context, source_option
from syncd.cli.output import emit_json, progress
from syncd.cli.sync import show, told
from syncd.errors import Exit

if TYPE_CHECKING:
    from syncd.sync.reindex import Selection


@click.command(
    "reindex",
    epilog=epilog(
        "syncd reindex --source notes --dry-run --reason 'new parser'",
        Exit.INCOMPLETE,
        Exit.HALTED,
        Exit.INTEGRITY,
        Exit.UNAVAILABLE,
        Exit.TRY_AGAIN,
        Exit.PERMISSION,
        Exit.CONFIG,
    ),
)
@source_option
@click.option("--doc", metavar="DOC", help="Only this document: a doc id, an absolute path, or SOURCE:KEY.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; committed to in the audit log.")
@json_option
@pass_context
def command(context: Context, source: str | None, doc: str | None, dry_run: bool, reason: str, as_json: bool) -> Exit:
    """Read, cut and embed documents again, although nothing says that they changed.

    The old points serve until the new ones are in; nothing is dropped and rebuilt. What is killed goes on with the next sync.
    It is a sync of those sources: what else changed there is carried out too.
    """
    from syncd.sync.collection import open_collection
    from syncd.sync.every import sync_sources
    from syncd.sync.reindex import request, select
    from syncd.sync.run import Order
    from syncd.wiring import Wiring

    if source is not None and doc is not None:
        raise click.UsageError("--source and --doc exclude each other")
    with Wiring(context.config, writer=not dry_run) as wiring:
        install = wiring.install()
        sources = wiring.sources(source)
        open_collection(install)  # another model is refused before anything is marked
        with wiring.ledger.read() as view:
            selection = select(install, view, sources, source=source, doc=doc)
        if dry_run:
            return _announce(selection, as_json=as_json)
        request(install, selection, actor=wiring.actor, reason=reason)
        chosen = [store for store in sources if store.name in selection.sources]
        with progress() as report:
            synced = sync_sources(install, chosen, Order(wiring.actor, "reindex"), lambda s: told(report, s.name))
    return show(synced, as_json=as_json)


def _announce(selection: "Selection", *, as_json: bool) -> Exit:
    """The plan of a reindex."""
    if as_json:
        emit_json({"documents": len(selection.docs), "chunks": selection.chunks, "sources": list(selection.sources)})
    else:
        where = ", ".join(selection.sources) or "no source"
        click.echo(f"{len(selection.docs)} documents of {where} would be read and cut again;")
        click.echo(f"their {selection.chunks} chunks would be embedded again, and serve as they are until then.")
    return Exit.OK
