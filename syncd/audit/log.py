"""The writing side of the audit log: events and checkpoints go into the ledger's own transactions."""

from dataclasses import dataclass, replace
from datetime import datetime

from syncd.audit.event import Actor, Event, check_words
from syncd.audit.leaf import ENTROPY_SIZE, Stamp, microseconds
from syncd.audit.lineage import FIRST, Lineage, read_mark
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
    """The log as this process knows it. last: the newest leaf hash; waiting: ts of the oldest event without a checkpoint.

    generation: how often the ledger was restored, see lineage.py.
    """

    frontier: Frontier
    last: bytes
    signed: int
    waiting: int | None
    generation: int = FIRST


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
        self._lineage = Lineage(self._verifier.name) if self._verifier else None
        self._clock = clock
        self._entropy = entropy
        self._boot = boot
        self._actor = actor
        self._tx: LedgerTx | None = None
        self._committed: _State | None = None
        """What was seen in the ledger by a transaction, or a snapshot, that did not write it."""
        self._latest: _State | None = None
        """`_committed`, and what `_tx` appended since."""

    @property
    def verifier(self) -> Verifier | None:
        """The key by which the log's checkpoints are trusted."""
        return self._verifier

    @property
    def actor(self) -> Actor:
        """Who causes what no other actor is named for: the process itself."""
        return self._actor

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
        if self._signer is None or self._lineage is None or not state.frontier.size:
            return None
        size = state.frontier.size
        last = last_checkpoint(tx)
        note = None
        if last is None or last.size < size:
            root = state.frontier.root()
            signer = self._lineage.signer(self._signer, state.generation)
            note = signer.sign(Checkpoint(signer.name, size, root).text)
            tx.put_checkpoint(size, root, note)
        elif last.size > size:
            raise AuditBroken(detail=f"{last.size} events were signed, {size} are there")
        self._latest = replace(state, signed=size, waiting=None)
        return note

    def generation(self, tx: LedgerTx) -> int:
        """Which generation of the history this is."""
        return self._begin(tx).generation

    def restored(self, tx: LedgerTx, event: Event, generation: int) -> str | None:
        """Record `event` and begin a generation with it, signed at once under its name; the note, as of `checkpoint`."""
        self.append(tx, event)
        self._latest = replace(self._begin(tx), generation=generation)
        return self.checkpoint(tx)

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
        generation = self._check_signed(last)
        frontier = stored_frontier(view, last.size)
        if frontier.root() != last.root:
            raise AuditBroken(detail=f"the first {last.size} events are not those that the last checkpoint signed")
        return self._extend(view, _State(frontier, stored_leaf_hash(view, last.size - 1), last.size, None, generation))

    def _check_signed(self, stored: StoredCheckpoint) -> int:
        """The generation that signed a checkpoint; it was not asked for where no key is known, for then nobody signs.

        Raises AuditBroken unless the checkpoint is what its note says, and the note is signed where a key is known.
        """
        try:
            if self._lineage is None:
                signed = Checkpoint.parse(note_text(stored.note))
                generation, size, root = FIRST, signed.size, signed.root
            else:
                mark = read_mark(stored.note, self._lineage, self._verifier)
                generation, size, root = mark.generation, mark.size, mark.root
        except ValueError as error:
            raise AuditBroken(detail=f"the checkpoint at {stored.size} events: {error}") from error
        if (size, root) != (stored.size, stored.root):
            raise AuditBroken(detail=f"the checkpoint at {stored.size} events is not what its note says")
        return generation

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
    return replace(state, frontier=frontier, last=row.leaf_hash, waiting=row.ts if state.waiting is None else state.waiting)


def _leaf_hash_at(view: LedgerView, seq: int) -> bytes:
    """The stored leaf hash of event `seq`; b"" before the first, or where there is none."""
    row = view.event(seq) if seq >= 0 else None
    return row.leaf_hash if row else b""
