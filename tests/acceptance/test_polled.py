"""Where nothing tells of changes, as on a network mount: scans by the clock bring them in, and that is said."""

from pathlib import Path

import pytest
from coordinating import ADMIN
from following import following
from moments import new_site

from syncd.adapters.sources.filesystem.mounts import Mounts
from syncd.cli.sources import _watching
from syncd.cli.status import hints
from syncd.operations.sources import SourcesRequest, sources
from syncd.operations.status import StatusRequest, status


def test_a_silent_root_is_scanned_as_often_as_the_source_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No watch and no hint: what is made, closed and removed comes in by polls; both lists say that nothing tells of it."""
    monkeypatch.setattr(Mounts, "silent", lambda _self, _fd: True)
    site = new_site(tmp_path)
    site.change('name = "docs"', 'name = "docs"\npoll_every = "1s"')
    site.write("a.md", "text a")
    with following(site) as here:
        assert here.station.watch is None
        site.write("new.md", "new text")
        here.until(lambda: here.tend() or "new.md" in site.found())
        (site.docs / "a.md").unlink()
        here.until(lambda: here.tend() or "a.md" not in site.found())
        assert here.heard == []
        assert {trigger for trigger, _ in here.runs()} == {"start", "poll"}
        told = hints(status(here.daemon.desk, ADMIN, StatusRequest()).payload)
        assert "docs: nothing tells of its changes: it is scanned every 1 s (`source.poll_every`)" in told
        (line,) = sources(here.daemon.desk, ADMIN, SourcesRequest()).payload["sources"]
        assert _watching(line) == "no, scanned every 1 s"
