"""`syncd sync`: make the index equal to the sources."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from syncd.cli.exits import epilog, worst
from syncd.cli.options import Context, json_option, pass_context, source_option
from syncd.cli.output import Report, emit_json, printable, progress, table
from syncd.errors import Exit

if TYPE_CHECKING:
    from syncd.ports import Source
    from syncd.sync.every import Failure
    from syncd.sync.report import Progress
    from syncd.sync.run import Outcome


@click.command(
    "sync",
    epilog=epilog(
        "syncd sync --source notes",
        Exit.INCOMPLETE,
        Exit.HALTED,
        Exit.INTEGRITY,
        Exit.UNAVAILABLE,
        Exit.TRY_AGAIN,
        Exit.CONFIG,
    ),
)
@source_option
@click.option("--confirm", metavar="RUN", help="Carry out what the guard held back in this run.")
@json_option
@pass_context
def command(context: Context, source: str | None, confirm: str | None, as_json: bool) -> Exit:
    """Bring the index up to date with the sources: scan, compare, carry out the difference, record what is now true.

    Only chunks whose text is new are embedded. A document that can't be indexed goes into quarantine by name; the others go on.
    """
    from syncd.sync.every import halted_run, sync_sources
    from syncd.sync.run import Order
    from syncd.wiring import Wiring

    with Wiring(context.config, writer=True) as wiring, progress() as report:
        sources: list[Source] = list(wiring.sources(source))
        install = wiring.install()
        order = Order(wiring.actor)
        if confirm is not None:
            with wiring.ledger.read() as view:
                chosen, run = halted_run(view, install, sources, confirm)
            sources, order = [chosen], replace(order, confirm=run)
        results = sync_sources(install, sources, order, lambda s: told(report, s.name))
    return show(results, as_json=as_json)


def told(report: Report, source: str) -> "Callable[[Progress], None]":
    """Progress of a run as the terminal shows it."""
    words = {"scan": "pages scanned", "index": "documents indexed"}
    return lambda p: report(p.done, p.total, f"{source}: {words.get(p.phase, p.phase)}")


def show(results: "list[Outcome | Failure]", *, as_json: bool) -> Exit:
    """Print what every run did; returns the one exit code."""
    from syncd.sync.every import Failure

    runs = [_failed(result) if isinstance(result, Failure) else _ended(result) for result in results]
    if as_json:
        emit_json({"runs": runs})
    else:
        table(
            ("source", "state", "added", "updated", "moved", "retagged", "deleted", "unchanged", "quarantined", "embedded", "s"),
            [
                (run["source"], run["state"], *run["documents"].values(), run["chunks"]["embedded"], f"{run['seconds']:.1f}")
                for run in runs
            ],
        )
    codes = []
    for result in results:
        if isinstance(result, Failure):
            click.echo(f"syncd: {printable(str(result.error))}", err=True)
            codes.append(result.error.exit)
            continue
        codes.append({"halted": Exit.HALTED, "incomplete": Exit.INCOMPLETE}.get(result.state, Exit.OK))
        _explain(result)
    return worst(*codes)


def _explain(result: "Outcome") -> None:
    """What a person has to know beyond the numbers, and the next command."""
    from syncd.errors import GuardHalted

    if result.state == "halted":
        click.echo(f"syncd: {GuardHalted(source=result.source, detail=result.reason, run=result.run.hex())}", err=True)
    elif result.state == "incomplete":
        count = result.report.documents.quarantined
        if count:
            click.echo(f"syncd: {result.source}: {count} in quarantine. Next: `syncd quarantine list`.", err=True)
        else:
            what = "something can't be listed; what is recorded below it stays"
            click.echo(f"syncd: {result.source}: {what}. Next: `syncd plan --source {result.source}` names it.", err=True)


def _ended(result: "Outcome") -> dict:  # type: ignore[type-arg]  # JSON
    return {
        "run": result.run.hex(),
        "state": result.state.value,
        "source": result.source,
        **result.report.as_dict(),
        "seconds": round(result.seconds, 3),
    }


def _failed(result: "Failure") -> dict:  # type: ignore[type-arg]  # JSON
    from syncd.sync.report import Report as Counters

    return {"run": None, "state": "failed", "source": result.source, **Counters().as_dict(), "seconds": 0.0}
