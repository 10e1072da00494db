"""Runs over what hints named: they do there what a whole run would do, and nothing anywhere else."""

import shutil
from collections.abc import Callable

import pytest
from kit import Site
from moments import FIVE, OWNER, STRANGER, texts
from runs import Worker, from_nothing, view, working

from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.core.rows import Due, Fence
from syncd.sync.run import Outcome

KEYS = set(FIVE)


pytestmark = pytest.mark.usefixtures("calm")


def looked_at(worker: Worker, what: str, *keys: str) -> Outcome:
    """A run on hints about `keys`: about themselves, the folders that they are in, or the trees that these are in."""
    before = worker.source_row()
    folders = sorted({key.rpartition("/")[0] for key in keys})
    scope = {"keys": keys, "pages": folders, "trees": sorted({folder.partition("/")[0] for folder in folders})}
    done = worker.scoped(**{what: scope[what]})
    assert worker.source_row() == before
    return done


by_anything = pytest.mark.parametrize("what", ["keys", "pages", "trees"])


def settled(worker: Worker) -> None:
    """The index shows the tree, and a whole run finds nothing to do."""
    assert view(worker.site) == from_nothing(worker.site)
    writes = list(worker.site.index.writes)
    done = worker.whole()
    assert (done.state, done.report.chunks.embedded, worker.site.index.writes) == ("done", 0, writes)
    worker.sound()


# -- nothing but what was named ----------------------------------------------------------------------------------------


def test_an_edit_by_key_touches_nothing_else(worker, site, monkeypatch):
    """No other row of a document or page changes, no folder is listed, and the scan counts as old as it was."""
    rows, pages, source = worker.rows(), worker.pages(), worker.source_row()

    def scan(self, *where, **how):
        raise AssertionError(where)

    site.write("a.md", "another text")
    with monkeypatch.context() as patch:
        patch.setattr(FilesystemSource, "scan", scan)
        done = worker.scoped(keys=["a.md"])
    assert (done.state, done.report.documents.updated, done.report.chunks.embedded) == ("done", 1, 1)
    now = worker.rows()
    assert {key for key in KEYS if now[key] != rows[key]} == {"a.md"}
    assert {prefix for prefix, page in worker.pages().items() if page != pages[prefix]} == {""}
    assert worker.source_row() == source
    assert texts(site)["a.md"] == "another text"


def test_a_hint_about_a_folder_says_nothing_of_what_lies_below(worker, site):
    """Its own members are looked at; what changed in a folder of it is left to whom it was told to."""
    site.write("x/c.md", "another text")
    site.write("x/y/d.md", "another text")
    done = worker.scoped(pages=["x"])
    assert done.report.documents.updated == 1
    assert (texts(site)["x/c.md"], "another" in texts(site)["x/y/d.md"]) == ("another text", False)


@pytest.mark.parametrize("hint", [{"keys": ["log.tmp"]}, {"keys": ["out/o.md"]}, {"pages": ["out"]}, {"trees": ["out"]}], ids=str)
def test_a_hint_about_what_is_not_selected_does_nothing(site, hint):
    """A file or a folder that the settings leave out is not looked into, whoever names it."""
    site.change('name = "docs"', 'name = "docs"\nexclude = ["*.tmp", "out/"]')
    site.write("log.tmp", "temporary")
    site.write("out/o.md", "left out")
    with working(site) as worker:
        worker.whole()
        rows, writes = worker.rows(), list(site.index.writes)
        assert worker.scoped(**hint).state == "done"
        assert (worker.rows(), site.index.writes, set(texts(site))) == (rows, writes, KEYS)


@pytest.mark.parametrize("hint", [{"keys": ["no/a.md", "no.md"]}, {"pages": ["no"]}, {"trees": ["no"]}], ids=str)
def test_a_hint_about_nothing_does_nothing(worker, site, hint):
    """What was there for a moment, or never was, changes no document."""
    rows = worker.rows()
    assert worker.scoped(**hint).state == "done"
    assert (worker.rows(), set(texts(site))) == (rows, KEYS)


# -- what is done there ------------------------------------------------------------------------------------------------


def _create(site: Site) -> tuple[str, ...]:
    site.write("x/new.md", "# New\n\nnew text")
    return ("x/new.md",)


def _delete(site: Site) -> tuple[str, ...]:
    (site.docs / "x/c.md").unlink()
    return ("x/c.md",)


def _rename(site: Site) -> tuple[str, ...]:
    (site.docs / "x/c.md").rename(site.docs / "x/y/c.md")
    return ("x/c.md", "x/y/c.md")


def _close(site: Site) -> tuple[str, ...]:
    (site.docs / "x/c.md").chmod(0o600)
    return ("x/c.md",)


def _open(site: Site) -> tuple[str, ...]:
    (site.docs / "z/shut.md").chmod(0o644)
    return ("z/shut.md",)


def _swap(site: Site) -> tuple[str, ...]:
    one, other, between = site.docs / "x/c.md", site.docs / "z/e.md", site.docs.with_name("between")
    one.rename(between)
    other.rename(one)
    between.rename(other)
    return ("x/c.md", "z/e.md")


@by_anything
@pytest.mark.parametrize("deed", [_create, _delete, _rename, _close, _open, _swap])
def test_every_change_comes_in_by_a_hint(site, deed: Callable[[Site], tuple[str, ...]], what):
    """Told by key, folder or tree: afterwards the index equals one built from nothing, and a whole run has nothing to do."""
    site.write("z/shut.md", "closed", 0o600)
    with working(site) as worker:
        worker.whole()
        keys = deed(site)
        done = looked_at(worker, what, *keys)
        assert (done.state, done.report.chunks.embedded) == ("done", 1 if deed is _create else 0)
        settled(worker)


