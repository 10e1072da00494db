"""The reader against somebody who can write to the store: nothing that he does shows a text to one whom its ACL excludes."""

import dataclasses
import os

import pytest
from dict_index import DictIndex
from hypothesis import given
from hypothesis import strategies as st
from kit import Site, make_site, open_folders

from syncd.core.acl import everyone, group, user
from syncd.core.model import AnyOf, Point
from syncd.errors import SourcesStale
from syncd.retrieval.check import Drop
from syncd.retrieval.filter import MOST, readable
from syncd.sync import prepare

STRANGER = frozenset({user("unix", 4242), group("unix", 4242), everyone("unix")})
OWNER = frozenset({user("unix", os.getuid()), group("unix", os.getgid()), everyone("unix")})


@pytest.fixture
def site(tmp_path) -> Site:
    """Two secrets and two open documents, in an index that the tests can write to behind syncd's back."""
    open_folders(tmp_path)
    site = make_site(tmp_path / "docs", tmp_path / "state")
    site.index = DictIndex()
    site.write("secret.md", "the secret plan of the board", 0o600)
    site.write("other-secret.md", "salaries of everybody", 0o600)
    site.write("open.md", "the canteen menu", 0o644)
    site.write("also-open.md", "opening hours of the canteen", 0o644)
    site.sync()
    return site


def points(site: Site) -> dict[str, Point]:
    """The points of the one collection."""
    (collection,) = site.index.points.values()
    return collection


def point_of(site: Site, key: str) -> Point:
    """The point of a document that has one."""
    hit = next(hit for hit in site.search("x", OWNER).hits if hit.key == key)
    return next(point for point in points(site).values() if point.payload["doc"] == hit.doc)


def put(site: Site, point: Point, **payload: object) -> None:
    """Overwrite a point in the store."""
    points(site)[point.id] = dataclasses.replace(point, payload={**point.payload, **payload})


def test_readers_see_what_they_may(site):
    """The starting point: the stranger sees what is open, the owner everything."""
    assert site.found(reader=STRANGER) == {"open.md", "also-open.md"}
    assert site.found(reader=OWNER) == {"open.md", "also-open.md", "secret.md", "other-secret.md"}


def test_without_principals_the_store_is_not_even_asked(site):
    """Nobody is nobody: an empty result, and zero calls to the store."""
    calls = site.index.calls
    assert site.search("plan", frozenset()).hits == ()
    assert site.index.calls == calls


def test_a_reader_of_another_realm_is_not_everyone_here(site):
    """`everyone` is per realm."""
    calls = site.index.calls
    assert site.search("menu", frozenset({everyone("elsewhere"), user("elsewhere", os.getuid())})).hits == ()
    assert site.index.calls == calls


@given(st.lists(st.text("0123456789abcdef", min_size=32, max_size=32), max_size=20), st.integers(1, 5))
def test_a_reader_filter_always_names_classes(tokens, times):
    """No filter of the reader is empty, and none excludes instead of including: no tokens, no filter."""
    filters = list(readable(tokens * times))
    assert sum(len(f.must[0].values) for f in filters) == len(tokens) * times
    for each in filters:
        assert not each.must_not
        assert [type(condition) for condition in each.must] == [AnyOf]
        assert 1 <= len(each.must[0].values) <= MOST


def test_a_swapped_token_shows_nothing(site):
    """The token of an open class on a secret point: found by the filter, dropped by the binding, and noticed."""
    secret, free = point_of(site, "secret.md"), point_of(site, "open.md")
    put(site, secret, acl_class=free.payload["acl_class"])
    answer = site.search("plan", STRANGER)
    assert {hit.key for hit in answer.hits} == {"open.md", "also-open.md"}
    assert answer.harmed == 1


def test_a_whole_acl_part_from_another_document_shows_nothing(site):
    """Token, version, epoch and sealed binding together, from an open document: the binding names its document."""
    secret, free = point_of(site, "secret.md"), point_of(site, "open.md")
    put(site, secret, **{name: free.payload[name] for name in ("acl_class", "acl_version", "epoch", "acl_sealed")})
    answer = site.search("plan", STRANGER)
    assert {hit.key for hit in answer.hits} == {"open.md", "also-open.md"}
    assert answer.dropped[Drop.FORGED] == 1


