"""The writing side of the audit log: events and checkpoints go into the ledger's own transactions."""

from dataclasses import dataclass, replace
from datetime import datetime

from syncd.audit.event import Actor, Event, check_words
from syncd.audit.leaf import ENTROPY_SIZE, Stamp, microseconds
from syncd.audit.merkle import Frontier, leaf_hash
from syncd.audit.note import Checkpoint, Signer, Verifier, note_text
from syncd.audit.row import mac_holds, make_row, malformed
from syncd.audit.stored import StoredCheckpoint, last_checkpoint, stored_frontier, stored_leaf_hash
from syncd.core.rows import EventRow
from syncd.errors import AuditBroken
from syncd.ports import Clock, Entropy, LedgerTx, LedgerView

CHECKPOINT_EVENTS = 1024
"""So many events without a checkpoint make one due."""
CHECKPOINT_SECONDS = 60
"""So long a wait of the oldest event without a checkpoint makes one due."""


@dataclass(frozen=True, slots=True)
class _State:
    """The log as this process knows it. last: the newest leaf hash; waiting: ts of the oldest event without a checkpoint."""

    frontier: Frontier
    last: bytes
    signed: int
    waiting: int | None


class AuditLog:
    """Appends events, signs checkpoints. All calls that take a transaction belong to the ledger's one writer.

    row_key: K_row. signer: None where this process may not sign. verifier: the pinned key; the signer's own unless given.
    The key's name is the origin of the checkpoints. boot: which boot of the machine, a word.

    The frontier in memory is never ahead of the ledger: what a transaction appended counts when a later one finds it there,
    so a caller may roll back, fail to commit or share the ledger with another process without telling the log. A LedgerTx
    object stands for one transaction: to append on one that is over is an error of the caller.
    """

    def __init__(
        self,
        *,
        install: bytes,
        row_key: bytes,
        signer: Signer | None,
        clock: Clock,
        entropy: Entropy,
        boot: str,
        actor: Actor,
        verifier: Verifier | None = None,
    ) -> None:
        check_words(boot)
        self._install = install
        self._row_key = row_key
        self._signer = signer
        self._verifier = verifier or (signer.verifier if signer else None)
        self._clock = clock
        self._entropy = entropy
        self._boot = boot
        self._actor = actor
        self._tx: LedgerTx | None = None
        self._committed: _State | None = None
        """What was seen in the ledger by a transaction, or a snapshot, that did not write it."""
        self._latest: _State | None = None
        """`_committed`, and what `_tx` appended since."""

    def open(self, view: LedgerView) -> None:
        """Read where the log stands; appending does it when nobody did.

        Raises AuditBroken when the stored tree is not the one that the last checkpoint signed, or an event after it is not
        as this install wrote it: whoever went on from there would sign what an intruder left.
        """
        if view is self._tx:
            return
        self._tx = None
        self._committed = self._latest = self._restore(view)

    def append(self, tx: LedgerTx, event: Event) -> int:
        """Record `event` and return its seq. Raises AuditBroken (see `open`), ValueError for a body that is not canonical."""
        state = self._begin(tx)
        stamp = Stamp(
            seq=state.frontier.size,
            ts=microseconds(self._clock.now()),
            mono_ns=self._clock.monotonic_ns(),
            boot=self._boot,
            install=self._install,
            entropy=self._entropy.bytes(ENTROPY_SIZE),
            actor=self._actor,
        )
        row = make_row(event, stamp, self._row_key)
        frontier, completed = state.frontier.push(row.leaf_hash)
        tx.put_event(row)
        for node in completed:
            tx.put_node(*node)
        self._latest = _grown(state, frontier, row)
        return row.seq

    def checkpoint(self, tx: LedgerTx) -> str | None:
        """Sign the tree with all that `tx` appended; the note, to be published after the commit only.

        None without a signer, and when there is nothing that the last checkpoint does not cover. Raises AuditBroken.
        """
        state = self._begin(tx)
        if self._signer is None or not state.frontier.size:
            return None
        size = state.frontier.size
        last = last_checkpoint(tx)
        note = None
        if last is None or last.size < size:
            root = state.frontier.root()
            note = self._signer.sign(Checkpoint(self._signer.name, size, root).text)
            tx.put_checkpoint(size, root, note)
        elif last.size > size:
            raise AuditBroken(detail=f"{last.size} events were signed, {size} are there")
        self._latest = replace(state, signed=size, waiting=None)
        return note

    def due(self, now: datetime) -> bool:
        """Whether 1,024 events, or one for 60 s, wait for a checkpoint. Of a log that was not opened nothing is known: no."""
        state = self._latest
        if state is None or state.waiting is None:
            return False
        waited = microseconds(now) - state.waiting
        # A clock that was set back says nothing about how long: then sign rather than wait.
        return state.frontier.size - state.signed >= CHECKPOINT_EVENTS or not 0 <= waited < CHECKPOINT_SECONDS * 1_000_000

    def _begin(self, tx: LedgerTx) -> _State:
        """The state to go on from in `tx`."""
        if tx is not self._tx or self._latest is None:
            self._committed = self._latest = self._extend(tx, self._known(tx))
            self._tx = tx
        return self._latest

    def _known(self, view: LedgerView) -> _State:
        """The newest of the states in memory that the ledger holds."""
        if self._committed is None or self._latest is None:
            return self._restore(view)
        for state in (self._latest, self._committed):
            # Leaves have random ids, so the newest leaf stands for all before it.
            if _leaf_hash_at(view, state.frontier.size - 1) == state.last:
                return state
        raise AuditBroken(detail=f"event {self._committed.frontier.size - 1} was there and is not any more")

    def _restore(self, view: LedgerView) -> _State:
        """The state of a ledger of which nothing is known: up to the last checkpoint by signature, from there by row MACs."""
        last = last_checkpoint(view)
        if last is None:
            return self._extend(view, _State(Frontier(), b"", 0, None))
        self._check_signed(last)
        frontier = stored_frontier(view, last.size)
        if frontier.root() != last.root:
            raise AuditBroken(detail=f"the first {last.size} events are not those that the last checkpoint signed")
        return self._extend(view, _State(frontier, stored_leaf_hash(view, last.size - 1), last.size, None))

    def _check_signed(self, stored: StoredCheckpoint) -> None:
        """Raise AuditBroken unless the checkpoint is what its note says, and the note is signed where a key is known."""
        try:
            text = self._verifier.open(stored.note) if self._verifier else note_text(stored.note)
            signed = Checkpoint.parse(text)
        except ValueError as error:
            raise AuditBroken(detail=f"the checkpoint at {stored.size} events: {error}") from error
        origin = self._verifier.name if self._verifier else signed.origin
        if signed != Checkpoint(origin, stored.size, stored.root):
            raise AuditBroken(detail=f"the checkpoint at {stored.size} events is not what its note says")

    def _extend(self, view: LedgerView, state: _State) -> _State:
        """`state` and the events after it, which must be as a holder of the row key wrote them."""
        for row in view.events(since=state.frontier.size):
            seq = state.frontier.size
            fault = malformed(row)
            if fault or row.seq != seq or row.leaf is None:
                raise AuditBroken(detail=f"event {seq}: {fault or 'it is not there'}")
            if leaf_hash(row.leaf) != row.leaf_hash or not mac_holds(self._row_key, row):
                raise AuditBroken(detail=f"event {seq} is not as it was written")
            frontier, _ = state.frontier.push(row.leaf_hash)
            state = _grown(state, frontier, row)
        return state


def _grown(state: _State, frontier: Frontier, row: EventRow) -> _State:
    """`state` after the event of `row`."""
    return _State(frontier, row.leaf_hash, state.signed, row.ts if state.waiting is None else state.waiting)


def _leaf_hash_at(view: LedgerView, seq: int) -> bytes:
    """The stored leaf hash of event `seq`; b"" before the first, or where there is none."""
    row = view.event(seq) if seq >= 0 else None
    return row.leaf_hash if row else b""
