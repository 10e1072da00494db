"""The stored checkpoints hold: each is what its note says, signed, of this log, and has the root of the events before it.

Roots that all equal the recomputed ones are consistent with each other: no proof between two of them could say more.
"""

from dataclasses import replace

from syncd.audit.lineage import FIRST, Lineage, parted
from syncd.audit.merkle import Frontier
from syncd.audit.note import Checkpoint, Verifier, note_text
from syncd.audit.report import Findings, Kind
from syncd.audit.stored import StoredCheckpoint, checkpoint_malformed
from syncd.ports import LedgerView


class CheckpointCheck:
    """Checks them in order of size, while the tree grows. count: those that were read; signed: the size of the last good one."""

    def __init__(self, view: LedgerView, verifier: Verifier | None, found: Findings) -> None:
        self._verifier = verifier
        self._found = found
        self._rows = view.checkpoints()
        self._lineage = Lineage(verifier.name) if verifier else None
        self._generation = FIRST
        self._begun: set[int] = set()
        self._before = 0
        self._diverged = False
        self.count = 0
        self.signed = 0
        self._next = self._read()

    def began(self, generation: int) -> None:
        """An event says that a generation begins with it: the next checkpoints may be under its name."""
        self._begun.add(generation)

    def reach(self, size: int, tree: Frontier | None) -> None:
        """`size` events were read. tree: theirs, None where it is lost, since events are missing."""
        while self._next is not None and self._next.size <= size:
            self._check(self._next, tree)
            self._next = self._read()

    def finish(self, size: int) -> None:
        """No more events than `size`: a checkpoint of more tells that the log was cut."""
        while self._next is not None:
            signed = self._believed(self._next, self._before)
            if signed is not None and signed.size > size:
                self._found.add(Kind.CUT, size, signed.size - 1, f"a checkpoint counts {signed.size} events, {size} are there")
            self._next = self._read()

    def _read(self) -> StoredCheckpoint | None:
        """The next row that can be a checkpoint."""
        for row in self._rows:
            self.count += 1
            stored = StoredCheckpoint(*row)
            if not checkpoint_malformed(stored):
                return stored
            self._found.add(Kind.CHECKPOINT, self._before, self._before, f"a checkpoint that is none: {row[0]!a:.40}")
        return None

    def _check(self, stored: StoredCheckpoint, tree: Frontier | None) -> None:
        """Check a checkpoint of as many events as were read."""
        first, self._before = self._before, stored.size
        signed = self._believed(stored, first)
        if signed is None or tree is None or self._diverged or signed.size != stored.size:
            return
        if signed.root != tree.root():
            # Every later root would differ as well: the first one that does tells where.
            self._diverged = True
            self._found.add(Kind.ROOT, first, stored.size - 1, f"the checkpoint at {stored.size} events signed others than these")
        else:
            self.signed = stored.size

    def _believed(self, stored: StoredCheckpoint, first: int) -> Checkpoint | None:
        """What the note says, None unless it is of this log and signed; what is wrong is found for the events from `first`."""
        try:
            signed = Checkpoint.parse(note_text(stored.note))
        except ValueError as error:
            self._fault(Kind.CHECKPOINT, first, stored, str(error))
            return None
        if (signed.size, signed.root) != (stored.size, stored.root):
            self._fault(Kind.CHECKPOINT, first, stored, "the row is not what its note says")
        generation = self._of(signed.origin)
        if generation is None:
            self._fault(Kind.ORIGIN, first, stored, f"it is of {signed.origin!a:.80}")
        if self._verifier is not None:
            verifier = replace(self._verifier, name=signed.origin if generation is not None else self._verifier.name)
            try:
                verifier.open(stored.note)
            except ValueError as error:
                self._fault(Kind.SIGNATURE, first, stored, str(error))
                return None
        if generation is None:
            return None
        self._generation = generation
        return signed

    def _of(self, origin: str) -> int | None:
        """The generation of that name, if it is the present one or one that an event has begun; None for any other."""
        if self._lineage is None:
            self._lineage, self._generation = parted(origin)
        try:
            generation = self._lineage.generation(origin)
        except ValueError:
            return None
        known = generation == self._generation or (generation > self._generation and generation in self._begun)
        return generation if known else None

    def _fault(self, kind: Kind, first: int, stored: StoredCheckpoint, detail: str) -> None:
        self._found.add(kind, first, stored.size - 1, f"the checkpoint at {stored.size} events: {detail}")
