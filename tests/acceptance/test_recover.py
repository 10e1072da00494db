"""A ledger that is lost: begun anew, with the vectors that are in the index."""

import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from faults import STRANGER, Killed
from kit import Site
from restore_kit import DOCUMENTS, EVERY_COMMAND, WRITES, embedded, equals_fresh, filled, fresh, killed_at, lose, points, recover

from syncd.errors import LedgerLost, NothingToRecover, RecoveryUnfinished, SourcesStale
from syncd.sync.collection import ensure_collection


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Indexed."""
    return filled(tmp_path)


def test_a_missing_ledger_is_refused_by_every_command(site: Site) -> None:
    """Exit 6, and the command that helps; no new ledger is begun behind anybody's back."""
    lose(site)
    for command in EVERY_COMMAND:
        assert "syncd recover --reason" in site.cli(*command, check=6).stderr, command
    assert "syncd recover --reason" in site.cli("audit", "verify", check=6).stderr
    assert not (site.state / "ledger.db").exists()


def test_a_lost_ledger_costs_no_text(site: Site) -> None:
    """Every document has a new life and the vectors of the old one; what was the old one's is gone; the history cites it."""
    before = {point.payload["doc"] for point in points(site)}
    lose(site)
    done = site.json("recover", "--reason", "it is gone")
    assert sum(run["chunks"]["embedded"] for run in done["runs"]) == 0
    assert 3 * DOCUMENTS < done["taken"] == done["gone"] < len(points(site))
    equals_fresh(site)
    assert not before & {point.payload["doc"] for point in points(site)}
    assert {point.payload["epoch"] for point in points(site)} == {2}
    (info,) = site.json("audit", "verify")["info"]
    assert (info["kind"], info["first"]) == ("restored", 0)
    assert f"{done['anchored']} events were signed before" in info["detail"]
    assert site.json("status")["sources"][0]["documents"] == 13


def test_what_changed_since_is_embedded_and_nothing_else(site: Site) -> None:
    """An edit and a new document while there was no ledger; a deletion and a closing hold, too."""
    lose(site)
    site.write("0/new.md", "# New\n\nWithout a ledger.")
    (site.docs / "2/2.md").write_text("# Two\n\nAnother text.")
    (site.docs / "1/1.md").unlink()
    (site.docs / "2/5.md").chmod(0o600)
    assert embedded(recover(site)) == 2
    assert "2/5.md" not in site.found(reader=STRANGER)
    equals_fresh(site)


def test_an_emptied_index_is_filled_again(site: Site) -> None:
    """Ledger and index are gone: all is embedded, and the history still says what it follows."""
    texts = len({chunk.text_sha256 for chunk in site.dump()})
    lose(site)
    shutil.rmtree(site.state / "index")
    assert "syncd recover" in site.cli("sync", check=6).stderr
    done = recover(site)
    assert (done.payload["taken"], embedded(done)) == (0, texts)
    equals_fresh(site)


def test_vectors_of_another_model_are_not_taken(site: Site) -> None:
    """The configuration names another model by now: no fingerprint is the same, so every text is embedded."""
    texts = len({chunk.text_sha256 for chunk in site.dump()})
    lose(site)
    site.change("[embedder]\n", '[embedder]\nrevision = "2"\n')
    assert embedded(recover(site)) == texts
    site.json("reconcile", "--repair", "--full", "--sample", "1000")
    assert len(points(site)) == len(site.dump())


def test_points_that_nobody_here_wrote_are_taken_away(site: Site) -> None:
    """What can't be a point of this install gives no vector, and is gone in the end."""
    with site.open(writer=True) as wiring:
        name = ensure_collection(wiring.install()).name
        some, _ = wiring.index.scroll(name, None, None, 3, vectors=True)
        strange = [{}, {"doc": "zz", "fp": "zz"}, {"doc": "ab", "fp": some[0].payload["fp"]}]
        made = [replace(p, id=f"{'0' * 7}{n}-0000-8000-8000-000000000000", payload=strange[n]) for n, p in enumerate(some)]
        wiring.index.upsert(name, made)
        wiring.index.barrier()
    lose(site)
    recover(site)
    equals_fresh(site)


def test_a_damaged_ledger_is_set_aside(site: Site) -> None:
    """It is kept under another name for whoever wants to look into it, and told."""
    path = site.state / "ledger.db"
    whole = path.read_bytes()
    lose(site)
    path.write_bytes(b"not a ledger at all" * 1000)
    told = site.cli("recover", "--reason", "x").stderr
    (aside,) = [found for found in site.state.glob("ledger.db.lost-*") if not found.name.endswith(".lock")]
    assert str(aside) in told
    assert aside.read_bytes() != whole
    equals_fresh(site)


def test_what_is_left_of_a_lost_ledger_is_set_aside(site: Site) -> None:
    """Its file was removed, and its write-ahead log was not: that is of no use, and in nobody's way."""
    lose(site)
    (site.state / "ledger.db-wal").write_bytes(b"left")
    assert "syncd recover --reason" in site.cli("sync", check=6).stderr
    assert embedded(recover(site)) == 0
    equals_fresh(site)
    assert [path.read_bytes() for path in site.state.glob("ledger.db.lost-*-wal")] == [b"left"]


def test_an_older_ledger_may_be_given_up(site: Site, tmp_path: Path) -> None:
    """Instead of accepting it: what its anchors know of the lost part is cited."""
    shutil.copy(site.state / "ledger.db", tmp_path / "backup.db")
    site.write("0/new.md", "# New\n\nSince the backup.")
    site.sync()
    lose(site)
    shutil.copy(tmp_path / "backup.db", site.state / "ledger.db")
    assert embedded(recover(site)) == 0
    equals_fresh(site)


def test_a_sound_ledger_is_not_given_up(site: Site) -> None:
    """Wrong usage; nothing is done."""
    before = points(site)
    assert "Nothing was done" in site.cli("recover", "--reason", "x", check=2).stderr
    assert points(site) == before
    assert not list(site.state.glob("*lost*"))


def test_a_source_that_is_away_keeps_the_vectors(site: Site) -> None:
    """Not every source could be looked at: the old points stay; a sync goes on without a text; the same command ends it."""
    lose(site)
    away = site.docs.rename(site.docs.with_name("away"))
    told = site.cli("recover", "--reason", "x", check=69).stderr
    assert "kept until every source could be looked at" in told
    with pytest.raises(SourcesStale):
        site.found()
    away.rename(site.docs)
    assert site.json("sync")["runs"][0]["chunks"]["embedded"] == 0
    assert site.json("status")["recovering"]
    done = site.json("recover", "--reason", "x")
    assert (done["taken"], done["gone"] > 0) == (0, True)
    assert not site.json("status")["recovering"]
    equals_fresh(site)


def test_killed_anywhere_it_goes_on(site: Site, tmp_path: Path) -> None:
    """Before it knows what is in the index, all else is refused; killed at any step, it ends without a text embedded."""
    lose(site)
    kept, expected = shutil.copytree(site.state, tmp_path / "kept"), fresh(site)
    refusals = []
    for write in WRITES:
        with killed_at(write), suppress(Killed):
            recover(site)
        try:
            assert site.sync().report.chunks.embedded == 0
        except (RecoveryUnfinished, LedgerLost):
            refusals.append(write)
        with suppress(NothingToRecover):
            assert embedded(recover(site)) == 0
        equals_fresh(site, expected)
        shutil.rmtree(site.state)
        shutil.copytree(kept, site.state)
    assert refusals == list(WRITES[: len(refusals)])
    assert 0 < len(refusals) < len(WRITES) - 3
