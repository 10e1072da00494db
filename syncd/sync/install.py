"""What every use case of an install works with, in one noun."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from syncd.audit.anchors import Anchors
from syncd.audit.canonical import Json
from syncd.audit.event import Actor, Event, EventType, Phase
from syncd.audit.log import AuditLog
from syncd.core.chunking import Sizes
from syncd.core.guard import Limits
from syncd.core.keys import Keyring
from syncd.ports import Clock, Embedder, Entropy, Extractor, Ledger, LedgerTx, VectorIndex
from syncd.seal.aead import NONCE
from syncd.seal.points import TextMode


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings of the use cases. max_classes: distinct ACLs beyond which a new one is quarantined."""

    sizes: Sizes
    text: TextMode = TextMode.SEALED
    guard: Limits = field(default_factory=Limits)
    widening: Limits = field(default_factory=Limits)
    max_classes: int = 100_000
    group_chunks: int = 512
    group_documents: int = 256
    group_bytes: int = 32 << 20


@dataclass(frozen=True, slots=True)
class Transaction:
    """One write transaction on ledger and audit log together. notes: of checkpoints, for the anchors once it is committed."""

    ledger: LedgerTx
    log: AuditLog
    notes: list[str] = field(default_factory=list)

    def audit(self, event: Event) -> int:
        """Append an event; returns its sequence number."""
        return self.log.append(self.ledger, event)

    def checkpoint(self) -> None:
        """Sign the log with all that this transaction appended."""
        self._signed(self.log.checkpoint(self.ledger))

    def restored(self, op: bytes, actor: Actor, body: Mapping[str, Json], generation: int) -> None:
        """Begin another generation of the history with an event that says so."""
        said = {**body, "generation": generation}
        event = Event(EventType.LEDGER_RESTORED, Phase.OUTCOME, op, actor=actor, body=said)
        self._signed(self.log.restored(self.ledger, event, generation))

    def _signed(self, note: str | None) -> None:
        if note is not None:
            self.notes.append(note)


@dataclass(frozen=True, slots=True)
class Install:
    """Ports, keys and policy. Built in wiring, read everywhere below."""

    ledger: Ledger
    index: VectorIndex
    embedder: Embedder
    extractor: Extractor
    keyring: Keyring
    audit: AuditLog
    anchors: Anchors
    clock: Clock
    entropy: Entropy
    policy: Policy

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Ledger state and audit events commit together or not at all."""
        with self.ledger.write() as tx:
            transaction = Transaction(tx, self.audit)
            yield transaction
        for note in transaction.notes[-1:]:
            self.anchors.keep(note)

    def nonce(self) -> bytes:
        """A fresh nonce."""
        return self.entropy.bytes(NONCE)

    def fresh_id(self) -> bytes:
        """16 random bytes: a document, a class, an operation, a run."""
        return self.entropy.bytes(16)

    def now(self) -> float:
        """Unix seconds."""
        return self.clock.now().timestamp()

    def checkpoint(self) -> None:
        """Sign the log when it is due."""
        if self.audit.due(self.clock.now()):
            with self.transaction() as tx:
                tx.checkpoint()


__all__ = ["Actor", "Event", "EventType", "Install", "Phase", "Policy", "Transaction"]
