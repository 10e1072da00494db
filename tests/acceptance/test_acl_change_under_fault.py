"""A change of ACL while the store loses writes, repeats old ones, or the process dies: nobody reads who may not."""

import dataclasses

import pytest
from faults import ALL, OWNER, STRANGER, calm_site, disturb, doc_of, killed_before, points, rows
from kit import Site

from syncd.core.model import Page
from syncd.core.rows import Fence
from syncd.sync.rundata import lifted


@pytest.fixture
def site(tmp_path, monkeypatch) -> Site:
    """Four open documents in three folders, synced."""
    return calm_site(tmp_path, monkeypatch)


def test_a_narrowing_fences_before_the_store_knows(site):
    """Killed before the payload write: nobody finds the document, not even who may read it, until the store was told."""
    (site.docs / "a.md").chmod(0o600)
    with killed_before(site, "set_payload"):
        site.sync()
    assert {row.fence for row in rows(site)} == {Fence.NONE, Fence.NARROWED}
    assert site.found(reader=OWNER) == site.found(reader=STRANGER) == ALL - {"a.md"}
    site.sync()
    assert (site.found(reader=OWNER), site.found(reader=STRANGER)) == (ALL, ALL - {"a.md"})


def test_a_payload_write_that_was_lost_keeps_the_document_fenced(site, monkeypatch):
    """The store acknowledges and does nothing: not converged, hidden from all, and done again by the next run."""
    (site.docs / "a.md").chmod(0o600)
    with monkeypatch.context() as patch:
        patch.setattr(site.index, "set_payload", lambda *_: None)
        site.sync()
    assert {row.fence for row in rows(site)} == {Fence.NONE, Fence.NARROWED}
    answer = site.search("text", OWNER)
    assert ({hit.key for hit in answer.hits}, answer.harmed) == (ALL - {"a.md"}, 0)
    site.sync()
    assert (site.found(reader=OWNER), site.found(reader=STRANGER)) == (ALL, ALL - {"a.md"})


def test_points_that_are_missing_have_not_converged(site, monkeypatch):
    """The store loses a point instead of changing it: none with an old version is no proof where there is none at all."""
    (collection,) = site.index.points.values()
    lost = next(point for point in collection.values() if point.payload["doc"] == doc_of(site, "a.md"))
    (site.docs / "a.md").chmod(0o600)
    with monkeypatch.context() as patch:
        patch.setattr(site.index, "set_payload", lambda *_: collection.pop(lost.id, None))
        site.sync()
    assert {row.fence for row in rows(site)} == {Fence.NONE, Fence.NARROWED}
    site.sync()
    assert (site.found(reader=OWNER), site.found(reader=STRANGER)) == (ALL, ALL - {"a.md"})


def test_an_older_payload_write_that_arrives_last_changes_nothing(site, monkeypatch):
    """Timed out, done long afterwards by the store: every point keeps the newer version."""
    late = []
    real = site.index.set_payload

    def set_payload(collection, payload, where):
        late.append((collection, payload, where))
        real(collection, payload, where)

    monkeypatch.setattr(site.index, "set_payload", set_payload)
    (site.docs / "a.md").chmod(0o640)
    site.sync()
    (site.docs / "a.md").chmod(0o600)
    site.sync()
    assert len(late) == 2
    now = points(site)
    real(*late[0])
    assert points(site) == now


def test_an_unknown_acl_is_fenced_without_end(site, monkeypatch):
    """In the ledger, not only in the store: whatever the index says, an ACL that is not known hides the document."""

    def change(page: Page) -> Page:
        def load():
            listing = page.load()
            members = tuple(dataclasses.replace(m, acl=None) if m.key == "a.md" else m for m in listing.members)
            return dataclasses.replace(listing, stamp=None, members=members)

        return dataclasses.replace(page, stamp=None, load=load)

    with monkeypatch.context() as patch:
        disturb(patch, change)
        for _ in range(2):
            assert site.sync().state == "incomplete"
            assert {row.fence for row in rows(site)} == {Fence.NONE, Fence.ACL}
            assert site.found(reader=OWNER) == ALL - {"a.md"}
        killed = site.docs / "b.md"
        killed.unlink()
        site.sync()
    assert {row.fence for row in rows(site) if row.locator} == {Fence.NONE, Fence.ACL}


def test_a_document_that_comes_back_is_as_fenced_as_it_was(site):
    """When a staged deletion is taken back, what its ACL fenced stays fenced: lifting one fence lifts no other."""
    row = dataclasses.replace(rows(site)[0], floor=1, issued=1, fence=Fence.MISSING)
    assert lifted(row) is Fence.NONE
    assert lifted(dataclasses.replace(row, issued=2)) is Fence.NARROWED
    assert lifted(dataclasses.replace(row, fence=Fence.ACL)) is Fence.ACL


def test_more_distinct_acls_than_allowed_are_put_aside(site):
    """Beyond `acl.max_classes` a new ACL is not guessed at: the document is in quarantine, the others are not."""
    site.config.chmod(0o600)
    site.config.write_text(site.config.read_text() + "\n[acl]\nmax_classes = 1\n")
    site.write("new.md", "closed", 0o600)
    done = site.sync()
    assert (done.state, done.report.documents.quarantined, done.report.documents.added) == ("incomplete", 1, 0)
    assert site.found(reader=OWNER) == ALL
