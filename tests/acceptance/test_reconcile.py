"""Reconcile: whatever somebody does to the index, it is found, named, told to the history and mended, at the cost of no text."""

import json
import random
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from daemon_kit import running, until
from dict_index import DictIndex
from faults import Killed, killed_before
from kit import TESTER, Site, make_site, open_folders
from restore_kit import killed_at

from syncd.audit.event import EventType
from syncd.audit.verify import verify
from syncd.core.model import Ids, Lane, Point, PointId, Vector, Where
from syncd.core.rows import EventRow, Fence
from syncd.errors import Exit
from syncd.operations.desk import Desk
from syncd.operations.reconcile import ReconcileRequest, carry_out
from syncd.operations.sync import run_all
from syncd.ports import VectorIndex
from syncd.retrieval.dump import DumpedChunk
from syncd.sync import compare
from syncd.sync.collection import ensure_collection
from syncd.sync.rundata import Order
from syncd.wiring.desk import direct_desk

KINDS = ("missing", "extra", "altered", "unsealed", "foreign", "unfenced")
DAMAGED = 12
"""Points that are damaged at once."""


@dataclass
class Store:
    """The index itself, as somebody has it who gets at its files or its server."""

    index: VectorIndex
    name: str
    chance: random.Random

    def points(self) -> list[Point]:
        """All of them."""
        return self.index.scroll(self.name, None, None, 10_000, vectors=True)[0]

    def of(self, doc: bytes) -> list[Point]:
        """Those of a document."""
        return [point for point in self.points() if point.payload["doc"] == doc.hex()]

    def some(self) -> list[Point]:
        """A few."""
        return self.chance.sample(self.points(), DAMAGED)

    def put(self, points: list[Point]) -> None:
        """Write them, over what was there."""
        self.index.upsert(self.name, points)
        self.index.barrier()

    def drop(self, points: list[Point]) -> None:
        """Take them away."""
        self.index.delete(self.name, Where((Ids(tuple(point.id for point in points)),)))
        self.index.barrier()

    def id(self) -> PointId:
        """One that nobody has."""
        return PointId(str(uuid.UUID(int=self.chance.getrandbits(128))))

    def set(self, **fields: Callable[[Point], Any]) -> None:
        """Another value for fields of some points."""
        self.put([Point(p.id, p.vector, {**p.payload, **{f: make(p) for f, make in fields.items()}}) for p in self.some()])


def filled(place: Path, index: VectorIndex | None = None) -> Site:
    """Documents of several chunks, of two owners' ACLs, and one that was deleted."""
    open_folders(place)
    made = make_site(place / "docs", place / "state")
    made.index = index
    for number in range(30):
        text = "\n\n".join(f"## Part {part} of {number}\n\n{f'Words of part {part} in {number}. ' * 40}" for part in range(3))
        made.write(f"{number % 4}/{number}.md", text, mode=0o600 if number % 3 else 0o644)
    made.write("gone.md", "# Gone\n\nA text that was here once.")
    made.sync()
    (made.docs / "gone.md").unlink()
    made.sync()
    return made


@pytest.fixture
def site(tmp_path) -> Site:
    """An install over an index in a dictionary."""
    return filled(tmp_path, DictIndex())


@pytest.fixture
def real(tmp_path) -> Site:
    """The same over the real engine."""
    return filled(tmp_path)


def reconciled(site: Site, *, full: bool = True, repair: bool = False, sample: int = 0) -> Mapping[str, Any]:
    """What a comparison gives, with its exit code."""
    with site.open(writer=True) as wiring:
        request = ReconcileRequest(repair=repair, full=full, sample=sample)
        reply = carry_out(direct_desk(wiring), TESTER, request, lambda *_: None)
    return {**reply.payload, "exit": int(reply.exit), "notes": reply.notes}


@contextmanager
def store(site: Site) -> Iterator[Store]:
    """The store behind the back of everybody."""
    with site.open(writer=True) as wiring:
        yield Store(wiring.index, ensure_collection(wiring.install()).name, random.Random(7))


