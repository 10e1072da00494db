"""Runs on hints where something is wrong: too much is gone, a folder can't be listed, the run ends early, the store fails."""

import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest
from kit import Site
from moments import OWNER, STRANGER, cut_short, killed, new_site, texts, unplugged
from runs import from_nothing, view, working

from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.core.model import Reason, Refusal
from syncd.core.rows import Fence
from syncd.errors import IndexUnavailable
from syncd.sync.report import Held

LIMITS = "[guard]\nmax_delete_share = 0.2\nmin_deletes = 3\nmax_widen_share = 0.2\nmin_widenings = 3\n"
KEYS = [f"{folder}/{number}.md" for folder in ("x", "x/y", "z") for number in range(4)]


pytestmark = pytest.mark.usefixtures("calm")


@pytest.fixture
def site(tmp_path) -> Site:
    """A dozen documents, of which the guard lets two go at once."""
    site = new_site(tmp_path, LIMITS)
    for key in KEYS:
        site.write(key, f"text of {key}")
    return site


# -- the guard ---------------------------------------------------------------------------------------------------------


def test_many_small_runs_do_not_delete_what_one_may_not(worker, site):
    """One file after the other goes, each told by itself: once it is more than one run may take away, a person is asked."""
    earlier = 0
    for key in KEYS[:4]:
        (site.docs / key).unlink()
        done = worker.scoped(keys=[key], earlier=lambda _, gone=earlier: Held(deletions=gone))
        earlier += done.report.documents.deleted
        if done.state == "halted":
            break
    assert (done.state, earlier) == ("halted", 2)
    assert "3 of 12 documents are gone" in done.reason
    assert worker.found(OWNER) == set(KEYS[2:])
    assert not any(row.staged for row in worker.rows().values())


def test_a_run_on_hints_that_halts_can_be_confirmed(worker, site):
    """What it held back is what the person says yes to, and the whole run that he orders then deletes it."""
    shutil.rmtree(site.docs / "x/y")
    halted = worker.scoped(trees=["x/y"])
    assert (halted.state, halted.report.held) == ("halted", Held(deletions=4))
    assert worker.found(OWNER) == set(KEYS)
    done = worker.whole(confirmed=halted.report.held)
    assert (done.state, done.report.documents.deleted) == ("done", 4)
    worker.sound()


def test_many_small_runs_do_not_open_what_one_may_not(site):
    """The same for documents that open to everyone: the one too many stays closed, and its page open for the next run."""
    for key in KEYS[:4]:
        (site.docs / key).chmod(0o600)
    with working(site) as worker:
        worker.whole()
        opened = 0
        for key in KEYS[:4]:
            (site.docs / key).chmod(0o644)
            done = worker.scoped(keys=[key], earlier=lambda _, gone=opened: Held(widenings=gone))
            opened += done.report.opened
        assert (done.state, opened, done.report.held.widenings) == ("halted", 2, 1)
        assert worker.found(STRANGER) == set(KEYS) - set(KEYS[2:4])


def test_an_acl_that_is_known_again_opens_nothing(worker, monkeypatch):
    """It could not be read for a while and is as it was: a stranger finds it again, and the guard has nothing to add up."""
    real = FilesystemSource.look

    def look(self, *which):
        return [replace(seen, acl=None) for seen in real(self, *which)]

    with monkeypatch.context() as patch:
        patch.setattr(FilesystemSource, "look", look)
        assert worker.scoped(keys=["x/0.md"]).state == "incomplete"
    assert worker.found(STRANGER) == set(KEYS) - {"x/0.md"}
    done = worker.scoped(keys=["x/0.md"])
    assert (done.state, done.report.opened, worker.found(STRANGER)) == ("done", 0, set(KEYS))


def test_while_a_person_is_waited_for_nothing_is_taken_for_gone(worker, site):
    """hold: what is missing is neither hidden nor deleted, what changed comes in, and a whole run finds the rest."""
    (site.docs / "x/0.md").unlink()
    shutil.rmtree(site.docs / "z")
    site.write("x/1.md", "another text")
    done = worker.scoped(keys=["x/0.md", "x/1.md"], trees=["z"], hold=True)
    assert (done.state, done.report.documents.updated, done.report.documents.deleted) == ("done", 1, 0)
    assert worker.found(OWNER) == set(KEYS)
    assert not any(row.staged for row in worker.rows().values())
    halted = worker.whole()
    assert (halted.state, halted.report.held.deletions) == ("halted", 5)


def test_an_emptied_source_waits_also_where_it_is_told_by_hints(tmp_path):
    """The last documents are not deleted because of a hint, however few they are."""
    site = new_site(tmp_path / "other")
    site.write("x/a.md", "alpha")
    with working(site) as worker:
        worker.whole()
        (site.docs / "x/a.md").unlink()
        assert worker.scoped(keys=["x/a.md"]).state == "halted"
        assert worker.found(OWNER) == {"x/a.md"}


