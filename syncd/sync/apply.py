"""Putting documents into the index in the crash-safe order of architecture.md, many documents a commit.

Fetching, extracting, chunking and embedding write nothing, so they come first; then one transaction holds the intent of the
document and of its points, then the index is written, then one transaction records the outcome.
"""

from dataclasses import replace

from syncd.core.card import Card
from syncd.core.freshness import Kind
from syncd.core.model import Chunk, Fp, Ids, Observation, Point, PointId, Reason, Refusal, Vector, Where
from syncd.core.pace import Pace
from syncd.core.rows import DocRow, DocState, Due, Fence, IntentRow, NameRow, PageRow, PointRow, PointState
from syncd.seal import identity
from syncd.seal.cards import seal_card, seal_name
from syncd.seal.derive import mac
from syncd.seal.wrapping import DocKeys, wrap_dek
from syncd.sync.group import Group, Item, Refused
from syncd.sync.install import EventType, Phase, Transaction
from syncd.sync.prepare import Cut, Fetched, cut
from syncd.sync.report import Progress
from syncd.sync.rundata import Run, lifted
from syncd.sync.shelve import release, shelve
from syncd.sync.tags import same_text_mode
from syncd.sync.upserts import BATCH, upsert
from syncd.sync.vectors import vectors_for


