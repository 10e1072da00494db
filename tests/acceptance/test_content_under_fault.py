"""Content that can't be read, embedded or told apart: it costs itself only, and it is looked at again."""

from contextlib import contextmanager

import pytest
from faults import calm_site, points, recorded, rows, shown
from kit import Site

from syncd.adapters.embed.hash import HashEmbedder
from syncd.adapters.ledger import SqlLedger
from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.core.model import Reason, Refusal
from syncd.errors import LedgerUnavailable, SpaceChanged


@pytest.fixture
def site(tmp_path, monkeypatch) -> Site:
    """Four open documents in three folders, synced."""
    return calm_site(tmp_path, monkeypatch)


@pytest.fixture
def refused(site, monkeypatch) -> Site:
    """A long document of which a part could not be embedded, and a short one beside it, synced once."""
    real = HashEmbedder.embed

    def embed(self, texts, lane=None):
        vectors = real(self, texts)
        return [Refusal(Reason.EMBEDDING, "NotFinite") if "poison" in t else v for t, v in zip(texts, vectors, strict=True)]

    with monkeypatch.context() as patch:
        patch.setattr(HashEmbedder, "embed", embed)
        site.write("mixed.md", "# Good\n\n" + "good words " * 300 + "\n\n# Bad\n\n" + "poison words " * 300)
        site.write("fine.md", "a fine text")
        done = site.sync()
    assert (done.state, done.report.documents.quarantined) == ("incomplete", 1)
    return site


def test_a_refused_text_costs_itself(refused):
    """One chunk that can't be embedded: the rest is found, also of its own document, and nothing is unrecorded."""
    texts = shown(refused)
    assert texts["fine.md"] == {"a fine text"}
    assert "good words" in " ".join(texts["mixed.md"])
    assert "poison" not in " ".join(texts["mixed.md"])
    assert refused.points() == recorded(refused)


def test_a_refused_text_is_tried_again(refused):
    """The next run embeds what was refused, and only then is the document out of quarantine."""
    assert refused.sync().state == "done"
    assert "poison" in " ".join(shown(refused)["mixed.md"])


def test_a_page_with_something_left_to_do_is_opened_again(site, monkeypatch):
    """What could not be read once is read by the next run, although nothing in its folder changed."""
    real = FilesystemSource.fetch
    with monkeypatch.context() as patch:
        patch.setattr(
            FilesystemSource,
            "fetch",
            lambda self, seen: Refusal(Reason.UNREADABLE, "EIO") if seen.key == "x/new.md" else real(self, seen),
        )
        site.write("x/new.md", "a new text")
        assert site.sync().state == "incomplete"
    assert site.sync().state == "done"
    assert shown(site)["x/new.md"] == {"a new text"}


def test_an_equal_version_of_a_racy_file_proves_nothing(site, monkeypatch):
    """Written twice within the same tick of the clock, with the same size: the second text is found."""
    monkeypatch.setattr("syncd.adapters.sources.filesystem.listing.RACY_NS", 10**18)
    for module in ("observing", "reading"):
        monkeypatch.setattr(f"syncd.adapters.sources.filesystem.{module}.version_of", lambda _: b"always the same")
    site.write("a.md", "the first text")
    site.sync()
    site.write("a.md", "the other text")
    site.sync()
    assert shown(site)["a.md"] == {"the other text"}


def test_another_model_is_another_collection(site, monkeypatch):
    """Vectors of two spaces never meet: a sync with another embedder is refused before anything is written."""
    writes = list(site.index.writes)
    monkeypatch.setattr(HashEmbedder, "space", property(lambda _: b"o" * 32))
    with pytest.raises(SpaceChanged):
        site.sync()
    assert site.index.writes == writes


def test_nothing_is_sealed_under_a_nonce_twice(site):
    """All sealed texts, and the bindings of different documents, have nonces of their own."""
    texts = [point.payload["text_sealed"][:16] for point in points(site).values()]
    bindings = {(point.payload["doc"], point.payload["acl_sealed"][:16]) for point in points(site).values()}
    assert len(set(texts)) == len(texts)
    assert len({nonce for _, nonce in bindings}) == len(bindings) == 4
    vaults = [row.vault[:12] for row in rows(site)] + [row.dek[:12] for row in rows(site)]
    assert len(set(vaults)) == len(vaults)


def test_a_ledger_that_fails_stops_the_run(site, monkeypatch):
    """Nothing is written to the index when the ledger can't take the intent."""

    @contextmanager
    def write(self):
        raise LedgerUnavailable(file="ledger.db", detail="read-only")
        yield

    writes = list(site.index.writes)
    site.write("a.md", "another text")
    monkeypatch.setattr(SqlLedger, "write", write)
    with pytest.raises(LedgerUnavailable):
        site.sync()
    assert site.index.writes == writes
