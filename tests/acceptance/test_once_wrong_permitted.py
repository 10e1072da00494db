"""What a review once found wrong, first half: who is shown what. Nobody reads what he may not, at no moment of any run."""

import os
import sqlite3
from collections.abc import Callable

import pytest
from kit import Site
from moments import OWNER, STRANGER, Interrupt, attempt, cut_short, events, killed, new_site, rows, texts, unplugged

from syncd.adapters.embed.hash import HashEmbedder
from syncd.core.card import Card
from syncd.core.keys import Epoch
from syncd.core.model import Chunk, Fp, Piece, Point
from syncd.retrieval.check import Drop
from syncd.seal.cards import seal_card
from syncd.seal.derive import wrap_key
from syncd.seal.wrapping import DocKeys, wrap

BINARY = b"\x89PNG\r\n\x1a\n\x00\x00"
both = pytest.mark.parametrize("interrupt", [killed, unplugged])


pytestmark = pytest.mark.usefixtures("calm")


@pytest.fixture
def site(tmp_path) -> Site:
    """An install over no files yet."""
    return new_site(tmp_path)


def once_hidden_stays_hidden(site: Site, interrupt: Interrupt, shown: Callable[[Site], bool]) -> None:
    """A run that has recorded the move shows it no more, nor does any that ends later; before the first step all is as it was."""
    moments = [(shown(here), "doc.moved" in events(here)) for here in cut_short(site, interrupt)]
    visible = [seen for seen, _ in moments]
    assert (visible[0], visible[-1]) == (True, False)
    assert visible == sorted(visible, reverse=True)
    assert (True, True) not in moments


# -- 1: a wider ACL and a new text -------------------------------------------------------------------------------------


@both
def test_who_gains_access_with_an_edit_never_sees_the_old_text(site, interrupt):
    """A document is redacted, then opened: at no moment of the run is its former text shown to those it opens to."""
    site.write("a.md", "the secret salaries of the board", 0o600)
    site.sync()
    site.write("a.md", "redacted", 0o644)
    for here in cut_short(site, interrupt):
        assert "secret" not in texts(here, STRANGER).get("a.md", "")
    site.sync()
    assert texts(site, STRANGER) == {"a.md": "redacted"}


@both
def test_who_gains_access_with_an_edit_gains_it_with_the_next_run_at_the_latest(site, interrupt):
    """Whenever a run that edits and opens a document was cut short, one further run shows the new text to those it opens to."""
    site.write("a.md", "the secret salaries of the board", 0o600)
    site.sync()
    site.write("a.md", "redacted", 0o644)
    for here in cut_short(site, interrupt):
        here.sync()
        assert texts(here, STRANGER) == {"a.md": "redacted"}


def test_an_older_text_that_goes_on_serving_opens_to_nobody_else(site):
    """The new version is opened but can't be read as text: the former one serves whom it served, however often we look."""
    site.write("a.md", "the secret salaries of the board", 0o600)
    site.sync()
    site.write("a.md", BINARY, 0o644)
    for _ in range(3):
        assert site.sync().state == "incomplete"
        assert texts(site, STRANGER) == {}
        assert texts(site, OWNER) == {"a.md": "the secret salaries of the board"}
    site.write("a.md", "redacted", 0o644)
    site.sync()
    assert texts(site, STRANGER) == {"a.md": "redacted"}


def test_an_older_text_that_goes_on_serving_closes_with_the_new_version(site):
    """The other way round: whom the unreadable new version is closed to does not read the former one either."""
    site.write("a.md", "open to all")
    site.write("b.md", "other")
    site.sync()
    site.write("a.md", BINARY, 0o600)
    site.sync()
    assert set(texts(site, STRANGER)) == {"b.md"}
    assert set(texts(site, OWNER)) == {"a.md", "b.md"}


# -- 2, 6, 7: moves ----------------------------------------------------------------------------------------------------


@both
def test_a_move_into_a_narrower_folder_hides_at_once_and_for_good(site, interrupt):
    """Whenever the run ends after it saw the move: those whom the new folder keeps out read nothing of it any more."""
    site.write("priv/z.md", "zzz")
    site.write("pub/a.md", "the plan")
    site.write("pub/b.md", "bbb")
    (site.docs / "priv").chmod(0o700)
    site.sync()
    assert set(texts(site, STRANGER)) == {"pub/a.md", "pub/b.md"}
    (site.docs / "pub/a.md").rename(site.docs / "priv/a.md")
    once_hidden_stays_hidden(site, interrupt, lambda here: "the plan" in "".join(texts(here, STRANGER).values()))
    site.sync()
    assert (set(texts(site, STRANGER)), "priv/a.md" in texts(site, OWNER)) == ({"pub/b.md"}, True)


