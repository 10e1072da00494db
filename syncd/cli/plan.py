"""`syncd plan`: what the next sync would do."""

from collections import Counter

import click

from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context, source_option
from syncd.cli.output import emit_json_list, printable
from syncd.errors import Exit

WORDS = {"+": "add", "~": "update", ">": "move", "a": "acl", "-": "delete", "!": "quarantine"}


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
    from syncd.core.diff import Action
    from syncd.sync.collection import open_collection
    from syncd.sync.plan import PlanLine, Planner
    from syncd.wiring import Wiring

    counts: Counter[Action] = Counter()
    chunks = 0

    def show(name: str, line: PlanLine) -> dict[str, object]:
        nonlocal chunks
        counts[line.action] += 1
        chunks += line.chunks if line.action in (Action.ADD, Action.UPDATE) else 0
        return {
            "source": name,
            "action": WORDS[line.action.value],
            "sign": line.action.value,
            "key": line.key,
            "chunks": line.chunks,
            "note": line.note,
        }

    with Wiring(context.config, writer=False) as wiring:
        install = wiring.install(wiring.ledger_or_empty)
        open_collection(install)  # another model is refused, as `sync` would
        with wiring.ledger_or_empty.read() as view:
            lines = (
                show(store.name, line)
                for store in wiring.sources(source)
                for line in Planner(install, store, view, exact=exact).lines()
            )
            if as_json:
                emit_json_list("changes", lines)
            else:
                for line in lines:
                    _print(line, exact=exact)
    if not as_json:
        parts = [f"{count} to {WORDS[action.value]}" for action, count in counts.items()]
        about = "" if exact else "about "
        click.echo(f"{', '.join(parts)}; {about}{chunks} chunks" if parts else "Nothing to do.")
    return Exit.INCOMPLETE if check and counts else Exit.OK


def _print(line: dict[str, object], *, exact: bool) -> None:
    key, note = printable(str(line["key"])), str(line["note"])
    if line["sign"] == ">":
        key = f"{printable(note)} -> {key}"
    elif note:
        key = f"{key}  ({printable(note)})"
    amount = f"  {'' if exact else '~'}{line['chunks']} chunks" if line["chunks"] else ""
    click.echo(f"{line['sign']} {printable(str(line['source']))}:{key}{amount}")
