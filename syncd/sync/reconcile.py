"""Reconcile: what is recorded against what the store holds; found by name, told to the history, mended."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from syncd.core.drift import Drift
from syncd.ports import LedgerView
from syncd.sync.collection import Collection
from syncd.sync.compare import Comparison, Finding
from syncd.sync.install import Actor, Event, EventType, Install, Phase
from syncd.sync.mend import Mender
from syncd.sync.sampling import sample
from syncd.sync.stage import batches

NAMED = 1_000
"""Documents that are named, in answer and history; the others are counted."""
LAST = "reconcile"
"""Where the ledger keeps what the last comparison found."""
GROUP = 256
SAMPLE = 64
"""Vectors that are computed anew in each comparison, unless somebody wants more."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How closely to look. full: every seal is opened; sample: so many vectors, chosen by chance, are computed anew."""

    full: bool = False
    sample: int = SAMPLE


@dataclass(slots=True)
class Drifted:
    """What a comparison found: points by kind, and by document for the first so many.

    points: recorded ones; sampled: vectors that were computed anew.
    """

    points: int = 0
    sampled: int = 0
    found: Counter[Drift] = field(default_factory=Counter)
    documents: dict[bytes, Counter[Drift]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All points that are not as recorded."""
        return self.found.total()

    def counts(self) -> dict[str, int]:
        """By kind."""
        return {kind.value: self.found[kind] for kind in Drift}


def reconcile(
    install: Install,
    collection: Collection,
    depth: Depth,
    actor: Actor,
    *,
    mender: Mender | None,
    between: Callable[[int], None],
) -> Drifted:
    """Compare all of a collection, tell the history what differs, and have it mended. Belongs to the thread that writes.

    between: called where nothing is half done, with how many points were looked at; it may let others go first.
    """
    return compare(install, collection, depth, between, partial(_deal_with, install, actor, mender))


def compare(
    install: Install,
    collection: Collection,
    depth: Depth,
    between: Callable[[int], None],
    deal_with: Callable[[Drifted, Sequence[Finding]], None] = lambda *_: None,
) -> Drifted:
    """What differs. deal_with: told of the findings, some at a time, where nothing is half done."""
    with install.ledger.read() as view:
        drifted = Drifted(view.counts().points)
    if not install.index.keeps_points:
        return drifted
    comparison = Comparison(install, collection, between)
    for suspects in comparison.suspects(full=depth.full):
        for some in batches(suspects, GROUP):
            _note(drifted, found := comparison.judge(some, seals=depth.full))
            deal_with(drifted, found)
    if depth.sample:
        drifted.sampled, found = sample(install, collection, comparison, depth.sample)
        # What the sums or the seals have told of already is not told twice.
        fresh = [finding for finding in found if finding.vector or (finding.kind is Drift.UNSEALED and not depth.full)]
        _note(drifted, fresh)
        deal_with(drifted, fresh)
    return drifted


def _note(drifted: Drifted, findings: Iterable[Finding]) -> None:
    for finding in findings:
        drifted.found[finding.kind] += 1
        if finding.row is not None and (finding.row.doc in drifted.documents or len(drifted.documents) < NAMED):
            drifted.documents.setdefault(finding.row.doc, Counter())[finding.kind] += 1


def _deal_with(install: Install, actor: Actor, mender: Mender | None, drifted: Drifted, findings: Sequence[Finding]) -> None:
    """Tell the history of the documents that are named, and mend."""
    by_document: dict[tuple[bytes, bytes], Counter[str]] = {}
    for finding in findings:
        if finding.row is not None and finding.row.doc in drifted.documents:
            by_document.setdefault((finding.row.source, finding.row.doc), Counter())[finding.kind.value] += 1
    if by_document:
        with install.transaction() as tx:
            for (source, doc), kinds in by_document.items():
                op, type_ = install.fresh_id(), EventType.STORE_DRIFT
                tx.audit(Event(type_, Phase.OUTCOME, op, source=source, doc=doc, actor=actor, body=dict(kinds)))
    if mender is not None:
        mender.write_again([finding for finding in findings if finding.vector], embed=True)
        mender.mend([finding for finding in findings if not finding.vector])


def conclude(install: Install, drifted: Drifted, repaired: int, depth: Depth, actor: Actor) -> None:
    """The end of it, in the history and for `status`."""
    left = drifted.total - repaired
    body = {**drifted.counts(), "repaired": repaired, "points": drifted.points, "sampled": drifted.sampled, "full": depth.full}
    last = {"at": install.now(), "found": drifted.total, "left": left, "points": drifted.points, "full": depth.full}
    with install.transaction() as tx:
        tx.ledger.set_meta(LAST, json.dumps(last).encode())
        tx.audit(Event(EventType.RECONCILE_FINISHED, Phase.OUTCOME, install.fresh_id(), actor=actor, body=body))
        tx.checkpoint()


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The last comparison. at: when (Unix seconds); found: points that were not as recorded; left: those that were not mended."""

    at: float
    found: int
    left: int
    points: int
    full: bool


def last_reconcile(view: LedgerView) -> Reconciled | None:
    """The last one that came to its end."""
    stored = view.meta(LAST)
    return Reconciled(**json.loads(stored)) if stored else None