class Applier:
    """Collects documents into groups and commits each group."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.group = Group()
        self.pace = Pace(most=run.install.policy.group_chunks)
        self.done = self.again = self.closed = 0
        self.unsettled: set[bytes] = set()
        """Pages with a document that is not in as it should be: they are opened again next time."""

    # -- collecting --------------------------------------------------------------------------------------------------

    def put(self, fetched: Fetched, prefix: str, row: DocRow | None, *, parked: bool = False) -> Refusal | None:
        """Cut a document and take it into the group, or say why that can't be done.

        parked: the key is in quarantine now.
        """
        run, install = self.run, self.run.install
        made = cut(install, fetched.content, fetched.seen.key, run.collection.row.space)
        if isinstance(made, Refusal):
            return made
        item = self._item(fetched, prefix, made, row, parked=parked)
        self.group.add(item)
        if self.group.full(install.policy, self.pace.limit):
            self.flush()
        return None

    def refuse(self, seen: Observation, prefix: str, refusal: Refusal, row: DocRow | None) -> None:
        """Put a version into quarantine, by name, when the group is recorded."""
        self.group.refusals.append(Refused(seen, prefix, refusal, row))

    def close_page(self, page: PageRow, planned: int) -> None:
        """Record a page once everything of it that was put before is in: so many changes were planned there, and are done.

        Not all of them lead here: a document may have moved, or turn out to be as it is recorded.
        """
        self.group.pages.append(page)
        self.closed += planned
        if self.group.full(self.run.install.policy, self.pace.limit):
            self.flush()

    def _item(self, fetched: Fetched, prefix: str, made: Cut, row: DocRow | None, *, parked: bool) -> Item:
        run, install = self.run, self.run.install
        seen, op = fetched.seen, install.fresh_id()
        if row is not None:
            item = Item(seen, prefix, fetched.content.digest, made, row, run.vault.keys(row), parked=parked, op=op)
            item.again = row.due is Due.EMBED
            item.rewrite = item.again or not same_text_mode(row.shape, run.tags.shape)
            return self._known(item)
        doc, dek = identity.new_doc(install.fresh_id()), install.entropy.bytes(32)
        epoch = install.keyring.current
        row = DocRow(
            doc=doc,
            source=run.tags.source_id,
            state=DocState.PENDING,
            locator=run.tags.locator(seen.key),
            page=run.tags.page(prefix),
            identity=run.tags.identity(seen),
            version=b"",
            content=b"",
            shape=run.tags.shape,
            due=Due.LOOK,
            racy=seen.racy,
            class_id=0,
            issued=1,
            floor=1,
            fence=Fence.NONE,
            epoch=epoch.number,
            staged=False,
            dek=wrap_dek(install.keyring, epoch, dek, doc, install.nonce()),
            vault=b"",
            seen_at=run.started,
            synced_at=0.0,
        )
        item = Item(seen, prefix, fetched.content.digest, made, row, DocKeys.of(dek, doc), parked=parked, op=op)
        item.is_new = True
        return item

    def _known(self, item: Item) -> Item:
        """An item of a document that has points already."""
        with self.run.install.ledger.read() as view:
            item.existing = {(point.fp, point.occurrence): point.state for point in view.points(item.row.doc)}
        return item

    # -- committing --------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Commit the group: vectors, intent, points, outcome."""
        group, self.group = self.group, Group()
        if not (group.items or group.pages or group.refusals):
            return
        if group.items:
            self.run.install.index.make_sure_of_room(group.bytes + group.chunks * 4 * self.run.collection.row.dimension)
        vectors = self._vectors(group)
        self._intend(group)
        if group.items:
            self._write(group, vectors)
        self._record(group)
        self.run.install.checkpoint()
        again = sum(item.again for item in group.items)
        self.done = max(self.done + len(group.items) - again + len(group.refusals), self.closed)
        self.again += again
        if group.items or group.pages:
            self.run.progress(Progress("index", self.done, backfill=self.again))

    def _intend(self, group: Group) -> None:
        run, install = self.run, self.run.install
        if not group.items:
            return
        with install.transaction() as tx:
            for item in list(group.items):
                if item.is_new and not self._class(tx, item):
                    group.items.remove(item)
                    continue
                if item.is_new:
                    item.row = replace(item.row, vault=self._vault(item, ()))
                    tx.ledger.put_doc(item.row)
                tx.ledger.put_points(
                    [
                        PointRow(item.row.doc, chunk.fp, chunk.occurrence, PointState.INTENDED)
                        for chunk in item.cut.chunks
                        if (chunk.fp, chunk.occurrence) not in item.existing
                    ]
                )
                seq = tx.audit(run.event(EventType.DOC_SYNCED, Phase.INTENT, item.op, item.row.doc, chunks=len(item.cut.chunks)))
                tx.ledger.put_intent(IntentRow(item.op, item.row.doc, EventType.DOC_SYNCED.value, run.id, seq))

    def _class(self, tx: Transaction, item: Item) -> bool:
        """Give a new document its class; False when there would be too many."""
        run, acl = self.run, item.seen.acl
        key = run.tags.acl(acl) if acl is not None else b""
        if acl is None or run.classes.full(key):
            shelve(run, tx, item.seen, item.prefix, Refusal(Reason.ACL, "more distinct ACLs than acl.max_classes"), None)
            self.unsettled.add(run.tags.page(item.prefix))
            return False
        item.row = replace(item.row, class_id=run.classes.ensure(tx.ledger, key, acl).id)
        return True

    def _vectors(self, group: Group) -> dict[Fp, Vector | Refusal]:
        """What the group needs to be written. Documents that wait for the embedder leave it, and are looked at again."""
        run, install = self.run, self.run.install
        if not group.items:
            return {}
        before = install.clock.monotonic_ns()
        embedded = run.report.chunks.embedded
        vectors = vectors_for(run, group)
        self.pace = self.pace.after(group.chunks, (install.clock.monotonic_ns() - before) / 1e9)
        if run.rate is not None:
            run.order.turns.spent(run.report.chunks.embedded - embedded, run.rate)
        if run.away is not None:
            waiting = [item for item in group.items if any(item.cut.chunks[place].fp not in vectors for place in item.to_write())]
            self.unsettled |= {run.tags.page(item.prefix) for item in waiting}
            group.items = [item for item in group.items if item not in waiting]
        return vectors

    def _write(self, group: Group, vectors: dict[Fp, Vector | Refusal]) -> None:
        run, install, name = self.run, self.run.install, self.run.collection.name
        points: list[Point] = []
        for item in group.items:
            points += self._points(item, vectors)
        refused = upsert(install, run.collection, points)
        if refused:
            self._left_out(group, refused)
        stale = [
            identity.point_id(install.keyring.identity, row.doc, row.fp, row.occurrence)
            for item in group.items
            for row in item.stale()
        ]
        for start in range(0, len(stale), BATCH):
            install.index.delete(name, Where((Ids(tuple(stale[start : start + BATCH])),)))
        run.report.chunks.deleted += sum(row.state is PointState.LIVE for item in group.items for row in item.stale())
        install.index.barrier()

    def _points(self, item: Item, vectors: dict[Fp, Vector | Refusal]) -> list[Point]:
        """The points that a document has to write; a refused text is left out and remembered."""
        run, install, sealer = self.run, self.run.install, self.run.collection.sealer
        places = item.to_write()
        if not places:
            return []
        doc = item.row.doc
        acl_part = sealer.acl_payload(doc, item.row.issued, run.classes.sealing(item.row.class_id), install.nonce())
        points = []
        for place in places:
            chunk = item.cut.chunks[place]
            vector = vectors[chunk.fp]
            if isinstance(vector, Refusal):
                item.failed[place] = vector
                continue
            id_: PointId = identity.point_id(install.keyring.identity, doc, chunk.fp, chunk.occurrence)
            text = sealer.text_payload(item.keys, doc, id_, chunk.fp, item.cut.bodies[place], install.nonce())
            points.append(Point(id_, vector, {**text, **acl_part}))
        return points

    def _left_out(self, group: Group, refused: dict[PointId, Refusal]) -> None:
        """Remember which chunks the index finds invalid."""
        key = self.run.install.keyring.identity
        for item in group.items:
            for place in item.to_write():
                chunk = item.cut.chunks[place]
                refusal = refused.get(identity.point_id(key, item.row.doc, chunk.fp, chunk.occurrence))
                if refusal is not None:
                    item.failed[place] = refusal

    def _vault(self, item: Item, chunks: tuple[Chunk, ...]) -> bytes:
        install, seen = self.run.install, item.seen
        card = Card(seen.key, item.cut.title, seen.size, seen.changed_at, chunks)
        return seal_card(install.keyring.algorithm, item.keys, item.row.doc, card, install.nonce())

    def _record(self, group: Group) -> None:
        run = self.run
        with run.install.transaction() as tx:
            for item in group.items:
                self._outcome(tx, item)
            for refused in group.refusals:
                shelve(run, tx, refused.seen, refused.prefix, refused.refusal, refused.row)
            self.unsettled |= {run.tags.page(item.prefix) for item in group.items if item.failed}
            for page in group.pages:
                tx.ledger.put_page(self.settled(page))

    def settled(self, page: PageRow) -> PageRow:
        """The row to record for a page: without a stamp when something of it is undone."""
        return replace(page, stamp=None) if page.locator in self.unsettled else page

    def _outcome(self, tx: Transaction, item: Item) -> None:
        run, install, seen = self.run, self.run.install, item.seen
        row, now = item.row, install.now()
        locator = run.tags.locator(seen.key)
        row = replace(
            row,
            state=DocState.LIVE,
            locator=locator,
            page=run.tags.page(item.prefix),
            identity=run.tags.identity(seen),
            version=run.tags.version(seen),
            content=run.tags.content(item.digest),
            shape=run.tags.shape,
            due=Due.LOOK if item.failed else Due.NO,
            racy=seen.racy,
            fence=lifted(row),
            staged=False,
            vault=self._vault(item, item.kept_chunks()),
            seen_at=run.started,
            synced_at=now,
        )
        tx.ledger.put_doc(row)
        run.land(Kind.CONTENT, seen.changed_at)
        stale = item.stale()
        tx.ledger.drop_points(stale)
        tx.ledger.put_points([PointRow(row.doc, chunk.fp, chunk.occurrence, PointState.LIVE) for chunk in item.kept_chunks()])
        tx.ledger.drop_intent(item.op)
        total = len(item.cut.chunks) - len(item.failed)
        seq = tx.audit(
            run.event(
                EventType.DOC_SYNCED,
                Phase.OUTCOME,
                item.op,
                row.doc,
                chunks={"total": total, "embedded": item.embedded, "deleted": len(stale)},
                content=mac(item.keys.audit, "content", item.digest).hex(),
                acl_version=row.issued,
                shape=row.shape.hex(),
                outcome="partial" if item.failed else "ok",
                changed_to_seen_ms=max(0, int((run.started - seen.changed_at) * 1000)) if seen.changed_at else None,
                seen_to_searchable_ms=max(0, int((now - run.started) * 1000)),
            )
        )
        if item.row.state is DocState.PENDING:
            sealed = seal_name(install.keyring.algorithm, item.keys, row.doc, locator, seen.key, install.nonce())
            tx.ledger.put_name(NameRow(row.doc, locator, seq, sealed))
        if item.failed:
            shelve(run, tx, seen, item.prefix, next(iter(item.failed.values())), row)
        elif item.parked:
            release(run, tx, locator, row.doc)
        self._count(item, total)

    def _count(self, item: Item, total: int) -> None:
        report = self.run.report
        report.chunks.reused += max(0, total - item.embedded)
        if item.row.state is DocState.PENDING:
            report.documents.added += 1
        elif item.row.content != self.run.tags.content(item.digest) or item.to_write() or item.stale():
            report.documents.updated += 1
            self.run.touched.add(item.row.doc)
