"""The guard: what is too much to be believed at once waits for a person."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """A source may lose at most `share` of its documents in one run once that is at least `floor` documents; the same for
    documents that open to everyone. An emptied source halts whatever its size.
    """

    share: float = 0.2
    floor: int = 50


def deletions(known: int, missing: int, limits: Limits) -> str | None:
    """Why the deletion of `missing` of `known` documents must wait, or None."""
    if known and missing >= known:
        return f"all {known} documents are gone"
    if beyond(known, missing, limits):
        return f"{missing} of {known} documents are gone"
    return None


def widenings(known: int, opened: int, limits: Limits) -> str | None:
    """Why opening `opened` of `known` documents to everyone must wait, or None."""
    return f"{opened} of {known} documents would open to everyone" if beyond(known, opened, limits) else None


def beyond(known: int, touched: int, limits: Limits) -> bool:
    """Whether `touched` is more than the share and at least the floor."""
    return touched >= limits.floor and touched > limits.share * known
