"""Changing the ACL of documents: one payload write a document, no embedding; revocation holds from the first transaction on."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from syncd.core.acl import NOBODY, Acl, proven_widening
from syncd.core.freshness import Kind
from syncd.core.model import Eq, Lt, Where
from syncd.core.rows import ClassRow, DocRow, Due, Fence, IntentRow, PointState
from syncd.errors import IndexInvalid
from syncd.seal.derive import mac
from syncd.seal.points import AclClass
from syncd.sync.install import EventType, Phase
from syncd.sync.rundata import Run, lifted
from syncd.sync.stage import batches

GROUP = 256


@dataclass(frozen=True, slots=True)
class Retag:
    """A document and the ACL that it should have; None: unknown, so nobody may read it. changed_at: when it changed, if known."""

    row: DocRow
    acl: Acl | None
    changed_at: float = 0.0


@dataclass(frozen=True, slots=True)
class _Begun:
    op: bytes
    row: DocRow
    class_: AclClass
    changed_at: float


def narrows(before: Acl, after: Acl | None) -> bool:
    """Every change that is not proven a pure widening counts as a narrowing."""
    return after is None or not proven_widening(before, after)


def opens(before: Acl, after: Acl | None) -> bool:
    """Whether a change lets everyone in."""
    return after is not None and after.open_to_everyone() and not before.open_to_everyone()


def serving(before: Acl, after: Acl | None) -> Acl | None:
    """The ACL for a text that was published under `before`, while the document, whose content may be new, is under `after`.

    Who gains access gains it to the new text, so he waits for it; who loses access loses it now.
    """
    if after is None or proven_widening(after, before):
        return after
    return before if proven_widening(before, after) else before.intersect(after)


def retag(run: Run, changes: Iterable[Retag]) -> bool:
    """Carry out ACL changes, in groups: begin all (fenced where narrowed), write, prove converged, record.

    False when the index was not proven to know all of them: their pages have to be opened again.
    """
    proven = True
    for group in batches(changes, GROUP):
        proven &= _retag_group(run, group)
    return proven


def _retag_group(run: Run, group: list[Retag]) -> bool:
    begun = _begin(run, group)
    for item in begun:
        payload = run.collection.sealer.acl_payload(item.row.doc, item.row.issued, item.class_, run.install.nonce())
        if item.class_.acl == NOBODY:
            payload["acl_sealed"] = ""  # nothing to bind: no reader will ever match
        doc = item.row.doc.hex()
        older = Where((Eq("doc", doc), Lt("acl_version", item.row.issued)))
        with suppress(IndexInvalid):  # then it does not converge, and stays fenced where it narrows; the others are not to blame
            run.install.index.set_payload(run.collection.name, payload, older)
    run.install.index.barrier()
    return _finish(run, begun)


def _begin(run: Run, group: list[Retag]) -> list[_Begun]:
    install = run.install
    begun = []
    with install.transaction() as tx:
        for change in group:
            row, acl = change.row, change.acl
            if acl is not None and run.classes.full(run.tags.acl(acl)):
                acl = None
            before = run.classes.acl(row.class_id)
            class_ = run.classes.nobody(tx.ledger) if acl is None else run.classes.ensure(tx.ledger, run.tags.acl(acl), acl)
            narrowed = narrows(before, acl)
            run.report.opened += row.fence is not Fence.ACL and opens(before, acl)
            fence = Fence.ACL if acl is None else Fence.NARROWED if narrowed else row.fence
            row = replace(row, class_id=class_.id, issued=row.issued + 1, fence=fence)
            op = install.fresh_id()
            tx.ledger.put_doc(row)
            seq = tx.audit(
                run.event(
                    EventType.ACL_CHANGED,
                    Phase.INTENT,
                    op,
                    row.doc,
                    acl_version=row.issued,
                    acl_digest=_acl_commitment(run, class_),
                    narrowed=narrowed,
                    unknown=acl is None,
                    fenced=fence is not Fence.NONE,
                )
            )
            tx.ledger.put_intent(IntentRow(op, row.doc, EventType.ACL_CHANGED.value, run.id, seq))
            begun.append(_Begun(op, row, AclClass(class_.uid, NOBODY if acl is None else acl), change.changed_at))
    return begun


def _acl_commitment(run: Run, class_: ClassRow) -> str:
    return mac(run.install.keyring.identity.acl, "audit", class_.key).hex()[:32]


def _finish(run: Run, begun: list[_Begun]) -> bool:
    """Record what is proven: a document whose points did not all converge stays fenced and is looked at again."""
    install = run.install
    stale = {item.row.doc for item in begun if not _converged(run, item.row)}
    with install.transaction() as tx:
        for item in begun:
            row = item.row
            proven = row.doc not in stale
            if proven:
                fence = lifted(replace(row, floor=row.issued))
                fence = Fence.NONE if fence is Fence.NARROWED or (fence is Fence.ACL and item.class_.acl != NOBODY) else fence
                row = replace(row, floor=row.issued, fence=fence)
                run.land(Kind.ACL, item.changed_at)
                run.retagged.add(row.doc)
                run.touched.add(row.doc)
            else:
                row = replace(row, due=max(row.due, Due.LOOK))
            tx.ledger.put_doc(row)
            tx.ledger.drop_intent(item.op)
            tx.audit(
                run.event(
                    EventType.ACL_CHANGED,
                    Phase.OUTCOME,
                    item.op,
                    row.doc,
                    acl_version=row.issued,
                    outcome="ok" if proven else "not-converged",
                    seen_to_searchable_ms=max(0, int((install.now() - run.started) * 1000)),
                )
            )
    return not stale


def _converged(run: Run, row: DocRow) -> bool:
    """Whether no point of the document carries an older version, and as many as recorded carry this one."""
    index, name = run.install.index, run.collection.name
    if not index.keeps_points:
        return True
    mine = Eq("doc", row.doc.hex())
    if index.count(name, Where((mine, Lt("acl_version", row.issued)))):
        return False
    with run.install.ledger.read() as view:
        known = sum(point.state is PointState.LIVE for point in view.points(row.doc))
    return index.count(name, Where((mine,))) >= known
