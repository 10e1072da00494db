"""The ledger's row of an event: leaf, leaf hash, index columns, and a MAC that only the holder of K_row can make."""

import hmac

from syncd.audit.event import Event
from syncd.audit.leaf import Columns, Stamp, encode_leaf
from syncd.audit.merkle import HASH_SIZE, leaf_hash
from syncd.core.rows import EventRow
from syncd.core.tlv import tlv


def make_row(event: Event, stamp: Stamp, row_key: bytes) -> EventRow:
    """The row of `event` as recorded at `stamp`. Raises ValueError when its leaf can't be written."""
    leaf = encode_leaf(event, stamp)
    columns = Columns(
        seq=stamp.seq,
        ts=stamp.ts,
        type=event.type.value,
        phase=event.phase.value,
        op=event.op.hex(),
        run=event.run.hex() if event.run else "",
        source=event.source.hex() if event.source else "",
        doc=event.doc.hex() if event.doc else "",
    )
    digest = leaf_hash(leaf)
    return EventRow(
        seq=columns.seq,
        leaf=leaf,
        leaf_hash=digest,
        mac=row_mac(row_key, digest, columns),
        ts=columns.ts,
        type=columns.type,
        phase=columns.phase,
        op=columns.op,
        run=columns.run,
        source=columns.source,
        doc=columns.doc,
    )


def row_columns(row: EventRow) -> Columns:
    """The index columns of a stored row."""
    return Columns(row.seq, row.ts, row.type, row.phase, row.op, row.run, row.source, row.doc)


def row_mac(row_key: bytes, digest: bytes, columns: Columns) -> bytes:
    """HMAC-SHA256(K_row, TLV("syncd/row", seq, leaf hash, ts, type, phase, op, run, source, doc))."""
    message = tlv(
        "syncd/row",
        columns.seq,
        digest,
        columns.ts,
        columns.type,
        columns.phase,
        columns.op,
        columns.run,
        columns.source,
        columns.doc,
    )
    return hmac.digest(row_key, message, "sha256")


def mac_holds(row_key: bytes, row: EventRow) -> bool:
    """Whether the row, as it is stored, was written by a holder of K_row. `row` is well formed."""
    return hmac.compare_digest(row_mac(row_key, row.leaf_hash, row_columns(row)), row.mac)


def malformed(row: EventRow) -> str | None:
    """What makes a stored row one that was never written here; None when nothing does. A ledger's columns can hold anything."""
    if not isinstance(row.leaf, bytes):
        return "its leaf is not there"
    if not isinstance(row.leaf_hash, bytes) or len(row.leaf_hash) != HASH_SIZE:
        return "its leaf hash is no hash"
    if not isinstance(row.mac, bytes):
        return "its MAC is no MAC"
    if not all(type(value) is int and 0 <= value < 2**63 for value in (row.seq, row.ts)):
        return "its seq or time is no such number"
    text = (row.type, row.phase, row.op, row.run, row.source, row.doc)
    if not all(isinstance(value, str) and value.isascii() for value in text):
        return "an index column is not ASCII text"
    return None
