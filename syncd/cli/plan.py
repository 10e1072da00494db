"""`syncd plan`: what the next sync would do."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import click

from syncd.cli.asking import listed, tell
from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context, source_option
from syncd.cli.output import emit_json_list, printable
from syncd.errors import Exit
from syncd.operations import words

EMBEDDED = ("add", "update")


@click.command(
    "plan", epilog=epilog("syncd plan --check", Exit.INCOMPLETE, Exit.INTEGRITY, Exit.UNAVAILABLE, Exit.PERMISSION, Exit.CONFIG)
)
@source_option
@click.option("--exact", is_flag=True, help="Extract and cut every new document, to count chunks instead of estimating them.")
@click.option("--check", is_flag=True, help="Exit 3 when there is anything to do.")
@json_option
@pass_context
def command(context: Context, source: str | None, exact: bool, check: bool, as_json: bool) -> Exit:
    """Show what `sync` would do, and touch nothing: no ledger row, no point, no file.

    One line a document: + add, ~ update, > move, a ACL only, - delete, ! quarantine; then chunks, estimated unless --exact.
    Without --exact new documents are not read, so that one of them may still go into quarantine. The guard is not asked.
    """
    counts: Counter[str] = Counter()
    chunks = 0

    def counted(lines: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        nonlocal chunks
        for line in lines:
            counts[line["action"]] += 1
            chunks += line["chunks"] if line["action"] in EMBEDDED else 0
            yield line

    with listed(context, "plan", {"source": source, "exact": exact, "check": check}, empty=True) as series:
        lines = counted(series.items)
        if as_json:
            emit_json_list(series.key, lines)
        else:
            for line in lines:
                _print(line, exact=exact)
            parts = [f"{count} to {action}" for action, count in counts.items()]
            about = "" if exact else "about "
            click.echo(f"{', '.join(parts)}; {about}{words.counted(chunks, 'chunk')} to embed" if parts else "Nothing to do.")
        tell(series.reply)
        return series.reply.exit


def _print(line: Mapping[str, Any], *, exact: bool) -> None:
    key, note = printable(line["key"]), line["note"]
    if line["sign"] == ">":
        key = f"{printable(note)} -> {key}"
    elif note:
        key = f"{key}  ({printable(note)})"
    amount = f"  {'' if exact else '~'}{words.counted(line['chunks'], 'chunk')}" if line["chunks"] else ""
    click.echo(f"{line['sign']} {printable(line['source'])}:{key}{amount}")