def test_a_stripped_or_wrong_payload_hides_and_is_noticed(site):
    """Whatever is missing or of another type: dropped, for the owner too, and counted as harm."""
    secret = point_of(site, "secret.md")
    for change in (
        {"acl_sealed": ""},
        {"acl_sealed": 7},
        {"acl_version": "1"},
        {"acl_version": 99},
        {"epoch": 9},
        {"doc": "zz"},
        {"doc": "00" * 16},
        {"fp": "00" * 16},
        {"text_sealed": point_of(site, "open.md").payload["text_sealed"]},
    ):
        put(site, secret, **change)
        answer = site.search("plan", OWNER)
        assert "secret.md" not in {hit.key for hit in answer.hits}, change
        assert answer.harmed == 1, change
    put(site, secret)
    assert site.search("plan", OWNER).harmed == 0


def test_an_open_document_can_not_be_made_to_show_a_secret_text(site):
    """The sealed text of a secret point under the id of an open one does not open there."""
    secret, free = point_of(site, "secret.md"), point_of(site, "open.md")
    put(site, free, text_sealed=secret.payload["text_sealed"])
    assert "the secret plan" not in " ".join(hit.text or "" for hit in site.search("plan", STRANGER).hits)
    put(site, free, text_sealed=secret.payload["text_sealed"], fp=secret.payload["fp"], doc=secret.payload["doc"])
    assert "the secret plan" not in " ".join(hit.text or "" for hit in site.search("plan", STRANGER).hits)


def test_an_older_point_restored_after_a_narrowing_shows_nothing(site):
    """The whole point as it was when the document was open, put back after it was closed: its version is below the floor."""
    before = point_of(site, "open.md")
    (site.docs / "open.md").chmod(0o600)
    site.sync()
    assert site.found(reader=STRANGER) == {"also-open.md"}
    points(site)[before.id] = before
    answer = site.search("menu", STRANGER)
    assert {hit.key for hit in answer.hits} == {"also-open.md"}
    assert answer.dropped[Drop.VERSION] == 1


def test_a_deleted_point_restored_shows_nothing(site):
    """A point of a deleted document, put back: the ledger knows no such point any more."""
    before = point_of(site, "open.md")
    (site.docs / "open.md").unlink()
    site.sync()
    points(site)[before.id] = before
    answer = site.search("menu", STRANGER)
    assert {hit.key for hit in answer.hits} == {"also-open.md"}
    assert answer.dropped[Drop.UNRECORDED] == 1


def test_a_document_deleted_and_created_again_is_another_one(site):
    """The same name and text in a new life: the points of the former life stay dead."""
    before = point_of(site, "open.md")
    (site.docs / "open.md").unlink()
    site.sync()
    site.write("open.md", "the canteen menu", 0o600)
    site.sync()
    points(site)[before.id] = before
    assert site.found(reader=STRANGER) == {"also-open.md"}


def test_a_point_that_syncd_never_wrote_shows_nothing(site):
    """A copy of a point under another id: the id does not follow from document, text and occurrence."""
    free = point_of(site, "open.md")
    forged = dataclasses.replace(free, id="00000000-0000-8000-8000-000000000000")
    points(site)[forged.id] = forged
    answer = site.search("menu", STRANGER)
    assert sorted(hit.key for hit in answer.hits) == ["also-open.md", "open.md"]
    assert answer.dropped[Drop.UNRECORDED] == 1


