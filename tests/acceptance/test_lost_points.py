"""An index that lost points is never called up to date: the next sync says so and brings them back."""

import shutil

from kit import Site, make_site


def three(tmp_path) -> Site:
    """Three documents, synced."""
    site = make_site(tmp_path / "docs", tmp_path / "state")
    for number in range(3):
        site.write(f"{number}.md", f"# Document {number}\n\nSomething about the number {number}.\n")
    site.json("sync")
    return site


def test_an_index_that_was_emptied_is_filled_again(tmp_path):
    """The whole index folder is gone: one sync tells, restores every point, and records the drift."""
    site = three(tmp_path)
    before = site.cli("dump", "--json").stdout
    shutil.rmtree(site.state / "index")
    done = site.cli("sync")
    assert "brought in again: 3 points." in done.stderr
    assert site.cli("dump", "--json").stdout == before
    assert "store.drift" in site.cli("audit", "log").stdout
    assert site.cli("sync").stderr.count("not in the index") == 0


def test_an_old_copy_of_the_index_is_brought_up_to_date(tmp_path):
    """Last week's index under today's ledger: what is missing in it comes back, and what changed since is what is there."""
    site = three(tmp_path)
    shutil.copytree(site.state / "index", tmp_path / "last-week")
    site.write("3.md", "# Document 3\n\nA new one.\n")
    site.json("sync")
    before = site.cli("dump", "--json").stdout
    shutil.rmtree(site.state / "index")
    shutil.copytree(tmp_path / "last-week", site.state / "index")
    assert "brought in again: 1 point." in site.cli("sync").stderr
    assert site.cli("dump", "--json").stdout == before


def test_a_missing_ledger_is_not_replaced_without_a_word(tmp_path):
    """The ledger is gone and the index is there: exit 6, nothing is written, and the message says what to restore."""
    site = three(tmp_path)
    saved = (site.state / "ledger.db").read_bytes()
    (site.state / "ledger.db").unlink()
    assert "restore ledger.db" in site.cli("sync", check=6).stderr
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (site.state / name).unlink(missing_ok=True)
    (site.state / "ledger.db").write_bytes(saved)
    assert site.json("sync")["runs"][0]["documents"]["unchanged"] == 3
    assert site.json("audit", "verify")["verdict"] == "good"


def test_another_model_is_refused_before_anything_is_marked(tmp_path):
    """`plan` and `reindex` refuse a changed space as `sync` does, and leave nothing behind that embeds later."""
    site = three(tmp_path)
    site.change('backend = "hash"', 'backend = "sentence-transformers"')
    assert "not comparable" in site.cli("plan", check=78).stderr
    assert "not comparable" in site.cli("reindex", "--reason", "x", check=78).stderr
    site.change('backend = "sentence-transformers"', 'backend = "hash"')
    assert site.json("sync")["runs"][0]["chunks"] == {"embedded": 0, "reused": 0, "deleted": 0}


def test_reading_needs_no_signing_key(tmp_path):
    """The key that signs checkpoints is for writers: a reader does without it, a sync refuses."""
    site = three(tmp_path)
    (site.state / "keys" / "audit-signing-key").rename(tmp_path / "away")
    assert site.json("search", "number")["hits"]
    assert "audit-signing-key" in site.cli("sync", check=78).stderr