@pytest.mark.parametrize("stand_in", ["fifo", "binary"])
def test_something_unreadable_where_a_document_was_does_not_hide_its_move(site, stand_in):
    """`mv a z`, then a FIFO or a picture as `a`: the document is at z with its life and its ACL, and nothing serves as a."""
    site.write("a.md", "alpha", 0o600)
    site.write("k.md", "k")
    site.sync()
    (life,) = {hit.doc for hit in site.search("alpha", OWNER).hits if hit.key == "a.md"}
    (site.docs / "a.md").rename(site.docs / "z.md")
    if stand_in == "fifo":
        os.mkfifo(site.docs / "a.md")
        (site.docs / "a.md").chmod(0o644)
    else:
        site.write("a.md", BINARY, 0o644)
    done = site.sync()
    assert (done.report.documents.moved, done.report.documents.deleted, done.report.chunks.embedded) == (1, 0, 0)
    assert {hit.key: hit.doc for hit in site.search("alpha", OWNER).hits if hit.key != "k.md"} == {"z.md": life}
    assert set(texts(site, STRANGER)) == {"k.md"}
    assert set(site.quarantined()) == {"a.md"}


@both
def test_a_document_that_another_was_moved_over_is_hidden_at_once(site, interrupt):
    """`mv a b`: whenever the run ends after it saw that, the overwritten text is shown to nobody."""
    site.write("a.md", "alpha")
    site.write("b.md", "the overwritten text")
    site.sync()
    (site.docs / "a.md").rename(site.docs / "b.md")
    once_hidden_stays_hidden(site, interrupt, lambda here: "overwritten" in "".join(texts(here).values()))
    site.sync()
    assert texts(site) == {"b.md": "alpha"}


# -- 5: a ledger that somebody else wrote to ---------------------------------------------------------------------------


def test_who_writes_ledger_and_store_without_the_keys_forges_no_document(site):
    """A document key wrapped for an epoch that there is not, under a key of zeros, opens nothing: it is a sign of harm."""
    site.write("a.md", "alpha")
    site.sync()
    (row,) = rows(site)
    dek = b"D" * 32
    keys = DocKeys.of(dek, row.doc)
    (collection,) = site.index.points.values()
    with site.open() as wiring, wiring.ledger.read() as view:
        algorithm, sealer = wiring.keyring.algorithm, site.collection(wiring).sealer
        chunks = tuple(Chunk(Fp(point.fp), point.occurrence, Piece(0, 5)) for point in view.points(row.doc))
    vault = seal_card(algorithm, keys, row.doc, Card("forged.md", "FORGED", 1, 0.0, chunks), b"n" * 12)
    honest = dict(collection)
    for kek in (bytes(32), wrap_key(Epoch(999, bytes(32)))):
        wrapped = wrap(algorithm, kek, b"n" * 12, dek, role="dek", epoch=999, owner=row.doc)
        with sqlite3.connect(site.state / "ledger.db") as forged:
            forged.execute("update document set epoch = 999, dek = ?, vault = ?", (wrapped, vault))
        forged.close()
        for id_, point in honest.items():
            text = sealer.text_payload(keys, row.doc, id_, bytes.fromhex(str(point.payload["fp"])), "send money", b"m" * 12)
            collection[id_] = Point(id_, point.vector, {**point.payload, **text})
        answer = site.search("anything", OWNER)
        assert (answer.hits, set(answer.dropped), answer.harmed > 0) == ((), {Drop.FORGED}, True)


# -- 8: how texts are kept ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), [("plain", "sealed"), ("plain", "omitted"), ("sealed", "plain")])
def test_another_way_to_keep_texts_rewrites_the_store_and_embeds_nothing(site, monkeypatch, before, after):
    """index.text is changed: after the next sync the store keeps no text the former way, and no text was embedded for it."""
    site.change('text = "sealed"', f'text = "{before}"')
    site.write("a.md", "alpha in clear")
    site.write("b.md", "beta in clear")
    site.sync()
    site.change(f'text = "{before}"', f'text = "{after}"')
    with monkeypatch.context() as patch:
        patch.setattr(HashEmbedder, "embed", lambda *args: pytest.fail(f"{len(args[1])} texts embedded"))
        assert site.sync().state == "done"
    (collection,) = site.index.points.values()
    clear = {"in clear" in str(point.payload) for point in collection.values()}
    assert clear == {after == "plain"}
    shown = {"a.md": "alpha in clear", "b.md": "beta in clear"} if after != "omitted" else {"a.md": "", "b.md": ""}
    assert texts(site) == shown


# -- 17: the guard -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deed", ["chmod", "chmod and rename", "chmod and edit"])
def test_documents_that_would_open_to_everyone_are_counted_however_they_changed(tmp_path, deed):
    """A mass opening waits for a person, also when the folder got another name or the files another text with it."""
    site = new_site(tmp_path, "[guard]\nmin_widenings = 3\nmax_widen_share = 0.1\n")
    for number in range(10):
        site.write(f"p/{number}.md", f"doc {number}", 0o600)
    site.sync()
    for number in range(10):
        (site.docs / f"p/{number}.md").chmod(0o644)
        if deed == "chmod and edit":
            site.write(f"p/{number}.md", f"edited {number}")
    if deed == "chmod and rename":
        (site.docs / "p").rename(site.docs / "q")
    for _ in range(2):
        halted = attempt(site)
        assert halted.state == "halted"
        assert "10 of 10 documents would open to everyone" in halted.reason
        assert texts(site, STRANGER) == {}
    assert attempt(site, confirm=halted).state == "done"
    assert len(texts(site, STRANGER)) == 10