# -- what can't be listed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hint", [{"trees": ["x"]}, {"pages": ["x"]}], ids=str)
def test_a_folder_that_can_not_be_listed_deletes_nothing(worker, site, monkeypatch, hint):
    """What lies in it and below is hidden, for its ACLs are not known, and found again once it can be listed; none is staged."""
    real = FilesystemSource.scan

    def scan(self, *where, **how):
        for page in real(self, *where, **how):
            if page.prefix == "x":
                yield replace(page, stamp=None, failure=Refusal(Reason.LISTING))
            elif not page.prefix.startswith("x/"):
                yield page

    points, below = worker.points(), {key for key in KEYS if key.startswith("x/")}
    with monkeypatch.context() as patch:
        patch.setattr(FilesystemSource, "scan", scan)
        done = worker.scoped(**hint)
    assert (done.state, done.report.documents.deleted, worker.points()) == ("incomplete", 0, points)
    assert worker.found(OWNER) == set(KEYS) - below
    assert {row.fence for key, row in worker.rows().items() if key in below} == {Fence.MISSING}
    assert not any(row.staged for row in worker.rows().values())
    done = worker.scoped(trees=["x"])
    assert (done.state, done.report.chunks.embedded, worker.found(OWNER)) == ("done", 0, set(KEYS))
    assert site.quarantined() == {}


# -- a run that ends early ---------------------------------------------------------------------------------------------


def _edit(site: Site) -> dict[str, list[str]]:
    site.write("x/0.md", "another text")
    return {"keys": ["x/0.md"]}


def _move(site: Site) -> dict[str, list[str]]:
    (site.docs / "x/y").rename(site.docs / "w")
    return {"trees": ["w", "x/y"]}


def _replace(site: Site) -> dict[str, list[str]]:
    (site.docs / "x/0.md").rename(site.docs / "z/0.md")
    return {"keys": ["x/0.md", "z/0.md"]}


def _close(site: Site) -> dict[str, list[str]]:
    (site.docs / "x").chmod(0o700)
    (site.docs / "z/1.md").unlink()
    return {"pages": ["z"], "trees": ["x"]}


@pytest.mark.parametrize("interrupt", [killed, unplugged])
@pytest.mark.parametrize("deed", [_edit, _move, _replace, _close])
def test_a_run_that_ends_early_anywhere_is_made_up_for(site, interrupt, deed: Callable[[Site], dict[str, list[str]]]):
    """Killed before each write, or without its source from each touch on: one whole run, and the index shows the tree."""
    site.change("min_deletes = 3", "min_deletes = 13")
    site.sync()
    hint = deed(site)

    def act(here: Site) -> None:
        with working(here) as worker:
            worker.scoped(**hint)

    expected, moments = from_nothing(site), 0
    for here in cut_short(site, interrupt, act):
        with working(here) as worker:
            assert worker.whole().state == "done", moments
            assert view(here) == expected, moments
            worker.sound()
        moments += 1
    assert moments > 3


def test_what_a_run_that_failed_found_missing_is_deleted_by_the_next(worker, site, monkeypatch):
    """The store refuses the deletion: the document stays hidden, and the same hint, followed again, deletes it."""
    (site.docs / "x/0.md").unlink()

    def delete(*_):
        raise IndexUnavailable(detail="it is down")

    with monkeypatch.context() as patch:
        patch.setattr(site.index, "delete", delete)
        assert worker.scoped(keys=["x/0.md"]).state == "failed"
    assert "x/0.md" not in worker.found(OWNER)
    done = worker.scoped(keys=["x/0.md"])
    assert (done.state, done.report.documents.deleted, worker.points()) == ("done", 1, len(KEYS) - 1)


def test_what_a_whole_run_that_failed_found_missing_is_deleted_by_a_hint(worker, site, monkeypatch):
    """The same where it was the scan that failed: who comes first deletes it."""
    (site.docs / "x/0.md").unlink()

    def delete(*_):
        raise IndexUnavailable(detail="it is down")

    with monkeypatch.context() as patch:
        patch.setattr(site.index, "delete", delete)
        assert worker.whole().state == "failed"
    assert worker.scoped(keys=["x/0.md"]).report.documents.deleted == 1


def test_a_wider_acl_that_the_store_lost_is_given_by_the_next_run(worker, site, monkeypatch):
    """A write that was acknowledged and not done is no proof: the page stays open, and one further run opens the document."""
    (site.docs / "x/0.md").chmod(0o600)
    worker.whole()
    (site.docs / "x/0.md").chmod(0o644)
    with monkeypatch.context() as patch:
        patch.setattr(site.index, "set_payload", lambda *_: None)
        worker.whole()
    worker.whole()
    assert worker.found(STRANGER) == set(KEYS)
    assert texts(site, STRANGER)["x/0.md"] == "text of x/0.md"
