"""Drift: how what the store holds can differ from what is recorded, and cheap proofs that it does not."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Final
from uuid import UUID

from syncd.core.model import PointId
from syncd.core.points import is_number

BUCKETS: Final = 4096
"""A tally has so many: the first 12 bits of an id choose one. Ids are uniform, being a MAC."""
_MASK: Final = (1 << 128) - 1


class Drift(StrEnum):
    """What is wrong with a point."""

    MISSING = "missing"
    """Recorded, and not in the store."""
    EXTRA = "extra"
    """In the store, of a document that is or was ours, and not recorded."""
    ALTERED = "altered"
    """It does not say what is recorded, or its vector is not what the model says."""
    UNSEALED = "unsealed"
    """A blob of it does not open for this point of this document."""
    FOREIGN = "foreign"
    """Nobody here wrote it."""
    UNFENCED = "unfenced"
    """Its document's ACL is unknown, and the store would give it to somebody."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a point's payload says in plain, each None where it says nothing that makes sense."""

    doc: str | None
    fp: str | None
    version: int | None
    token: str | None
    epoch: int | None

    @classmethod
    def of(cls, payload: Mapping[str, object]) -> "Said":
        """From a payload that anybody may have written."""
        return cls(
            _text(payload.get("doc")),
            _text(payload.get("fp")),
            _number(payload.get("acl_version")),
            _text(payload.get("acl_class")),
            _number(payload.get("epoch")),
        )

    def facts(self) -> bytes:
        """All of it, in one form."""
        return json.dumps((self.doc, self.fp, self.version, self.token, self.epoch)).encode()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a recorded point has to say. floor, issued: its ACL version lies between them; token: of its class in the epoch.

    unknown: its document's ACL is unknown; fenced: no reader is shown it.
    """

    doc: str
    fp: str
    floor: int
    issued: int
    unknown: bool = False
    fenced: bool = False

    def judge(self, said: Said, token: str | None) -> Drift | None:
        """What is wrong with a point that says this; None when nothing is. token: of the class, in the epoch that it names.

        A version below the last one that was issued is under way, and carries the class of before.
        """
        if self.unknown and not self.fenced:
            return Drift.UNFENCED
        if (said.doc, said.fp) != (self.doc, self.fp) or said.version is None or token is None:
            return Drift.ALTERED
        if self.floor <= said.version < self.issued or (said.version == self.issued and said.token == token):
            return None
        return Drift.UNFENCED if self.unknown else Drift.ALTERED


@dataclass(slots=True)
class Tally:
    """A sum over points in each bucket, in any order: equal sums, equal points, but for a chance of 1 in 2**128.

    key: random, so that who writes to the store can't choose points whose sums cancel out.
    """

    key: bytes
    counts: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    sums: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    def add(self, id_: PointId, said: Said) -> None:
        """One more point."""
        bucket = bucket_of(id_)
        digest = blake2b(id_.encode() + said.facts(), digest_size=16, key=self.key).digest()
        self.counts[bucket] += 1
        self.sums[bucket] = (self.sums[bucket] + int.from_bytes(digest, "big")) & _MASK

    def differing(self, other: "Tally") -> list[int]:
        """The buckets that are not the same, ascending."""
        mine, theirs = zip(self.counts, self.sums, strict=True), zip(other.counts, other.sums, strict=True)
        return [bucket for bucket, (one, another) in enumerate(zip(mine, theirs, strict=True)) if one != another]


def bucket_of(id_: PointId) -> int:
    """The bucket of a point: the first for a number, which comes before every UUID."""
    return 0 if is_number(id_) else int(id_[:3], 16)


def before_bucket(bucket: int) -> PointId | None:
    """The greatest id before a bucket; None for the first."""
    return PointId(str(UUID(int=(bucket << 116) - 1))) if bucket else None
