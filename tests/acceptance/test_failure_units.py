"""What a failure costs: a chunk, a document, or what takes the thing that is away; never who may read what."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from dict_index import DictIndex
from faults import ALL, OWNER, STRANGER, calm_site, doc_of, points, shown, source_row
from kit import TESTER, Site
from runs import shows_the_tree, working

from syncd.adapters.embed.hash import HashEmbedder
from syncd.adapters.patient import line
from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.core.lifecycle import RunState
from syncd.core.model import Payload, Point, Vector, Where
from syncd.core.retry import Policy
from syncd.errors import DiskFull, EmbeddingFailed, IndexInvalid, IndexUnavailable
from syncd.sync.collection import ensure_collection
from syncd.sync.run import SourceRun
from syncd.sync.rundata import Order


@pytest.fixture
def site(tmp_path, monkeypatch) -> Site:
    """Four open documents in three folders, synced. What is tried again is tried at once."""
    monkeypatch.setattr(line, "AGAIN", Policy(first=0.0, longest=0.0, tries=2))
    return calm_site(tmp_path, monkeypatch)


@contextmanager
def embedder(fails: Callable[[str], bool]) -> Iterator[list[int]]:
    """The model raises for every batch with a text of which `fails` says so; how large each batch was."""
    real, sizes = HashEmbedder.embed, []

    def embed(self: HashEmbedder, texts: Any, *rest: Any) -> Any:
        sizes.append(len(texts))
        if any(map(fails, texts)):
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return real(self, texts, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HashEmbedder, "embed", embed)
        yield sizes


def away(_: str) -> bool:
    """Every text: the model is away."""
    return True


# -- a chunk -----------------------------------------------------------------------------------------------------------


def test_a_text_that_breaks_its_batch_costs_its_document_only(site):
    """Forty new documents in one group, one of which no model can read: it is in quarantine by name, all others are found."""
    for number in range(40):
        site.write(f"new/{number}.md", f"a text of its own, number {number}")
    site.write("new/bad.md", "a poisonous text")
    with embedder(lambda text: "poisonous" in text) as sizes:
        done = site.sync()
    assert (done.state, site.quarantined()) == ("incomplete", {"new/bad.md": "embedding"})
    assert site.found(reader=OWNER) == ALL | {f"new/{number}.md" for number in range(40)}
    assert len(sizes) < 25
    site.write("new/bad.md", "a wholesome text")
    with working(site) as worker:
        assert worker.whole().state == "done"
        shows_the_tree(worker)
    assert site.quarantined() == {}


def test_a_document_keeps_what_can_be_embedded(site):
    """One chunk of a long document is refused: the others of it are found, and it is named."""
    site.write("long.md", "\n\n".join(f"# Part {name}\n\n" + f"{name} " * 300 for name in ("one", "poisonous", "three")))
    with embedder(lambda text: "poisonous" in text):
        site.sync()
    assert site.quarantined() == {"long.md": "embedding"}
    text = " ".join(shown(site)["long.md"])
    assert ("one" in text, "three" in text, "poisonous" in text) == (True, True, False)


# -- a document --------------------------------------------------------------------------------------------------------


def invalid(site: Site, bad: Callable[[Point], bool]) -> list[int]:
    """The index finds some points invalid, and with them every batch that they are in; how large each batch was."""
    real, sizes = DictIndex.upsert, []

    def upsert(collection: str, batch: Any) -> None:
        sizes.append(len(batch))
        if any(map(bad, batch)):
            raise IndexInvalid(detail="the server answered 400")
        real(site.index, collection, batch)

    site.index.upsert = upsert
    return sizes


def test_a_point_that_the_index_finds_invalid_costs_its_document_only(site):
    """It is in quarantine by name, and nothing of it was written; its batch mates are found; that takes a few calls."""
    for number in range(40):
        site.write(f"new/{number}.md", f"a text of its own, number {number}")
    site.write("a.md", "a text that the index will not have")
    doc, known = doc_of(site, "a.md"), set(points(site))
    sizes = invalid(site, lambda point: point.payload["doc"] == doc and point.id not in known)
    done = site.sync()
    assert (done.state, site.quarantined()) == ("incomplete", {"a.md": "index"})
    assert len(sizes) < 25
    assert site.found(reader=OWNER) == (ALL - {"a.md"}) | {f"new/{number}.md" for number in range(40)}
    del site.index.upsert
    site.write("a.md", "a text that it will have")
    with working(site) as worker:
        assert worker.whole().state == "done"
        shows_the_tree(worker)


def test_a_collection_that_takes_nothing_blames_no_document(site):
    """Somebody replaced it by one of another dimension: the run fails and says so, and nothing is in quarantine."""
    site.write("a.md", "another text")
    invalid(site, lambda _: True)

    def ensure(*_: object) -> None:
        raise IndexInvalid(detail="collection holds vectors of 3 components")

    with working(site) as worker:
        collection = ensure_collection(worker.install)
        site.index.ensure_collection = ensure
        order = Order(TESTER)
        outcome = SourceRun(worker.install, worker.source, collection, order, lambda _: None).execute()
    assert (outcome.state, type(outcome.error)) == (RunState.FAILED, IndexInvalid)
    assert site.quarantined() == {}


def test_an_acl_that_the_index_finds_invalid_closes_its_document_only(site):
    """The write of one document's ACL is refused: that document stays hidden, the others are closed and found by their owner."""
    for key in ("a.md", "b.md"):
        (site.docs / key).chmod(0o600)
    real = DictIndex.set_payload
    calls: list[int] = []

    def set_payload(collection: str, payload: Payload, where: Where) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise IndexInvalid(detail="the server answered 400")
        real(site.index, collection, payload, where)

    site.index.set_payload = set_payload
    site.sync()
    assert not site.found(reader=STRANGER) & {"a.md", "b.md"}
    del site.index.set_payload
    assert site.sync().state == "done"
    assert site.found(reader=OWNER) == ALL
    assert not site.found(reader=STRANGER) & {"a.md", "b.md"}


