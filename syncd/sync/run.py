"""A run: one attempt to make the index equal to one source."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from syncd.core import guard
from syncd.core.lifecycle import RunState, step
from syncd.core.rows import DocState, Fence, IntentRow, PageRow, RunRow, SourceRow
from syncd.errors import AuditBroken, LedgerCorrupt, LedgerRefused, LedgerUnavailable, ListingFailed, SyncdError
from syncd.ports import Source
from syncd.sync import stage
from syncd.sync.apply import Applier
from syncd.sync.classes import Classes
from syncd.sync.collection import Collection
from syncd.sync.contents import ContentPass
from syncd.sync.install import Actor, EventType, Install, Phase
from syncd.sync.moves import claim, move
from syncd.sync.observe import Observer, OpenedPage
from syncd.sync.report import Held, Progress, Report
from syncd.sync.retag import Retag, retag
from syncd.sync.rundata import Run
from syncd.sync.survey import Survey, opens, survey
from syncd.sync.tags import Tags, shape_of

ROUNDS = 3
"""How often a page is opened in one run: content, then a wider ACL that waited for it, then what changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants a run, why, and what of the halted run before he has confirmed."""

    actor: Actor
    trigger: str = "command"
    confirmed: Held | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. reason: why it halted, in words; error: why it failed."""

    run: bytes
    source: str
    state: RunState
    report: Report
    seconds: float
    reason: str = ""
    error: SyncdError | None = None