def test_an_unknown_acl_is_never_retrievable(site, monkeypatch):
    """The ACL can't be read any more: the document is fenced for everybody, and comes back when it can."""
    from syncd.adapters.sources.filesystem import FilesystemSource

    real_observe, real_scan = FilesystemSource.observe, FilesystemSource.scan

    def blind(seen):
        return dataclasses.replace(seen, acl=None) if seen is not None and seen.key == "open.md" else seen

    def scan(self):
        for page in real_scan(self):
            yield dataclasses.replace(page, stamp=None, load=lambda page=page: _blinded(page.load()))

    def _blinded(listing):
        return dataclasses.replace(listing, stamp=None, members=tuple(blind(member) for member in listing.members))

    with monkeypatch.context() as patch:
        patch.setattr(FilesystemSource, "observe", lambda self, key: blind(real_observe(self, key)))
        patch.setattr(FilesystemSource, "scan", scan)
        done = site.sync()
    assert (done.state, done.report.documents.quarantined) == ("incomplete", 1)
    assert site.found(reader=OWNER) == {"also-open.md", "secret.md", "other-secret.md"}
    assert site.sync().state == "done"
    assert "open.md" in site.found(reader=STRANGER)


def test_an_acl_that_flips_while_the_content_is_read_is_not_believed(site, monkeypatch):
    """Open when it was listed, closed when its content was read: the stranger never sees the new text."""
    from syncd.adapters.sources.filesystem import FilesystemSource

    real = FilesystemSource.fetch

    def fetch(self, seen):
        if seen.key == "new.md" and (site.docs / "new.md").stat().st_mode & 0o004:
            (site.docs / "new.md").chmod(0o600)
        return real(self, seen)

    monkeypatch.setattr(FilesystemSource, "fetch", fetch)
    site.write("new.md", "freshly written", 0o644)
    site.sync()
    assert "new.md" not in site.found(reader=STRANGER)
    assert "new.md" in site.found(reader=OWNER)


def test_a_document_that_keeps_changing_is_put_aside_by_name(site, monkeypatch):
    """Read three times, changed three times: quarantine, and the others go on."""
    from syncd.adapters.sources.filesystem import FilesystemSource

    real = FilesystemSource.fetch

    def fetch(self, seen):
        if seen.key == "restless.md":
            (site.docs / "restless.md").write_text(f"changed again {os.urandom(4).hex()}")
        return real(self, seen)

    with monkeypatch.context() as patch:
        patch.setattr(FilesystemSource, "fetch", fetch)
        site.write("restless.md", "at first")
        site.write("calm.md", "as it is")
        done = site.sync()
    assert (done.state, done.report.documents.quarantined, done.report.documents.added) == ("incomplete", 1, 1)
    assert {"calm.md"} <= site.found(reader=STRANGER)
    assert prepare.TRIES > 1
    assert site.sync().state == "done"
    assert "restless.md" in site.found(reader=STRANGER)


def test_readers_refuse_a_source_whose_acls_are_too_old(site):
    """A dead syncd must not leave stale grants for ever: after `acl.stale_after` nobody is answered."""
    site.config.write_text(site.config.read_text() + '\n[acl]\nstale_after = "1s"\n')
    with site.open(writer=True) as wiring, wiring.ledger.write() as tx:
        for row in tx.sources():
            tx.put_source(dataclasses.replace(row, acls_at=row.acls_at - 10))
    with pytest.raises(SourcesStale, match="syncd sync"):
        site.search("menu", STRANGER)
    site.sync()
    site.change('stale_after = "1s"', 'stale_after = "1h"')
    assert site.found(reader=STRANGER) == {"open.md", "also-open.md"}


def test_one_payload_write_retags_a_document(site):
    """A chmod costs one payload write by filter and embeds nothing, however many chunks there are."""
    site.write("long.md", "\n\n".join(f"# Part {n}\n\n" + f"word{n} " * 200 for n in range(40)))
    site.sync()
    assert len([p for p in points(site).values() if p.payload["doc"] == point_of(site, "long.md").payload["doc"]]) > 30
    site.index.writes.clear()
    (site.docs / "long.md").chmod(0o600)
    done = site.sync()
    assert site.index.writes == ["set_payload"]
    assert (done.report.documents.retagged, done.report.chunks.embedded) == (1, 0)
    assert "long.md" not in site.found(reader=STRANGER)
