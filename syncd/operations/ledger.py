"""A ledger that was lost, or put back to an older state: work for one command alone, for no daemon runs on such a ledger."""

from collections.abc import Callable

from syncd.audit.lineage import Mark
from syncd.errors import Exit
from syncd.operations import reconcile
from syncd.operations.desk import Desk
from syncd.operations.exits import worst
from syncd.operations.operation import Reply
from syncd.operations.payloads.work import RecoverGiven, RestoreGiven
from syncd.operations.reconcile import ReconcileRequest
from syncd.operations.sync import run_all, synced_reply
from syncd.sync import recover, restore
from syncd.sync.collection import ensure_collection, opened, serving
from syncd.sync.every import Synced
from syncd.sync.install import Actor
from syncd.sync.report import Progress
from syncd.sync.rundata import Order

Telling = Callable[[str, Progress], None]
KIND = "restore"
"""What the runs say of why they were made."""
NEW_KEY = "there is a new key in the keyring. Next: back up `keys/keyring.json` again."
KEPT = "the lost ledger's points are kept until every source could be looked at. Next: `syncd recover --reason WHY` again."


def accept_restore(desk: Desk, actor: Actor, reason: str, known: Mark | None, telling: Telling) -> Reply:
    """Hide everything, begin another generation of the history, look at every source again, and mend the index by the ledger."""
    install = desk.install
    with install.ledger.read() as view:
        row = serving(view)
    hidden = restore.accept(install, opened(install, row), actor, reason, known) if row is not None else 0
    runs, compared = _looked_at(desk, actor, telling)
    payload: RestoreGiven = {
        "hidden": hidden,
        "anchored": known.size if known is not None else None,
        "runs": runs.payload["runs"],
        "repaired": compared.payload["repaired"],
        "seq": desk.seq(),
    }
    return Reply(payload, worst(runs.exit, compared.exit), (*runs.notes, *compared.notes, NEW_KEY))


def recover_ledger(desk: Desk, actor: Actor, reason: str, known: Mark | None, telling: Telling) -> Reply:
    """Go through with a recovery: learn what is in the store, look at every source, take away what was the lost ledger's."""
    install = desk.install

    def between(seen: int) -> None:
        telling(desk.sources[0].name, Progress("compare", seen))

    with install.ledger.read() as view:
        begun, taking = recover.unfinished(view), recover.recovering(view)
    if not begun:
        recover.begin(install, actor, reason, known)
    taken = recover.take(install, ensure_collection(install), between) if taking or not begun else 0
    runs = run_all(desk, desk.sources, Order(actor, KIND, turns=desk.turns), telling)
    told = synced_reply(desk, runs)
    whole = _complete(desk, runs)
    gone = recover.end(install, ensure_collection(install), actor, between) if whole else 0
    compared = reconcile.carry_out(desk, actor, ReconcileRequest(repair=True, sample=0), telling) if whole else None
    if compared is not None:
        recover.close(install)
    payload: RecoverGiven = {
        "taken": taken,
        "gone": gone,
        "anchored": known.size if known is not None else None,
        "runs": told.payload["runs"],
        "repaired": compared.payload["repaired"] if compared is not None else 0,
        "seq": desk.seq(),
    }
    if compared is None:
        return Reply(payload, told.exit if told.exit is not Exit.OK else Exit.INCOMPLETE, (*told.notes, KEPT, NEW_KEY))
    return Reply(payload, worst(told.exit, compared.exit), (*told.notes, *compared.notes, NEW_KEY))


def _looked_at(desk: Desk, actor: Actor, telling: Telling) -> tuple[Reply, Reply]:
    runs = synced_reply(desk, run_all(desk, desk.sources, Order(actor, KIND, turns=desk.turns), telling))
    return runs, reconcile.carry_out(desk, actor, ReconcileRequest(repair=True, sample=0), telling)


def _complete(desk: Desk, runs: Synced) -> bool:
    """Whether every source was looked at to its end."""
    return len(runs.outcomes) == len(desk.sources) and all(outcome.error is None for outcome in runs.outcomes)
