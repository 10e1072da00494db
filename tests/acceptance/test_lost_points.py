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
    assert "3 points were not in the index any more" in done.stderr
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
    assert "1 points were not" in site.cli("sync").stderr
    assert site.cli("dump", "--json").stdout == before