def test_an_older_version_serves_only_whom_the_new_acl_permits(site):
    """The new version can't be read or embedded, and is closed: its owner finds the older text, nobody else finds any of it."""
    before = shown(site)
    site.write("a.md", b"\x00\x01 no text", 0o600)
    site.write("b.md", "a new text that has to wait", 0o600)
    with embedder(away), working(site) as worker:
        assert type(worker.whole().error) is EmbeddingFailed
    assert (site.quarantined(), site.found(reader=STRANGER)) == ({"a.md": "format"}, ALL - {"a.md", "b.md"})
    assert shown(site) == before
    for key in ("a.md", "b.md"):
        (site.docs / key).chmod(0o644)
    with embedder(away), working(site) as worker:
        assert type(worker.whole().error) is EmbeddingFailed
    assert site.found(reader=STRANGER) == ALL - {"a.md", "b.md"}


# -- the embedder ------------------------------------------------------------------------------------------------------


def test_without_an_embedder_all_is_done_that_takes_no_vectors(site):
    """Away for a whole run: closed, deleted, moved and opened at once; a new text and an edit wait, the older text serves."""
    (site.docs / "x/c.md").chmod(0o600)
    site.sync()
    before, embedded_at = shown(site)["b.md"], source_row(site)
    (site.docs / "a.md").unlink()
    site.write("b.md", "an edit that has to wait")
    site.write("new.md", "a new text that has to wait")
    (site.docs / "x/c.md").chmod(0o644)
    (site.docs / "x/y/d.md").rename(site.docs / "x/y/moved.md")
    (site.docs / "x/y/moved.md").chmod(0o600)
    with embedder(away), working(site) as worker:
        outcome = worker.whole()
        assert (outcome.state, type(outcome.error)) == (RunState.FAILED, EmbeddingFailed)
        assert worker.open_intents() == 0
        assert worker.points() == 3
    assert site.quarantined() == {}
    assert (site.found(reader=OWNER), site.found(reader=STRANGER)) == ({"b.md", "x/c.md", "x/y/moved.md"}, {"b.md", "x/c.md"})
    assert shown(site)["b.md"] == before
    now = source_row(site)
    assert (now.complete_at, now.acls_at > embedded_at.acls_at) == (embedded_at.complete_at, True)
    with working(site) as worker:
        done = worker.whole()
        assert (done.state, done.report.chunks.embedded) == ("done", 2)
        shows_the_tree(worker)


