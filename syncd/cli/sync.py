"""`syncd sync`: make the index equal to the sources."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.exits import epilog, worst
from syncd.cli.options import Context, json_option, pass_context, source_option
from syncd.cli.output import Report, emit_json, printable, progress, table
from syncd.errors import Exit

if TYPE_CHECKING:
    from syncd.ports import Source
    from syncd.sync.every import Synced
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
        Exit.PERMISSION,
        Exit.CONFIG,
    ),
)
@source_option
@click.option("--confirm", metavar="RUN", help="Carry out what the guard held back in this halted run, if it is not more by now.")
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
                chosen, held = halted_run(view, install, sources, confirm)
            sources, order = [chosen], replace(order, confirmed=held)
        synced = sync_sources(install, sources, order, lambda s: told(report, s.name))
    return show(synced, as_json=as_json)


def told(report: Report, source: str) -> "Callable[[Progress], None]":
    """Progress of a run as the terminal shows it."""
    words = {"scan": "pages scanned", "index": "documents indexed"}
    return lambda p: report(p.done, p.total, f"{source}: {words.get(p.phase, p.phase)}")


def show(synced: "Synced", *, as_json: bool) -> Exit:
    """Print what every run did; returns the one exit code."""
    runs = [_ended(outcome) for outcome in synced.outcomes]
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
    if synced.lost:
        click.echo(
            f"syncd: {synced.lost} points were not in the index any more; their documents were brought in again.", err=True
        )
    return worst(*map(_explain, synced.outcomes))


def _explain(outcome: "Outcome") -> Exit:
    """What a person has to know beyond the numbers, and the next command; returns the exit code."""
    from syncd.core.lifecycle import RunState
    from syncd.errors import GuardHalted

    if outcome.error is not None:
        click.echo(f"syncd: {printable(str(outcome.error))}", err=True)
        return outcome.error.exit
    if outcome.state is RunState.HALTED:
        click.echo(f"syncd: {GuardHalted(source=outcome.source, detail=outcome.reason, run=outcome.run.hex())}", err=True)
        return Exit.HALTED
    if outcome.state is RunState.INCOMPLETE:
        count = outcome.report.documents.quarantined
        if count:
            click.echo(f"syncd: {outcome.source}: {count} in quarantine. Next: `syncd quarantine list`.", err=True)
        else:
            what = "a folder could not be listed any more, and was left as it is recorded"
            click.echo(f"syncd: {outcome.source}: {what}. Next: `syncd sync --source {outcome.source}` looks again.", err=True)
        return Exit.INCOMPLETE
    return Exit.OK


def _ended(outcome: "Outcome") -> dict[str, Any]:
    counters = outcome.report.as_dict()
    return {
        "run": outcome.run.hex(),
        "state": outcome.state.value,
        "source": outcome.source,
        "documents": counters["documents"],
        "chunks": counters["chunks"],
        "seconds": round(outcome.seconds, 3),
    }
