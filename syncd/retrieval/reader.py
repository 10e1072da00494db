"""`syncd.retrieval`: the only supported reader. Decide, filter, query, unseal, decide again (security.md, "Reading")."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from syncd.core.acl import Reader
from syncd.core.model import Scored, Vector
from syncd.core.rows import CollectionState, SourceRow
from syncd.errors import CollectionSwitched, SourcesStale
from syncd.ports import Clock, Embedder, LedgerView
from syncd.retrieval.check import HARMFUL, Checker, Drop, Opened
from syncd.retrieval.filter import readable
from syncd.retrieval.holdings import Holdings

MOST_HITS = 1000
SPARE = 16
"""Points that are asked for beyond k, for those that the ledger may drop."""
MOST_FETCHED = 65_536


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that the reader may read. span: characters of the extracted text; text: None where texts are omitted.

    seen_at: when its document was last seen to be so (Unix seconds).
    """

    score: float
    source: str
    key: str
    doc: str
    title: str | None
    heading: str
    path: tuple[str, ...]
    span: tuple[int, int]
    text: str | None = field(repr=False)
    seen_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Hits, best first, and why points were dropped. as_of: the last ledger event that the answer knows of (-1: none).

    truncated: so many points had to be dropped that there may be more hits than were found.
    """

    hits: tuple[Hit, ...]
    dropped: Mapping[Drop, int]
    as_of: int
    truncated: bool = False

    @property
    def harmed(self) -> int:
        """Points that nothing that syncd does can explain."""
        return sum(count for drop, count in self.dropped.items() if drop in HARMFUL)


@dataclass(frozen=True, slots=True)
class Retriever:
    """Reads what it holds. stale_after: seconds after which a source whose ACLs were not scanned is refused, None for never."""

    holdings: Holdings
    embedder: Embedder
    clock: Clock
    stale_after: float | None

    def search(self, question: str, reader: Reader, k: int) -> Answer:
        """The `k` chunks nearest to `question` of those that `reader` may read, at most 1,000.

        An empty reader, or one who may read nothing, costs no call to the store. Raises SourcesStale when every source's ACLs
        are older than `acl.stale_after`, and CollectionSwitched when another collection serves by the time the answer is checked.
        """
        k = min(k, MOST_HITS)
        tokens = self._tokens(reader)
        if not tokens or k < 1:
            return self._check([], reader, 0)
        vector = self.embedder.query(question)
        limit = k + SPARE
        while True:
            found = self._ask(vector, tokens, limit)
            answer = self._check(found, reader, k)
            if len(answer.hits) >= k or len(found) < limit:
                return answer
            if limit >= MOST_FETCHED:
                return replace(answer, truncated=True)
            limit *= 2

    def _tokens(self, reader: Reader) -> list[str]:
        """Class tokens of the classes with live points that `reader` may read, for every active epoch."""
        if not reader:
            return []
        holdings = self.holdings
        with holdings.ledger.read() as view:
            live = view.live_classes()
            classes = holdings.classes(view)
            self._refuse_stale(view)
        readable_classes = [classes[id_] for id_ in sorted(live) if classes[id_].acl.decide(reader)]
        return [holdings.sealer.token(epoch, class_) for class_ in readable_classes for epoch in holdings.keyring.epochs]

    def _ask(self, vector: Vector, tokens: list[str], limit: int) -> list[Scored]:
        """The nearest `limit` points of the classes, over as many queries as the tokens take."""
        index, collection = self.holdings.index, self.holdings.collection
        found = [hit for where in readable(tokens) for hit in index.query(collection, vector, where, limit)]
        return sorted(found, key=lambda hit: (-hit.score, hit.point.id))[:limit]

    def _known(self, row: SourceRow) -> bool:
        """Whether the ACLs of a source were scanned lately. A clock that was set back makes no scan younger for ever."""
        now = self.clock.now().timestamp()
        return self.stale_after is None or abs(now - row.acls_at) <= self.stale_after

    def _refuse_stale(self, view: LedgerView) -> None:
        rows = view.sources()
        if rows and not any(map(self._known, rows)):
            raise SourcesStale(hours=round((self.stale_after or 0) / 3600))

    def _check(self, found: list[Scored], reader: Reader, k: int) -> Answer:
        """One snapshot of the ledger, opened after the store has answered, decides."""
        hits: list[Hit] = []
        dropped: Counter[Drop] = Counter()
        names = self.holdings.names()
        with self.holdings.ledger.read() as view:
            if not any(
                row.name == self.holdings.collection and row.state is CollectionState.SERVING for row in view.collections()
            ):
                raise CollectionSwitched
            complete = {row.source: row.complete_at for row in view.sources()}
            checker = Checker(view, self.holdings, known=self._known)
            for scored in found:
                if len(hits) == k:
                    break
                opened = checker.check(scored.point, reader)
                if isinstance(opened, Drop):
                    dropped[opened] += 1
                elif opened.row.source not in names:
                    dropped[Drop.PENDING] += 1
                else:
                    row = opened.row
                    seen_at = max(row.seen_at, complete.get(row.source, 0.0))
                    hits.append(_hit(scored.score, names[row.source], opened, seen_at))
            as_of = view.event_count() - 1
        return Answer(tuple(hits), dict(dropped), as_of)


def _hit(score: float, source: str, opened: Opened, seen_at: float) -> Hit:
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
        seen_at=seen_at,
    )
