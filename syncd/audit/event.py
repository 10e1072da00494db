"""An event of the audit log: what happened, as a value.

No name, path, principal or text is ever in a leaf: the random doc id stands for a document, keyed digests for the rest.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from syncd.audit.canonical import Json

_WORD = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")


class EventType(StrEnum):
    """Everything that the log tells of."""

    RUN_STARTED = "run.started"
    RUN_FINISHED = "run.finished"
    DOC_SYNCED = "doc.synced"
    DOC_DELETED = "doc.deleted"
    DOC_MOVED = "doc.moved"
    DOC_QUARANTINED = "doc.quarantined"
    DOC_RELEASED = "doc.released"
    ACL_CHANGED = "acl.changed"
    ACL_FENCED = "acl.fenced"
    ACL_CONVERGED = "acl.converged"
    REINDEX_REQUESTED = "reindex.requested"
    ERASE_REQUESTED = "erase.requested"
    ERASE_COMPLETED = "erase.completed"
    KEY_CREATED = "key.created"
    KEY_ROTATED = "key.rotated"
    KEY_RETIRED = "key.retired"
    CONFIG_CHANGED = "config.changed"
    SPACE_CHANGED = "space.changed"
    GUARD_HALTED = "guard.halted"
    GUARD_CONFIRMED = "guard.confirmed"
    RECONCILE_FINISHED = "reconcile.finished"
    SCRUB_FOUND = "scrub.found"
    SCRUB_FINISHED = "scrub.finished"
    STORE_DRIFT = "store.drift"
    STORE_REPAIRED = "store.repaired"
    LEDGER_RECOVERED = "ledger.recovered"
    LEDGER_RESTORED = "ledger.restored"
    RETRIEVAL_IMPERSONATED = "retrieval.impersonated"
    RETRIEVAL_INTEGRITY = "retrieval.integrity"
    RETRIEVAL_SERVED = "retrieval.served"
    ACL_QUERIED = "acl.queried"
    NAMES_UNSEALED = "names.unsealed"
    SOURCE_PAUSED = "source.paused"
    SOURCE_RESUMED = "source.resumed"
    HOLD_SET = "hold.set"
    HOLD_LIFTED = "hold.lifted"
    EXPORT_MADE = "export.made"
    AUDIT_PRUNED = "audit.pruned"


class Phase(StrEnum):
    """Before or after the deed. An intent is closed by an outcome of the same op; a mere fact is an outcome alone."""

    INTENT = "intent"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who caused an event. kind and via are words (a-z, 0-9, dot, hyphen); uid is of the peer, auid of its login session."""

    kind: str
    uid: int | None = None
    auid: int | None = None
    via: str | None = None

    def __post_init__(self) -> None:
        check_words(self.kind, self.via)

    def fields(self) -> dict[str, Json]:
        """What the leaf says of it."""
        said = {"kind": self.kind, "uid": self.uid, "auid": self.auid, "via": self.via}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Event:
    """What happened. op pairs an intent with its outcome; cause is a word; the body's fields depend on the type.

    actor None is the process itself. The body must be canonical JSON without a field "doc": `doc` is put there.
    """

    type: EventType
    phase: Phase
    op: bytes
    run: bytes | None = None
    source: bytes | None = None
    doc: bytes | None = None
    cause: str | None = None
    actor: Actor | None = None
    body: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_words(self.cause)
        if b"" in (self.op, self.run, self.source, self.doc):
            raise ValueError("an id of no bytes")
        if "doc" in self.body:
            raise ValueError("the body's doc is given as `doc`")


def is_word(value: object) -> bool:
    """Whether `value` is a short word of a-z, 0-9, dot and hyphen, as causes, kinds and boots are: it can't be a path."""
    return isinstance(value, str) and _WORD.fullmatch(value) is not None


def check_words(*texts: str | None) -> None:
    """Raise ValueError for a text that is there and not a word."""
    for text in texts:
        if text is not None and not is_word(text):
            raise ValueError(f"not a word of a-z, 0-9, dot and hyphen: {text[:80]!a}")
