"""What goes wrong between a client and the stand-in, as data: which request, what becomes of it, what the client sees."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

WRITES: Final = frozenset({"create", "drop", "index", "switch", "upsert", "set_payload", "delete"})
READS: Final = frozenset({"collections", "aliases", "exists", "info", "retrieve", "scroll", "count", "query"})
ALWAYS: Final = 10**9
"""`times` of a fault that does not end."""


class Kind(Enum):
    """What the client sees."""

    CLOSED = auto()
    """The connection ends, orderly, without an answer."""
    RESET = auto()
    """The connection is reset."""
    HALF = auto()
    """The head of the answer and half of its body, then the end."""
    NEVER = auto()
    """Nothing, for as long as the client cares to wait."""
    SLOW = auto()
    """The answer, after `seconds`."""
    DRIP = auto()
    """The head of the answer, then a byte of its body each `seconds`."""
    ANSWER = auto()
    """Another answer: `status`, `body`, `headers`."""
    DOWN = auto()
    """As RESET, and from then on nobody listens, until somebody starts the stand-in again."""


class Done(Enum):
    """What becomes of the request itself."""

    YES = auto()
    """It is carried out, before the client sees anything."""
    NO = auto()
    """It is not carried out."""
    LATER = auto()
    """It is carried out once `after` later writes were, or when the test says so: the late write."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. op: an operation of api.py, or "write", "read", "any"; at: which of those, from 0; times: how many of them."""

    op: str
    kind: Kind
    done: Done = Done.YES
    at: int = 0
    times: int = 1
    seconds: float = 0.0
    after: int = 1
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def concerns(self, op: str) -> bool:
        """Whether requests of this operation count."""
        match self.op:
            case "any":
                return True
            case "write":
                return op in WRITES
            case "read":
                return op in READS
            case _:
                return op == self.op


def answers(op: str, status: int, *headers: tuple[str, str], done: Done = Done.NO, body: bytes | None = None, **how) -> Fault:
    """An error of the server, by default one that says that nothing was done, in the form that Qdrant's errors have."""
    said = b'{"status":{"error":"Service internal error: told to"},"time":0.0}' if body is None else body
    return Fault(op, Kind.ANSWER, done, status=status, body=said, headers=headers, **how)


@dataclass
class Schedule:
    """The faults that are set, and what has come of them. Not counted before `set`."""

    faults: tuple[Fault, ...] = ()
    struck: list[tuple[str, Fault]] = field(default_factory=list)
    """Which operation was hit by which fault."""
    done: list[str] = field(default_factory=list)
    """Every write that was carried out, in order; a late one at the moment when it was."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[Fault, int] = {}
        self._late: list[list] = []

    def set(self, *faults: Fault) -> None:
        """From now on these, counted anew, and only these."""
        with self._lock:
            self.faults, self._seen = faults, dict.fromkeys(faults, 0)
            self.struck.clear()
            self.done.clear()

    def take(self, op: str) -> Fault | None:
        """The fault for the request that has just come; the first that is set wins."""
        with self._lock:
            hit = None
            for fault in self.faults:
                if fault.concerns(op):
                    number = self._seen[fault]
                    self._seen[fault] += 1
                    if hit is None and fault.at <= number < fault.at + fault.times:
                        hit = fault
            if hit is not None:
                self.struck.append((op, hit))
            return hit

    def postpone(self, fault: Fault, carry_out: Callable[[], object]) -> None:
        """Keep a write till later."""
        with self._lock:
            self._late.append([fault.after, carry_out])

    def was_done(self, op: str) -> None:
        """A write was carried out: those that waited for it are due. They are done before its client hears of it."""
        with self._lock:
            self.done.append(op)
            for waiting in self._late:
                waiting[0] -= 1
            due = [carry_out for left, carry_out in self._late if left <= 0]
            self._late = [waiting for waiting in self._late if waiting[0] > 0]
        for carry_out in due:
            carry_out()

    def catch_up(self) -> int:
        """Carry out every write that is late; how many there were."""
        with self._lock:
            due, self._late = [carry_out for _, carry_out in self._late], []
        for carry_out in due:
            carry_out()
        return len(due)
