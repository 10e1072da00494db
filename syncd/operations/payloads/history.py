"""What is given of the history."""

from typing_extensions import TypedDict  # typing's own tells pydantic too little before Python 3.12


class LoggedEvent(TypedDict):
    """One event. leaf: its bytes as text, JSON, which are what the history commits to; ts: microseconds since the epoch."""

    seq: int
    ts: int
    type: str
    phase: str
    source: str
    doc: str
    run: str
    leaf: str


class FindingGiven(TypedDict):
    """Something that was found at the events `first` to `last`, both included."""

    kind: str
    first: int
    last: int
    detail: str


class VerifyGiven(TypedDict):
    """verdict: "good", "broken", or "consistent, unauthenticated". signed: events that the last good checkpoint covers."""

    verdict: str
    events: int
    checkpoints: int
    signed: int
    authenticated: bool
    macs_checked: bool
    findings: list[FindingGiven]
    info: list[FindingGiven]
    omitted: int
