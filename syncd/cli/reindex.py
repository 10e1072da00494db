"""`syncd reindex`: treat what is recorded as stale; replace the model."""

from collections.abc import Mapping
from typing import Any

import click

from syncd.cli.asking import asked, tell
from syncd.cli.exits import epilog
from syncd.cli.options import Context, Doc, json_option, pass_context, source_option
from syncd.cli.output import emit_json
from syncd.cli.sync import WORKING
from syncd.cli.sync import show as show_runs
from syncd.errors import Exit
from syncd.operations.words import counted


@click.command(
    "reindex",
    epilog=epilog("syncd reindex --source notes --dry-run --reason 'new parser'\nsyncd reindex --pause", *WORKING),
)
@source_option
@click.option("--doc", metavar="DOC", type=Doc(), help="Only this document: a doc id, an absolute path, or SOURCE:KEY.")
@click.option("--glob", metavar="PATTERN", help="Only documents whose key matches, as in .gitignore.")
@click.option("--reason", metavar="TEXT", help="Why; committed to in the audit log. Needed to begin one.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--rate", metavar="CHUNKS", type=float, help="Embed at most so many a second; alone: from now on.")
@click.option("--pause", is_flag=True, help="Let the reindex that is under way rest; changes go on being carried out.")
@click.option("--resume", is_flag=True, help="Go on with it.")
@click.option("--new-space", is_flag=True, help="Replace the model by the one that [embedder] names now.")
@click.option("--give-up", is_flag=True, help="With --new-space: fill no further, keep the model that serves.")
@json_option
@pass_context
def command(
    context: Context,
    source: str | None,
    doc: str | None,
    glob: str | None,
    reason: str | None,
    dry_run: bool,
    rate: float | None,
    pause: bool,
    resume: bool,
    new_space: bool,
    give_up: bool,
    as_json: bool,
) -> Exit:
    """Read, cut and embed documents again, although nothing says that they changed.

    The old points serve until the new ones are in; nothing is dropped and rebuilt. What is killed goes on with the next sync or
    start. It is a sync of those sources: what else changed there is carried out too, and first. Through a daemon a second request
    joins the first, and Ctrl-C leaves the work going on.

    --new-space fills a second collection with another model's vectors while the first goes on being kept fresh and found, and
    changes over when nothing is missing.
    """
    _check(doc=doc, glob=glob, source=source, pause=pause, resume=resume, new_space=new_space, give_up=give_up)
    if new_space and any((source, doc, glob, rate, pause, resume)):
        raise click.UsageError("--new-space is about everything: only --reason, --dry-run and --give-up go with it")
    if new_space:
        return _new_space(context, reason, dry_run=dry_run, give_up=give_up, as_json=as_json)
    begins = not dry_run and not (pause or resume or (rate is not None and reason is None))
    if begins and reason is None:
        raise click.UsageError("--reason is needed: it goes into the history")
    fields = {
        "source": source,
        "doc": doc,
        "glob": glob,
        "reason": reason,
        "dry_run": dry_run,
        "rate": rate,
        "pause": pause,
        "resume": resume,
    }
    with asked(context, "reindex", fields, plan=None if as_json else _announce, writes=not dry_run) as answer:
        if "runs" in answer.payload:
            show_runs(answer, as_json=as_json)
            return answer.exit
        if as_json:
            emit_json(answer.payload)
        elif "paused" in answer.payload:
            click.echo(f"Paused: {', '.join(answer.payload['sources'])}. Next: `syncd reindex --resume`.")
        else:
            _announce(answer.payload)
        tell(answer)
        return answer.exit


def _check(**given: Any) -> None:
    if given["source"] is not None and given["doc"] is not None:
        raise click.UsageError("--source and --doc exclude each other")
    if given["doc"] is not None and given["glob"] is not None:
        raise click.UsageError("--doc and --glob exclude each other")
    if given["pause"] and given["resume"]:
        raise click.UsageError("--pause and --resume exclude each other")
    if given["give_up"] and not given["new_space"]:
        raise click.UsageError("--give-up goes with --new-space")


def _new_space(context: Context, reason: str | None, *, dry_run: bool, give_up: bool, as_json: bool) -> Exit:
    if reason is None and not (dry_run or give_up):
        raise click.UsageError("--reason is needed: it goes into the history")
    fields = {"reason": reason, "dry_run": dry_run, "give_up": give_up}
    plan = None if as_json else _announce
    with asked(context, "reindex-new-space", fields, plan=plan, keep_space=True, writes=not dry_run) as answer:
        payload = answer.payload
        if as_json:
            emit_json(payload)
        elif "given_up" in payload:
            click.echo("Given up; what served goes on." if payload["given_up"] else "Nothing was being filled.")
        elif "left_out" in payload:
            show_change(payload)
        else:
            _announce(payload)
        tell(answer)
        return answer.exit


def show_change(payload: Mapping[str, Any]) -> None:
    """What came of another model's collection."""
    click.echo(f"The new model serves: {_documents(payload)}, {counted(payload['embedded'], 'text')} embedded.")


def _announce(plan: Mapping[str, Any]) -> None:
    """The plan of a reindex, before it begins."""
    where = ", ".join(plan["sources"]) or "no source"
    if "paused" in plan:
        click.echo(f"It goes on: {where}.")
        return
    how = f" with {plan['model']}" if "model" in plan else " again"
    click.echo(f"To be read and cut again: {_documents(plan)} of {where};")
    click.echo(f"to be embedded{how}: {counted(plan['chunks'], 'chunk')}. What serves goes on serving until then.")


def _documents(payload: Mapping[str, Any]) -> str:
    return counted(payload["documents"], "document")
