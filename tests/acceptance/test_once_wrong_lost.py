"""What a review once found wrong, second half: nothing is lost, forgotten or done twice, whenever a run ends early."""

import json

import pytest
from dict_index import DictIndex
from kit import TESTER, Site
from moments import OWNER, Cut, attempt, cut_short, events, killed, new_site, rows, texts, touched, unplugged
from terminal import typed

from syncd.adapters.embed.hash import HashEmbedder
from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.cli.sync import show
from syncd.core.model import Ids, Reason, Refusal, Vector, Where
from syncd.core.rows import DocState, Due, Fence
from syncd.errors import ListingFailed, SourceUnavailable
from syncd.sync.locate import find_docs
from syncd.sync.reindex import request, select
from syncd.wiring import Wiring

BINARY = b"\x89PNG\r\n\x1a\n\x00\x00"
both = pytest.mark.parametrize("interrupt", [killed, unplugged])


@pytest.fixture(autouse=True)
def calm(monkeypatch) -> None:
    """Stamps hold at once, although the files are young."""
    monkeypatch.setattr("syncd.adapters.sources.filesystem.listing.RACY_NS", 0)


@pytest.fixture
def site(tmp_path) -> Site:
    """An install over no files yet."""
    return new_site(tmp_path)


def view(site: Site) -> list[tuple]:
    """Everything that the index shows, read back from it."""
    return [(c.key, c.span, c.text_sha256, c.vector_sha256, c.readers) for c in site.dump()]


def paragraphs(*words: str) -> str:
    """A text of one chunk for each word."""
    return "\n\n".join(f"# {word}\n\n" + f"{word} text " * 30 for word in words)


def recovers(site: Site, here: Site, expected: list[tuple]) -> None:
    """One run makes all well, a second one finds nothing to do, and the index shows what is expected, and no more."""
    assert here.sync().state == "done"
    writes = list(here.index.writes)
    again = here.sync()
    assert (again.state, again.report.chunks.embedded, here.index.writes) == ("done", 0, writes)
    assert {row.fence for row in rows(here) if row.state is not DocState.DELETED} == {Fence.NONE}
    assert view(here) == expected
    assert here.points() == len(expected)


# -- 9: points ---------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("deed", ["edit", "delete"])
def test_points_that_a_run_took_away_before_it_was_cut_short_come_back_with_the_text(site, interrupt, deed):
    """A text is edited or its file deleted, the run is cut short anywhere, the text comes back: every chunk is found again."""
    site.write("a.md", paragraphs("one", "two"))
    site.write("b.md", "b")
    site.sync()
    expected, original = view(site), (site.docs / "a.md").read_bytes()
    if deed == "edit":
        site.write("a.md", paragraphs("one", "three"))
    else:
        (site.docs / "a.md").unlink()
    cut = list(cut_short(site, interrupt))
    site.write("a.md", original)
    for here in cut:
        recovers(site, here, expected)


# -- 10: stamps --------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("place", ["docs/x.bak", "x.away"])
def test_a_folder_that_was_away_during_a_run_that_was_cut_short_is_all_there_again(site, interrupt, place):
    """Renamed or taken out of the source, and back afterwards: no stamp of a page outlives what the run did to its documents."""
    site.write("b.md", "beta")
    site.write("x/a.md", "alpha")
    site.write("x/y/c.md", "gamma")
    site.sync()
    site.sync()
    expected, away = view(site), site.docs.parent / place
    (site.docs / "x").rename(away)
    cut = list(cut_short(site, interrupt))
    away.rename(site.docs / "x")
    for here in cut:
        recovers(site, here, expected)


@both
def test_an_older_version_that_serves_comes_back_with_its_folder(site, interrupt):
    """A document whose newer version is in quarantine was away during a run that was cut short: its older version serves again."""
    site.write("k.md", "k")
    site.write("x/a.md", "alpha")
    site.sync()
    site.write("x/a.md", BINARY)
    site.sync()
    away = site.docs.parent / "away"
    (site.docs / "x").rename(away)
    cut = list(cut_short(site, interrupt))
    away.rename(site.docs / "x")
    site.write("x/new.md", "new")
    for here in cut:
        for _ in range(2):
            assert here.sync().state == "incomplete"
            assert texts(here) == {"k.md": "k", "x/a.md": "alpha", "x/new.md": "new"}
            assert set(here.quarantined()) == {"x/a.md"}


