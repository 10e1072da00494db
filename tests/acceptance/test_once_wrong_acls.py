"""What a review once found wrong, about ACLs that can't be read, listed or taken up: nobody is shown what they may close."""

import dataclasses
import shutil

import pytest
from kit import Site
from moments import OWNER, STRANGER, configure, new_site, rows, texts

from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.core.model import Observation, Page, Reason, Refusal
from syncd.core.rows import Fence

pytestmark = pytest.mark.usefixtures("calm")


@pytest.fixture
def site(tmp_path) -> Site:
    """An install over no files yet."""
    return new_site(tmp_path)


def test_an_acl_that_can_not_be_read_any_more_when_the_text_is_fetched_fences(site, monkeypatch):
    """It was known when the folder was listed and is not when the text is read: nobody is shown anything, till it is known."""
    site.write("a.md", "alpha")
    site.write("b.md", "b")
    site.sync()
    site.write("a.md", "alpha two")
    with monkeypatch.context() as patch:
        real = FilesystemSource.observe

        def observe(self, key: str) -> Observation | None:
            seen = real(self, key)
            return dataclasses.replace(seen, acl=None) if seen is not None and key == "a.md" else seen

        patch.setattr(FilesystemSource, "observe", observe)
        for _ in range(3):
            assert site.sync().state == "incomplete"
            assert (set(texts(site, OWNER)), set(texts(site, STRANGER))) == ({"b.md"}, {"b.md"})
            assert site.quarantined() == {"a.md": "acl"}
    assert site.sync().state == "done"
    assert texts(site, STRANGER) == {"a.md": "alpha two", "b.md": "b"}


def test_what_lies_below_a_folder_that_can_not_be_listed_is_hidden_until_it_is_seen_again(site, monkeypatch):
    """Who may read there is not known any more: nobody does. Nothing is deleted, the folder is named in quarantine."""
    for key in ("b.md", "x/a.md", "x/y/c.md"):
        site.write(key, f"text of {key}")
    site.sync()
    points, real = site.points(), FilesystemSource.scan

    def scan(self):
        for page in real(self):
            if page.prefix == "x":
                yield Page("x", None, page.load, Refusal(Reason.LISTING, "EACCES"))
            elif not page.prefix.startswith("x/"):
                yield page

    with monkeypatch.context() as patch:
        patch.setattr(FilesystemSource, "scan", scan)
        for _ in range(2):
            done = site.sync()
            assert (done.state, done.report.documents.deleted, done.report.documents.quarantined) == ("incomplete", 0, 1)
            assert (set(texts(site, OWNER)), set(texts(site, STRANGER))) == ({"b.md"}, {"b.md"})
            assert (site.points(), site.quarantined()) == (points, {"x/": "listing"})
    done = site.sync()
    assert (done.state, done.report.chunks.embedded, site.quarantined()) == ("done", 0, {})
    assert set(texts(site, STRANGER)) == {"b.md", "x/a.md", "x/y/c.md"}


def test_a_folder_that_could_not_be_listed_and_is_gone_is_forgotten(site, monkeypatch):
    """Hidden is not for ever: once a complete listing shows that nothing is there, it is deleted and leaves quarantine."""
    site.write("b.md", "b")
    site.write("x/a.md", "alpha")
    site.sync()
    real = FilesystemSource.scan
    with monkeypatch.context() as patch:
        failed = Refusal(Reason.LISTING, "EACCES")
        patch.setattr(
            FilesystemSource,
            "scan",
            lambda self: (dataclasses.replace(p, stamp=None, failure=failed) if p.prefix == "x" else p for p in real(self)),
        )
        site.sync()
    shutil.rmtree(site.docs / "x")
    done = site.sync()
    assert (done.state, done.report.documents.deleted, site.points(), site.quarantined()) == ("done", 1, 1, {})


def test_a_document_whose_acl_is_one_too_many_is_fenced_and_told(site):
    """Beyond acl.max_classes a changed ACL is not taken up: hidden from all, in quarantine; with a higher limit it is back."""
    closed = one_acl_too_many(site)
    for _ in range(3):
        assert site.sync().state == "incomplete"
        assert (set(texts(site, OWNER)), site.quarantined()) == ({"b.md"}, {closed: "acl"})
    site.change("max_classes = 1", "max_classes = 9")
    assert site.sync().state == "done"
    assert (set(texts(site, OWNER)), set(texts(site, STRANGER)), site.quarantined()) == ({"a.md", "b.md"}, {"b.md"}, {})


def test_a_document_whose_acl_is_one_too_many_costs_a_run_nothing(site):
    """While nothing changes a run records its own start and end, and no class, although a document waits for its ACL."""
    one_acl_too_many(site)
    sizes = set()
    site.sync()
    for run in range(1, 4):
        site.sync()
        with site.open() as wiring, wiring.ledger.read() as view:
            sizes.add((len(view.classes()), view.event_count() - 2 * run))
    assert len(sizes) == 1


def one_acl_too_many(site: Site) -> str:
    """Two documents under one class, the only one allowed; one of them closes. Returns its key."""
    configure(site, "[acl]\nmax_classes = 1\n")
    site.write("a.md", "alpha")
    site.write("b.md", "beta")
    site.sync()
    (site.docs / "a.md").chmod(0o640)
    return "a.md"


def test_a_new_document_whose_acl_is_one_too_many_waits_for_the_limit(site):
    """It is in quarantine and not forgotten: with a higher limit the next sync indexes it, although nothing changed."""
    configure(site, "[acl]\nmax_classes = 1\n")
    site.write("a.md", "alpha")
    site.write("b.md", "beta", 0o600)
    done = site.sync()
    assert (done.state, set(texts(site)), site.quarantined()) == ("incomplete", {"a.md"}, {"b.md": "acl"})
    site.change("max_classes = 1", "max_classes = 9")
    done = site.sync()
    assert (done.state, set(texts(site)), site.quarantined()) == ("done", {"a.md", "b.md"}, {})


def test_acls_that_no_document_has_any_more_do_not_count(site):
    """One document, many ACLs in a row: only those in use fill up acl.max_classes."""
    configure(site, "[acl]\nmax_classes = 2\n")
    for mode in (0o644, 0o640, 0o600, 0o604, 0o444, 0o440):
        site.write("a.md", "alpha", mode)
        assert site.sync().state == "done"
        assert {row.fence for row in rows(site)} == {Fence.NONE}
