"""What can be asked besides a search: how stale, why, until when; what is in quarantine and what becomes of it."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_kit import LiveDaemon, as_described, running, until
from kit import Site, make_site, open_folders

from syncd.errors import DaemonRefused
from syncd.operations.status import time_text


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveDaemon]:
    """A daemon over three documents, one of which is no text."""
    place = tmp_path_factory.mktemp("asks")
    open_folders(place)
    site = make_site(place / "docs", place / "state")
    site.write("a.md", "# a\n\nThe text of a.")
    site.write("b.md", "# b\n\nThe text of b.")
    site.write("bad.md", b"\xff\xfe\x00")
    with running(site) as live:
        yield live


@pytest.fixture
def site(daemon: LiveDaemon) -> Site:
    """Its tree."""
    return daemon.site


def test_a_state_that_is_not_reached_is_waited_for(site: Site, daemon: LiveDaemon) -> None:
    """`--at-least` a sequence of the future ends with 75 when its time is up; one that is there answers at once."""
    seq = daemon.wait("a.md")["seq"]
    assert site.json("search", "text", "--at-least", str(seq))["as_of"] >= seq
    late = site.cli("search", "text", "--at-least", str(seq + 10**6), "--timeout", "0.2", check=75)
    assert f"did not reach {seq + 10**6}" in late.stderr


def test_an_answer_that_would_be_stale_is_refused(site: Site, daemon: LiveDaemon) -> None:
    """`--max-staleness` answers while all is followed, and ends with 75 and the reason when nobody looks."""
    daemon.calm()
    assert site.json("search", "text", "--max-staleness", "5")["hits"]
    daemon.ask("sources-pause", source="docs")
    try:
        refused = site.cli("search", "text", "--max-staleness", "5", "--timeout", "0.2", check=75)
        assert "paused" in refused.stderr
    finally:
        daemon.ask("sources-resume", source="docs")
        daemon.calm()


def test_without_a_daemon_nobody_can_say_how_stale(site: Site, daemon: LiveDaemon) -> None:
    """`--max-staleness` needs somebody who watches; without it the same search answers."""
    still = site.copy_state("still")
    assert "no daemon watches" in still.cli("search", "text", "--max-staleness", "5", "--timeout", "0.1", check=75).stderr
    assert still.json("search", "text")["hits"]


def test_a_hit_says_when_it_was_seen_and_whether_it_changed(site: Site, daemon: LiveDaemon) -> None:
    """`as_of` is a time in the past hour; `pending` tells of a change that is seen and not in yet."""
    daemon.calm()
    (hit,) = [hit for hit in daemon.ask("search", query="text", k=10)["hits"] if hit["key"] == "a.md"]
    assert hit["as_of"] is not None
    assert hit["pending"] is False
    with (site.docs / "b.md").open("a") as file:  # written to and not closed: it is left alone for a while
        file.write("more")
        file.flush()
        until(lambda: any(hit["pending"] for hit in daemon.ask("search", query="text", k=10)["hits"] if hit["key"] == "b.md"))
    daemon.calm()


def test_waiting_has_an_end(site: Site, daemon: LiveDaemon) -> None:
    """A document that can't come in is waited for as long as asked, then 75; one of no source is unknown."""
    daemon.ask("sources-pause", source="docs")
    try:
        site.write("late.md", "# late\n\nlate text")
        assert "is paused" in site.cli("wait", "docs:late.md", "--timeout", "0.3", check=3).stderr
    finally:
        daemon.ask("sources-resume", source="docs")
    assert daemon.wait("late.md")["state"] == "searchable"
    assert "no such document" in site.cli("wait", "docs:never.md", check=1).stderr
    site.cli("wait", "/nowhere/at/all.md", check=1)


def test_waiting_without_a_daemon_ends_when_somebody_syncs(tmp_path: Path) -> None:
    """Without a daemon `wait` looks at what is there: at once when it is in, 75 when nobody brings it in."""
    open_folders(tmp_path)
    site = make_site(tmp_path / "docs", tmp_path / "state")
    site.write("a.md", "# a\n\ntext")
    site.sync()
    assert site.json("wait", "docs:a.md")["state"] == "searchable"
    site.write("a.md", "# a\n\nanother text")
    before = time.monotonic()
    site.cli("wait", "docs:a.md", "--timeout", "1", check=75)
    assert time.monotonic() - before >= 1
    site.sync()
    assert site.json("wait", str(site.docs / "a.md"))["state"] == "searchable"


def test_why_a_document_is_in_the_index(site: Site, daemon: LiveDaemon) -> None:
    """Times of seeing, reading, embedding and retagging, readers, chunks: by key, by path and by doc id the same."""
    site.write("why.md", "# why\n\nsome text")
    daemon.wait("why.md")
    (site.docs / "why.md").chmod(0o640)
    daemon.wait("why.md")
    found = daemon.ask("explain", doc="docs:why.md")
    assert (found["state"], found["chunks"], found["acl_version"]) == ("indexed", 1, 2)
    assert found["embedded_at"] <= found["retagged_at"] <= found["seen_at"]
    assert any(f"user:unix:{os.getuid()}" in clause for clause in found["readers"])
    assert daemon.ask("explain", doc=found["doc"]) == found
    assert daemon.ask("explain", doc=str(site.docs / "why.md")) == found


