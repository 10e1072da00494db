"""Another space: a second collection is filled beside the serving one, and takes its place when it lacks nothing.

The serving collection goes on being kept fresh meanwhile. What it is ahead by is found by comparing rows, and done again, until
nothing is left: only then the ledger changes over, in one transaction, and the alias after it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from syncd.audit.canonical import Json
from syncd.core.card import Card
from syncd.core.model import AnyOf, Content, Eq, Fp, Ids, Lt, Point, PointId, Refusal, Vector, Where
from syncd.core.pace import Pace
from syncd.core.rows import CollectionRow, CollectionState, CopyRow, DocRow, IntentRow, PointRow, PointState
from syncd.errors import IndexUnknownOutcome, SameSpace
from syncd.ports import Source
from syncd.seal.cards import seal_card
from syncd.seal.identity import point_id, source_id
from syncd.seal.points import Sealer
from syncd.seal.vault import Vault
from syncd.sync.classes import Classes
from syncd.sync.collection import Collection, alias_of, filling, new_collection, serving
from syncd.sync.install import Actor, Event, EventType, Install, Phase
from syncd.sync.prepare import Cut, cut
from syncd.sync.reason import commit
from syncd.sync.report import Progress
from syncd.sync.stage import batches
from syncd.sync.tags import Tags, shape_of
from syncd.sync.turns import Turns
from syncd.sync.upserts import upsert

BATCH = 256
PASSES = 5
"""How often what could not be copied is tried again before the change-over goes without it."""
PASSES_A_SECOND = 1.0
"""And how fast: what the serving collection is behind by comes in meanwhile."""


@dataclass(frozen=True, slots=True)
class Filled:
    """How it ended. documents, embedded: what was brought in; left_out: documents whose present content could not be had."""

    documents: int
    embedded: int
    left_out: int


def begin_space(target: Install, actor: Actor, reason: str) -> Collection:
    """The collection to fill with the vectors of `target`'s embedder, new or the one that was begun before.

    reason: why, committed to in the history where it is new. One that is being filled with a third space is given up. Raises
    SameSpace.
    """
    with target.ledger.read() as view:
        now, other = serving(view), filling(view)
    if now is not None and now.space == target.embedder.space:
        raise SameSpace(model=target.embedder.name)
    if other is not None and other.space != target.embedder.space:
        give_up(target, actor, other)
        other = None
    if other is None:
        other = new_collection(target, target.fresh_id(), CollectionState.FILLING)
        with target.transaction() as tx:
            tx.ledger.clear_copies()
            tx.ledger.put_collection(other)
            op = target.fresh_id()
            tx.audit(replace(_said(target, actor, other, reason=commit(target, tx, op, reason)), op=op))
    target.index.ensure_collection(other.name, other.dimension)
    return Collection(other, Sealer(target.keyring, other.uid, target.policy.text))


def give_up(install: Install, actor: Actor, row: CollectionRow) -> None:
    """Fill a collection no further; its points go."""
    with install.transaction() as tx:
        tx.ledger.clear_copies()
        tx.ledger.put_collection(replace(row, state=CollectionState.RETIRED))
        tx.audit(_said(install, actor, replace(row, state=CollectionState.RETIRED)))
        tx.checkpoint()
    install.index.drop_collection(row.name)


def _said(install: Install, actor: Actor, row: CollectionRow, **more: Json) -> Event:
    body: dict[str, Json] = {"space": row.space.hex(), "state": row.state.value, **more}
    return Event(EventType.SPACE_CHANGED, Phase.OUTCOME, install.fresh_id(), actor=actor, body=body)


@dataclass(slots=True)
class _Item:
    """A document on its way into the other collection."""

    row: DocRow
    content: Content
    card: Card
    cut: Cut
    op: bytes
    existing: Mapping[tuple[bytes, int], PointState]
    refused: set[int] = field(default_factory=set)

    def missing(self) -> list[int]:
        """Places in the text whose point is not there yet."""
        return [
            place
            for place, chunk in enumerate(self.cut.chunks)
            if self.existing.get((chunk.fp, chunk.occurrence)) is not PointState.LIVE
        ]


class SpaceFill:
    """Fills `collection` with the vectors of `target`'s embedder. All of it belongs to the thread that writes."""

    def __init__(
        self,
        target: Install,
        collection: Collection,
        sources: Sequence[Source],
        actor: Actor,
        turns: Turns,
        told: Callable[[str, Progress], None],
    ) -> None:
        self._target = target
        self._collection = collection
        self._sources = {source_id(target.keyring.identity, source.name): source for source in sources}
        self._actor = actor
        self._turns = turns
        self._told = told
        self._shape = shape_of(target)
        self._vault = Vault(target.keyring)
        self._pace = Pace(most=target.policy.group_chunks)
        self._done: Counter[str] = Counter()
        self._embedded = 0
        self._run = target.fresh_id()
        with target.ledger.read() as view:
            self._classes = Classes(target, view)

    def fill(self) -> Filled:
        """Bring in what is missing until nothing is, then change over. Raises RunInterrupted at a turn: it goes on from there."""
        left = self._left()
        self._plan()
        passes = 0
        while left and passes < PASSES:
            self._pass()
            before, left = left, self._left()
            if left >= before:
                passes += 1
                self._turns.spent(1, PASSES_A_SECOND)
                self._turns.give()
        left_out = self._change_over()
        return Filled(sum(self._done.values()), self._embedded, left_out)

    # -- filling -------------------------------------------------------------------------------------------------------

    def _left(self) -> int:
        with self._target.ledger.read() as view:
            return view.uncopied_count(self._shape)

    def _plan(self) -> None:
        for id_, source in self._sources.items():
            with self._target.ledger.read() as view:
                left = view.uncopied_count(self._shape, id_)
            self._told(source.name, Progress("plan", 0, 0, backfill=left))

    def _pass(self) -> None:
        """Once through everything that is missing, in the order of the documents, as many at a time as the pace allows."""
        after = b""
        while True:
            with self._target.ledger.read() as view:
                self._classes.refresh(view)
                rows = list(islice(view.uncopied(self._shape, after), BATCH))
            if not rows:
                break
            items: list[_Item] = []
            for row in rows:
                after = row.doc
                item = self._prepared(row)
                items += [item] if item is not None else []
                if sum(len(each.cut.chunks) for each in items) >= self._pace.limit:
                    break
            if items:
                self._copy(items)
            if self._turns.wanted():
                self._turns.give()
        self._drop_orphans()

    def _prepared(self, row: DocRow) -> _Item | None:
        """The document as it is, if that is what the serving collection holds; the others are not in step, and come later."""
        source = self._sources.get(row.source)
        if source is None:
            return None
        card = self._vault.card(row)
        seen = source.observe(card.key)
        got = source.fetch(seen) if seen is not None and seen.refusal is None and seen.acl is not None else None
        if not isinstance(got, Content):
            return None
        tags = Tags(self._target.keyring.identity, source, self._shape, self._collection.row.space)
        if tags.content(got.digest) != row.content:
            return None
        made = cut(self._target, got, card.key, self._collection.row.space)
        if isinstance(made, Refusal):
            return None
        with self._target.ledger.read() as view:
            existing = {(point.fp, point.occurrence): point.state for point in view.copy_points(row.doc)}
        return _Item(row, got, card, made, self._target.fresh_id(), existing)

    def _copy(self, items: list[_Item]) -> None:
        """Vectors, intent, points, outcome: the order in which everything is written."""
        target, vectors = self._target, self._vectors(items)
        with target.transaction() as tx:
            for item in items:
                doc = item.row.doc
                fresh = [item.cut.chunks[place] for place in item.missing()]
                tx.ledger.put_copy_points([PointRow(doc, c.fp, c.occurrence, PointState.INTENDED) for c in fresh])
                seq = tx.audit(self._event(item, Phase.INTENT, chunks=len(item.cut.chunks)))
                tx.ledger.put_intent(IntentRow(item.op, doc, EventType.DOC_SYNCED.value, self._run, seq))
        self._write(items, vectors)
        with target.transaction() as tx:
            for item in items:
                kept = tuple(chunk for place, chunk in enumerate(item.cut.chunks) if place not in item.refused)
                doc, wanted = item.row.doc, {(chunk.fp, chunk.occurrence) for chunk in kept}
                tx.ledger.drop_copy_points(
                    [PointRow(doc, *key, state) for key, state in item.existing.items() if key not in wanted]
                )
                tx.ledger.put_copy_points([PointRow(doc, c.fp, c.occurrence, PointState.LIVE) for c in kept])
                tx.ledger.put_copy(CopyRow(doc, item.row.content, self._shape, item.row.issued, self._card(item)))
                tx.ledger.drop_intent(item.op)
                tx.audit(
                    self._event(item, Phase.OUTCOME, chunks={"total": len(kept), "embedded": len(item.missing())}, outcome="ok")
                )
        for item in items:
            name = self._sources[item.row.source].name
            self._done[name] += 1
            self._told(name, Progress("index", 0, backfill=self._done[name]))
        target.checkpoint()

    def _write(self, items: list[_Item], vectors: Mapping[Fp, Vector | Refusal]) -> None:
        target, name = self._target, self._collection.name
        points = [point for item in items for point in self._points(item, vectors)]
        refused = upsert(target, self._collection, points)
        for item in items if refused else ():
            item.refused |= {place for place in item.missing() if self._id(item, place) in refused}
        for item in items:
            doc = item.row.doc
            wanted = {(chunk.fp, chunk.occurrence) for chunk in item.cut.chunks}
            stale = [point_id(target.keyring.identity, doc, Fp(fp), occ) for fp, occ in item.existing if (fp, occ) not in wanted]
            if stale:
                target.index.delete(name, Where((Ids(tuple(stale)),)))
            if item.existing:  # what was there before may carry an older ACL
                where = Where((Eq("doc", doc.hex()), Lt("acl_version", item.row.issued)))
                target.index.set_payload(name, self._acl(item), where)
        target.index.barrier()

    def _vectors(self, items: list[_Item]) -> dict[Fp, Vector | Refusal]:
        target = self._target
        texts = {item.cut.chunks[place].fp: item.cut.texts[place] for item in items for place in item.missing()}
        found: dict[Fp, Vector | Refusal] = {}
        with target.ledger.read() as view:
            owners = {
                point_id(target.keyring.identity, row.doc, Fp(row.fp), row.occurrence): Fp(row.fp)
                for row in view.copy_owners(list(texts))
            }
        for ids in batches(owners, BATCH):
            for point in target.index.retrieve(self._collection.name, ids, vectors=True):
                found.setdefault(owners[point.id], point.vector)
        rest = [fp for fp in texts if fp not in found]
        before = target.clock.monotonic_ns()
        found |= zip(rest, target.embedder.embed([texts[fp] for fp in rest], self._turns.lane), strict=True)
        self._pace = self._pace.after(len(rest), (target.clock.monotonic_ns() - before) / 1e9)
        self._embedded += len(rest)
        return found

    def _points(self, item: _Item, vectors: Mapping[Fp, Vector | Refusal]) -> list[Point]:
        target, sealer, doc = self._target, self._collection.sealer, item.row.doc
        acl, keys, points = self._acl(item), self._vault.keys(item.row), []
        for place in item.missing():
            chunk, vector = item.cut.chunks[place], vectors[item.cut.chunks[place].fp]
            if isinstance(vector, Refusal):
                item.refused.add(place)
                continue
            id_ = self._id(item, place)
            text = sealer.text_payload(keys, doc, id_, chunk.fp, item.cut.bodies[place], target.nonce())
            points.append(Point(id_, vector, {**text, **acl}))
        return points

    def _id(self, item: _Item, place: int) -> PointId:
        chunk = item.cut.chunks[place]
        return point_id(self._target.keyring.identity, item.row.doc, chunk.fp, chunk.occurrence)

    def _acl(self, item: _Item) -> dict[str, str | int]:
        row = item.row
        return self._collection.sealer.acl_payload(row.doc, row.issued, self._classes.sealing(row.class_id), self._target.nonce())

    def _card(self, item: _Item) -> bytes:
        kept = tuple(chunk for place, chunk in enumerate(item.cut.chunks) if place not in item.refused)
        card = replace(item.card, title=item.cut.title, chunks=kept)
        keyring = self._target.keyring
        return seal_card(keyring.algorithm, self._vault.keys(item.row), item.row.doc, card, self._target.nonce())

    def _event(self, item: _Item, phase: Phase, **body: Json) -> Event:
        body = {**body, "space": self._collection.row.space.hex()[:16]}
        return Event(
            EventType.DOC_SYNCED,
            phase,
            item.op,
            run=self._run,
            source=item.row.source,
            doc=item.row.doc,
            actor=self._actor,
            cause="new-space",
            body=body,
        )

    def _drop_orphans(self) -> None:
        """What was deleted at the source goes here as well."""
        target = self._target
        with target.ledger.read() as view:
            gone = list(view.orphans())
        for docs in batches(gone, BATCH):
            target.index.delete(self._collection.name, Where((AnyOf("doc", tuple(doc.hex() for doc in docs)),)))
            target.index.barrier()
            with target.ledger.read() as view:
                points = [point for doc in docs for point in view.copy_points(doc)]
            with target.ledger.write() as tx:
                tx.drop_copy_points(points)
                for doc in docs:
                    tx.drop_copy(doc)

    # -- changing over -------------------------------------------------------------------------------------------------

    def _change_over(self) -> int:
        """Serve from here on: one transaction, then the alias. Returns how many documents are left out until they can be read."""
        target, row = self._target, self._collection.row
        self._drop_orphans()
        with target.ledger.read() as view:
            left, recorded, before = view.uncopied_count(self._shape), view.copy_point_count(), serving(view)
        if target.index.keeps_points and (there := target.index.count(row.name, None)) < recorded:
            with target.ledger.write() as tx:
                tx.clear_copies()
            detail = f"{there} of {recorded} points of the new collection are there; it will be filled anew"
            raise IndexUnknownOutcome(detail=detail)
        with target.transaction() as tx:
            tx.ledger.adopt_copies()
            if before is not None:
                tx.ledger.put_collection(replace(before, state=CollectionState.RETIRED))
            served = replace(row, state=CollectionState.SERVING)
            tx.ledger.put_collection(served)
            tx.audit(_said(target, self._actor, served, left_out=left))
            tx.checkpoint()
        target.index.switch_alias(alias_of(target), row.name)
        if before is not None:
            target.index.drop_collection(before.name)
        return left
