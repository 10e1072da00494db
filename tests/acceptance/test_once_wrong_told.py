"""What a review once found wrong, about what a person is told and asked: counters, confirmations, names, answers."""

import json

import pytest
from dict_index import DictIndex
from kit import Site
from moments import attempt, cut_short, killed, new_site, rows, texts
from terminal import typed

from syncd.adapters.embed.hash import HashEmbedder
from syncd.adapters.ledger import SqlLedger
from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.core.model import Ids, Lane, Reason, Refusal, Vector, Where
from syncd.core.rows import DocState
from syncd.errors import SourceUnavailable
from syncd.sync.locate import find_docs
from syncd.wiring import Wiring

pytestmark = pytest.mark.usefixtures("calm")


@pytest.fixture
def site(tmp_path) -> Site:
    """An install over no files yet."""
    return new_site(tmp_path)


# -- 12, 13: what the embedder refuses ---------------------------------------------------------------------------------


@pytest.mark.parametrize("others", [1, 299])
def test_a_text_that_the_embedder_refuses_is_tried_again_until_it_is_in(site, monkeypatch, others):
    """It stays in quarantine, in a small page or one of several groups; only what was embedded is counted; once the embedder
    takes it, the next sync has it.
    """
    site.write("000.md", "poison")
    for number in range(1, others + 1):
        site.write(f"{number:03}.md", f"text {number}")
    real = HashEmbedder.embed

    def embed(self, texts: list[str], lane: Lane = Lane.LIVE) -> list[Vector | Refusal]:
        good = real(self, texts)
        return [Refusal(Reason.EMBEDDING) if "poison" in t else v for t, v in zip(texts, good, strict=True)]

    with monkeypatch.context() as patch:
        patch.setattr(HashEmbedder, "embed", embed)
        for expected in (others, 0, 0):
            done = site.sync()
            assert (done.state, done.report.chunks.embedded) == ("incomplete", expected)
            assert (site.quarantined(), site.points()) == ({"000.md": "embedding"}, others)
    done = site.sync()
    assert (done.state, done.report.chunks.embedded) == ("done", 1)
    assert (site.quarantined(), len(texts(site)), site.points()) == ({}, others + 1, others + 1)


# -- 15, 16: the guard -------------------------------------------------------------------------------------------------

GUARD = "[guard]\nmin_deletes = 3\nmax_delete_share = 0.2\nmin_widenings = 3\nmax_widen_share = 0.1\n"


def test_who_confirms_an_opening_has_not_confirmed_deletions(tmp_path):
    """A confirmation is for what was held back: the deletions that came up since then halt by themselves."""
    site = new_site(tmp_path, GUARD)
    for number in range(10):
        site.write(f"{number}.md", f"doc {number}", 0o600)
    site.sync()
    for number in range(5):
        (site.docs / f"{number}.md").chmod(0o644)
    halted = attempt(site)
    assert (halted.state, halted.report.held.widenings, halted.report.held.deletions) == ("halted", 5, 0)
    for number in range(5, 10):
        (site.docs / f"{number}.md").unlink()
    done = attempt(site, confirm=halted)
    assert (done.state, done.report.documents.deleted, site.points()) == ("halted", 0, 10)


def test_who_confirms_some_deletions_has_not_confirmed_more(tmp_path):
    """A confirmation is for that many: when more is gone by then, the run halts again, and its own confirmation is needed."""
    site = new_site(tmp_path, GUARD)
    for number in range(10):
        site.write(f"{number}.md", f"doc {number}")
    site.sync()
    for number in range(4):
        (site.docs / f"{number}.md").unlink()
    first = attempt(site)
    (site.docs / "4.md").unlink()
    second = attempt(site, confirm=first)
    assert (second.state, second.report.documents.deleted, len(texts(site))) == ("halted", 0, 10)
    done = attempt(site, confirm=second)
    assert (done.state, done.report.documents.deleted, site.points()) == ("done", 5, 5)


