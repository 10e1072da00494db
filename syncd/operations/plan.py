"""`plan`: what the next sync would do."""

from collections.abc import Iterator
from dataclasses import dataclass

from syncd.core.diff import Action
from syncd.errors import Exit
from syncd.operations.desk import Desk
from syncd.operations.operation import Caller, Gives, Operation, Reply, Role, Series
from syncd.operations.payloads.documents import PlannedChange
from syncd.sync.collection import open_collection
from syncd.sync.plan import PlanLine, Planner

WORDS = {"+": "add", "~": "update", ">": "move", "a": "acl", "-": "delete", "!": "quarantine"}


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """source: only this one. exact: read and cut every new document. check: exit 3 when there is anything to do."""

    source: str | None = None
    exact: bool = False
    check: bool = False


def plan(desk: Desk, caller: Caller, request: PlanRequest) -> Series:  # noqa: ARG001 - the signature of every operation
    """Every line; nothing is touched."""
    sources = desk.select(request.source)
    open_collection(desk.install)  # another model is refused, as `sync` would
    series = Series("changes", iter(()))

    def lines() -> Iterator[PlannedChange]:
        with desk.install.ledger.read() as view:
            for source in sources:
                for line in Planner(desk.install, source, view, exact=request.exact).lines():
                    if request.check:
                        series.reply = Reply({}, Exit.INCOMPLETE)
                    yield shown(source.name, line)

    series.items = lines()
    return series


def shown(source: str, line: PlanLine) -> PlannedChange:
    """A line as JSON."""
    return {
        "source": source,
        "action": WORDS[line.action.value],
        "sign": line.action.value,
        "key": line.key,
        "chunks": line.chunks,
        "note": line.note,
    }


COUNTED = frozenset({WORDS[Action.ADD.value], WORDS[Action.UPDATE.value]})
"""Actions whose chunks would be embedded."""

PLAN = Operation(
    "plan",
    "Tell what a sync would do; touch nothing.",
    PlanRequest,
    frozenset({Role.OPERATOR, Role.ADMIN}),
    plan,
    Gives(item=PlannedChange),
)
