"""Anchors: places out of the ledger that keep its checkpoints, so that an older ledger, or another history, is noticed."""

from collections.abc import Sequence
from dataclasses import replace

from syncd.audit.lineage import Lineage, Mark, read_mark
from syncd.audit.note import Verifier
from syncd.audit.report import Finding, Kind, Report
from syncd.audit.stored import last_checkpoint, stored_frontier
from syncd.errors import AnchorsAway, AnchorUnavailable, AuditBroken, LedgerLost, LedgerStale
from syncd.ports import Anchor, LedgerView


class Anchors:
    """The anchors of one history. local: beside the ledger, where a missing one says nothing; places: those that were configured.

    faults: what kept an anchor from taking the last checkpoint, by place.
    """

    def __init__(self, lineage: Lineage, verifier: Verifier | None, local: Sequence[Anchor], places: Sequence[Anchor]) -> None:
        self._lineage = lineage
        self._verifier = verifier
        self._local = tuple(local)
        self._places = tuple(places)
        self.faults: dict[str, str] = {}

    def keep(self, note: str) -> None:
        """Give every anchor a checkpoint that is committed. One that can't take it is a fault to show, not a reason to stop."""
        for anchor in (*self._local, *self._places):
            try:
                anchor.keep(note)
            except AnchorUnavailable as error:
                self.faults[anchor.place] = str(error.facts["detail"])
            else:
                self.faults.pop(anchor.place, None)

    def begin(self) -> None:
        """Make the places that are not there yet, for a history that has not begun. One that can't be made is found later."""
        for anchor in self._places:
            try:
                anchor.notes()
            except AnchorUnavailable:
                self._begin(anchor)

    def _begin(self, anchor: Anchor) -> None:
        try:
            anchor.begin()
        except AnchorUnavailable as error:
            self.faults[anchor.place] = str(error.facts["detail"])

    def marks(self) -> dict[str, Mark]:
        """How far every anchor knows the history to have come, by place. Raises AnchorsAway when no configured one can be read.

        A note that is not of this history, or not signed by the pinned key, is nobody's witness.
        """
        found: dict[str, Mark] = {}
        away: list[str] = []
        for anchor in (*self._local, *self._places):
            try:
                notes = anchor.notes()
            except AnchorUnavailable as error:
                away.append(anchor.place)
                self.faults[anchor.place] = str(error.facts["detail"])
                continue
            mark = next(filter(None, map(self._mark, notes)), None)
            if mark is not None:
                found[anchor.place] = mark
        if self._places and all(anchor.place in away for anchor in self._places):
            raise AnchorsAway(places=", ".join(anchor.place for anchor in self._places))
        return found

    def newest(self) -> Mark | None:
        """The most that any anchor knows. Raises AnchorsAway."""
        return max(self.marks().values(), default=None)

    def check(self, view: LedgerView, marks: dict[str, Mark]) -> None:
        """Raise LedgerStale unless the ledger holds the history that `marks`, read before it was looked at, know of.

        LedgerLost when it holds none.
        """
        if marks and not view.event_count():
            raise LedgerLost(detail=f"{next(iter(marks))} knows of another one")
        last = last_checkpoint(view)
        here = self._mark(last.note) if last is not None else None
        for place, mark in marks.items():
            detail = self._missing(view, here, mark)
            if detail is not None:
                raise LedgerStale(place=place, detail=detail)

    def reported(self, view: LedgerView, marks: dict[str, Mark], report: Report) -> Report:
        """What a verification found, and what the ledger lacks of what its anchors know."""
        try:
            self.check(view, marks)
        except (LedgerLost, LedgerStale, AuditBroken) as error:
            place, detail = error.facts.get("place", "the last checkpoint"), error.facts["detail"]
            lost = Finding(Kind.CUT, report.size, report.size, ascii(f"{place} knows of more: {detail}")[1:-1])
            return replace(report, findings=(*report.findings, lost))
        return report

    def _missing(self, view: LedgerView, here: Mark | None, mark: Mark) -> str | None:
        """What the ledger lacks of what an anchor knows, in words."""
        if here is None or (here.generation, here.size) < (mark.generation, mark.size):
            return f"{mark.size} events of generation {mark.generation} were signed, {_counted(here)}"
        if here.generation > mark.generation:
            return None  # it was restored since, and its history says so
        try:
            root = stored_frontier(view, mark.size).root()
        except AuditBroken as error:
            return str(error.facts["detail"])
        return None if root == mark.root else f"its first {mark.size} events are other ones"

    def _mark(self, note: str) -> Mark | None:
        try:
            return read_mark(note, self._lineage, self._verifier)
        except ValueError:
            return None


def _counted(here: Mark | None) -> str:
    return "none is here" if here is None else f"{here.size} of generation {here.generation} are here"
