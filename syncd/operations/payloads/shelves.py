"""What is given of sources and of quarantine."""

from typing_extensions import TypedDict  # typing's own tells pydantic too little before Python 3.12

from syncd.operations.payloads.status import Scrubbed


class SourceLine(TypedDict):
    """One source, in short."""

    source: str
    state: str
    paused: bool
    watched: bool | None
    doing: str | None
    pending: int | None
    documents: int
    complete_at: str | None
    poll_every: float | None
    scrub: Scrubbed | None


class SourcesGiven(TypedDict):
    """Every source."""

    sources: list[SourceLine]


class PausedGiven(TypedDict):
    """changed: it was not so before."""

    source: str
    paused: bool
    changed: bool


class Shelved(TypedDict):
    """What is not indexed, and why. dropped: somebody does not want to hear of it."""

    source: str
    key: str
    reason: str
    detail: str
    serving_older_version: bool
    attempts: int
    since: str | None
    last_try: str | None
    next_try: str | None
    dropped: bool


class QuarantineGiven(TypedDict):
    """By source and key."""

    quarantine: list[Shelved]


class RetryGiven(TypedDict):
    """retry: when."""

    source: str
    key: str
    retry: str


class DroppedGiven(TypedDict):
    """What is left out of lists and counts from here on."""

    source: str
    key: str
    dropped: bool