def events(site: Site, type_: EventType) -> list[EventRow]:
    """All events of a type, oldest first."""
    with site.open() as wiring, wiring.ledger.read() as view:
        return [event for event in view.events() if event.type == type_]


def embedded(site: Site) -> int:
    """Texts that the runs of reconciles embedded so far, by the history."""
    bodies = [(event.run, json.loads(event.leaf or b"")["body"]) for event in events(site, EventType.RUN_STARTED)]
    mine = {run for run, body in bodies if body["trigger"] == "reconcile"}
    ended = [json.loads(event.leaf or b"")["body"] for event in events(site, EventType.RUN_FINISHED) if event.run in mine]
    return sum(body["chunks"]["embedded"] for body in ended)


def swapped(points: list[Point], field: str) -> list[Point]:
    """The same points, each with what the next one has in a field."""
    others = [*points[1:], points[0]]
    return [
        Point(point.id, point.vector, {**point.payload, field: other.payload[field]})
        for point, other in zip(points, others, strict=True)
    ]


DAMAGES: dict[str, tuple[str, Callable[[Store], None]]] = {
    "points gone": ("missing", lambda store: store.drop(store.some())),
    "another class": ("altered", lambda store: store.set(acl_class=lambda p: uuid.UUID(p.id).hex)),
    "a version of the past": ("altered", lambda store: store.set(acl_version=lambda _: 0)),
    "a version of the future": ("altered", lambda store: store.set(acl_version=lambda _: 99)),
    "another document": ("altered", lambda store: store.set(doc=lambda p: uuid.UUID(p.id).hex)),
    "another text's name": ("altered", lambda store: store.set(fp=lambda p: uuid.UUID(p.id).hex)),
    "another epoch": ("altered", lambda store: store.set(epoch=lambda _: 77)),
    "texts exchanged": ("unsealed", lambda store: store.put(swapped(store.some(), "text_sealed"))),
    "a seal that is none": ("unsealed", lambda store: store.set(acl_sealed=lambda _: "AAAA")),
    "points of nobody": ("foreign", lambda store: store.put([Point(store.id(), p.vector, {}) for p in store.some()])),
    "points of nobody with numbers": (
        "foreign",
        lambda store: store.put([Point(PointId(str(n << 58)), p.vector, {}) for n, p in enumerate(store.some())]),
    ),
    "copies with numbers": (
        "extra",
        lambda store: store.put([Point(PointId(str(n)), p.vector, p.payload) for n, p in enumerate(store.some())]),
    ),
    "points of an unknown document": (
        "foreign",
        lambda store: store.put([Point(store.id(), p.vector, {**p.payload, "doc": "ab" * 16}) for p in store.some()]),
    ),
    "copies under other ids": ("extra", lambda store: store.put([Point(store.id(), p.vector, p.payload) for p in store.some()])),
}
"""What somebody does to the store, and what it is called."""


def nothing(result: dict[str, Any]) -> bool:
    """Whether no difference was found."""
    return not any(result[kind] for kind in KINDS)


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_is_found_and_mended(site: Site, damage: str) -> None:
    """By its kind and to the point, for every point; repaired, the index equals what it was, and the history is whole."""
    kind, harm = DAMAGES[damage]
    before = site.dump()
    with store(site) as there:
        harm(there)
    found = reconciled(site)
    assert {k: found[k] for k in KINDS} == {k: DAMAGED * (k == kind) for k in KINDS}
    assert found["exit"] == Exit.INTEGRITY
    repaired = reconciled(site, repair=True)
    assert (repaired[kind], repaired["repaired"], repaired["exit"]) == (DAMAGED, DAMAGED, Exit.OK)
    assert nothing(reconciled(site))
    assert site.dump() == before
    with site.open() as wiring, wiring.ledger.read() as view:
        assert verify(view, row_key=wiring.keyring.identity.row).findings == ()


