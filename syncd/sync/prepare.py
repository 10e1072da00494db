"""From an observation to chunks: fetch, extract, cut, fingerprint. Nothing here writes."""

from collections import Counter
from dataclasses import dataclass

from syncd.core.chunking import chunk, text_to_embed
from syncd.core.model import Absence, Chunk, Content, Fp, Observation, Reason, Refusal
from syncd.ports import Source
from syncd.seal.identity import fingerprint
from syncd.sync.install import Install

TRIES = 3
"""How often a document that changes while it is read is read again before it is put aside."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document at rest: the observation that its content belongs to."""

    seen: Observation
    content: Content


@dataclass(frozen=True, slots=True)
class Cut:
    """A document's text in chunks; `texts[i]` is what is embedded for `chunks[i]`, `bodies[i]` what is shown."""

    title: str | None
    chunks: tuple[Chunk, ...]
    texts: tuple[str, ...]
    bodies: tuple[str, ...]


def fetch(source: Source, seen: Observation) -> Fetched | Refusal | None:
    """The content of `seen`, or of what is there by now; None when nothing is."""
    current: Observation | None = seen
    for _ in range(TRIES):
        if current is None:
            return None
        if current.refusal is not None:
            return current.refusal
        if current.acl is None:
            return Refusal(Reason.ACL)
        got = source.fetch(current)
        if isinstance(got, Content):
            return Fetched(current, got)
        if isinstance(got, Refusal):
            return got
        if got is Absence.GONE:
            return None
        current = source.observe(current.key)
    return Refusal(Reason.CHANGING, f"read {TRIES} times")


def cut(install: Install, content: Content, key: str, space: bytes) -> Cut | Refusal:
    """Extract and chunk; identical texts within a document are told apart by their occurrence."""
    extracted = install.extractor.extract(content, key)
    if isinstance(extracted, Refusal):
        return extracted
    text = extracted.text
    starts = install.embedder.offsets(text) if text else ()
    pieces = chunk(text, extracted.form, starts, install.policy.sizes) if text else ()
    counter: Counter[Fp] = Counter()
    chunks = []
    texts = []
    for piece in pieces:
        embedded = text_to_embed(text, piece)
        fp = fingerprint(install.keyring.identity, space, embedded)
        chunks.append(Chunk(fp, counter[fp], piece))
        counter[fp] += 1
        texts.append(embedded)
    bodies = tuple(text[piece.start : piece.end] for piece in pieces)
    return Cut(extracted.title, tuple(chunks), tuple(texts), bodies)
