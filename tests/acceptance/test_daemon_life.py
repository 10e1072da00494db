"""The life of a daemon: one an install, ended by a signal without loss, taking over another configuration, telling the truth."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import corpus
import pytest
from daemon_kit import running, start, until
from kit import Site, make_site, open_folders


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Three documents, not indexed yet."""
    open_folders(tmp_path)
    made = make_site(tmp_path / "docs", tmp_path / "state")
    for number in range(3):
        made.write(f"{number}.md", f"# {number}\n\nThe text of number {number}.")
    return made


def test_a_first_start_indexes_everything(site: Site) -> None:
    """A daemon over an install that never synced makes ledger and index, and is fresh once it has scanned."""
    with running(site) as daemon:
        assert daemon.found() == {"0.md", "1.md", "2.md"}
        assert daemon.status()["daemon"] is True
        assert site.cli("status", "--check").returncode == 0
    assert daemon.process.returncode == 0
    assert site.cli("status", "--check", check=69).stdout.startswith("unknown")


def test_there_is_one_daemon_an_install(site: Site) -> None:
    """A second one ends with 75 and harms nothing; a sync through the command line is done by the first."""
    with running(site) as daemon:
        second = site.cli("run", check=75)
        assert "another" in second.stderr
        site.write("new.md", "# new\n\nnew text")
        assert site.json("sync")["runs"][0]["state"] == "done"
        assert "new.md" in daemon.found()
        assert [job["kind"] for job in site.json("jobs", "list")["jobs"] if job["kind"] != "reconcile"] == ["scan", "sync"]


@pytest.mark.parametrize(
    "command",
    [
        ("plan",),
        ("quarantine", "list"),
        ("audit", "log"),
        ("audit", "verify"),
        ("dump",),
        ("sources", "list"),
        ("explain", "docs:0.md"),
        ("wait", "docs:1.md"),
        ("search", "text", "-k", "2"),
        ("quarantine", "show", "docs:nothing"),
        ("explain", "docs:nothing"),
        ("audit", "log", "--since", "yesterday"),
        ("sync", "--source", "none"),
        ("sync", "--confirm", "0123456789"),
        ("reindex", "--dry-run", "--reason", "why"),
    ],
    ids=" ".join,
)
def test_commands_answer_alike_with_and_without_a_daemon(alike: tuple[Site, Site], command: tuple[str, ...]) -> None:
    """The same exit code, the same message, the same JSON but for what only a daemon knows."""
    live, still = alike
    with_one, without = (each.cli(*command, "--json", check=None) for each in (live, still))
    assert with_one.returncode == without.returncode
    assert with_one.stderr.replace(str(live.state), "S") == without.stderr.replace(str(still.state), "S")
    if with_one.returncode == 0:
        assert _plain(json.loads(with_one.stdout)) == _plain(json.loads(without.stdout))


