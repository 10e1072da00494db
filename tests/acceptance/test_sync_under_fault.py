"""One sync against a world that fails: the store loses writes, listings break, the process dies between two steps."""

import dataclasses

import pytest
from faults import ALL, OWNER, calm_site, disturb, killed_after_writing, killed_before, recorded, rows, shown, source_row
from kit import Site

from syncd.adapters.embed.hash import HashEmbedder
from syncd.core.diff import Action
from syncd.core.model import Page, Reason, Refusal
from syncd.errors import IndexUnknownOutcome, LedgerUnavailable, ListingFailed
from syncd.retrieval.check import Drop
from syncd.sync.plan import PlanLine, Planner


@pytest.fixture
def site(tmp_path, monkeypatch) -> Site:
    """Four open documents in three folders, synced."""
    return calm_site(tmp_path, monkeypatch)


# -- the order of steps ------------------------------------------------------------------------------------------------


def test_no_write_to_the_store_without_a_committed_intent(site):
    """At every write of whatever kind, a snapshot of the ledger holds an intent that explains it."""
    needs = {"upsert": "doc.synced", "delete": "doc.deleted", "set_payload": "acl.changed"}
    seen: list[str] = []

    def before(name: str) -> None:
        with site.open() as wiring, wiring.ledger.read() as view:
            kinds = {intent.kind for intent in view.intents()}
            assert needs[name] in kinds, name
            types = [event.type for event in view.events() if event.phase == "intent"]
            assert needs[name] in types, name
        seen.append(name)

    site.index.before = before
    (site.docs / "a.md").unlink()
    (site.docs / "b.md").chmod(0o600)
    site.write("new.md", "a new text")
    site.sync()
    assert seen == ["set_payload", "upsert", "delete"]


def test_without_an_audit_record_nothing_is_written(site, monkeypatch):
    """The log takes no intents: the run fails, the store is untouched, and the document is as it was."""
    from syncd.adapters.ledger.tx import SqlTx

    real = SqlTx.put_event

    def full(self, row):
        if row.type in ("doc.synced", "doc.deleted", "acl.changed"):
            raise LedgerUnavailable(file="ledger.db", detail="full")
        real(self, row)

    before, writes = shown(site), list(site.index.writes)
    for change in (
        lambda: site.write("a.md", "another text"),
        lambda: (site.docs / "a.md").chmod(0o600),
        (site.docs / "a.md").unlink,
    ):
        change()
        with monkeypatch.context() as patch:
            patch.setattr(SqlTx, "put_event", full)
            with pytest.raises(LedgerUnavailable):
                site.sync()
        assert site.index.writes == writes
    site.write("a.md", "# Title of a.md\n\nthe text of a.md")
    site.sync()
    assert shown(site) == before


def test_points_of_a_killed_update_are_neither_shown_nor_left_behind(site):
    """In the index, but not recorded: pending and no harm to a reader; and gone when the next run does not need them."""
    site.write("a.md", "# Another\n\nquite another text")
    with killed_after_writing(site):
        site.sync()
    answer = site.search("quite another text", OWNER)
    assert "quite another" not in " ".join(hit.text or "" for hit in answer.hits)
    assert (answer.harmed, answer.dropped.get(Drop.PENDING)) == (0, 1)
    site.write("a.md", "a third text")
    site.sync()
    assert shown(site)["a.md"] == {"a third text"}
    assert site.points() == recorded(site) == 4


def test_what_a_killed_run_began_is_settled_by_the_next(site):
    """No intent stays open, the log says what was recovered, and the document is brought in."""
    site.write("a.md", "a later text")
    with killed_before(site, "upsert"):
        site.sync()
    site.sync()
    with site.open() as wiring, wiring.ledger.read() as view:
        assert view.intents() == []
        recovered = [event for event in view.events() if event.type == "ledger.recovered"]
    assert len(recovered) == 2
    assert shown(site)["a.md"] == {"a later text"}


def test_an_edit_leaves_no_point_of_the_former_version(site):
    """What a new version does not have is taken from the index, and the index holds no more than is recorded."""
    site.write("a.md", "\n\n".join(f"# Part {n}\n\n" + f"word{n} " * 300 for n in range(6)))
    site.sync()
    assert site.points() == recorded(site) > 8
    site.write("a.md", "short")
    site.sync()
    assert site.points() == recorded(site) == 4
    assert shown(site)["a.md"] == {"short"}


def test_a_copied_text_is_not_embedded_again(site, monkeypatch):
    """The vector of an equal text is taken from the index, under whatever name it comes."""

    def embed(self, texts, lane=None):
        raise AssertionError(texts)

    monkeypatch.setattr(HashEmbedder, "embed", embed)
    site.write("copy.md", (site.docs / "a.md").read_text())
    done = site.sync()
    assert (done.report.documents.added, done.report.chunks.embedded, done.report.chunks.reused) == (1, 0, 1)


# -- what disappears ---------------------------------------------------------------------------------------------------


def test_a_missing_document_is_hidden_before_anything_else_is_done(site):
    """Killed at the first write to the index, long before the deletion: nobody finds what was seen to be gone."""
    (site.docs / "a.md").unlink()
    site.write("z.md", "new")
    with killed_before(site, "upsert"):
        site.sync()
    answer = site.search("text", OWNER)
    assert {hit.key for hit in answer.hits} == ALL - {"a.md"}
    assert answer.dropped == {Drop.FENCED: 1}
    site.sync()
    assert site.points() == recorded(site) == 4


