"""`syncd status`: what is indexed, and how fresh it is."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from syncd.cli.asking import asked, tell
from syncd.cli.exits import epilog
from syncd.cli.options import Context, json_option, pass_context
from syncd.cli.output import aside, clock, emit_json, printable, table
from syncd.errors import Exit, NotYet
from syncd.operations.words import counted

COLOURS = {"fresh": "green", "late": "yellow", "unknown": "red"}
PATIENCE = 10.0
"""Seconds that a daemon has to say how it is."""
KINDS = ("content", "acl", "delete")


@click.command(
    "status",
    epilog=epilog("syncd status --watch", Exit.INCOMPLETE, Exit.INTEGRITY, Exit.UNAVAILABLE, Exit.PERMISSION, Exit.CONFIG),
)
@click.option("--check", is_flag=True, help="Let the exit code be the verdict: 0 fresh, 3 late, 69 unknown.")
@click.option("--watch", is_flag=True, help="Go on showing it, until Ctrl-C.")
@click.option(
    "--every", metavar="SECONDS", type=click.FloatRange(0.2, 3600), default=2.0, show_default=True, help="With --watch."
)
@json_option
@pass_context
def command(context: Context, check: bool, watch: bool, every: float, as_json: bool) -> Exit:
    """Show whether the index is fresh, late or unknown and why, a line a source, what needs a person and which command helps.

    Fresh: changes are told of, or what can't be watched was just scanned, and none that was seen waits for longer than
    `freshness.target`. Late: one does, or waits for a person. Unknown: nobody can tell, as when no daemon runs.
    """
    while True:
        code = _once(context, check=check, clear=watch, as_json=as_json)
        if not watch:
            return code
        time.sleep(every)
        context.__dict__.pop("client", None)  # a daemon may have come or gone


def _once(context: Context, *, check: bool, clear: bool, as_json: bool) -> Exit:
    if context.client is not None:
        context.client.patience = PATIENCE
    try:
        with asked(context, "status", {"check": check}) as answer:
            if as_json:
                emit_json(answer.payload)
            else:
                if clear:
                    click.clear()
                show(answer.payload)
            tell(answer)
            return answer.exit
    except NotYet as error:
        if check:  # one that does not answer knows nothing either
            aside(f"unknown: {printable(str(error))}")
            return Exit.UNAVAILABLE
        raise


def show(payload: Mapping[str, Any]) -> None:
    """The status for people."""
    verdict = payload["verdict"]
    click.echo(f"{click.style(verdict, fg=COLOURS[verdict], bold=True)}: {printable(payload['reason'])}")
    if payload["embedder"] == "hash":
        click.secho("The embedder is `hash`: vectors mean nothing. It is for tests and benchmarks.", fg="red", bold=True)
    sources = payload["sources"]
    if payload["daemon"]:
        _watched(sources)
    else:
        table(
            ("source", "last run", "documents", "chunks", "quarantine", "fenced", "last scan"),
            [
                (s["source"], s["state"], s["documents"], s["chunks"], s["quarantined"], s["fenced"], clock(s["complete_at"]))
                for s in sources
            ],
        )
    click.echo(f"{payload['audit_events']} events in the audit log.")
    for hint in hints(payload):
        click.echo(hint)


def _watched(sources: Sequence[Mapping[str, Any]]) -> None:
    table(
        ("source", "now", "pending", "lag p50/p95", "documents", "quarantine", "last scan"),
        [
            (
                s["source"],
                s["doing"] + ("" if s["eta"] is None else f", {s['eta']} s to go"),
                f"{s['pending']}" + (f" since {clock(s['oldest'])}" if s["oldest"] else ""),
                _lags(s["lag"]),
                s["documents"],
                s["quarantined"],
                clock(s["complete_at"]),
            )
            for s in sources
        ],
    )


def _lags(lags: Mapping[str, Mapping[str, float]]) -> str:
    """Seconds from change to searchable, by kind of change."""
    return ", ".join(f"{kind} {lags[kind]['p50']:.2f}/{lags[kind]['p95']:.2f} s" for kind in KINDS if kind in lags) or "-"


def hints(payload: Mapping[str, Any]) -> list[str]:
    """What needs a person, and which command helps."""
    found = [f"the configuration was not taken over: {printable(payload['refused'])}"] if payload["refused"] else []
    found += [_away(away, watched=payload["daemon"]) for away in payload["away"]]
    for source in payload["sources"]:
        found += _hints(source, watched=payload["daemon"])
    if payload["in_doubt"]:
        found.append(f"begun and not ended: {counted(payload['in_doubt'], 'change')}; `syncd sync` settles what is in doubt")
    if payload["reconcile"] and payload["reconcile"]["left"]:
        left, at = counted(payload["reconcile"]["left"], "point"), payload["reconcile"]["at"]
        found.append(f"the index differed from what is recorded in {left} at {at}: `syncd reconcile --repair`")
    for anchor in payload["anchors"]:
        found.append(f"the history is not anchored at {printable(anchor['place'])}: {printable(anchor['trouble'])}")
    if payload["recovering"]:
        found.append("points of a lost ledger are in the index: `syncd recover --reason WHY` ends the recovery")
    if payload["filling"]:
        more = "`syncd jobs list`" if payload["daemon"] else "`syncd reindex --new-space --reason WHY` goes on with it"
        found.append(f"another model is being filled, {counted(payload['filling']['chunks'], 'chunk')} so far: {more}")
    if not payload["daemon"]:
        found.append("no daemon runs: `syncd run`, or `systemctl start syncd`")
    return found


def _away(away: Mapping[str, Any], *, watched: bool) -> str:
    """What is away, since when, when it is tried again, and what a person can do."""
    name, cause = away["name"], printable(away["cause"])
    again = "it is just being tried" if away["next_try"] is None else f"next try {clock(away['next_try'])}"
    then = "; what waits goes on by itself once it is back" if watched else ""
    known = f"the {name} is away since {clock(away['since'])} ({cause}), {again}"
    return f"{known}: `syncd check-config` shows what is configured{then}"


def _hints(source: Mapping[str, Any], *, watched: bool) -> list[str]:
    name, state, found = printable(source["source"]), source["state"], []
    if source["quarantined"]:
        older = f", {source['older']} of them found in an older version" if source["older"] else ""
        found.append(f"{name}: {source['quarantined']} in quarantine{older}: `syncd quarantine list --source {name}`")
    elif state == "incomplete" and not source["last_report"]["documents"]["quarantined"]:
        found.append(f"{name}: a folder could not be listed: `syncd sync --source {name}` looks again")
    if state == "halted":
        commands = f"`syncd plan --source {name}`, then `syncd sync --confirm {source['run']}`"
        found.append(f"{name}: the guard holds back {_held(source)}: {commands}")
    if state in ("running", "failed", "interrupted") and not (watched and state == "running"):
        found.append(f"{name}: the last run did not end well: `syncd sync --source {name}`")
    if source["poll_every"] and not source["paused"]:
        found.append(f"{name}: {_polled(source)}")
    if source["paused"]:
        found.append(f"{name}: paused: `syncd sources resume {name}`")
    if source["reindex"]:
        left, total = source["reindex"]["left"], source["reindex"]["total"]
        rest = ": `syncd reindex --resume`" if source["reindex"]["paused"] else ""
        found.append(f"{name}: a reindex has {left} of {counted(total, 'document')} left{', paused' if rest else ''}{rest}")
    return found


def _held(source: Mapping[str, Any]) -> str:
    """How much of what waits for a person."""
    held = source["last_report"]["held"]
    deletions = [counted(held["deletions"], "deletion")] if held["deletions"] else []
    openings = [f"{counted(held['widenings'], 'opening')} to everyone"] if held["widenings"] else []
    return " and ".join([*deletions, *openings]) or "changes"


def _polled(source: Mapping[str, Any]) -> str:
    """Of what nothing tells, how often it is scanned for that, and why."""
    parts, every = source["unwatched"], f"scanned every {source['poll_every']:g} s (`source.poll_every`)"
    if parts is not None and not parts["whole"]:
        one = parts["parts"] == 1
        changes = f"changes in {counted(parts['parts'], 'part')} of it: {'it is' if one else 'they are'} {every}"
        return f"nothing tells of {changes}: {parts['why']}"
    what = "its changes" if parts is not None or not source["watched"] else "some of its changes"
    return f"nothing tells of {what}: it is {every}" + (f": {parts['why']}" if parts is not None else "")