def test_a_reindex_that_was_killed_goes_on_with_the_next_sync(site, monkeypatch):
    """Once it is in the log that it was asked for, every text is embedded again, whenever it was killed."""
    site.write("a.md", "alpha")
    site.write("x/b.md", "beta")
    site.sync()
    site.sync()
    embedded: set[str] = set()
    real = HashEmbedder.embed
    monkeypatch.setattr(HashEmbedder, "embed", lambda self, texts: embedded.update(texts) or real(self, texts))

    def reindex(here: Site) -> None:
        embedded.clear()
        with here.open(writer=True) as wiring:
            install = wiring.install()
            with wiring.ledger.read() as ledger:
                selection = select(install, ledger, wiring.sources(), source=None, doc=None)
            request(install, selection, actor=TESTER, reason="new parser")
        here.sync()

    expected, outcomes = view(site), []
    for here in cut_short(site, killed, reindex):
        asked = "reindex.requested" in events(here)
        here.sync()
        outcomes.append((asked, len(embedded)))
        assert {row.due for row in rows(here)} == {Due.NO}
        assert view(here) == expected
    assert set(outcomes) == {(False, 0), (True, 2)}


# -- 11, 20: what changes while a run looks at it ----------------------------------------------------------------------


def test_a_document_that_is_deleted_while_a_run_is_under_way_is_gone_with_the_next(site):
    """Whenever between two looks at the source its file goes: one further run takes it out of the index."""
    moment = 0
    while True:
        for key in ("a.md", "b.md", "x/c.md"):
            site.write(key, f"text of {key}")
        site.sync()
        site.write("b.md", f"another text {moment}")
        cut = Cut(moment)
        with touched(cut, (site.docs / "a.md").unlink):
            site.sync()
        if not cut.reached:
            break
        done = site.sync()
        assert (done.state, set(texts(site)), site.points()) == ("done", {"b.md", "x/c.md"}, 2), moment
        moment += 1
    assert moment > 6


def test_a_document_is_not_deleted_while_the_folder_it_moved_to_can_not_be_listed(site):
    """At whichever look at the source a listing fails, a moved document keeps its life and its points."""
    moment = 0
    while True:
        site.write("y/b.md", "beta")
        site.write("a.md", "alpha")
        site.write("k.md", "k")
        site.sync()
        lives = {hit.doc for hit in site.search("anything", OWNER).hits}
        (site.docs / "a.md").rename(site.docs / "y/a.md")
        cut = Cut(moment)

        def unlistable() -> None:
            raise ListingFailed(source="docs", detail="EIO")

        with touched(cut, unlistable):
            done = attempt(site)
        assert done.report.documents.deleted == 0
        if not cut.reached:
            break
        done = site.sync()
        assert (done.state, done.report.documents.deleted, done.report.chunks.embedded) == ("done", 0, 0), moment
        assert {hit.doc for hit in site.search("anything", OWNER).hits} == lives
        assert set(texts(site)) == {"k.md", "y/a.md", "y/b.md"}
        (site.docs / "y/a.md").rename(site.docs / "a.md")
        site.sync()
        moment += 1
    assert moment > 6


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

    def embed(self, texts: list[str]) -> list[Vector | Refusal]:
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
    site = new_site(tmp_path, GUARD)
    for number in range(2):
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
    assert (done.state, done.report.documents.deleted, set(texts(here))) == ("halted", 0, {"0.md", "1.md"})


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


def test_a_failed_run_tells_its_id_and_what_it_did(site, capsys):
    """The JSON of a run that an error ended names the recorded run, and counts what was done before the error."""
    site.write("a.md", "alpha")
    site.write("b.md", "beta")
    site.sync()
    (site.docs / "a.md").chmod(0o600)
    site.write("b.md", "beta two")
    with pytest.MonkeyPatch.context() as patch:

        def fetch(self, seen):
            raise SourceUnavailable(source="docs", detail="the mount went away")

        patch.setattr(FilesystemSource, "fetch", fetch)
        failed = attempt(site)
    assert (show([failed], as_json=True), failed.state) == (69, "failed")
    (told,) = json.loads(capsys.readouterr().out)["runs"]
    with site.open() as wiring, wiring.ledger.read() as ledger:
        recorded = ledger.runs()[0]
    assert (told["run"], told["state"]) == (recorded.run.hex(), "failed")
    assert told["documents"] == json.loads(recorded.report)["documents"]
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
    alone = typed(site, "search", "anything", "--json")
    assert (alone.code, len(alone.json["hits"])) == (6, 1)
    with site.open(writer=True) as wiring:
        assert wiring.ledger
        beside = typed(site, "search", "anything", "--json")
    assert (beside.code, beside.out and beside.json["hits"]) == (6, alone.json["hits"])
