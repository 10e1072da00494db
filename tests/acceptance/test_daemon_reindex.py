"""A reindex beside a living index: planned, joined, paused, slowed, resumed after a restart; changes come first."""

from pathlib import Path

import pytest
from daemon_kit import LiveDaemon, running, until
from kit import Site, make_site, open_folders

DOCUMENTS = 60
SLOW, FAST = 4.0, 100_000.0
"""Chunks a second: at the first a reindex of everything takes 15 seconds, and is never over before a test has looked."""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Sixty documents of one chunk each, indexed."""
    open_folders(tmp_path)
    made = make_site(tmp_path / "docs", tmp_path / "state")
    for number in range(DOCUMENTS):
        made.write(f"{number % 3}/{number}.md", f"# {number}\n\nThe text of number {number}.")
    made.sync()
    return made


def left(daemon: LiveDaemon) -> int | None:
    """Documents that the reindex has still to do; None when there is none."""
    work = daemon.source()["reindex"]
    return None if work is None else work["left"]


def embedded(site: Site) -> int:
    """Texts that runs embedded so far, as the history has it."""
    events = site.json("audit", "log", "--type", "doc.synced")["events"]
    return sum(event["body"]["chunks"]["embedded"] for event in events if event["phase"] == "outcome")


def test_a_plan_comes_before_the_work(site: Site) -> None:
    """`--dry-run` says how much, for all, for a pattern, for one; nothing is marked by it."""
    with running(site) as daemon:
        plan = site.json("reindex", "--dry-run", "--reason", "why")
        assert (plan["documents"], plan["chunks"], plan["sources"]) == (DOCUMENTS, DOCUMENTS, ["docs"])
        assert site.json("reindex", "--dry-run", "--glob", "1/*", "--reason", "why")["documents"] == DOCUMENTS // 3
        assert site.json("reindex", "--dry-run", "--doc", "docs:1/1.md", "--reason", "why")["documents"] == 1
        assert left(daemon) is None


def test_everything_is_embedded_once_again(site: Site) -> None:
    """A reindex through the daemon embeds every text once, keeps every answer, and says why and by whom in the history."""
    before = embedded(site)
    with running(site) as daemon:
        done = site.json("reindex", "--reason", "a canary reason")
        assert done["runs"][0]["chunks"]["embedded"] == DOCUMENTS
        assert len(daemon.found()) == DOCUMENTS
        assert left(daemon) is None
    assert embedded(site) == before + DOCUMENTS
    (event,) = site.json("audit", "log", "--type", "reindex.requested")["events"]
    assert event["actor"]["via"] == "socket"
    assert event["body"]["documents"] == DOCUMENTS
    assert b"canary" not in (site.state / "ledger.db").read_bytes()


def test_changes_come_first_and_everything_serves(site: Site) -> None:
    """While a slow reindex is under way an edit, a deletion and a revocation come in at once, and all the rest is found."""
    with running(site) as daemon:
        job = daemon.client.begin("reindex", {"reason": "slow", "rate": SLOW})
        until(lambda: 0 < (left(daemon) or 0) < DOCUMENTS)
        site.write("0/0.md", "# 0\n\nA text about numbats.")
        daemon.wait("0/0.md")
        (site.docs / "1/1.md").unlink()
        (site.docs / "2/2.md").chmod(0o600)
        until(lambda: not {"1/1.md", "2/2.md"} & daemon.found(principals=("user:nobody",)))
        assert len(daemon.found()) == DOCUMENTS - 1
        assert daemon.client.job(job)["state"] == "running"
        daemon.ask("reindex", rate=FAST)
        assert left(daemon) is None
        assert any("numbats" in hit["text"] for hit in daemon.ask("search", query="numbats", k=100)["hits"])
    fresh = site.fresh("fresh")
    fresh.sync()
    assert site.dump() == fresh.dump()


def test_a_second_request_joins_the_first(site: Site) -> None:
    """Asked again while it is under way, the same job does what was added, too."""
    with running(site) as daemon:
        first = daemon.client.begin("reindex", {"reason": "one", "glob": "0/*", "rate": SLOW})
        until(lambda: daemon.client.job(first)["state"] == "running")
        second = daemon.client.begin("reindex", {"reason": "two", "glob": "1/*"})
        assert second == first
        reply = daemon.client.watch(first, lambda _: None)
        assert reply.payload["runs"]
        assert left(daemon) is None
    assert embedded(site) == DOCUMENTS + 2 * DOCUMENTS // 3


def test_it_rests_and_goes_on(site: Site) -> None:
    """Paused, nothing more of it is embedded, not by a sync either, while changes come in; resumed, only the rest is."""
    with running(site) as daemon:
        daemon.client.begin("reindex", {"reason": "slow", "rate": SLOW})
        until(lambda: 0 < (left(daemon) or 0) < DOCUMENTS)
        assert site.json("reindex", "--pause") == {"format_version": 1, "sources": ["docs"], "paused": True}
        until(lambda: daemon.source()["doing"] == "idle")
        rest = left(daemon)
        assert rest
        assert daemon.source()["reindex"]["paused"] is True
        assert site.cli("reindex", "--rate", str(FAST)).stdout.startswith("Paused: docs.")  # another rate wakes nothing
        site.write("new.md", "# new\n\nnew text")
        daemon.wait("new.md")
        daemon.ask("sync")
        assert left(daemon) == rest
        before = embedded(site)
        assert "It goes on: docs." in site.cli("reindex", "--resume", "--rate", str(FAST)).stdout
        until(lambda: left(daemon) is None)
        assert embedded(site) == before + rest


def test_it_goes_on_after_a_restart(site: Site) -> None:
    """Ended in the midst by SIGKILL, it goes on with the next start at the same rate, and embeds nothing twice but a group."""
    with running(site) as daemon:
        daemon.client.begin("reindex", {"reason": "slow", "rate": SLOW})
        until(lambda: 0 < (left(daemon) or 0) < DOCUMENTS)
        daemon.process.kill()
        daemon.process.wait()
    with running(site, calm=False) as daemon:
        until(lambda: left(daemon) is None and daemon.source()["doing"] == "idle")
    assert DOCUMENTS * 2 <= embedded(site) <= DOCUMENTS * 2 + 64


def test_steering_without_a_reindex_is_told(site: Site) -> None:
    """There is nothing to pause, resume or slow down: wrong usage, with and without a daemon."""
    with running(site):
        assert "No reindex is under way" in site.cli("reindex", "--pause", check=2).stderr
    assert "No reindex is under way" in site.cli("reindex", "--resume", check=2).stderr
    assert "--reason" in site.cli("reindex", check=2).stderr
