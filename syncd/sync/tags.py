"""Observations in the tags that the ledger compares."""

import hashlib
from dataclasses import dataclass, field

from syncd.core import chunking
from syncd.core.acl import Acl
from syncd.core.diff import Recorded, Seen, Shelved
from syncd.core.keys import IdentityKeys
from syncd.core.model import Observation
from syncd.core.rows import ClassRow, DocRow, DocState, Due, Fence, QuarantineRow
from syncd.core.tlv import tlv
from syncd.ports import Source
from syncd.seal import identity
from syncd.seal.points import TextMode
from syncd.sync.install import Install


def shape_of(install: Install) -> bytes:
    """16 bytes: what a point says besides its vector: where its text goes, then a digest of what cuts the text."""
    sizes = install.policy.sizes
    cut = tlv(sizes.minimum, sizes.maximum, sizes.tiny, sizes.heading)
    digest = hashlib.sha256(tlv("shape", install.extractor.version, chunking.VERSION, cut)).digest()
    return bytes([tuple(TextMode).index(install.policy.text)]) + digest[:15]


def same_text_mode(one: bytes, other: bytes) -> bool:
    """Whether points of two shapes keep their texts in the same way."""
    return one[:1] == other[:1]


@dataclass(slots=True)
class Tags:
    """The keyed view of one source. ACL keys are remembered, for a tree has few distinct ones."""

    keys: IdentityKeys
    source: Source
    shape: bytes
    space: bytes
    source_id: bytes = field(init=False)
    _names: identity.SourceNames = field(init=False)
    _stamps: identity.StampTags = field(init=False)
    _acl_keys: dict[Acl, bytes] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.source_id = identity.source_id(self.keys, self.source.name)
        self._names = identity.SourceNames(self.keys, self.source.name)
        self._stamps = identity.StampTags(self.keys, self.source.settings, self.shape, self.space)

    def locator(self, key: str) -> bytes:
        """How the ledger finds the document `key`."""
        return self._names.document(key)

    def page(self, prefix: str) -> bytes:
        """How the ledger finds the page `prefix`."""
        return self._names.page(prefix)

    def stamp(self, stamp: bytes | None) -> bytes | None:
        """The stamp that is recorded: also a new shape, space or setting opens every page."""
        return None if stamp is None else self._stamps.of(stamp)

    def acl(self, acl: Acl) -> bytes:
        """How the ledger finds the class of `acl`."""
        found = self._acl_keys.get(acl)
        if found is None:
            found = self._acl_keys[acl] = identity.acl_key(self.keys, acl)
        return found

    def identity(self, seen: Observation) -> bytes | None:
        """What follows the document through a rename."""
        return None if seen.identity is None else self._names.identity(seen.identity)

    def version(self, seen: Observation) -> bytes:
        """The version that was seen."""
        return self._names.version(seen.version)

    def content(self, digest: bytes) -> bytes:
        """A content digest."""
        return identity.content_tag(self.keys, digest)

    def seen(self, seen: Observation) -> Seen:
        """One side of the diff."""
        acl = None if seen.acl is None else self.acl(seen.acl)
        return Seen(self.version(seen), self.identity(seen), acl, seen.racy, seen.refusal)


def recorded(row: DocRow, class_: ClassRow, *, backfill: bool = True) -> Recorded:
    """The other side of the diff. An ACL change that was begun and never proven has no class: it is done again.

    backfill: a document that a reindex marked counts as undone; else it is the business of another run.
    """
    seen_before = row.state is DocState.LIVE and not row.staged and row.fence is not Fence.MISSING
    complete = seen_before and (row.due is Due.NO or (row.due is Due.EMBED and not backfill))
    proven = row.floor == row.issued and row.fence is not Fence.NARROWED
    return Recorded(
        version=row.version,
        acl=class_.key if proven else b"",
        content=row.content,
        shape=row.shape,
        racy=row.racy,
        complete=complete,
        shut=row.fence is Fence.ACL,
    )


def shelved(row: QuarantineRow, now: float) -> Shelved:
    """What the diff needs to know of a quarantined key."""
    # One that was tried "later" than now was tried before the clock was set back: nobody knows how long it has rested.
    return Shelved(row.version, row.shape, row.reason, row.last_at <= now < row.next_at)
