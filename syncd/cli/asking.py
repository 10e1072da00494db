"""Asking for an operation: of the daemon where one answers, else of the install itself. The answer is the same."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncd.cli.output import Report, aside, printable, progress
from syncd.errors import DaemonNeeded, KeyMissing, KeysOfService, ServiceAway

if TYPE_CHECKING:  # imported when there is an answer
    from syncd.cli.client import Client, Step
    from syncd.cli.options import Context
    from syncd.operations.operation import Answer, Reply, Series
    from syncd.sync.report import Progress

Plan = Callable[[Mapping[str, Any]], None]
"""Shows what long work will do, before it does."""
CREDENTIALS = Path("/run/credentials")
"""Where systemd shows a service its credentials, as long as it runs."""
PHASES = {"scan": "pages scanned", "index": "documents indexed", "compare": "points compared"}
"""What is counted, in words; other phases are for programs."""


@contextmanager
def asked(
    context: "Context",
    operation: str,
    fields: Mapping[str, Any] | None = None,
    *,
    plan: Plan | None = None,
    **direct: bool,
) -> Iterator["Reply"]:
    """The answer of `operation` to a request of these `fields`; None as a value stands for not given.

    Long work is watched to its end, with its progress on standard error. direct: how the install is opened where no daemon
    answers: `writes`, `empty` (a first sync may be to come), `keep_space`.
    """
    from syncd.operations.operation import Reply, Task

    with _answer(context, operation, fields or {}, plan, direct) as answer:
        if isinstance(answer, Task):
            if plan is not None and answer.plan:
                plan(answer.plan)
            with progress() as report:
                yield answer.carry_out(stepping(report))
        elif isinstance(answer, Reply):
            yield answer
        else:
            raise TypeError(f"{operation} answers with a series")


@contextmanager
def listed(context: "Context", operation: str, fields: Mapping[str, Any] | None = None, **direct: bool) -> Iterator["Series"]:
    """The same for operations that answer with a list that may be long."""
    from syncd.operations.operation import Series

    with _answer(context, operation, fields or {}, None, direct) as answer:
        if not isinstance(answer, Series):
            raise TypeError(f"{operation} answers with no series")
        yield answer


def watched(client: "Client", job: str) -> "Reply":
    """Watch a job to its end."""
    with progress() as report:
        return client.watch(job, _telling(report))


@contextmanager
def _answer(
    context: "Context", operation: str, fields: Mapping[str, Any], plan: Plan | None, direct: Mapping[str, bool]
) -> Iterator["Answer"]:
    """The daemon's answer, long work done; or the operation's own, which is still to be carried out."""
    given = {name: value for name, value in fields.items() if value is not None}
    client = context.client
    if client is None:
        with _direct(context, operation, given, **direct) as answer:
            yield answer
        return
    with progress() as report:
        answer = client.ask(operation, given, _telling(report), plan)
    yield answer


def _telling(report: Report) -> Callable[["Step"], None]:
    """How far work is, for the terminal."""

    def told(step: "Step") -> None:
        words = PHASES.get(step.phase)
        if words is not None and step.done + step.backfill:
            report(step.done + step.backfill, step.total, f"{step.source}: {words}")

    return told


def stepping(report: Report) -> Callable[[str, "Progress"], None]:
    """The same for work that is done here."""
    from syncd.cli.client import Step

    told = _telling(report)
    return lambda source, step: told(Step(source, step.phase, step.done, step.total, step.backfill))


@contextmanager
def _direct(
    context: "Context",
    name: str,
    fields: Mapping[str, Any],
    *,
    writes: bool | None = None,
    empty: bool = False,
    keep_space: bool = False,
) -> Iterator["Answer"]:
    """Do it here: with the keys, and with the ledger's lock where something is to change."""
    from syncd.operations.table import OPERATIONS
    from syncd.wiring import Wiring
    from syncd.wiring.desk import direct_caller, direct_desk

    operation = next(each for each in OPERATIONS if each.name == name)
    lists = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    writer = operation.writes if writes is None else writes
    with Wiring(context.config, writer=writer, keep_space=keep_space) as wiring:
        try:
            answer = operation.answer(direct_desk(wiring, empty=empty), direct_caller(wiring), operation.request(**lists))
        except KeyMissing as error:
            if not _of_service(error):
                raise
            raise ServiceAway(socket=context.socket, file=error.facts["file"]) from error
        yield answer


def _of_service(error: KeyMissing) -> bool:
    return Path(str(error.facts["file"])).is_relative_to(CREDENTIALS)


@contextmanager
def with_keys() -> Iterator[None]:
    """For commands that no daemon does: whoever lacks the keys because they are a service's is told how to go about it."""
    try:
        yield
    except KeyMissing as error:
        if not _of_service(error):
            raise
        raise KeysOfService(file=error.facts["file"]) from error


def tell(reply: "Reply") -> None:
    """What a person has to know besides, on standard error."""
    for note in reply.notes:
        aside(f"syncd: {printable(note)}")


def needed(context: "Context", what: str) -> "Client":
    """The daemon, for what only a daemon can do. Raises DaemonNeeded."""
    client = context.client
    if client is None:
        raise DaemonNeeded(what=what, socket=context.socket)
    return client
