"""What a verification found, as values."""

from dataclasses import dataclass, field
from enum import StrEnum

LIMIT = 1000
"""So many findings are named; the others are counted. A log that is wrong throughout must not fill the memory."""


class Kind(StrEnum):
    """What is wrong; the last three are no faults, but a reader must know them."""

    GAP = "gap"
    """Events are missing, or out of order."""
    FORM = "form"
    """A row or leaf that was never written in this form."""
    LEAF = "leaf"
    """The leaf's bytes do not have the hash that the row says."""
    COLUMNS = "columns"
    """An index column says something else than the leaf."""
    MAC = "mac"
    """The row was not written by a holder of the row key."""
    INSTALL = "install"
    """The event is of another install."""
    NODE = "node"
    """A stored node is not the hash of what is below it."""
    CHECKPOINT = "checkpoint"
    """A stored checkpoint is not what its note says."""
    ORIGIN = "origin"
    """A checkpoint is of another log."""
    SIGNATURE = "signature"
    """A checkpoint is not signed by the pinned key."""
    ROOT = "root"
    """The events are not those that the checkpoint signed."""
    CUT = "cut"
    """Events that a checkpoint signed are not there any more."""
    PAIR = "pair"
    """An intent without its outcome before a clean stop, or one made twice."""
    OPEN = "open"
    """An intent that may yet have its outcome."""
    UNSIGNED = "unsigned"
    """Events that no checkpoint covers."""
    RESTORED = "restored"
    """The ledger was put back to an older state, or lost: what was signed after that is not here."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found at the events `first` to `last`, both included. `detail` is ASCII, safe for a terminal."""

    kind: Kind
    first: int
    last: int
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification says of a log of `size` events and `checkpoints` checkpoints.

    signed: events covered by the last checkpoint that holds. authenticated: a pinned key signed that checkpoint. mac_checked:
    each row's MAC was checked too. findings: faults; info: what is no fault. omitted: further ones, counted only.
    """

    size: int
    checkpoints: int
    signed: int
    authenticated: bool
    mac_checked: bool
    findings: tuple[Finding, ...]
    info: tuple[Finding, ...]
    omitted: int

    @property
    def good(self) -> bool:
        """Nothing is wrong; how much that is worth, `authenticated` and `signed` say."""
        return not self.findings


@dataclass(slots=True)
class Findings:
    """Collects them, up to LIMIT each of faults and info."""

    faults: list[Finding] = field(default_factory=list)
    info: list[Finding] = field(default_factory=list)
    omitted: int = 0

    def add(self, kind: Kind, first: int, last: int, detail: str) -> None:
        """Note something about the events `first` to `last`."""
        into = self.info if kind in {Kind.OPEN, Kind.UNSIGNED, Kind.RESTORED} else self.faults
        if len(into) < LIMIT:
            harmless = detail.isascii() and detail.isprintable()
            into.append(Finding(kind, first, last, detail if harmless else ascii(detail)))
        else:
            self.omitted += 1
