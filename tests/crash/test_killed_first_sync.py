"""kill -9 at any moment of a first sync: afterwards the index equals one that was built from nothing, byte for byte."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import corpus
import pytest
from kit import Site, make_site

KILLS = 20
FILES = 60


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> tuple[Path, str, float]:
    """The files, the dump of an undisturbed install, and how long its first sync took."""
    place = tmp_path_factory.mktemp("reference")
    assert corpus.copy(place / "docs", FILES) == FILES
    site = make_site(place / "docs", place / "state")
    began = time.monotonic()
    site.cli("sync", check=None)
    took = time.monotonic() - began
    return place / "docs", site.cli("dump", "--json").stdout, took


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_first_sync_ends_like_an_undisturbed_one(reference, tmp_path, number):
    """Killed once at a random moment, then run again: nothing is lost, nothing is twice, no intent is open."""
    docs, undisturbed, took = reference
    site = make_site(docs, tmp_path / "state")
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}")
    kill_after(site, random.Random(seed).uniform(0.15, 1.0) * took)
    runs = site.json("sync", check=None)["runs"]
    assert runs[0]["state"] in ("done", "incomplete")
    assert site.cli("dump", "--json").stdout == undisturbed
    again = site.json("sync", check=None)["runs"][0]
    assert again["chunks"] == {"embedded": 0, "reused": 0, "deleted": 0}
    assert site.json("audit", "verify")["verdict"] == "good"
    with site.open() as wiring, wiring.ledger.read() as view:
        assert view.intents() == []
        recorded = view.counts().points
    assert site.points() == recorded == undisturbed.count('"span"')


def kill_after(site: Site, seconds: float) -> None:
    """Start a sync and kill it so much later, unless it has ended by then; which of the two it is decides nothing."""
    process = subprocess.Popen(
        [sys.executable, "-m", "syncd", "sync"],
        env={**os.environ, "SYNCD_CONFIG": str(site.config)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