def test_an_emptied_source_halts_although_a_document_never_got_in(tmp_path):
    """What was begun and killed is no document that is still there: the emptied source waits for a person."""
    site = new_site(tmp_path, "[guard]\nmin_deletes = 50\n")
    for number in range(3):
        site.write(f"{number}.md", f"doc {number}")
    site.sync()
    site.write("new.md", "new")
    for here in cut_short(site, killed):
        if DocState.PENDING in {row.state for row in rows(here)}:
            break
    else:
        pytest.fail("no kill left a pending document")
    for path in site.docs.iterdir():
        path.unlink()
    done = attempt(here)
    assert (done.state, done.report.documents.deleted, set(texts(here))) == ("halted", 0, {"0.md", "1.md", "2.md"})


# -- 18, 27: what is told afterwards -----------------------------------------------------------------------------------


def test_the_names_of_a_document_are_kept_although_its_first_attempt_was_killed(site):
    """Whenever its first sync was killed: after its deletion it is still found by the path it had."""
    site.write("0.md", "zero")
    site.sync()
    path = site.write("a.md", "alpha")
    cut = list(cut_short(site, killed))
    for here in cut:
        here.sync()
    path.unlink()
    for here in cut:
        here.sync()
        with here.open() as wiring, wiring.ledger.read() as ledger:
            found = find_docs(ledger, wiring.keyring, wiring.sources(), str(path))
        assert [row.state for row in found] == [DocState.DELETED]


def test_a_failed_run_tells_its_id_and_what_it_did(site, monkeypatch):
    """The JSON of a run that an error ended names the recorded run, and counts what was done before the error."""
    site.write("a.md", "alpha")
    site.write("b.md", "beta")
    site.sync()
    (site.docs / "a.md").chmod(0o600)
    site.write("b.md", "beta two")

    def fetch(self, seen):
        raise SourceUnavailable(source="docs", detail="the mount went away")

    monkeypatch.setattr(FilesystemSource, "fetch", fetch)
    monkeypatch.setattr(Wiring, "index", site.index)
    failed = typed(site, "sync", "--json")
    (told,) = failed.json["runs"]
    assert (failed.code, told["state"]) == (69, "failed")
    with site.open() as wiring, wiring.ledger.read() as ledger:
        recorded = ledger.runs()[0]
    assert (told["run"], told["documents"]) == (recorded.run.hex(), json.loads(recorded.report)["documents"])
    assert told["documents"]["retagged"] == 1


# -- 21, 26: readers, and a text that is everywhere --------------------------------------------------------------------


def test_a_text_that_stands_in_many_documents_is_looked_for_in_a_few(site, monkeypatch):
    """A licence in every folder: one more copy asks the index for a few vectors, not for one of each, and embeds nothing."""
    for number in range(300):
        site.write(f"{number:03}.md", "the same licence")
    assert site.sync().report.chunks.embedded == 1
    site.write("new.md", "the same licence")
    asked: list[str] = []
    real = DictIndex.retrieve

    def retrieve(self, collection, ids, *, vectors: bool):
        asked.extend(ids)
        return real(self, collection, ids, vectors=vectors)

    monkeypatch.setattr(DictIndex, "retrieve", retrieve)
    assert site.sync().report.chunks.embedded == 0
    assert 0 < len(asked) < 30


def test_a_reader_who_meets_harm_is_answered_while_a_sync_holds_the_lock(site, monkeypatch):
    """What is left of the index is shown, and the exit code says integrity, though the event can't be recorded just now."""
    site.write("a.md", "alpha")
    site.write("b.md", "beta")
    site.sync()
    (name,) = site.index.points
    id_ = next(iter(site.index.points[name]))
    site.index.set_payload(name, {"text_sealed": "AAAA"}, Where((Ids((id_,)),)))
    monkeypatch.setattr(Wiring, "index", site.index)
    real = SqlLedger.open
    monkeypatch.setattr(SqlLedger, "open", lambda *given, **named: real(*given, **{**named, "lock_wait": 0.1}))
    alone = typed(site, "search", "anything", "--json")
    assert (alone.code, len(alone.json["hits"])) == (6, 1)
    with site.open(writer=True) as wiring:
        assert wiring.ledger
        beside = typed(site, "search", "anything", "--json")
    assert (beside.code, beside.out and beside.json["hits"]) == (6, alone.json["hits"])
