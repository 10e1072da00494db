"""A server for the whole session, and sites that are configured to use it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import Site
from moments import site_of_five
from runs import Worker, working
from served import MOMENTS, served_site
from standin import StandIn

from syncd.adapters.index.edge import EdgeIndex
from syncd.adapters.index.qdrant import QdrantIndex


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Five open documents in four folders; most modules have one of their own."""
    return site_of_five(tmp_path)


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stamps hold at once, although the files are young."""
    monkeypatch.setattr("syncd.adapters.sources.filesystem.listing.RACY_NS", 0)


@pytest.fixture
def worker(site: Site) -> Iterator[Worker]:
    """Somebody at work at the site, once all is synced and every stamp is recorded."""
    with working(site) as worker:
        assert worker.whole().state == "done"
        yield worker


@pytest.fixture(scope="session")
def running(tmp_path_factory) -> Iterator[StandIn]:
    """One server for many installs, each with a collection of its own."""
    with StandIn(EdgeIndex(tmp_path_factory.mktemp("server") / "index")) as standin:
        yield standin


@pytest.fixture
def standin(running, monkeypatch) -> StandIn:
    """The server without a fault from the test before. And stamps hold at once, although the files are young."""
    running.faults.set()
    running.faults.catch_up()
    monkeypatch.setattr("syncd.adapters.sources.filesystem.listing.RACY_NS", 0)
    return running


@pytest.fixture(scope="session")
def remote(running) -> Iterator[QdrantIndex]:
    """One client for the tests that sync dozens of times: making its TLS context takes longer than a sync."""
    client = QdrantIndex(running.url)
    yield client
    client.close()


@pytest.fixture
def served(tmp_path, standin) -> Site:
    """Four open documents, synced to the server that the configuration names."""
    site = served_site(tmp_path, standin)
    assert site.sync().state == "done"
    return site


@pytest.fixture
def wide(tmp_path, standin, remote) -> Site:
    """The same with documents for as many moments: one to edit, one to close, one to open and one to delete in each."""
    site = served_site(tmp_path, standin)
    site.index = remote
    for moment in range(MOMENTS):
        for name in ("edit", "close", "open", "gone"):
            site.write(f"{moment}/{name}.md", f"# {name}\n\n{name} of {moment}", 0o600 if name == "open" else 0o644)
    assert site.sync().state == "done"
    return site