def test_a_deletion_that_left_points_is_not_recorded(site, monkeypatch):
    """The store says yes and deletes nothing: an error, the document stays hidden, and the next run does it again."""
    (site.docs / "a.md").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(site.index, "delete", lambda *_: None)
        with pytest.raises(IndexUnknownOutcome):
            site.sync()
    assert site.found(reader=OWNER) == ALL - {"a.md"}
    site.sync()
    assert site.points() == recorded(site) == 3


def test_a_failed_listing_is_no_deletion(site, monkeypatch):
    """What lies in and below a folder that can't be listed keeps its points, but is hidden, for its ACLs are not known; that is
    told, the scan does not count as complete, and everything is found again as soon as it is seen again.
    """
    before, points = source_row(site), site.points()

    def change(page: Page) -> Page | None:
        if page.prefix == "x":
            return dataclasses.replace(page, stamp=None, failure=Refusal(Reason.LISTING, "EIO"))
        return None if page.prefix.startswith("x/") else page

    with monkeypatch.context() as patch:
        disturb(patch, change)
        done = site.sync()
    assert (done.state, done.report.documents.deleted) == ("incomplete", 0)
    assert site.found(reader=OWNER) == {"a.md", "b.md"}
    assert source_row(site).complete_at == before.complete_at
    assert not any(row.staged for row in rows(site))
    assert site.points() == recorded(site) == points
    done = site.sync()
    assert (done.state, done.report.chunks.embedded, source_row(site).complete_at > before.complete_at) == ("done", 0, True)
    assert site.found(reader=OWNER) == ALL


def test_a_listing_that_fails_later_is_no_deletion_either(site, monkeypatch):
    """The page came, its members could not be listed: the same, and a plan says so."""

    def change(page: Page) -> Page:
        return page if page.prefix != "x" else dataclasses.replace(page, stamp=None, load=broken)

    def broken():
        raise ListingFailed(source="docs", detail="EIO")

    with monkeypatch.context() as patch:
        disturb(patch, change)
        with site.open() as wiring, wiring.ledger.read() as view:
            (source,) = wiring.sources()
            planned = list(Planner(wiring.install(), source, view).lines())
        done = site.sync()
    assert planned == [PlanLine(Action.QUARANTINE, "x/", note="listing")]
    assert (done.state, done.report.documents.deleted) == ("incomplete", 0)
    assert site.points() == recorded(site) == len(ALL)
    assert site.sync().state == "done"
    assert site.found(reader=OWNER) == ALL


def test_a_folder_that_is_gone_takes_its_documents_along(site):
    """A complete scan that did not see a page is a deletion of all that was in it."""
    for key in ("x/y/d.md", "x/c.md"):
        (site.docs / key).unlink()
    (site.docs / "x/y").rmdir()
    (site.docs / "x").rmdir()
    done = site.sync()
    assert (done.report.documents.deleted, site.points()) == (2, 2)


def test_points_that_the_index_lost_are_written_again(site):
    """An index that was restored from an old copy is not called up to date: it is told, and what is missing comes back."""
    (collection,) = site.index.points.values()
    lost = [collection.pop(id_) for id_ in list(collection)[:2]]
    done = site.sync()
    assert done.report.chunks.embedded == len(lost)
    assert site.points() == recorded(site) == len(ALL)
    assert site.found(reader=OWNER) == ALL
    with site.open() as wiring, wiring.ledger.read() as view:
        assert [event.type for event in view.events()].count("store.drift") == 1


# -- moves -------------------------------------------------------------------------------------------------------------


def test_a_renamed_and_edited_file_is_no_move(site):
    """The inode alone proves nothing: content decides, and what is found is what the file says now."""
    (site.docs / "a.md").rename(site.docs / "e.md")
    site.write("e.md", "an edited text")
    done = site.sync()
    assert (done.report.documents.moved, done.report.documents.added) == (0, 1)
    assert shown(site)["e.md"] == {"an edited text"}
    assert "a.md" not in shown(site)


def test_a_hard_link_is_no_move(site):
    """The document is still at its own key: the other name is another document, also while others really move."""
    (site.docs / "e.md").hardlink_to(site.docs / "a.md")
    (site.docs / "b.md").rename(site.docs / "f.md")
    done = site.sync()
    assert (done.report.documents.moved, done.report.documents.added) == (1, 1)
    assert set(shown(site)) == (ALL | {"e.md", "f.md"}) - {"b.md"}


def test_a_move_keeps_the_life_of_a_document(site):
    """The same doc, the same points, no deletion; only its key is another."""
    lives = {hit.key: hit.doc for hit in site.search("text", OWNER).hits}
    writes = list(site.index.writes)
    (site.docs / "a.md").rename(site.docs / "x/e.md")
    done = site.sync()
    assert (done.report.documents.moved, done.report.documents.deleted, site.index.writes) == (1, 0, writes)
    now = {hit.key: hit.doc for hit in site.search("text", OWNER).hits}
    assert now == {**{key: doc for key, doc in lives.items() if key != "a.md"}, "x/e.md": lives["a.md"]}
    with site.open() as wiring, wiring.ledger.read() as view:
        assert len(view.names_of(bytes.fromhex(lives["a.md"]))) == 2
