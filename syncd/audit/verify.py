"""Checking a log without trusting anybody: one pass over what is stored, no secret needed.

Time grows with the log, memory with its logarithm and the number of open intents.
"""

from collections.abc import Mapping
from dataclasses import astuple, fields

from syncd.audit.canonical import Json
from syncd.audit.checkpoints import CheckpointCheck
from syncd.audit.event import EventType
from syncd.audit.leaf import Columns, columns_of, decode_leaf
from syncd.audit.merkle import Frontier, leaf_hash
from syncd.audit.nodes import NodeCheck
from syncd.audit.note import Verifier
from syncd.audit.pairing import Pairing
from syncd.audit.report import Findings, Kind, Report
from syncd.audit.row import mac_holds, malformed, row_columns
from syncd.core.rows import EventRow
from syncd.ports import LedgerView


def verify(view: LedgerView, *, verifier: Verifier | None = None, row_key: bytes | None = None) -> Report:
    """Check the log in `view`. verifier: the key that was pinned; row_key: K_row, where the caller may have it.

    What is wrong is reported, never raised. A cut that took checkpoints along shows in nothing that is left here: only a
    checkpoint kept elsewhere tells.
    """
    found = Findings()
    rows = _RowCheck(row_key, found)
    nodes = NodeCheck(view, found)
    checkpoints = CheckpointCheck(view, verifier, found)
    pairing = Pairing(found)
    tree: Frontier | None = Frontier()
    size = 0
    checkpoints.reach(size, tree)
    for row in view.events():
        fault = malformed(row)
        if fault:
            found.add(Kind.FORM, size, size, f"the row after event {size - 1}: {fault}")
            tree = None
            continue
        if row.seq != size:
            found.add(Kind.GAP, min(size, row.seq), max(size, row.seq - 1), f"event {row.seq} stands where {size} should")
            tree = None
        pairing.see(rows.check(row), hinted=row.type == EventType.RUN_STARTED and _body(row).get("trigger") == "hint")
        if row.type == EventType.LEDGER_RESTORED:
            _restored(row, checkpoints, found)
        size = row.seq + 1
        if tree is not None:
            tree, completed = tree.push(row.leaf_hash)
            nodes.see(completed)
        checkpoints.reach(size, tree)
    checkpoints.finish(size)
    pairing.finish()
    if tree is not None:
        nodes.finish()
    if checkpoints.signed < size:
        count = size - checkpoints.signed
        found.add(Kind.UNSIGNED, checkpoints.signed, size - 1, f"no checkpoint that holds covers the last {count} events")
    return Report(
        size=size,
        checkpoints=checkpoints.count,
        signed=checkpoints.signed,
        authenticated=verifier is not None and checkpoints.signed > 0,
        mac_checked=row_key is not None,
        findings=tuple(found.faults),
        info=tuple(found.info),
        omitted=found.omitted,
    )


def _body(row: EventRow) -> Mapping[str, Json]:
    """What the leaf of an event says beyond its envelope; nothing where it can't be read."""
    try:
        body = decode_leaf(row.leaf or b"").get("body")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _restored(row: EventRow, checkpoints: CheckpointCheck, found: Findings) -> None:
    """The history goes on from an older state, or begins anew: no fault, and nothing that a reader may overlook."""
    body = _body(row)
    generation, anchored = body.get("generation"), body.get("anchored")
    if isinstance(generation, int):
        checkpoints.began(generation)
    known = f"{anchored} events were signed before" if isinstance(anchored, int) else "nothing is known of what was signed before"
    found.add(Kind.RESTORED, row.seq, row.seq, f"the ledger was restored or lost, and this is generation {generation!a}: {known}")


class _RowCheck:
    """Checks what a row says of itself."""

    def __init__(self, row_key: bytes | None, found: Findings) -> None:
        self._row_key = row_key
        self._found = found
        self._install: object = None

    def check(self, row: EventRow) -> Columns:
        """Check a well-formed row; what it says happened: by its leaf, or, where that can't be read, by its columns."""
        columns = row_columns(row)
        leaf = row.leaf or b""
        if leaf_hash(leaf) != row.leaf_hash:
            self._fault(Kind.LEAF, row, "the leaf does not have the hash that its row says")
        if self._row_key is not None and not mac_holds(self._row_key, row):
            self._fault(Kind.MAC, row, "the row was not written by a holder of the row key")
        try:
            decoded = decode_leaf(leaf)
            said = columns_of(decoded)
        except ValueError as error:
            self._fault(Kind.FORM, row, f"its leaf: {error}")
            return columns
        if said != columns:
            pairs = zip(fields(Columns), astuple(said), astuple(columns), strict=True)
            names = ", ".join(field.name for field, ours, theirs in pairs if ours != theirs)
            self._fault(Kind.COLUMNS, row, f"not as in its leaf: {names}")
        self._install = self._install or decoded["install"]
        if decoded["install"] != self._install:
            self._fault(Kind.INSTALL, row, f"of install {decoded['install']!a:.80}")
        return said

    def _fault(self, kind: Kind, row: EventRow, detail: str) -> None:
        self._found.add(kind, row.seq, row.seq, detail)
