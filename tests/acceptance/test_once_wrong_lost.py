"""What a review once found wrong, second half: nothing is lost, forgotten or done twice, whenever a run ends early."""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import killed_before
from kit import TESTER, Site
from moments import OWNER, Cut, attempt, cut_short, events, killed, new_site, rows, texts, touched, unplugged

from syncd.adapters.embed.hash import HashEmbedder
from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.core.model import Reason, Refusal
from syncd.core.rows import DocState, Due, Fence
from syncd.errors import ListingFailed
from syncd.sync.reindex import request, select
from syncd.sync.run import Outcome

BINARY = b"\x89PNG\r\n\x1a\n\x00\x00"
both = pytest.mark.parametrize("interrupt", [killed, unplugged])


pytestmark = pytest.mark.usefixtures("calm")


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


@pytest.mark.parametrize("interrupt", [killed, unplugged])
def test_an_older_version_that_serves_comes_back_with_its_folder(site, interrupt):
    """The newer version is in quarantine, the file was away during a run that was cut short: unless that run had begun to delete
    it, the older version serves again.
    """
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
            shown = texts(here)
            assert shown.pop("x/a.md", "") == "alpha" or "doc.deleted" in events(here)
            assert shown == {"k.md": "k", "x/new.md": "new"}
            assert set(here.quarantined()) == {"x/a.md"}


def test_an_older_version_that_serves_is_found_again_once_its_folder_can_be_listed(site, monkeypatch):
    """It was hidden because nobody knew who may read there: seen again, it serves again, though the newer version is no text."""
    site.write("k.md", "k")
    site.write("x/a.md", "alpha")
    site.sync()
    site.write("x/a.md", BINARY)
    site.sync()
    real = FilesystemSource.scan

    def scan(self):
        for page in real(self):
            failure = Refusal(Reason.LISTING, "EACCES") if page.prefix == "x" else None
            yield dataclasses.replace(page, failure=failure)

    with monkeypatch.context() as patch:
        patch.setattr(FilesystemSource, "scan", scan)
        site.sync()
        assert set(texts(site)) == {"k.md"}
    site.sync()
    assert texts(site) == {"k.md": "k", "x/a.md": "alpha"}


def test_a_reindex_that_was_killed_goes_on_with_the_next_sync(site, monkeypatch):
    """Once it is in the log that it was asked for, every text is embedded again, whenever it was killed."""
    site.write("a.md", "alpha")
    site.write("x/b.md", "beta")
    site.sync()
    site.sync()
    embedded: set[str] = set()
    real = HashEmbedder.embed
    monkeypatch.setattr(HashEmbedder, "embed", lambda self, texts, *rest: embedded.update(texts) or real(self, texts, *rest))

    def reindex(here: Site) -> None:
        embedded.clear()
        with here.open(writer=True) as wiring:
            install = wiring.install()
            with wiring.ledger.read() as ledger:
                selection = select(install, ledger, wiring.sources())
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
    assert moment > 3


def moved_while_a_listing_fails(place: Path) -> Iterator[tuple[Site, Outcome, set[str]]]:
    """A document moves, and at one look after the other at the source a listing fails: the site, that run, the ids before."""
    for moment in itertools.count():
        site = new_site(place / str(moment))
        for key in ("a.md", "k.md", "y/b.md"):
            site.write(key, f"text of {key}")
        site.sync()
        lives = {hit.doc for hit in site.search("anything", OWNER).hits}
        (site.docs / "a.md").rename(site.docs / "y/a.md")
        cut = Cut(moment)

        def unlistable() -> None:
            raise ListingFailed(source="docs", detail="EIO")

        with touched(cut, unlistable):
            done = attempt(site)
        if not cut.reached:
            assert moment > 6
            return
        yield site, done, lives


def test_nothing_is_deleted_while_a_folder_that_moves_are_looked_for_in_can_not_be_listed(tmp_path):
    """What is missing may be there: unless the folder failed before, by name, nothing goes; one further run shows it all."""
    for site, done, _ in moved_while_a_listing_fails(tmp_path):
        assert done.report.documents.deleted == 0 or site.quarantined() == {"y/": "listing"}
        assert site.sync().state == "done"
        assert texts(site) == {"k.md": "text of k.md", "y/a.md": "text of a.md", "y/b.md": "text of y/b.md"}
        assert site.points() == 3


def test_a_document_keeps_its_life_though_a_listing_failed_while_it_moved(tmp_path):
    """Whatever listing failed: the next run finds the move, deletes nothing and embeds nothing."""
    for site, _, lives in moved_while_a_listing_fails(tmp_path):
        if site.quarantined() != {"y/": "listing"}:
            done = site.sync()
            assert (done.report.documents.deleted, done.report.chunks.embedded) == (0, 0)
            assert {hit.doc for hit in site.search("anything", OWNER).hits} == lives


def test_a_text_that_new_documents_repeat_is_found_in_the_one_that_has_it(site):
    """However often new documents say what is in the index already: their own points, recorded and never written, hide none."""
    site.write("a.md", paragraphs("known"))
    assert site.sync().report.chunks.embedded == 1
    for number in range(8):
        site.write(f"new/{number}.md", paragraphs(*["known"] * 20))
        with killed_before(site, "upsert"):
            site.sync()
        assert site.sync().report.chunks.embedded == 0