@pytest.mark.parametrize("damage", [name for name, (kind, _) in DAMAGES.items() if kind != "unsealed"])
def test_sums_find_whatever_stands_in_plain(site: Site, damage: str) -> None:
    """Without opening a seal: everything but what only opening can tell."""
    kind, harm = DAMAGES[damage]
    with store(site) as there:
        harm(there)
    assert reconciled(site, full=False)[kind] == DAMAGED


def test_seals_are_opened_by_chance_too(site: Site) -> None:
    """A comparison that does not open all seals opens those of its sample."""
    with store(site) as there:
        there.put(swapped(there.points(), "text_sealed"))
    found = reconciled(site, full=False, sample=20)
    assert (found["unsealed"], found["sampled"]) == (20, 0)


def test_a_repair_embeds_only_what_is_lost(site: Site) -> None:
    """Altered points keep their vectors; of those that are gone the texts are embedded again, and no others."""
    with store(site) as there:
        there.set(acl_version=lambda _: 0)
    reconciled(site, repair=True)
    assert embedded(site) == 0
    with store(site) as there:
        there.drop(there.some())
    reconciled(site, repair=True)
    assert embedded(site) == DAMAGED


def test_points_of_a_deleted_document_are_taken_away(site: Site) -> None:
    """A late write brought them back: they are extra."""
    (deleted,) = {event.doc for event in events(site, EventType.DOC_DELETED)}
    with store(site) as there:
        there.put([Point(there.id(), p.vector, {**p.payload, "doc": deleted}) for p in there.some()])
    found = reconciled(site, repair=True)
    assert (found["extra"], found["repaired"]) == (DAMAGED, DAMAGED)


def test_vectors_that_are_not_the_models_are_found(site: Site) -> None:
    """Nothing seals a vector: only computing it anew tells, for as many as are asked for."""
    before = site.dump()
    with store(site) as there:
        there.put([Point(p.id, Vector(p.vector[4:] + p.vector[:4]), p.payload) for p in there.some()])
    assert nothing(reconciled(site))
    found = reconciled(site, sample=1_000)
    assert 0 < found["altered"] <= DAMAGED
    while not nothing(reconciled(site, sample=1_000, repair=True)):
        pass
    changed = {chunk.vector for chunk in site.dump()} - {chunk.vector for chunk in before}
    assert len(changed) <= DAMAGED - found["altered"]


def test_what_nobody_may_read_is_closed(site: Site, monkeypatch) -> None:
    """A document whose ACL is unknown, without its fence, and with points that the store would give: closed in both places."""
    with site.open() as wiring, wiring.ledger.read() as view:
        row = next(row for row in view.docs() if row.fence is Fence.NONE and row.locator is not None)
        count = len(view.points(row.doc))
    monkeypatch.setattr(compare, "_acl_unknown", lambda _: frozenset({row.doc}))
    assert reconciled(site, full=False)["unfenced"] == count
    repaired = reconciled(site, repair=True)
    assert (repaired["unfenced"], repaired["repaired"]) == (count, count)
    assert row.doc.hex() not in {hit.doc for hit in site.search("words").hits}
    with site.open() as wiring, wiring.ledger.read() as view:
        assert view.doc(row.doc).fence is Fence.ACL
    with store(site) as there:  # only the store is wrong now
        there.put([Point(p.id, p.vector, {**p.payload, "acl_class": "00" * 16}) for p in there.of(row.doc)])
    assert reconciled(site)["unfenced"] == count


def test_an_index_of_last_week_is_seen_and_mended(real: Site, tmp_path) -> None:
    """As typed, on the real engine. As many points as today, some of another time: counting finds nothing, sums do."""
    shutil.copytree(real.state / "index", tmp_path / "last-week")
    for number in (3, 6, 9):
        path = real.docs / f"{number % 4}/{number}.md"
        path.write_text(path.read_text().replace("Words of part 1", "Other words of part 1"))
        path.chmod(0o640)
    real.sync()
    before = real.dump()
    shutil.rmtree(real.state / "index")
    shutil.copytree(tmp_path / "last-week", real.state / "index")
    found = real.json("reconcile", "--sample", "0", check=6)
    assert min(found["missing"], found["altered"], found["extra"]) > 0
    assert real.json("reconcile", "--repair")["repaired"] == sum(found[kind] for kind in KINDS)
    assert real.dump() == before
    assert nothing(real.json("reconcile", "--full"))


