"""Sampling: some points by chance, opened and embedded anew. Seals bind a text to its point, and nothing binds a vector."""

import math
import struct
from dataclasses import replace

from syncd.core.chunking import text_to_embed
from syncd.core.drift import Drift
from syncd.core.model import Lane, Point, PointId, Refusal, Vector
from syncd.core.rows import DocState
from syncd.ports import LedgerView
from syncd.seal.identity import fingerprint, point_id
from syncd.seal.vault import Vault
from syncd.sync.collection import Collection
from syncd.sync.compare import Comparison, Finding, Suspect, named
from syncd.sync.install import Install

NEAR = 0.999
"""Cosine below which a vector is not the model's: the precisions that share a space differ by less than 0.0001."""
TRIES = 4
"""Looks for a point, at most, for each that is wanted: the same one may be met again."""


def sample(install: Install, collection: Collection, comparison: Comparison, count: int) -> tuple[int, list[Finding]]:
    """How many of `count` points could be embedded anew, and those whose blobs do not open or whose vector is another."""
    points = _chosen(install, collection, count)
    found = comparison.judge([Suspect(id_, named(point)) for id_, point in points.items()], seals=True)
    wrong = {finding.id for finding in found}
    texts: dict[PointId, tuple[str, Finding]] = {}
    with install.ledger.read() as view:
        for id_, point in points.items():
            text = _text(install, collection, view, point) if id_ not in wrong else None
            if text is not None:
                texts[id_] = text
    vectors = install.embedder.embed([text for text, _ in texts.values()], Lane.BACKFILL) if texts else []
    for (id_, (_, finding)), vector in zip(texts.items(), vectors, strict=True):
        if not isinstance(vector, Refusal) and cosine(vector, points[id_].vector) < NEAR:
            found.append(finding)
    return len(texts), found


def _chosen(install: Install, collection: Collection, count: int) -> dict[PointId, Point]:
    """Points of the store: the one after an id that nobody chose, again and again. Ids are uniform, being a MAC."""
    found: dict[PointId, Point] = {}
    for _ in range(TRIES * count):
        raw = install.entropy.bytes(16).hex()
        start = PointId("-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:])))
        points, _ = install.index.scroll(collection.name, None, start, 1, vectors=True)
        found.update((point.id, point) for point in points)
        if len(found) >= count:
            break
    return found


def _text(install: Install, collection: Collection, view: LedgerView, point: Point) -> tuple[str, Finding] | None:
    """The text that the vector of a sound point is of, where the store holds it."""
    doc = named(point)
    row = view.doc(doc) if doc is not None else None
    if doc is None or row is None or row.state is not DocState.LIVE:
        return None
    keyring, vault = install.keyring, Vault(install.keyring)
    for recorded in view.points(doc):
        if point_id(keyring.identity, doc, recorded.fp, recorded.occurrence) == point.id:
            chunks = [c for c in vault.card(row).chunks if (c.fp, c.occurrence) == (recorded.fp, recorded.occurrence)]
            body = collection.sealer.open_text(point.payload, vault.keys(row), doc, point.id, recorded.fp)
            if chunks and body:
                text = text_to_embed(body, replace(chunks[0].piece, start=0, end=len(body)))
                if fingerprint(keyring.identity, collection.row.space, text) == recorded.fp:
                    return text, Finding(Drift.ALTERED, point.id, row, recorded, vector=True)
    return None


def cosine(one: Vector, another: Vector) -> float:
    """Of two vectors of float32, little endian; 0 where one of them has no direction, or they differ in length."""
    if len(one) != len(another):
        return 0.0
    a, b = ([number for (number,) in struct.iter_unpack("<f", vector)] for vector in (one, another))
    lengths = math.sqrt(math.fsum(x * x for x in a) * math.fsum(y * y for y in b))
    return math.fsum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else 0.0
