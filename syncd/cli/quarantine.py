"""`syncd quarantine list`: what is not indexed, and why."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context, source_option
from syncd.cli.output import emit_json, table
from syncd.errors import Exit

if TYPE_CHECKING:
    from syncd.ports import LedgerView


@click.command(
    "list", epilog=epilog("syncd quarantine list --source notes", Exit.INTEGRITY, Exit.UNAVAILABLE, Exit.PERMISSION, Exit.CONFIG)
)
@source_option
@json_option
@pass_context
def command(context: Context, source: str | None, as_json: bool) -> Exit:
    """List every document, new version of one, or folder that is not indexed, with the reason; --json adds attempts and next try.

    Reasons: format, too-large, special (these wait for another version or setting); unreadable, changing, acl, embedding,
    listing (these are tried again by a sync, at once, later after growing pauses of up to a day).
    """
    from syncd.seal.cards import open_place
    from syncd.seal.identity import source_id
    from syncd.wiring import Wiring

    with Wiring(context.config, writer=False) as wiring, wiring.ledger.read() as view:
        found = [
            {
                "source": configured.name,
                "key": open_place(wiring.keyring, "quarantine", row.locator, row.sealed),
                "reason": row.reason,
                "detail": row.detail,
                "serving_older_version": row.doc is not None and _serves(view, row.doc),
                "attempts": row.attempts,
                "since": _time(row.first_at),
                "next_try": _time(row.next_at),
            }
            for configured in context.config.select(source)
            for row in view.quarantined(source_id(wiring.keyring.identity, configured.name))
        ]
    found.sort(key=lambda entry: (str(entry["source"]), str(entry["key"])))
    if as_json:
        emit_json({"quarantine": found})
    elif found:
        table(
            ("document", "reason", "detail", "older version", "since"),
            [
                (
                    f"{entry['source']}:{entry['key']}",
                    entry["reason"],
                    entry["detail"],
                    "serves" if entry["serving_older_version"] else "-",
                    entry["since"],
                )
                for entry in found
            ],
        )
    else:
        click.echo("Nothing is in quarantine.")
    return Exit.OK


def _serves(view: "LedgerView", doc: bytes) -> bool:
    """Whether anything of a document is in the index and may be shown."""
    from syncd.core.rows import Fence, PointState

    row = view.doc(doc)
    return row is not None and row.fence is Fence.NONE and any(p.state is PointState.LIVE for p in view.points(doc))


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
