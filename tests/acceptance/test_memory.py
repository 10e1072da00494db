"""Memory is bounded by what is configured, not by how much there is: four times as many documents take no more, but for what a
run remembers of each folder.
"""

import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest
from kit import Site, make_site, open_folders

from syncd.seal import aead, derive
from syncd.sync import rundata
from syncd.sync.rundata import Distinct
from syncd.wiring import Wiring

FEW, TIMES = 150, 4
A_FOLDER = 10
"""Documents in a folder."""
ALLOWED = 128 * 2**10
"""Bytes that so many more documents, in 45 more folders, may take: a run remembers some two thousand of each that changed."""


@pytest.fixture(autouse=True)
def small_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered up to a bound is remembered up to a small one, so that few documents are enough to reach it."""
    monkeypatch.setattr("syncd.adapters.sources.filesystem.listing.RACY_NS", 0)
    monkeypatch.setattr("syncd.adapters.embed.hash._REMEMBERED_WORDS", 50)
    monkeypatch.setattr(rundata, "MOST_APART", 50)
    monkeypatch.setattr(rundata, "MOST_LANDED", 50)
    monkeypatch.setattr("syncd.adapters.ledger.tx.WAITING_ROWS", 200)
    monkeypatch.setattr(derive, "expand", lru_cache(50)(derive.expand.__wrapped__))
    monkeypatch.setattr(aead, "_cipher", lru_cache(50)(aead._cipher.__wrapped__))
    policy = Wiring.policy
    monkeypatch.setattr(Wiring, "policy", lambda *of: replace(policy(*of), group_documents=20))


def site_of(place: Path, count: int) -> Site:
    """So many documents in folders of ten, not synced; nothing is kept of the points."""
    place.mkdir()
    open_folders(place)
    site = make_site(place / "docs", place / "state", index="null")
    site.config.chmod(0o600)
    with site.config.open("a") as file:
        file.write("\n[guard]\nmax_delete_share = 1.0\nmax_widen_share = 1.0\n")
    for number in range(count):
        site.write(f"{number // A_FOLDER:04}/{number:06}.md", f"# Page {number}\n\ntext {number}")
    return site


def peak(deed: Callable[[], object]) -> int:
    """Bytes that are in use at most while it is done, beyond what was before."""
    gc.collect()
    tracemalloc.start()
    try:
        deed()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def each(site: Site, change: Callable[[Path], object]) -> None:
    """Do it to every document."""
    for path in sorted(site.docs.rglob("*.md")):
        change(path)


def nothing(_: Site) -> None:
    """No change."""


def edited(site: Site) -> None:
    """Another text everywhere."""
    each(site, lambda path: path.write_text(f"{path.read_text()} and more"))


def closed(site: Site) -> None:
    """Nobody else may read any."""
    each(site, lambda path: path.chmod(0o600))


def gone(site: Site) -> None:
    """Every document but one."""
    site.write("left.md", "the last")
    each(site, lambda path: path.unlink() if path.name != "left.md" else None)


@pytest.mark.parametrize("change", [nothing, edited, closed, gone])
def test_four_times_as_many_documents_take_no_more_memory(tmp_path: Path, change: Callable[[Site], None]) -> None:
    """Of a sync in which nothing changed, everything was edited, everything was closed, everything is gone."""
    peaks = []
    for count in (FEW, FEW * TIMES):
        site = site_of(tmp_path / str(count), count)
        site.sync()
        change(site)
        peaks.append(peak(site.sync))
    few, many = peaks
    assert many - few < ALLOWED, peaks


def test_a_first_sync_of_four_times_as_many_documents_takes_no_more_memory(tmp_path: Path) -> None:
    """The texts stream through."""
    site_of(tmp_path / "warm", A_FOLDER).sync()
    peaks = []
    for count in (FEW, FEW * TIMES):
        site = site_of(tmp_path / str(count), count)
        peaks.append(peak(site.sync))
    few, many = peaks
    assert many - few < ALLOWED, peaks


def test_documents_are_counted_once_each_as_far_as_they_are_known_apart() -> None:
    """Fifty are known apart; beyond, one that comes twice counts twice, and takes no memory."""
    counted = Distinct()
    for _ in range(2):
        for number in range(50):
            counted.add(number.to_bytes(16))
    assert counted.count == 50
    for _ in range(2):
        counted.add(b"beyond")
    assert counted.count == 52
