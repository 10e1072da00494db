"""`syncd search`: what you may read, nearest first."""

import hashlib
import os
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context
from syncd.cli.output import emit_json, printable
from syncd.errors import Exit, LedgerBusy, LedgerMissing, NotPermitted

if TYPE_CHECKING:
    from syncd.audit.event import EventType
    from syncd.core.acl import Principal, Reader
    from syncd.retrieval.reader import Hit

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
@json_option
@pass_context
def command(context: Context, question: str, asserted: tuple[str, ...], k: int, as_json: bool) -> Exit:
    """Search the chunks that you may read. Who you are is looked up now; --as goes into the audit log before the search.

    What the last sync saw closed to you is not found, whatever the index says: the ledger decides after the index has answered.
    Only the account that owns the state can open the keys, so only it can search, for itself or with --as.
    """
    config = context.config
    reader = _asserted(context, asserted) if asserted else None
    from syncd.audit.event import EventType
    from syncd.sync.collection import open_collection
    from syncd.wiring import Wiring

    with Wiring(config, writer=False) as wiring:
        collection = open_collection(wiring.install())
        if collection is None:
            raise LedgerMissing(file=config.state.ledger)
        found = wiring.retriever(collection).search(question, wiring.caller() if reader is None else reader, k)
    if as_json:
        emit_json({"hits": [_hit(hit) for hit in found.hits], "as_of": found.as_of})
    else:
        for number, hit in enumerate(found.hits, 1):
            where = f"{hit.source}:{hit.key}"
            place = [*hit.path, *filter(None, [hit.heading])]
            head = f"  {printable(' > '.join(place))}" if place else ""
            click.echo(f"{number:>3}. {hit.score:.3f}  {printable(where)}{head}")
            text = " ".join((hit.text or "(text is not kept in this index)").split())
            click.echo(f"     {printable(text[:SHOWN])}{'…' if len(text) > SHOWN else ''}")
        if not found.hits:
            click.echo("Nothing found that you may read.")
    if found.truncated:
        click.echo("syncd: there may be more: too many points had to be passed over. Next: `syncd sync`.", err=True)
    if found.harmed:
        try:
            _record(context, EventType.RETRIEVAL_INTEGRITY, {"dropped": {drop.value: n for drop, n in found.dropped.items()}})
        except LedgerBusy:  # the answer is given and the finding told; a sync that holds the ledger must not hide either
            click.echo("syncd: the finding could not be recorded, for another syncd holds the ledger.", err=True)
        click.echo(
            f"syncd: {found.harmed} points in the index are not what syncd wrote; they were not shown."
            " Next: `syncd audit verify`, then `syncd reindex --reason 'integrity'`.",
            err=True,
        )
        return Exit.INTEGRITY
    return Exit.OK


def _hit(hit: "Hit") -> dict[str, object]:
    return {
        "score": round(hit.score, 6),
        "source": hit.source,
        "key": hit.key,
        "text": hit.text,
        "heading": hit.heading,
        "path": list(hit.path),
        "span": list(hit.span),
        "title": hit.title,
        "doc": hit.doc,
    }


def _asserted(context: Context, names: tuple[str, ...]) -> "Reader":
    """Who is asserted, after the right to do so was checked and the fact was recorded."""
    from syncd.audit.event import EventType
    from syncd.wiring import Wiring

    state = context.config.state
    if not state.ledger.exists():
        raise LedgerMissing(file=state.ledger)
    if os.geteuid() not in (0, state.dir.stat().st_uid):
        raise NotPermitted(what="--as", needed="root, or the account that owns the state")
    with Wiring(context.config, writer=False) as wiring:
        found: set[Principal] = set()
        for name in names:
            kind, colon, who = name.partition(":")
            if not colon or kind not in ("user", "group"):
                raise click.UsageError(f"--as {printable(name)}: say user:NAME or group:NAME")
            found |= wiring.directory.user(who) if kind == "user" else wiring.directory.group(who)
    reader = frozenset(found)
    digest = hashlib.sha256("\n".join(sorted(map(str, reader))).encode()).digest()
    _record(context, EventType.RETRIEVAL_IMPERSONATED, {"principals": len(reader)}, digest)
    return reader


def _record(context: Context, type_: "EventType", body: dict[str, Any], secret: bytes = b"") -> None:
    """One event in the audit log. `secret` is committed to under the row key: who was meant can be confirmed, not read."""
    from syncd.audit.event import Event, Phase
    from syncd.seal.derive import mac
    from syncd.wiring import Wiring

    with Wiring(context.config, writer=True) as wiring:
        install = wiring.install()
        if secret:
            body = {**body, "who": mac(wiring.keyring.identity.row, "who", secret).hex()[:32]}
        with install.transaction() as tx:
            tx.audit(Event(type_, Phase.OUTCOME, install.fresh_id(), actor=wiring.actor, body=body))
            tx.checkpoint()
