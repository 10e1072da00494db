"""The difference between what is there and what is recorded: one decision table, pure.

Both sides are tags: short byte strings that are equal if and only if the facts behind them are (seal.identity makes them).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from syncd.core.model import Reason, Refusal


class Action(StrEnum):
    """What a difference asks for; the signs are those of `syncd plan`."""

    ADD = "+"
    UPDATE = "~"
    MOVE = ">"
    RETAG = "a"
    DELETE = "-"
    QUARANTINE = "!"
    LOOK = "?"
    """Only the content can tell whether it changed."""
    REFRESH = "="
    """Looked at, and equal: only the version that was seen is new."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One side: an observation in tags. acl: key of the ACL's class, None when it is unknown."""

    version: bytes
    identity: bytes | None
    acl: bytes | None
    racy: bool = False
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The other side: what the ledger says of the same key."""

    version: bytes
    acl: bytes
    content: bytes
    shape: bytes
    racy: bool = False
    complete: bool = True
    """False when a change of it was begun and never proven, or it is hidden until it is seen again."""
    shut: bool = False
    """Fenced because its ACL is unknown: nobody reads it, so nothing is urgent."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A key in quarantine of which nothing older serves."""

    version: bytes
    shape: bytes
    reason: str
    resting: bool
    """Its next try has not come yet."""


PERMANENT = frozenset({Reason.FORMAT, Reason.TOO_LARGE, Reason.SPECIAL})
"""Reasons that only another version, extractor or configuration can lift."""


def compare(seen: Seen, recorded: Recorded | None, shape: bytes) -> tuple[Action, ...]:
    """What one listed key asks for, ACL before content: who must not read any more must not wait for an embedding.

    | seen     | recorded | then                                                                              |
    |----------|----------|-----------------------------------------------------------------------------------|
    | no ACL   | either   | QUARANTINE                                                                        |
    | refused  | either   | QUARANTINE, and RETAG where the class differs: an older version goes on serving   |
    | yes      | -        | ADD                                                                               |
    | yes      | yes      | RETAG where the class differs; LOOK unless version and shape are equal, and it is |
    |          |          | complete and not racy                                                             |
    """
    if seen.acl is None:
        return (Action.QUARANTINE,)
    retag = (Action.RETAG,) if recorded is not None and recorded.acl != seen.acl else ()
    if seen.refusal is not None:
        return (*retag, Action.QUARANTINE)
    if recorded is None:
        return (Action.ADD,)
    same = seen.version == recorded.version and recorded.shape == shape and recorded.complete and not recorded.racy
    return retag if same else (*retag, Action.LOOK)


def settle_look(recorded: Recorded, content: bytes, shape: bytes) -> Action:
    """What a LOOK turned out to be, once the content's tag is known."""
    same = content == recorded.content and recorded.shape == shape and recorded.complete
    return Action.REFRESH if same else Action.UPDATE


def still_shelved(seen: Seen, shelved: Shelved, shape: bytes) -> bool:
    """Whether a quarantined key may stay where it is without another look."""
    if seen.acl is None:
        return shelved.reason == Reason.ACL
    if seen.refusal is not None:
        return shelved.reason == seen.refusal.reason
    if shelved.reason not in PERMANENT and not shelved.resting:
        return False
    return seen.version == shelved.version and shelved.shape == shape and shelved.reason != Reason.ACL


@dataclass(frozen=True, slots=True)
class PageDiff:
    """What a page asks for, key by key in key order. shelved: keys that stay in quarantine."""

    actions: tuple[tuple[str, Action], ...]
    shelved: tuple[str, ...]


def diff_page(
    seen: Mapping[str, Seen], recorded: Mapping[str, Recorded], shelved: Mapping[str, Shelved], shape: bytes
) -> PageDiff:
    """The difference of one completely listed page. What is recorded and not listed is the caller's: its key is sealed."""
    actions: list[tuple[str, Action]] = []
    staying: list[str] = []
    for key, mine in seen.items():
        before, parked = recorded.get(key), shelved.get(key)
        served = before is None or before.shut or (before.complete and mine.acl is not None)
        if parked is not None and served and still_shelved(mine, parked, shape):
            staying.append(key)
            if before is not None and mine.acl is not None and mine.acl != before.acl:
                actions.append((key, Action.RETAG))
        else:
            actions += ((key, action) for action in compare(mine, before, shape))
    return PageDiff(tuple(actions), tuple(staying))