def _plain(value: object) -> object:
    """Without what a daemon adds."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if k not in {"pending", "doing", "watched"}}
    return [_plain(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory):
    """An install with a daemon, and a copy of its state without one."""
    place = tmp_path_factory.mktemp("alike")
    open_folders(place)
    made = make_site(place / "docs", place / "state")
    for number in range(3):
        made.write(f"{number}.md", f"# {number}\n\nThe text of number {number}.")
    with running(made):
        pass  # the history of a start is in both
    with running(made) as daemon:
        until(lambda: daemon.ask("audit-verify")["verdict"] == "good")
        yield made, made.copy_state("still")


def test_a_signal_under_load_loses_nothing(site: Site) -> None:
    """SIGTERM in the midst of a first sync: exit 0 within the deadline, and the next start ends as one that was never ended."""
    corpus.copy(site.docs / "packages", 150, most=20_000)
    daemon = start(site)
    until(lambda: (daemon.source()["documents"] or 0) > 5)
    began = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began < 25
    again = site.copy_state("again")
    with running(again) as daemon:
        chunks = list(daemon.client.ask("dump", {}).items)
        assert daemon.ask("audit-verify")["verdict"] == "good"
        assert daemon.status()["in_doubt"] == 0
    fresh = site.fresh("fresh")
    fresh.sync()
    assert chunks == fresh.json("dump")["chunks"]


def test_a_killed_daemon_goes_on_where_it_was(site: Site) -> None:
    """SIGKILL, a change while nobody looked, and a new start: the index equals one built from nothing."""
    with running(site) as daemon:
        site.write("0.md", "# 0\n\nanother text")
        daemon.process.kill()
        daemon.process.wait()
    (site.docs / "1.md").unlink()
    with running(site) as daemon:
        assert daemon.found() == {"0.md", "2.md"}
        assert daemon.ask("audit-verify")["verdict"] == "good"


def test_a_configuration_that_can_not_be_used_changes_nothing(site: Site) -> None:
    """SIGHUP with a broken file keeps the old one and says so; with a good one another source is looked at."""
    with running(site) as daemon:
        before = site.config.read_text()
        site.change('name = "docs"', 'nome = "docs"')
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: any(line["event"] == "config.refused" for line in daemon.lines()))
        site.write("3.md", "# 3\n\nstill followed")
        assert daemon.wait("3.md")["state"] == "searchable"
        more = site.docs.parent / "more"
        more.mkdir()
        (more / "m.md").write_text("# m\n\nmore text")
        site.config.write_text(f'{before}\n[[source]]\nname = "more"\nroot = "{more}"\nallow_everyone = true\n')
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: "m.md" in daemon.found())
        assert [source["source"] for source in daemon.calm()["sources"]] == ["docs", "more"]
        assert daemon.found() >= {"3.md", "m.md"}
        site.config.write_text(before)
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: "m.md" not in daemon.found())
    events = [event["type"] for event in site.json("audit", "log", "--type", "config.changed")["events"]]
    assert len(events) == 3


def test_a_reload_that_names_nobody_is_refused(site: Site) -> None:
    """An ACL rule for an account that does not exist keeps the old configuration, and `status` says why."""
    with running(site) as daemon:
        before = site.config.read_text()
        site.config.write_text(f'{before}\n[[source.acl]]\nglob = "*.md"\nreaders = ["user:nosuchaccount"]\n')
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: daemon.status()["refused"])
        assert "nosuchaccount" in site.cli("status").stdout
        site.write("4.md", "# 4\n\nstill followed")
        assert daemon.wait("4.md")["state"] == "searchable"
        site.config.write_text(before)
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: daemon.status()["refused"] is None)


def test_a_source_that_is_away_is_late_and_then_unknown(site: Site) -> None:
    """A root that is renamed away: late, then unknown, nothing deleted; back again: fresh, and what changed is found."""
    site.config.write_text(f'{site.config.read_text()}\n[freshness]\ntarget = "5s"\n')
    with running(site) as daemon:
        away = site.docs.with_name("away")
        site.docs.rename(away)
        assert until(lambda: (verdict := daemon.status()["verdict"]) != "fresh" and verdict) == "late"
        until(lambda: daemon.status()["verdict"] == "unknown")
        assert "docs" in daemon.status()["reason"]
        (away / "0.md").write_text("# 0\n\nchanged while away")
        away.rename(site.docs)
        daemon.calm()
        assert daemon.found() == {"0.md", "1.md", "2.md"}
        assert any("while away" in hit["text"] for hit in daemon.ask("search", query="away", k=3)["hits"])


def test_pausing_outlives_a_restart(site: Site) -> None:
    """A paused source is looked at by nobody, also after a restart, and by nothing but `resume` again."""
    with running(site) as daemon:
        assert site.json("sources", "pause", "docs") == {"format_version": 1, "source": "docs", "paused": True, "changed": True}
        site.write("0.md", "# 0\n\npaused text")
        assert daemon.status()["verdict"] == "unknown"
        site.cli("sync", "--source", "docs", check=3)
    with running(site, calm=False) as daemon:
        until(lambda: any(line["event"] == "daemon.ready" for line in daemon.lines()[-3:]))
        assert daemon.source()["paused"] is True
        assert not any("paused text" in hit["text"] for hit in daemon.ask("search", query="paused", k=3)["hits"])
        daemon.ask("sources-resume", source="docs")
        until(lambda: any("paused text" in hit["text"] for hit in daemon.ask("search", query="paused", k=3)["hits"]))
        daemon.calm()
    told = [event["type"] for event in site.json("audit", "log")["events"] if event["type"].startswith("source.")]
    assert told == ["source.paused", "source.resumed"]


def test_leaving_a_job_does_not_end_it(site: Site) -> None:
    """Ctrl-C while a sync is watched says how to watch it again; the job ends by itself, and its result can be read."""
    corpus.copy(site.docs / "packages", 80, most=20_000)
    with running(site, calm=False):
        watching = subprocess.Popen(
            [sys.executable, "-m", "syncd", "sync"],
            env={**os.environ, "SYNCD_CONFIG": str(site.config)},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        job = until(lambda: next((j for j in site.json("jobs", "list")["jobs"] if j["kind"] == "sync"), None))
        watching.send_signal(signal.SIGINT)
        _, told = watching.communicate(timeout=60)
        if watching.returncode == 130:
            assert f"syncd jobs watch {job['job']}" in told
        done = site.json("jobs", "watch", job["job"])
        assert done["runs"][0]["state"] == "done"