class SourceRun:
    """Scan, diff, guard, apply, record. What was done before an error stays done and recorded."""

    def __init__(
        self, install: Install, source: Source, collection: Collection, order: Order, progress: Callable[[Progress], None]
    ) -> None:
        self.install = install
        self.order = order
        self.state = RunState.RUNNING
        self.halts: list[str] = []
        self.pages_failed = False
        tags = Tags(install.keyring.identity, source, shape_of(install), collection.row.space)
        with install.ledger.read() as view:
            classes = Classes(install, view.classes(), view.live_classes())
            row = view.source(tags.source_id) or SourceRow(tags.source_id, 0, 0.0, 0.0)
            self.known = view.counts(tags.source_id).live
        self.row = replace(row, scan=row.scan + 1)
        self.run = Run(
            install=install,
            source=source,
            collection=collection,
            tags=tags,
            observer=Observer(source, tags, classes, install.now()),
            classes=classes,
            actor=order.actor,
            id=install.fresh_id(),
            scan=self.row.scan,
            started=install.now(),
            progress=progress,
        )

    def execute(self) -> Outcome:
        """Do all of it."""
        self._begin()
        error = None
        try:
            self._carry_out()
        except (LedgerUnavailable, LedgerCorrupt, LedgerRefused, AuditBroken):
            raise  # there is nowhere to record it; the open intent says enough
        except SyncdError as failure:
            error = failure
        self._count()
        quarantined = bool(self.run.report.documents.quarantined)
        incomplete = RunState.INCOMPLETE if quarantined or self.pages_failed else RunState.DONE
        self.state = step(self.state, RunState.FAILED if error else RunState.HALTED if self.halts else incomplete)
        self._end(type(error).__name__ if error else None)
        seconds = self.install.now() - self.run.started
        return Outcome(self.run.id, self.run.source.name, self.state, self.run.report, seconds, "; ".join(self.halts), error)

    # -- the passes --------------------------------------------------------------------------------------------------

    def _carry_out(self) -> None:
        run = self.run
        stage.unstage(run)
        found = survey(run, stage.Staging(self.known))
        found.restless |= bool(found.failed)
        late_failure = found.restless and not self._moves(found)
        hold = self._guard_widenings(found)
        applier = Applier(run)
        late = self._contents(found, applier, hold_widenings=hold)
        late_failure |= self.pages_failed
        self.pages_failed |= bool(found.failed)
        if late_failure:
            pass  # a document may have moved to where nobody could look: what is missing stays hidden, and recorded
        elif self._guard_deletions():
            stage.take_back(run)
        else:
            stage.release(run)
            with self.install.ledger.write() as tx:
                for page in late:
                    tx.put_page(applier.settled(page))
        self._date(complete=not self.pages_failed, acls_known=not hold and not late_failure)

    def _date(self, *, complete: bool, acls_known: bool) -> None:
        """How old the view of the source is from now on. What could not be listed is hidden: all other ACLs are known."""
        now, row = self.install.now(), self.row
        complete_at = now if complete else row.complete_at
        self.row = replace(row, complete_at=complete_at, acls_at=now if acls_known else row.acls_at)

    def _moves(self, found: Survey) -> bool:
        """Claim every move before anything is deleted; False when a page could not be listed any more.

        Page after page and key after key: one claim may follow from another (swaps, chains).
        """
        complete = True
        for page in list(found.changed):
            try:
                with self.install.ledger.read() as view:
                    opened = self.run.observer.open(view, page)
            except ListingFailed:
                complete = False
                found.changed.remove(page)
                continue
            for key in opened.keys():  # noqa: SIM118 - not a mapping
                self._move(found, opened, key)
        self.pages_failed |= not complete
        return complete

    def _move(self, found: Survey, opened: OpenedPage, key: str) -> None:
        run = self.run
        with self.install.ledger.read() as view:
            claimed = claim(run.vault, run.observer, view, opened, key)
        if claimed is None:
            return
        found.opening += opens(run.classes.acl(claimed.row.class_id), claimed.acl)
        moved = move(run, claimed)
        if moved.fence is Fence.NARROWED:
            retag(run, [Retag(moved, claimed.acl)])
        if claimed.displaced is not None:
            found.missing_in.add(opened.page.prefix)

    def _contents(self, found: Survey, applier: Applier, *, hold_widenings: bool) -> list[PageRow]:
        """The pages that may be recorded only after the deletions."""
        late: dict[str, PageRow] = {}
        contents = ContentPass(self.run, applier, hold_widenings=hold_widenings)
        pages = found.changed
        for _ in range(ROUNDS):
            for page in pages:
                try:
                    row = contents.page(page)
                except ListingFailed:
                    self.pages_failed = True
                    continue
                if page.prefix in found.missing_in:
                    late[page.prefix] = row
                    row = replace(row, stamp=None)
                applier.close_page(row)
            applier.flush()
            pages, contents.again = contents.again, []
        return list(late.values())

    # -- the guard ---------------------------------------------------------------------------------------------------

    def _guard_widenings(self, found: Survey) -> bool:
        reason = guard.widenings(self.known, found.opening, self.install.policy.widening)
        agreed = self.order.confirmed.widenings if self.order.confirmed else 0
        self.run.report.held.widenings = found.opening if reason else 0
        return reason is not None and not self._confirmed(reason, agreed=agreed >= found.opening)

    def _guard_deletions(self) -> bool:
        with self.install.ledger.read() as view:
            missing = sum(row.state is DocState.LIVE for row in view.staged(self.run.tags.source_id))
        reason = guard.deletions(self.known, missing, self.install.policy.guard)
        agreed = self.order.confirmed.deletions if self.order.confirmed else 0
        self.run.report.held.deletions = missing if reason else 0
        return reason is not None and not self._confirmed(reason, agreed=agreed >= missing)

    def _confirmed(self, reason: str, *, agreed: bool) -> bool:
        """Whether a person has said yes to what halts; either way it is in the log."""
        type_ = EventType.GUARD_CONFIRMED if agreed else EventType.GUARD_HALTED
        with self.install.transaction() as tx:
            tx.audit(self.run.event(type_, Phase.OUTCOME, self.install.fresh_id(), reason=reason))
        if not agreed:
            self.halts.append(reason)
        return agreed

    # -- the record --------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        run = self.run
        with self.install.transaction() as tx:
            tx.ledger.put_source(self.row)
            tx.ledger.put_run(self._row(0.0))
            seq = tx.audit(run.event(EventType.RUN_STARTED, Phase.INTENT, run.id, trigger=self.order.trigger))
            tx.ledger.put_intent(IntentRow(run.id, b"", EventType.RUN_STARTED.value, run.id, seq))

    def _end(self, error: str | None = None) -> None:
        run = self.run
        with self.install.transaction() as tx:
            tx.ledger.put_source(self.row)
            tx.ledger.put_run(self._row(self.install.now()))
            tx.ledger.drop_intent(run.id)
            report = run.report.as_dict()
            tx.audit(
                run.event(
                    EventType.RUN_FINISHED,
                    Phase.OUTCOME,
                    run.id,
                    outcome=self.state.value,
                    error=error,
                    documents={**report["documents"]},
                    chunks={**report["chunks"]},
                )
            )
            tx.checkpoint()

    def _row(self, finished: float) -> RunRow:
        report = json.dumps(self.run.report.as_dict())
        run = self.run
        return RunRow(run.id, run.tags.source_id, self.order.trigger, self.state.value, run.started, finished, report)

    def _count(self) -> None:
        run, documents = self.run, self.run.report.documents
        with self.install.ledger.read() as view:
            counts = view.counts(run.tags.source_id)
        documents.retagged = len(run.retagged)
        documents.quarantined = counts.quarantined
        documents.unchanged = max(0, counts.live - documents.added - len(run.touched))
