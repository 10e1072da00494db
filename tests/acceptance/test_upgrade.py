"""A ledger of the first schema, with data in it: brought up to date by the next writer, and nothing is embedded for that."""

import sqlite3
from contextlib import closing
from pathlib import Path

from daemon_kit import running
from kit import Site, make_site, open_folders

from syncd.sync.collection import serving

BACK = """
DROP INDEX page_parent;
DROP INDEX document_due;
DROP INDEX audit_event_doc;
DROP TABLE copy;
DROP TABLE copy_point;
ALTER TABLE page DROP COLUMN parent;
ALTER TABLE quarantine DROP COLUMN dropped;
ALTER TABLE collection DROP COLUMN state;
ALTER TABLE collection DROP COLUMN embedder;
UPDATE alembic_version SET version_num = '0001';
"""
"""What the second revision added, taken away again."""


def old_site(place: Path) -> Site:
    """An install as the first version left it: nested folders, something in quarantine."""
    open_folders(place)
    site = make_site(place / "docs", place / "state")
    for number in range(12):
        site.write(f"{number % 3}/deep/{number}.md", f"# {number}\n\ntext number {number}")
    site.write("bad.md", b"\xff\xfe\x00")
    site.sync()
    with closing(sqlite3.connect(site.state / "ledger.db")) as raw:
        raw.executescript(BACK)
    return site


def test_an_older_ledger_is_brought_up_to_date(tmp_path: Path) -> None:
    """A reader is told which command comes first; the next sync embeds nothing, and knows then which folder lies in which."""
    site = old_site(tmp_path)
    assert "syncd sync" in site.cli("status", check=78).stderr
    done = site.sync()
    assert done.report.chunks.embedded == 0
    assert site.quarantined() == {"bad.md": "format"}
    with site.open() as wiring, wiring.ledger.read() as view:
        (source,) = view.sources()
        pages = list(view.pages(source.source))
        assert sum(page.parent is None for page in pages) == 1
        assert {page.parent for page in pages if page.parent} <= {page.locator for page in pages}
        row = serving(view)
        assert row is not None
        assert '"hash"' in row.embedder
    fresh = site.fresh("fresh")
    fresh.sync()
    assert site.dump() == fresh.dump()


def test_a_daemon_starts_on_an_older_ledger(tmp_path: Path) -> None:
    """The first start after an upgrade follows hints below folders that the older version had recorded."""
    site = old_site(tmp_path)
    with running(site) as daemon:
        (site.docs / "1").rename(site.docs / "renamed")
        (site.docs / "renamed/deep/1.md").unlink()
        daemon.wait("renamed/deep/4.md")
        daemon.wait("1/deep/1.md")
        assert daemon.found() == {f"{n % 3 if n % 3 != 1 else 'renamed'}/deep/{n}.md" for n in range(12) if n != 1}
        assert daemon.ask("audit-verify")["verdict"] == "good"