def test_a_run_asks_an_embedder_that_is_away_no_more(site):
    """Many groups of new texts: the first one finds it away, and the others are not even read."""
    for number in range(600):
        site.write(f"new/{number}.md", f"a text of its own, number {number}")
    with embedder(away) as sizes, working(site) as worker:
        assert type(worker.whole().error) is EmbeddingFailed
        assert len(sizes) <= 4
    with working(site) as worker:
        assert worker.whole().state == "done"
    assert len(site.found(reader=OWNER)) == 604


def test_new_texts_are_not_read_while_nothing_can_be_embedded(site, monkeypatch):
    """Once a run knows: a large tree of them is not read from the disk again and again for nothing."""
    for number in range(600):
        site.write(f"new/{number}.md", f"a text of its own, number {number}")
    real, read = FilesystemSource.fetch, []

    def fetch(self: FilesystemSource, seen: Any) -> Any:
        read.append(seen.key)
        return real(self, seen)

    monkeypatch.setattr(FilesystemSource, "fetch", fetch)
    with embedder(away), working(site) as worker:
        assert type(worker.whole().error) is EmbeddingFailed
    assert len(read) < 100


def test_copies_and_moves_take_no_embedder(site):
    """A text that is in the index already is there under another name, although nothing can be embedded."""
    site.write("copy.md", (site.docs / "a.md").read_text())
    with embedder(away):
        assert site.sync().state == "done"
    assert "copy.md" in site.found(reader=OWNER)


# -- the index ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [IndexUnavailable(detail="no connection"), DiskFull(path="/", free=0, needed=256)])
def test_without_an_index_everybody_who_lost_access_is_out_at_once(site, error):
    """Away, or its disk full, for a whole run: whatever narrowed, on every page, and whatever is gone is out."""
    (site.docs / "a.md").chmod(0o600)
    (site.docs / "x/c.md").chmod(0o600)
    (site.docs / "x/y/d.md").unlink()

    def before(name: str) -> None:
        raise error

    site.index.before = before
    with working(site) as worker:
        outcome = worker.scoped(trees=("x",), keys=("a.md",))
        assert (outcome.state, type(outcome.error)) == (RunState.FAILED, type(error))
    site.index.before = lambda _: None
    assert site.found(reader=STRANGER) == {"b.md"}
    assert "x/y/d.md" not in site.found(reader=OWNER)
    with working(site) as worker:
        assert worker.whole().state == "done"
        shows_the_tree(worker)
    assert (site.found(reader=OWNER), site.found(reader=STRANGER)) == (ALL - {"x/y/d.md"}, {"b.md"})


def test_a_scan_without_an_index_hides_whoever_lost_access(site, monkeypatch):
    """No connection during a whole sync: it says so, and nobody finds afterwards what was closed or deleted."""
    (site.docs / "a.md").chmod(0o600)
    (site.docs / "x/c.md").chmod(0o600)
    (site.docs / "x/y/d.md").unlink()

    def refuse(*_: Any, **__: Any) -> Any:
        raise IndexUnavailable(detail="connection refused")

    with monkeypatch.context() as patch:
        for call in ("ensure_collection", "resolve", "count", "retrieve", "scroll", "upsert", "set_payload", "delete", "barrier"):
            patch.setattr(site.index, call, refuse)
        with pytest.raises(IndexUnavailable):
            site.sync()
    assert site.found(reader=STRANGER) == {"b.md"}
    assert "x/y/d.md" not in site.found(reader=OWNER)
    with working(site) as worker:
        assert worker.whole().state == "done"
        shows_the_tree(worker)


def test_vectors_are_of_the_text_that_they_stand_for(site):
    """After a batch was cut apart, each text has the vector that it gets alone."""
    for number in range(9):
        site.write(f"new/{number}.md", f"text {number}{' poisonous' if number % 4 == 1 else ''}")
    with embedder(lambda text: "poisonous" in text):
        site.sync()
    alone: dict[str, Vector] = {f"text {n}": HashEmbedder().query(f"text {n}") for n in range(9) if n % 4 != 1}
    with site.open() as wiring, wiring.ledger.read() as view:
        assert view.counts().points == len(ALL) + len(alone)
    assert set(alone.values()) <= {point.vector for point in points(site).values()}
