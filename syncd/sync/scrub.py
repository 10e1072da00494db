"""Scrub: every document is read again, a few at a time, for bytes may change behind the whole stat key.

What was written through a mapping, or had its mtime put back where ctime ticks slowly, can look untouched for ever. Here the
content decides. What differs is told to the history by name, and due to be read by the next run that comes to it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

from syncd.core.model import Content, Observation
from syncd.core.rows import DocRow, DocState, Due, Fence
from syncd.ports import LedgerView, Source
from syncd.seal.vault import Vault
from syncd.sync.classes import Classes
from syncd.sync.install import Actor, Event, EventType, Install, Phase, Transaction
from syncd.sync.reopen import reopen
from syncd.sync.tags import Tags, shape_of


@dataclass(frozen=True, slots=True)
class Round:
    """How far a source is scrubbed. after: id of the last document that was come to (hex), "" at the beginning of a round.

    began: when this round did (Unix seconds), 0 before its first document; read, bytes, found: in this round so far. last: when
    the last one ended, 0 for never; last_read, last_found: in that one.
    """

    after: str = ""
    began: float = 0.0
    read: int = 0
    bytes: int = 0
    found: int = 0
    last: float = 0.0
    last_read: int = 0
    last_found: int = 0


@dataclass(slots=True)
class Portion:
    """What one go came to. found: keys whose bytes are not the recorded ones, though their stat keys are.

    unlike: keys that show otherwise that they are not as recorded, which hints and scans tell of as well, or will. come_to:
    documents; read: those of which the bytes were; over: the round has ended.
    """

    come_to: int = 0
    read: int = 0
    bytes: int = 0
    found: list[str] = field(default_factory=list)
    unlike: list[str] = field(default_factory=list)
    over: bool = False


def _name(source: bytes) -> str:
    return f"scrub/{source.hex()}"


def scrubbed(view: LedgerView, source: bytes) -> Round:
    """How far the source of that id is."""
    stored = view.meta(_name(source))
    return Round(**json.loads(stored)) if stored else Round()


def begin_anew(install: Install, source: bytes) -> None:
    """Have the next portion be the first of a round."""
    with install.ledger.write() as tx:
        now = scrubbed(tx, source)
        anew = Round(last=now.last, last_read=now.last_read, last_found=now.last_found)
        tx.set_meta(_name(source), json.dumps(asdict(anew)).encode())


def scrub(install: Install, source: Source, most: int, actor: Actor, wanted: Callable[[], bool] = lambda: False) -> Portion:
    """Read up to `most` documents again, from where it was left; an end of the round is an end of the portion.

    wanted: asked before each document whether somebody else is to have his turn. Where nothing differs, nothing is written but
    how far it came. The caller has what was found, and what is unlike, looked at. Raises SourceUnavailable: it came nowhere.
    """
    tags = Tags(install.keyring.identity, source, shape_of(install), install.embedder.space)
    portion, differing = Portion(), list[DocRow]()
    with install.ledger.read() as view:
        before = scrubbed(view, tags.source_id)
        after, reading = bytes.fromhex(before.after), _Reading(source, tags, Classes(install, view), portion)
        vault = Vault(install.keyring)
        for row in view.docs(tags.source_id, after):
            if portion.come_to == most or wanted():
                break
            after = row.doc
            portion.come_to += 1
            if _stands(row, tags) and not reading.as_recorded(row, vault.card(row).key):
                differing.append(row)
        else:
            portion.over = True
    if not portion.come_to and not portion.over:
        return portion
    now = replace(
        before,
        after=after.hex(),
        began=before.began or install.now(),
        read=before.read + portion.read,
        bytes=before.bytes + portion.bytes,
        found=before.found + len(differing),
    )
    with install.transaction() as tx:
        for row in differing:
            portion.found += _tell(install, tx, row, actor)
        if portion.over:
            counts = {"documents": now.read, "bytes": now.bytes, "found": now.found}
            finished = EventType.SCRUB_FINISHED
            tx.audit(Event(finished, Phase.OUTCOME, install.fresh_id(), source=tags.source_id, actor=actor, body=counts))
            now = Round(last=install.now(), last_read=now.read, last_found=now.found)
        tx.ledger.set_meta(_name(tags.source_id), json.dumps(asdict(now)).encode())
    return portion


def _stands(row: DocRow, tags: Tags) -> bool:
    """Whether nothing else will have it read: what is racy, due, missing or of another shape the next run looks into anyway."""
    at_rest = row.state is DocState.LIVE and row.locator is not None and not row.staged and row.fence is not Fence.MISSING
    return at_rest and row.due is Due.NO and not row.racy and row.shape == tags.shape


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads documents again, and counts them."""

    source: Source
    tags: Tags
    classes: Classes
    portion: Portion

    def as_recorded(self, row: DocRow, key: str) -> bool:
        """Whether the bytes are the recorded ones, as far as the stat key does not say itself that they may not be."""
        seen = self.source.observe(key)
        if seen is None or self.tags.version(seen) != row.version or self._other_readers(row, seen):
            self.portion.unlike.append(key)
            return True
        if seen.refusal is not None or seen.acl is None or not isinstance(got := self.source.fetch(seen), Content):
            return True
        self.portion.read += 1
        self.portion.bytes += len(got.data)
        return self.tags.content(got.digest) == row.content

    def _other_readers(self, row: DocRow, seen: Observation) -> bool:
        """Whether its ACL is another one: where ctime ticks slowly, that may be all that tells."""
        return seen.acl is not None and self.tags.acl(seen.acl) != self.classes.row(row.class_id).key


def _tell(install: Install, tx: Transaction, row: DocRow, actor: Actor) -> list[str]:
    """Have a document read by the next run, and the history say why. Its key; none if it is another document by now."""
    now = tx.ledger.doc(row.doc)
    if now != row:
        return []
    tx.ledger.put_doc(replace(row, due=Due.LOOK))
    reopen(tx.ledger, row.page)
    found = EventType.SCRUB_FOUND
    tx.audit(Event(found, Phase.OUTCOME, install.fresh_id(), source=row.source, doc=row.doc, actor=actor))
    return [Vault(install.keyring).card(row).key]