@by_anything
def test_a_move_within_one_run_keeps_the_document(worker, site, what):
    """Both ends are named: the same doc under another key, no text embedded, no point written."""
    before, writes = worker.rows()["x/c.md"].doc, list(site.index.writes)
    _rename(site)
    done = looked_at(worker, what, "x/c.md", "x/y/c.md")
    assert (done.report.documents.moved, done.report.documents.deleted, done.report.chunks.embedded) == (1, 0, 0)
    assert (worker.rows()["x/y/c.md"].doc, site.index.writes) == (before, writes)


def test_a_move_that_is_told_from_its_new_end_keeps_the_document(worker, site):
    """The old end is looked at later, or never: the document moved once it was seen at its new key."""
    before = worker.rows()["x/c.md"].doc
    (site.docs / "x/c.md").rename(site.docs / "z/c.md")
    assert worker.scoped(keys=["z/c.md"]).report.documents.moved == 1
    done = worker.scoped(keys=["x/c.md"])
    assert (done.report.documents.deleted, done.report.chunks.embedded) == (0, 0)
    assert worker.rows()["z/c.md"].doc == before
    settled(worker)


def test_a_move_that_is_told_from_its_old_end_is_a_deletion_and_a_new_document(worker, site):
    """Nobody can know where it went: what was deleted comes in anew, and only that."""
    (site.docs / "x/c.md").rename(site.docs / "z/c.md")
    assert worker.scoped(keys=["x/c.md"]).report.documents.deleted == 1
    done = worker.scoped(keys=["z/c.md"])
    assert (done.report.documents.added, done.report.chunks.embedded) == (1, 1)
    settled(worker)


def test_a_new_name_of_another_kind_has_the_document_cut_anew(worker, site):
    """What was plain text is Markdown by its new name: it is the same document, in the chunks that a new one would have."""
    site.write("plain.txt", "# One\n\n" + "first part " * 40 + "\n\n# Two\n\n" + "second part " * 40)
    worker.scoped(keys=["plain.txt"])
    before = worker.rows()["plain.txt"].doc
    (site.docs / "plain.txt").rename(site.docs / "plain.md")
    assert worker.scoped(keys=["plain.txt", "plain.md"]).report.documents.moved == 1
    assert worker.rows()["plain.md"].doc == before
    settled(worker)


# -- folders -----------------------------------------------------------------------------------------------------------


def test_a_folder_that_is_gone_takes_along_what_lay_below(worker, site):
    """One hint about a tree that is not there any more: no document and no point of it is left."""
    shutil.rmtree(site.docs / "x")
    done = worker.scoped(trees=["x"])
    assert (done.state, done.report.documents.deleted, worker.points()) == ("done", 2, 3)
    settled(worker)


def test_a_folder_that_is_renamed_embeds_nothing(worker, site):
    """Hints about both trees: every document keeps its life, and no point is written."""
    lives, writes = {row.doc for row in worker.rows().values()}, list(site.index.writes)
    (site.docs / "x").rename(site.docs / "w")
    done = worker.scoped(trees=["x", "w"])
    assert (done.report.documents.moved, done.report.documents.deleted, done.report.chunks.embedded) == (2, 0, 0)
    assert ({row.doc for row in worker.rows().values()}, site.index.writes) == (lives, writes)
    settled(worker)


def test_a_folder_that_is_there_again_has_all_its_documents(worker, site):
    """Renamed, seen under its new name, renamed back: its stamp is as it was, and yet nothing is taken for unchanged."""
    (site.docs / "x").rename(site.docs / "w")
    assert worker.scoped(trees=["w"]).report.documents.moved == 2
    (site.docs / "w").rename(site.docs / "x")
    assert worker.whole().report.documents.deleted == 0
    settled(worker)


def test_a_folder_that_is_closed_closes_all_below_before_any_text_is_read(worker, site):
    """One change of mode far above: killed before the first text comes in, a stranger finds nothing below, nor ever after."""
    site.write("x/new.md", "new text")
    (site.docs / "x").chmod(0o700)
    seen: list[set[str]] = []
    site.index.before = lambda write: seen.append(worker.found(STRANGER)) if write == "upsert" else None
    assert worker.scoped(trees=["x"]).report.documents.retagged == 2
    site.index.before = lambda _: None
    assert seen == [KEYS - {"x/c.md", "x/y/d.md"}]
    assert worker.found(STRANGER) == KEYS - {"x/c.md", "x/y/d.md"}
    assert worker.found(OWNER) == KEYS | {"x/new.md"}
    settled(worker)


# -- a reindex ---------------------------------------------------------------------------------------------------------


@by_anything
def test_a_document_that_waits_for_a_reindex_is_left_alone(worker, site, what):
    """A hint embeds nothing that did not change: what a reindex marked stays marked, and its page stays open for it."""
    worker.reindex()
    site.write("x/c.md", "another text")
    assert looked_at(worker, what, "x/c.md").report.chunks.embedded == 1
    due = {key for key, row in worker.rows().items() if row.due is Due.EMBED}
    assert due == KEYS - {"x/c.md"}
    assert worker.whole().report.chunks.embedded == len(due)
    assert {row.due for row in worker.rows().values()} == {Due.NO}
    assert {row.fence for row in worker.rows().values()} == {Fence.NONE}
