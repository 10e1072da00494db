"""A run and what all its steps share."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from syncd.audit.canonical import Json
from syncd.core.freshness import Kind, Landed
from syncd.core.rows import DocRow, Fence, PageRow
from syncd.core.scope import WHOLE, Scope, parent_of
from syncd.errors import SyncdError
from syncd.ports import LedgerView, Source
from syncd.seal.cards import seal_place
from syncd.seal.vault import Vault
from syncd.sync.classes import Classes
from syncd.sync.collection import Collection
from syncd.sync.install import Actor, Event, EventType, Install, Phase
from syncd.sync.observe import Observer
from syncd.sync.report import Held, Progress, Report
from syncd.sync.tags import Tags
from syncd.sync.turns import Alone, Turns

MOST_APART = 100_000
"""Documents of one run that are known apart: of those beyond, one that changes twice counts twice."""
MOST_LANDED = 4096
"""Changes of one run whose lag is kept: percentiles need no more."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants a run, why, and where it looks.

    confirmed: what of the halted run before he has said yes to. hinted_at: when the first hint came (Unix seconds). earlier: what
    runs on hints took away or opened of a source lately, by its name, for many small runs must not do what one big run may not;
    asked when it counts, for they may have their turns within this one. hold: the guard waits for a person, so nothing is taken
    for gone.
    """

    actor: Actor
    trigger: str = "command"
    confirmed: Held | None = None
    scope: Scope = WHOLE
    hinted_at: float | None = None
    earlier: Callable[[str], Held] = lambda _: Held()
    hold: bool = False
    turns: Turns = field(default_factory=Alone)


@dataclass(slots=True)
class Distinct:
    """How many documents there were, each counted once; bounded, also where a run changes all of them."""

    count: int = 0
    _seen: set[bytes] = field(default_factory=set)

    def add(self, doc: bytes) -> None:
        """One more, unless it was there."""
        if doc in self._seen:
            return
        self.count += 1
        if len(self._seen) < MOST_APART:
            self._seen.add(doc)


@dataclass(slots=True)
class Run:
    """One attempt on one source.

    complete_at: the last complete scan before this run, 0 for never. backfill: documents that a reindex marked are done, too;
    rate: chunks a second at most while there are such.
    staged: documents that this run found missing, where it does not look at the whole source. shelved: how often it refused one.
    late: pages that may be recorded only once the deletions are through, by prefix. away: what was needed and did not answer: all
    that can be done without it is done.
    """

    install: Install
    source: Source
    collection: Collection
    tags: Tags
    observer: Observer
    classes: Classes
    order: Order
    id: bytes
    scan: int
    started: float
    complete_at: float
    backfill: bool
    rate: float | None
    progress: Callable[[Progress], None]
    report: Report = field(default_factory=Report)
    touched: Distinct = field(default_factory=Distinct)
    retagged: Distinct = field(default_factory=Distinct)
    staged: list[bytes] = field(default_factory=list)
    late: dict[str, PageRow] = field(default_factory=dict)
    shelved: int = 0
    away: SyncdError | None = None
    landed: deque[Landed] = field(default_factory=lambda: deque(maxlen=MOST_LANDED))
    _known: int | None = None

    @property
    def vault(self) -> Vault:
        """Opens and seals cards."""
        return Vault(self.install.keyring)

    @property
    def whole(self) -> bool:
        """Whether the run looks at all of its source."""
        return self.order.scope.whole

    @property
    def known(self) -> int:
        """Live documents of the source when this was first asked for, since others had their turn."""
        if self._known is None:
            with self.install.ledger.read() as view:
                self._known = view.live(self.tags.source_id)
        return self._known

    @property
    def earlier(self) -> Held:
        """What runs on hints took away or opened of this source lately."""
        return self.order.earlier(self.source.name)

    def give_turn(self) -> None:
        """Let go first what is more urgent. Nothing may be half done, and rows that were read before are old afterwards.

        So are the pages that were to be recorded late: whoever had the turn may have left something undone there.
        """
        self.late.clear()
        self._known = None
        self.order.turns.give()
        with self.install.ledger.read() as view:
            self.classes.refresh(view)

    def land(self, kind: Kind, changed_at: float) -> None:
        """A change is searchable now.

        What was changed before the last complete scan was not missed by it: settings, a reindex or a move brought it in, and only
        a hint can tell since when.
        """
        started = changed_at if changed_at >= self.complete_at > 0 else self.order.hinted_at
        if started is not None:
            self.landed.append(Landed(kind, started, self.started, self.install.now()))

    def page_row(self, prefix: str, stamp: bytes | None, sealed: bytes | None = None) -> PageRow:
        """The row of a page that this run saw. sealed: its sealed prefix, where that is known."""
        locator, above = self.tags.page(prefix), parent_of(prefix)
        if sealed is None:
            sealed = seal_place(self.install.keyring, "page", locator, prefix, self.install.nonce())
        return PageRow(locator, self.tags.source_id, stamp, self.scan, sealed, None if above is None else self.tags.page(above))

    def staged_rows(self, view: LedgerView) -> Iterator[DocRow]:
        """The documents whose deletion is this run's to decide."""
        if self.whole:
            return view.staged(self.tags.source_id)
        return (row for doc in self.staged if (row := view.doc(doc)) is not None and row.staged)

    def event(self, type_: EventType, phase: Phase, op: bytes, doc: bytes | None = None, **body: Json | None) -> Event:
        """An audit event of this run."""
        return Event(
            type_,
            phase,
            op,
            run=self.id,
            source=self.tags.source_id,
            doc=doc,
            actor=self.order.actor,
            body={key: value for key, value in body.items() if value is not None},
        )


def lifted(row: DocRow) -> Fence:
    """The fence that remains when a staged deletion is taken back."""
    if row.fence is not Fence.MISSING:
        return row.fence
    return Fence.NARROWED if row.floor < row.issued else Fence.NONE
