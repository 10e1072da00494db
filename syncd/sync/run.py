"""A run: one attempt to make the index equal to one source."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from syncd.core import guard
from syncd.core.lifecycle import RunState, step
from syncd.core.rows import IntentRow, PageRow, RunRow, SourceRow
from syncd.errors import LedgerUnavailable, ListingFailed, SyncdError
from syncd.ports import Source
from syncd.sync import stage
from syncd.sync.apply import Applier
from syncd.sync.classes import Classes
from syncd.sync.collection import Collection
from syncd.sync.contents import ContentPass
from syncd.sync.install import Actor, EventType, Install, Phase
from syncd.sync.moves import claims, move
from syncd.sync.observe import Observer
from syncd.sync.report import Progress, Report
from syncd.sync.rundata import Run
from syncd.sync.survey import Survey, survey
from syncd.sync.tags import Tags, shape_of


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants a run, why, and what he has confirmed (the id of the run that the guard halted)."""

    actor: Actor
    trigger: str = "command"
    confirm: bytes | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `reason`: why it halted, in words."""

    run: bytes
    source: str
    state: RunState
    report: Report
    seconds: float
    reason: str = ""


class SourceRun:
    """Scan, diff, guard, apply, record. An error ends it as failed, with everything done so far recorded, and goes on up."""

    def __init__(
        self, install: Install, source: Source, collection: Collection, order: Order, progress: Callable[[Progress], None]
    ) -> None:
        self.install = install
        self.order = order
        self.state = RunState.RUNNING
        self.halts: list[str] = []
        self.pages_failed = False
        tags = Tags(install.keyring.identity, source, shape_of(install.extractor, install.policy.sizes), collection.row.space)
        with install.ledger.read() as view:
            classes = Classes(install, view.classes())
            row = view.source(tags.source_id) or SourceRow(tags.source_id, 0, 0.0, 0.0)
            self.known = view.counts(tags.source_id).live
        self.row = replace(row, scan=row.scan + 1)
        self.run = Run(
            install=install,
            source=source,
            collection=collection,
            tags=tags,
            observer=Observer(source, tags, classes),
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
        try:
            self._carry_out()
        except LedgerUnavailable:
            raise  # there is nowhere to record it; the open intent says enough
        except SyncdError as error:
            self.state = step(self.state, RunState.FAILED)
            self._end(type(error).__name__)
            raise
        self._count()
        quarantined = bool(self.run.report.documents.quarantined)
        incomplete = RunState.INCOMPLETE if quarantined or self.pages_failed else RunState.DONE
        self.state = step(self.state, RunState.HALTED if self.halts else incomplete)
        self._end()
        reason = "; ".join(self.halts)
        seconds = self.install.now() - self.run.started
        return Outcome(self.run.id, self.run.source.name, self.state, self.run.report, seconds, reason)

    # -- the passes --------------------------------------------------------------------------------------------------

    def _carry_out(self) -> None:
        run = self.run
        stage.unstage(run)
        staging = stage.Staging(self.known)
        found = survey(run, staging)
        self.pages_failed = bool(found.failed)
        if found.restless:
            self._moves(found)
        hold = self._guard_widenings(found)
        late = self._contents(found, hold_widenings=hold)
        if self._guard_deletions():
            stage.take_back(run)
        else:
            stage.release(run)
            with self.install.ledger.write() as tx:
                for page in late:
                    tx.put_page(page)
        if not found.failed:
            now = self.install.now()
            self.row = replace(self.row, complete_at=now, acls_at=self.row.acls_at if hold else now)

    def _moves(self, found: Survey) -> None:
        """Claim every move before anything is deleted; another claim may follow from one (swaps, chains)."""
        for page in found.changed:
            try:
                with self.install.ledger.read() as view:
                    opened = self.run.observer.open(view, page)
            except ListingFailed:
                continue  # the content pass meets it again, and says so
            for key in {key for key, _ in opened.diff.actions}:
                with self.install.ledger.read() as view:
                    claim = next(claims(self.install, self.run.observer, view, opened, key), None)
                if claim is None:
                    continue
                move(self.run, claim)
                if claim.displaced is not None:
                    found.missing_in.add(page.prefix)

    def _contents(self, found: Survey, *, hold_widenings: bool) -> list[PageRow]:
        """The pages that may be recorded only after the deletions."""
        late: list[PageRow] = []
        applier = Applier(self.run)
        contents = ContentPass(self.run, applier, hold_widenings=hold_widenings)
        for page in found.changed:
            try:
                row = contents.page(page)
            except ListingFailed:
                self.pages_failed = True
                continue
            if page.prefix in found.missing_in:
                late.append(row)
                row = replace(row, stamp=None)
            applier.close_page(row)
        applier.flush()
        return late

    # -- the guard ---------------------------------------------------------------------------------------------------

    def _guard_widenings(self, found: Survey) -> bool:
        reason = guard.widenings(self.known, found.opening, self.install.policy.widening)
        return reason is not None and not self._confirmed(reason)

    def _guard_deletions(self) -> bool:
        with self.install.ledger.read() as view:
            missing = sum(1 for _ in view.staged(self.run.tags.source_id))
        reason = guard.deletions(self.known, missing, self.install.policy.guard)
        return reason is not None and not self._confirmed(reason)

    def _confirmed(self, reason: str) -> bool:
        """Whether a person has said yes to what halted; either way it is in the log."""
        confirmed = self.order.confirm is not None
        type_ = EventType.GUARD_CONFIRMED if confirmed else EventType.GUARD_HALTED
        with self.install.transaction() as tx:
            tx.audit(self.run.event(type_, Phase.OUTCOME, self.install.fresh_id(), reason=reason))
        if not confirmed:
            self.halts.append(reason)
        return confirmed

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
        documents.quarantined = counts.quarantined
        documents.unchanged = max(0, counts.live - documents.added - len(run.touched))