def test_what_differs_is_in_history_and_status(real: Site) -> None:
    """Documents and counts in the history, without a name; what is left in `status`, with the command that helps."""
    with store(real) as there:
        there.drop(there.some())
    found = real.json("reconcile", check=6)
    assert len(events(real, EventType.STORE_DRIFT)) == len(found["documents"])
    assert "reconcile --repair" in real.cli("status").stdout
    assert real.json("status")["reconcile"]["left"] == DAMAGED
    assert f"{DAMAGED} missing; repaired: {DAMAGED}" in real.cli("reconcile", "--repair").stdout
    assert "reconcile --repair" not in real.cli("status").stdout
    log = real.cli("audit", "log", "--json").stdout
    assert not any(document["key"] in log for document in found["documents"])


def test_documents_that_are_gone_meanwhile_are_no_failure(site: Site) -> None:
    """Their points were lost, and they are not there any more either: in the end nothing differs."""
    with store(site) as there:
        there.drop(there.points())
    shutil.rmtree(site.docs / "0")
    assert reconciled(site, repair=True)["missing"] > DAMAGED
    site.sync()
    assert nothing(reconciled(site))


def test_a_source_that_is_away_leaves_it_undone(site: Site) -> None:
    """What has to be read again can't be: that many points are left, and the next sync does it."""
    with store(site) as there:
        there.drop(there.some())
    site.docs.rename(site.docs.with_name("away"))
    done = reconciled(site, repair=True)
    assert (done["exit"], done["repaired"]) == (Exit.INCOMPLETE, 0)
    assert any("in 12 points still" in note for note in done["notes"])
    site.docs.with_name("away").rename(site.docs)
    site.sync()
    assert nothing(reconciled(site))


@pytest.mark.parametrize("held", [1, 40, 10**6])
def test_any_memory_will_do(site: Site, monkeypatch, held: int) -> None:
    """However few recorded points may be in memory at once, the same is found."""
    monkeypatch.setattr(compare, "HELD", held)
    monkeypatch.setattr(compare, "POINTS", 7)
    with store(site) as there:
        lost = there.points()[::2]
        there.drop(lost)
        there.put([Point(there.id(), p.vector, {}) for p in there.points()[:5]])
    found = reconciled(site, full=False)
    assert (found["missing"], found["foreign"]) == (len(lost), 5)


def test_a_daemon_compares_after_its_start(real: Site) -> None:
    """The index was tampered with while nobody looked: the daemon finds it once it has scanned, mends it, and says so."""
    before = real.dump()
    with store(real) as there:
        there.drop(there.some())
        there.set(acl_version=lambda _: 0)
        there.put([Point(there.id(), p.vector, {}) for p in there.some()])
    with running(real) as daemon:
        until(lambda: (last := daemon.status()["reconcile"]) and last["found"] and not last["left"])
        assert daemon.ask("audit-verify")["verdict"] == "good"
    assert real.dump() == before


def test_changes_go_before_a_comparison(real: Site, monkeypatch) -> None:
    """It lets others go first between two batches: whatever they do, nothing of it is called wrong."""
    monkeypatch.setattr(compare, "DOCUMENTS", 4)
    monkeypatch.setattr(compare, "POINTS", 5)
    with real.open(writer=True) as wiring:
        desk = direct_desk(wiring)
        turns = Meddling(real, desk)
        request = ReconcileRequest(full=True, sample=10)
        reply = carry_out(replace(desk, turns=turns), TESTER, request, lambda *_: None)
        assert turns.given > 10
    assert nothing({**reply.payload})


