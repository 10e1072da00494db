"""`syncd.retrieval`: the only supported reader. Decide, filter, query, unseal, decide again (security.md, "Reading")."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from syncd.core.acl import Reader
from syncd.core.keys import Keyring
from syncd.core.model import Scored
from syncd.core.rows import ClassRow
from syncd.errors import SourcesStale
from syncd.ports import Clock, Embedder, Ledger, LedgerView, VectorIndex
from syncd.retrieval.check import HARMFUL, Checker, Drop, Opened
from syncd.retrieval.filter import readable
from syncd.seal.cards import open_acl
from syncd.seal.identity import source_id
from syncd.seal.points import AclClass, Sealer

MOST_HITS = 1000
MOST_FETCHED = 65_536


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that the reader may read. span: characters of the extracted text; text: None where texts are omitted."""

    score: float
    source: str
    key: str
    doc: str
    title: str | None
    heading: str
    path: tuple[str, ...]
    span: tuple[int, int]
    text: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """Hits, best first, and why points were dropped. as_of: the last ledger event that the answer knows of (-1: none)."""

    hits: tuple[Hit, ...]
    dropped: Mapping[Drop, int]
    as_of: int

    @property
    def harmed(self) -> int:
        """Points that nothing that syncd does can explain."""
        return sum(count for drop, count in self.dropped.items() if drop in HARMFUL)


@dataclass(frozen=True, slots=True)
class Retriever:
    """Reads one collection. `sources`: names by source id; `stale_after`: seconds, None for never."""

    ledger: Ledger
    index: VectorIndex
    embedder: Embedder
    keyring: Keyring
    sealer: Sealer
    collection: str
    sources: tuple[str, ...]
    clock: Clock
    stale_after: float | None

    def search(self, question: str, reader: Reader, k: int, *, report: Callable[[Answer], None] = lambda _: None) -> Answer:
        """The `k` chunks nearest to `question` of those that `reader` may read, at most 1,000.

        An empty reader, or one who may read nothing, costs no call to the store. Raises SourcesStale when every source's ACLs
        are older than `acl.stale_after`.
        """
        k = min(k, MOST_HITS)
        tokens = self._tokens(reader)
        if not tokens or k < 1:
            return Answer((), {}, self._as_of())
        vector = self.embedder.query(question)
        limit = k + 16
        while True:
            found = [hit for where in readable(tokens) for hit in self.index.query(self.collection, vector, where, limit)]
            found.sort(key=lambda hit: (-hit.score, hit.point.id))
            answer = self._check(found, reader, k)
            if len(answer.hits) >= k or len(found) < limit or limit >= MOST_FETCHED:
                report(answer)
                return answer
            limit *= 2

    def _tokens(self, reader: Reader) -> list[str]:
        """Class tokens of the classes with live points that `reader` may read, for every active epoch."""
        if not reader:
            return []
        with self.ledger.read() as view:
            live = view.live_classes()
            rows = [row for row in view.classes() if row.id in live]
            self._refuse_stale(view)
        classes = [opened for row in rows if (opened := self._open(row)).acl.decide(reader)]
        return [self.sealer.token(epoch, class_) for class_ in classes for epoch in self.keyring.epochs]

    def _open(self, row: ClassRow) -> AclClass:
        return AclClass(row.uid, open_acl(self.keyring, row.uid, row.sealed))

    def _oldest(self) -> float:
        return self.clock.now().timestamp() - self.stale_after if self.stale_after is not None else 0.0

    def _refuse_stale(self, view: LedgerView) -> None:
        rows, oldest = view.sources(), self._oldest()
        if rows and all(row.acls_at < oldest for row in rows):
            raise SourcesStale(hours=round((self.stale_after or 0) / 3600))

    def _as_of(self) -> int:
        with self.ledger.read() as view:
            return view.event_count() - 1

    def _check(self, found: list[Scored], reader: Reader, k: int) -> Answer:
        """One snapshot of the ledger, opened after the store has answered, decides."""
        hits: list[Hit] = []
        dropped: Counter[Drop] = Counter()
        names = {source_id(self.keyring.identity, name): name for name in self.sources}
        with self.ledger.read() as view:
            checker = Checker(view, self.keyring, self.sealer, oldest=self._oldest())
            for scored in found:
                if len(hits) == k:
                    break
                opened = checker.check(scored.point, reader)
                if isinstance(opened, Drop):
                    dropped[opened] += 1
                elif opened.row.source not in names:
                    dropped[Drop.PENDING] += 1
                else:
                    hits.append(_hit(scored.score, names[opened.row.source], opened))
            as_of = view.event_count() - 1
        return Answer(tuple(hits), dict(dropped), as_of)


def _hit(score: float, source: str, opened: Opened) -> Hit:
    piece = opened.chunk.piece
    return Hit(
        score=score,
        source=source,
        key=opened.card.key,
        doc=opened.row.doc.hex(),
        title=opened.card.title,
        heading=piece.heading,
        path=piece.path,
        span=(piece.start, piece.end),
        text=opened.text,
    )
