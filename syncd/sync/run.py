"""A run: one attempt to make the index equal to one source."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from syncd.core import guard
from syncd.core.freshness import Landed
from syncd.core.lifecycle import RunState, step
from syncd.core.rows import DocState, Fence, IntentRow, RunRow, SourceRow
from syncd.errors import AuditBroken, LedgerCorrupt, LedgerRefused, LedgerUnavailable, ListingFailed, RunInterrupted, SyncdError
from syncd.ports import Source
from syncd.sync import stage
from syncd.sync.apply import Applier
from syncd.sync.backfill import backfill, close_backfill
from syncd.sync.classes import Classes
from syncd.sync.collection import Collection
from syncd.sync.contents import ContentPass
from syncd.sync.install import EventType, Install, Phase
from syncd.sync.moves import claim, move
from syncd.sync.observe import Observer, OpenedPage
from syncd.sync.report import Progress, Report
from syncd.sync.retag import Retag, opens, retag
from syncd.sync.rundata import Order, Run
from syncd.sync.survey import Survey, survey
from syncd.sync.tags import Tags, shape_of

ORDERED = 1e-6
"""Seconds by which a run is recorded to begin after the one before it, also where the clock was set back: the last one counts."""
ROUNDS = 3
"""How often a page is opened in one run: content, then a wider ACL that waited for it, then what changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. reason: why it halted, in words; error: why it failed; landed: what became searchable, and when.

    whole: it was to look at all of its source.
    """

    run: bytes
    source: str
    state: RunState
    report: Report
    seconds: float
    reason: str = ""
    error: SyncdError | None = None
    landed: tuple[Landed, ...] = ()
    whole: bool = True


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
            classes = Classes(install, view)
            row = view.source(tags.source_id) or SourceRow(tags.source_id, 0, 0.0, 0.0)
            work = backfill(view, tags.source_id)
            last = view.runs(limit=1)
        due = order.scope.whole and not (work is not None and work.paused)
        self.row = replace(row, scan=row.scan + 1) if order.scope.whole else row
        now, self.began_ns = install.now(), install.clock.monotonic_ns()
        self.began = max(now, last[0].started_at + ORDERED) if last else now
        self.run = Run(
            install=install,
            source=source,
            collection=collection,
            tags=tags,
            observer=Observer(source, tags, classes, now, backfill=due),
            classes=classes,
            order=order,
            id=install.fresh_id(),
            scan=self.row.scan,
            started=now,
            complete_at=row.complete_at,
            backfill=due,
            rate=work.rate if work is not None and due else None,
            progress=progress,
        )

    def execute(self, away: SyncdError | None = None) -> Outcome:
        """Do all of it. away: the index does not answer, so nothing is done but what takes none, and this is how it ends."""
        self.run.away = away
        self.run.progress(Progress("scan", 0))
        self._begin()
        error: SyncdError | None = None
        try:
            self._carry_out()
            error = self.run.away
        except (LedgerUnavailable, LedgerCorrupt, LedgerRefused, AuditBroken):
            raise  # there is nowhere to record it; the open intent says enough
        except SyncdError as failure:
            error = failure
            stage.unstage(self.run)
        self._count()
        self.state = step(self.state, self._ended(error))
        self._end(type(error).__name__ if error else None)
        run = self.run
        seconds, halts = (self.install.clock.monotonic_ns() - self.began_ns) / 1e9, "; ".join(self.halts)
        return Outcome(run.id, run.source.name, self.state, run.report, seconds, halts, error, tuple(run.landed), run.whole)

    def _ended(self, error: SyncdError | None) -> RunState:
        if error is not None:
            return RunState.INTERRUPTED if isinstance(error, RunInterrupted) else RunState.FAILED
        if self.halts:
            return RunState.HALTED
        return RunState.INCOMPLETE if self.run.report.documents.quarantined or self.pages_failed else RunState.DONE

    # -- the passes --------------------------------------------------------------------------------------------------

    def _carry_out(self) -> None:
        run = self.run
        if run.whole:
            stage.unstage(run)
        found = survey(run, stage.Staging())
        if run.away is not None:
            raise run.away  # what narrows is fenced, and what is missing is hidden; all else takes the index
        found.restless |= bool(found.failed)
        run.progress(Progress("plan", 0, sum(found.planned.values()), found.backfill))
        late_failure = found.restless and not self._moves(found)
        hold = self._guard_widenings(found)
        applier = Applier(run)
        self._contents(found, applier, hold_widenings=hold)
        late_failure |= self.pages_failed
        self.pages_failed |= bool(found.failed)
        if late_failure or self.order.hold:
            pass  # a document may have moved to where nobody could look: what is missing stays hidden, and recorded
        elif self._guard_deletions():
            stage.take_back(run)
        else:
            stage.release(run)
            with self.install.ledger.write() as tx:
                for page in run.late.values():
                    tx.put_page(applier.settled(page))
        if run.whole:
            complete = not self.pages_failed and run.away is None
            self._date(complete=complete, acls_known=not hold and not late_failure)

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
            retag(run, [Retag(moved, claimed.acl, claimed.seen.changed_at)])
        if claimed.displaced is not None:
            found.missing_in.add(opened.page.prefix)

    def _contents(self, found: Survey, applier: Applier, *, hold_widenings: bool) -> None:
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
                    self.run.late[page.prefix] = row
                    row = replace(row, stamp=None)
                applier.close_page(row, found.planned.pop(page.prefix, 0))
                if self.order.turns.wanted():
                    applier.flush()
                    self.run.give_turn()
            applier.flush()
            pages, contents.again = contents.again, []

    # -- the guard ---------------------------------------------------------------------------------------------------

    def _guard_widenings(self, found: Survey) -> bool:
        opening = found.opening + self.run.earlier.widenings if found.opening else 0
        reason = guard.widenings(self.run.known, opening, self.install.policy.widening) if opening else None
        agreed = self.order.confirmed.widenings if self.order.confirmed else 0
        self.run.report.held.widenings = found.opening if reason else 0
        return reason is not None and not self._confirmed(reason, agreed=agreed >= found.opening)

    def _guard_deletions(self) -> bool:
        with self.install.ledger.read() as view:
            missing = sum(row.state is DocState.LIVE for row in self.run.staged_rows(view))
        reason = stage.judged(self.run, missing)
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
            if run.whole:
                tx.ledger.put_source(self.row)
            tx.ledger.put_run(self._row(0.0))
            seq = tx.audit(run.event(EventType.RUN_STARTED, Phase.INTENT, run.id, trigger=self.order.trigger))
            tx.ledger.put_intent(IntentRow(run.id, b"", EventType.RUN_STARTED.value, run.id, seq))

    def _end(self, error: str | None = None) -> None:
        run = self.run
        with self.install.transaction() as tx:
            if run.whole:
                tx.ledger.put_source(self.row)
            tx.ledger.put_run(self._row(self.install.now()))
            tx.ledger.drop_intent(run.id)
            if run.backfill:
                close_backfill(tx.ledger, run.tags.source_id)
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
            if run.whole:  # after a few hints the schedule signs, within the minute
                tx.checkpoint()

    def _row(self, finished: float) -> RunRow:
        report = json.dumps(self.run.report.as_dict())
        run = self.run
        ended = max(finished, self.began) if finished else 0.0
        return RunRow(run.id, run.tags.source_id, self.order.trigger, self.state.value, self.began, ended, report)

    def _count(self) -> None:
        run, documents = self.run, self.run.report.documents
        documents.retagged = run.retagged.count
        if not run.whole:
            documents.quarantined = run.shelved
            return
        with self.install.ledger.read() as view:
            live, documents.quarantined = view.live(run.tags.source_id), view.held_back(run.tags.source_id)
        documents.unchanged = max(0, live - documents.added - run.touched.count)