class Meddling:
    """Turns in each of which something changes and is synced: an edit, a deletion, a closing, a rename."""

    lane = Lane.BACKFILL

    def __init__(self, site: Site, desk: Desk) -> None:
        self.site = site
        self.desk = desk
        self.given = 0

    def wanted(self) -> bool:
        """Always."""
        return True

    def give(self) -> None:
        """One change more."""
        self.given += 1
        keys = sorted(path for path in self.site.docs.rglob("*.md") if path.stat().st_size)
        path = keys[self.given * 7 % len(keys)]
        match self.given % 4:
            case 0:
                path.write_text(f"# Again\n\nAnother text, the {self.given}th.")
            case 1:
                path.unlink()
            case 2:
                path.chmod(0o600)
            case 3:
                path.rename(path.with_name(f"moved-{self.given}.md"))
        run_all(self.desk, self.desk.sources, Order(TESTER), lambda *_: None)

    def spent(self, chunks: int, rate: float) -> None:
        """Nobody waits."""


def test_a_repair_that_was_killed_is_settled(site: Site) -> None:
    """Between intent and outcome of a repair, which is of no run: the next start closes it, and the repair is done again."""
    with store(site) as index:
        index.put([Point(index.id(), point.vector, point.payload) for point in index.some()])
    with killed_before(site, "delete"):
        reconciled(site, repair=True)
    site.sync()
    assert [row.phase for row in events(site, EventType.LEDGER_RECOVERED)] == ["outcome"]
    assert reconciled(site, repair=True)["repaired"] == DAMAGED
    assert nothing(reconciled(site))


@pytest.mark.parametrize(("place", "step"), [*(("ledger", n) for n in range(9)), *(("index", n) for n in range(4))])
def test_a_repair_that_is_killed_anywhere_is_done_again(site: Site, place: str, step: int) -> None:
    """Before any transaction of the ledger, or any write to the index: asked again it mends all, and the history is whole."""
    before = site.dump()
    with store(site) as there:
        for damage in ("points gone", "a version of the past", "texts exchanged", "points of nobody", "copies under other ids"):
            DAMAGES[damage][1](there)
    writes: list[str] = []

    def die(write: str) -> None:
        writes.append(write)
        if place == "index" and len(writes) > step:
            raise Killed

    site.index.before = die
    with killed_at(step if place == "ledger" else 1000), pytest.raises(Killed):
        reconciled(site, repair=True)
    site.index.before = lambda _: None
    site.sync()
    reconciled(site, repair=True)
    assert nothing(reconciled(site))
    assert site.dump() == before
    with site.open() as wiring, wiring.ledger.read() as view:
        assert verify(view, row_key=wiring.keyring.identity.row).findings == ()
        assert view.intents() == []


def test_a_ledger_of_last_week_is_made_up_for(real: Site, tmp_path) -> None:
    """The ledger alone is older than the index, and no anchor tells: what it does not know goes, the tree is indexed as it is."""
    shutil.copy(real.state / "ledger.db", tmp_path / "last-week.db")
    real.write("0/new.md", "# New\n\nSince last week.")
    (real.docs / "1/1.md").unlink()
    (real.docs / "2/2.md").write_text("# Two\n\nAnother text.")
    (real.docs / "3/3.md").chmod(0o600)
    (real.docs / "0/4.md").rename(real.docs / "0/four.md")
    real.sync()
    for path in real.state.glob("ledger.db-*"):
        path.unlink()
    shutil.copy(tmp_path / "last-week.db", real.state / "ledger.db")
    (real.state / "anchor").unlink()
    real.json("sync")
    real.json("reconcile", "--full", "--repair")
    assert nothing(real.json("reconcile", "--full"))
    fresh = real.fresh("fresh")
    fresh.sync()
    assert sorted(map(shown, real.dump())) == sorted(map(shown, fresh.dump()))


def shown(chunk: DumpedChunk) -> tuple[object, ...]:
    """A chunk as two installs have to agree on it."""
    return chunk.source, chunk.key, chunk.span, chunk.text_sha256, chunk.vector_sha256, chunk.readers