def test_a_scan_that_finds_nothing_has_seen_the_document(site: Site, daemon: LiveDaemon) -> None:
    """It writes nothing of it, and is when it was last seen."""
    path = site.write("quiet.md", "# quiet\n\nsome text")
    daemon.wait("quiet.md")
    until(lambda: time.time() > path.stat().st_ctime + 3)  # what was touched a moment ago is read by the next scan
    daemon.ask("sync")
    before = daemon.ask("explain", doc="docs:quiet.md")["seen_at"]
    until(lambda: time_text(time.time()) > before)  # it tells seconds
    daemon.ask("sync")
    assert daemon.ask("explain", doc="docs:quiet.md")["seen_at"] > before


def test_why_a_document_is_not_in_the_index(site: Site, daemon: LiveDaemon) -> None:
    """In quarantine, deleted, not selected, never there: each in words, the last as an error."""
    shelved = daemon.ask("explain", doc="docs:bad.md")
    assert shelved["state"] == "quarantined"
    assert "in quarantine: format" in shelved["why"][0]
    site.write("gone.md", "# gone\n\nsome text")
    daemon.wait("gone.md")
    (site.docs / "gone.md").unlink()
    daemon.wait("gone.md")
    assert "deleted" in " ".join(daemon.ask("explain", doc="docs:gone.md")["why"])
    assert "no such document" in site.cli("explain", "docs:never.md", check=1).stderr


def test_an_entry_of_the_quarantine_is_tried_again(site: Site, daemon: LiveDaemon) -> None:
    """`retry` has even a permanent reason, which no time lifts, looked at again at once; it stays, with one more attempt."""
    before = site.json("quarantine", "show", "docs:bad.md")
    assert (before["reason"], before["serving_older_version"], before["next_try"]) == ("format", False, None)
    assert site.json("quarantine", "retry", "docs:bad.md")["retry"] == "now"
    until(lambda: site.json("quarantine", "show", "docs:bad.md")["attempts"] == before["attempts"] + 1)


def test_an_entry_that_was_dropped_is_heard_of_no_more(site: Site, daemon: LiveDaemon) -> None:
    """`drop` takes it out of list, counts and exit codes, says so in the history, and lasts until the document changes."""
    assert daemon.source()["quarantined"] == 1
    assert site.json("quarantine", "drop", "docs:bad.md")["dropped"] is True
    assert site.json("quarantine", "list")["quarantine"] == []
    assert [entry["dropped"] for entry in site.json("quarantine", "list", "--all")["quarantine"]] == [True]
    assert daemon.source()["quarantined"] == 0
    assert site.cli("sync").returncode == 0
    assert site.json("quarantine", "list")["quarantine"] == []
    (event,) = [e for e in site.json("audit", "log", "--type", "doc.released")["events"] if e["body"].get("dropped")]
    assert event["actor"]["kind"] == "account"
    site.write("bad.md", b"\xff\xfe\x00 another version")
    daemon.wait("bad.md")
    assert [entry["key"] for entry in site.json("quarantine", "list")["quarantine"]] == ["bad.md"]
    assert "nothing of that name" in site.cli("quarantine", "drop", "docs:a.md", check=1).stderr


def test_the_lag_of_each_kind_of_change_is_told(site: Site, daemon: LiveDaemon) -> None:
    """Content, ACL and deletion have their own percentiles, in seconds, none of them negative."""
    site.write("lag.md", "# lag\n\nsome text")
    daemon.wait("lag.md")
    (site.docs / "lag.md").chmod(0o600)
    daemon.wait("lag.md")
    (site.docs / "lag.md").unlink()
    daemon.wait("lag.md")
    lags = daemon.source()["lag"]
    assert set(lags) == {"content", "acl", "delete"}
    assert all(0 <= lag["p50"] <= lag["p95"] and lag["count"] for lag in lags.values())


def test_lists_are_as_the_api_describes_them(site: Site, daemon: LiveDaemon) -> None:
    """Each item of the history, of a plan and of a dump; single answers are compared wherever tests ask."""
    daemon.calm()
    daemon.ask("sources-pause", source="docs")  # or a hint would carry out what is to be planned
    try:
        site.write("planned.md", "# planned")
        for operation in ("audit-log", "plan", "dump"):
            items = list(daemon.client.ask(operation).items)
            assert items
            for item in items:
                as_described(operation, item, item=True)
    finally:
        daemon.ask("sources-resume", source="docs")


@pytest.mark.parametrize("k", [0, -1, 1_001])
def test_no_hits_and_too_many_are_refused(daemon: LiveDaemon, k: int) -> None:
    """By the API as by the command: 1 to 1,000."""
    with pytest.raises(DaemonRefused, match="/k: should be"):
        daemon.ask("search", query="text", k=k)


def test_a_list_of_jobs_says_how_each_ended(site: Site, daemon: LiveDaemon) -> None:
    """With its exit code, in the last column: the first scan found something for the quarantine."""
    heads, first, *_ = site.cli("jobs", "list").stdout.splitlines()
    assert (heads.split("\t")[-1], first.split("\t")[-1]) == ("exit", "3")


@pytest.mark.parametrize("command", [["sync"], ["sources", "scrub", "docs"], ["reconcile"]])
def test_watching_a_job_prints_what_its_command_printed(site: Site, daemon: LiveDaemon, command: list[str]) -> None:
    """The same words on standard output, and the same exit code, whatever kind of work it was."""
    daemon.calm()
    said = site.cli(*command, check=None)
    job = site.json("jobs", "list")["jobs"][-1]["job"]
    again = site.cli("jobs", "watch", job, check=None)
    assert (again.stdout, again.returncode) == (said.stdout, said.returncode)
    assert "docs" in said.stdout or "nothing differs" in said.stdout
