"""Rows of the database as observations, and the stamp of a page that is made of them."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from syncd.adapters.sources.readers import UNCLEAR, Readers, Ruling
from syncd.adapters.sources.sql.document import Layout
from syncd.adapters.sources.sql.keys import key_of
from syncd.adapters.sources.sql.statements import Line
from syncd.core.acl import Acl
from syncd.core.model import Observation, Reason, Refusal
from syncd.core.tlv import tlv

RACY_S = 2.0
"""A row whose time of change is so near may change again and keep it: the clocks of some databases tick in seconds."""
TWICE = Refusal(Reason.UNREADABLE, "several rows have this key")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")
_PRESENT = frozenset({"", "0", "0.0", "f", "false"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Fact(NamedTuple):
    """What a scan keeps of a row. told: all that tells whether its document is unchanged; ruling: its ACL, and a digest of that.

    changed_at: Unix seconds, 0.0: not known. size: bytes of its texts, where they were counted.
    """

    key: str
    told: bytes
    ruling: Ruling
    racy: bool
    changed_at: float
    line: Line
    refusal: Refusal | None = None

    @property
    def acl(self) -> Acl | None:
        """Who may read it; None where that is not known."""
        return self.ruling.acl


class Rows:
    """From lines to facts. versioned: there is a version column; else the texts themselves are the version."""

    def __init__(
        self, layout: Layout, readers: Readers, settings: bytes, max_bytes: int, now: Callable[[], float], *, versioned: bool
    ) -> None:
        self._readers = readers
        self._layout = tlv(settings, layout.digest_parts())
        self._max_bytes = max_bytes
        self._now = now
        self._versioned = versioned

    def fact(self, line: Line, granted: Sequence[object] | None) -> Fact | None:
        """What is known of a row; None when it is deleted, or has no name. granted: its rows of the readers query."""
        key = key_of(line.key)
        if key is None or not _is_present(line.deleted):
            return None
        ruling = self._readers.ruling(key, line.readers, granted)
        if not self._versioned:
            return Fact(key, _told((line.sizes, line.texts)), ruling, False, 0.0, line)
        version = line.version
        changed = _time(version)
        if changed is None:
            return Fact(key, _told(version), ruling, version is None, 0.0, line)
        seen_at = self._now()
        return Fact(key, _told(version), ruling, changed > seen_at - RACY_S, changed if changed <= seen_at else 0.0, line)

    def observation(self, fact: Fact) -> Observation:
        """What a scan sees of a row."""
        size = sum(size or 0 for size in fact.line.sizes or ())
        refusal = fact.refusal
        if refusal is None and size > self._max_bytes:
            refusal = Refusal(Reason.TOO_LARGE, f"larger than {self._max_bytes} bytes")
        version = hashlib.sha256(tlv(self._layout, fact.told)).digest()
        return Observation(fact.key, version, None, size, fact.changed_at, fact.acl, fact.racy, refusal)


class Stamp:
    """The stamp of a page, row by row in the order of the database."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._sure = True
        self.count = 0

    def add(self, fact: Fact) -> None:
        """One row more."""
        self.count += 1
        if fact.ruling.acl is None or fact.racy:
            self._sure = False  # another look next time: who may read has to be known, and the version to prove something
        else:
            key = fact.key.encode("utf-8", "surrogateescape")
            self._digest.update(b"%d %d %b%b%b" % (len(key), len(fact.told), key, fact.told, fact.ruling.digest))

    def twice(self) -> None:
        """A key came again."""
        self._sure = False

    def value(self) -> bytes | None:
        """32 bytes that change with anything that a load of the page would see; None: look again."""
        return self._digest.digest() if self._sure else None


def apart(facts: Iterable[Fact]) -> list[Fact]:
    """The facts, in key order, one a key: where several rows have one, nobody knows which of them counts, or who may read."""
    found: dict[str, Fact] = {}
    for fact in facts:
        if fact.key in found:
            fact = Fact(fact.key, b"", UNCLEAR, True, 0.0, fact.line, TWICE)  # noqa: PLW2901 - what it is then
        found[fact.key] = fact
    return [found[key] for key in sorted(found)]


def _is_present(deleted: object) -> bool:
    """Whether a row counts as not deleted: its column is NULL, false, 0 or empty."""
    return deleted is None or deleted is False or str(deleted).lower() in _PRESENT


def _told(value: object) -> bytes:
    """A value with its type, as Python writes it: what is told alike is the same."""
    return repr(value).encode("utf-8", "surrogateescape")


def _time(version: object) -> float | None:
    """The time that a version is, in Unix seconds; one without a zone is in UTC."""
    if isinstance(version, str) and _TIME.match(version):
        try:
            version = datetime.fromisoformat(version)
        except ValueError:
            return None
    if not isinstance(version, datetime):
        return None
    return ((version if version.tzinfo else version.replace(tzinfo=UTC)) - _EPOCH).total_seconds()
