"""A disk that fills up while a daemon works: under the ledger, the index, the log. It is told, nothing is lost, and with room
again all is as if it had never been.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from checks import compare, dump, faults_in_rest
from daemon_kit import PATIENCE, LiveDaemon, running, until
from disks import Disk
from kit import Site, make_site, open_folders

from syncd.cli.client import connect

STRANGER = ("user:nobody",)
Disks = Callable[[Path, str], Disk]


def text(word: str) -> str:
    """Two sections of a text that is like no other."""
    return "".join(f"# {word} {part}\n\n" + f"{word} number {part}, and more of {word}. " * 20 + "\n\n" for part in range(2))


def site_on(place: Path, state: Path, free: int) -> Site:
    """Five documents and an install over them. free: MiB that the engine has to leave."""
    open_folders(place)
    site = make_site(place / "docs", state)
    site.change('backend = "edge"', f'backend = "edge"\nmin_free_mib = {free}')
    for name in ("kept", "edited", "closed", "removed", "folder/renamed"):
        site.write(f"{name}.md", text(name))
    return site


def grow(site: Site) -> None:
    """New texts."""
    for number in range(20):
        site.write(f"new/{number}.md", text(f"new{number}"))
    site.write("edited.md", text("rewritten"))


def as_if_never(site: Site, daemon: LiveDaemon) -> None:
    """Nothing is lost: it equals a fresh install, point for point, with a history that is whole."""
    daemon.calm(2 * PATIENCE)
    mine = dump(site, site.docs.with_name("mine.json"))
    assert daemon.stop() == 0
    assert site.json("audit", "verify")["verdict"] == "good"
    assert faults_in_rest(site) == []
    fresh = make_site(site.docs, site.docs.with_name("fresh"))
    fresh.sync()
    assert compare(mine, dump(fresh, site.docs.with_name("fresh.json"))) == (0, "")


# -- the ledger ------------------------------------------------------------------------------------------------------------


def test_under_the_ledger(tmp_path: Path, disks: Disks) -> None:
    """The daemon ends with 69 and says which file and what to do, so does one that is started then; with room it goes on."""
    disk = disks(tmp_path / "disk", "60m")
    site = site_on(tmp_path, disk.place / "state", 0)
    disks(site.state / "index", "300m")
    with running(site, log=tmp_path / "log") as daemon:
        disk.fill()
        grow(site)
        assert daemon.process.wait(PATIENCE) == 69
        told = daemon.log.read_text().splitlines()[-1]
        assert (str(site.state / "ledger.db") in told, "Next: free space" in told) == (True, True), told
    for command in ("run", "sync"):
        refused = site.cli(command, check=69).stderr.splitlines()[-1]
        assert (str(disk.place) in refused, "Next: free space" in refused) == (True, True), refused
    assert site.json("audit", "verify")["verdict"] == "good"
    disk.clear()
    with running(site, log=tmp_path / "log") as daemon:
        as_if_never(site, daemon)


# -- the index -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("free", [0, 64], ids=["no guard", "guarded"])
def test_under_the_index(tmp_path: Path, disks: Disks, free: int) -> None:
    """The daemon goes on and says what failed; it answers meanwhile where the guard saved the engine; with room it catches up."""
    site = site_on(tmp_path, tmp_path / "state", free)
    disk = disks(site.state / "index", "300m")
    with running(site) as daemon:
        engine = engine_of(daemon)
        disk.fill()
        grow(site)
        until(lambda: "DiskFull" in daemon.status()["reason"])
        refused = site.cli("sync", check=69).stderr.splitlines()[-1]
        assert (str(disk.place) in refused, "Next: free space" in refused) == (True, True), refused
        if free:
            assert "kept.md" in daemon.found()
            assert engine_of(daemon) == engine
            said = [(event["type"], event["phase"]) for event in site.json("audit", "log")["events"]]
            assert said.count(("doc.synced", "intent")) == 5, "something was begun that could not be carried out"
        disk.clear()
        as_if_never(site, daemon)


def test_what_closes_or_takes_away_has_room_of_its_own(tmp_path: Path, disks: Disks) -> None:
    """Below the reserve nothing is added, but who may not read a document any more is not shown it, and what is gone goes."""
    site = site_on(tmp_path, tmp_path / "state", 200)
    disk = disks(site.state / "index", "300m")
    with running(site) as daemon:
        disk.fill(but=150 << 20)
        (site.docs / "closed.md").chmod(0o600)
        daemon.wait("closed.md")
        (site.docs / "removed.md").unlink()
        until(lambda: daemon.source()["documents"] == 4)
        assert daemon.found(principals=STRANGER) == {"kept.md", "edited.md", "folder/renamed.md"}
        grow(site)
        until(lambda: "DiskFull" in daemon.status()["reason"])
        assert daemon.found() == {"kept.md", "edited.md", "closed.md", "folder/renamed.md"}
        disk.clear()
        as_if_never(site, daemon)


def test_a_daemon_starts_where_nothing_may_be_added(tmp_path: Path, disks: Disks) -> None:
    """It answers from what is there, and carries out what is new once there is room."""
    site = site_on(tmp_path, tmp_path / "state", 200)
    disk = disks(site.state / "index", "300m")
    site.sync()
    disk.fill(but=150 << 20)
    grow(site)
    with running(site, calm=False) as daemon:
        until(lambda: "DiskFull" in daemon.status()["reason"])
        assert "kept.md" in daemon.found()
        disk.clear()
        as_if_never(site, daemon)


def engine_of(daemon: LiveDaemon) -> int:
    """The process id of its engine."""
    children = psutil.Process(daemon.process.pid).children()
    (engine,) = [child.pid for child in children if any("edge_child" in word for word in child.cmdline())]
    return engine


# -- the log ---------------------------------------------------------------------------------------------------------------


def test_under_the_log(tmp_path: Path, disks: Disks) -> None:
    """The daemon works on without its log, says in the next line that can be written how many are lost, and ends well."""
    disk = disks(tmp_path / "logs", "1m")
    site = site_on(tmp_path, tmp_path / "state", 0)
    with running(site, log=disk.place / "log") as daemon:
        disk.fill()
        for round_ in range(40):  # what is left of the last page, and of buffers, is soon full, too
            site.write("round.md", text(f"round{round_}"))
            daemon.ask("sync")
        assert daemon.calm()["verdict"] == "fresh"
        before = len(daemon.log.read_bytes())
        disk.clear()
        daemon.ask("sync")
        assert any("lost" in line for line in whole_lines(daemon.log.read_bytes()[before:]))
        disk.fill()
        as_if_never(site, daemon)


def whole_lines(said: bytes) -> list[str]:
    """The lines of a log, but for pieces of those that were cut."""
    return [line for line in said.decode().splitlines() if line.startswith("{") and line.endswith("}")]


def test_a_log_that_nobody_reads(tmp_path: Path) -> None:
    """A pipe that is full holds up nothing: the daemon follows what changes, and ends when it is told to."""
    site = site_on(tmp_path, tmp_path / "state", 0)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    fill(pipe)
    try:
        with running(site, log=pipe) as daemon:
            site.write("late.md", text("late"))
            daemon.wait("late.md")
            as_if_never(site, daemon)
    finally:
        os.close(reader)


def fill(pipe: Path) -> None:
    """Write to it until it takes no more."""
    writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            os.write(writer, b"\n")
    except BlockingIOError:
        return
    finally:
        os.close(writer)


def run_with(site: Site, shell: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """`syncd ARGUMENTS`, its streams as a shell says."""
    command = ["sh", "-c", f'exec "$0" -m syncd "$@" {shell}', sys.executable, *arguments]
    return subprocess.run(
        command, env={**os.environ, "SYNCD_CONFIG": str(site.config)}, capture_output=True, timeout=300, check=False
    )


@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&-", ">&- 2>&- <&-"])
def test_a_sync_does_its_work_whoever_hears_of_it(tmp_path: Path, streams: str) -> None:
    """Standard error can't be written, or is closed: all is indexed, exit 0."""
    site = site_on(tmp_path, tmp_path / "state", 0)
    assert run_with(site, streams, "sync").returncode == 0
    assert len(site.found()) == 5


@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&-"])
def test_an_exit_code_does_not_hang_on_the_log(tmp_path: Path, streams: str) -> None:
    """A daemon that stays down because its ledger is damaged does so also where it can't say why: exit 6, not 1."""
    site = site_on(tmp_path, tmp_path / "state", 0)
    site.sync()
    (site.state / "ledger.db").write_bytes(b"no ledger" * 1000)
    assert run_with(site, streams, "run").returncode == 6


def test_a_daemon_without_standard_error(tmp_path: Path) -> None:
    """It starts, works and ends like any other."""
    site = site_on(tmp_path, tmp_path / "state", 0)
    process = subprocess.Popen(
        ["sh", "-c", 'exec "$0" -m syncd run 2>&-', sys.executable], env={**os.environ, "SYNCD_CONFIG": str(site.config)}
    )
    try:
        daemon = LiveDaemon(site, process, tmp_path / "no log", until(lambda: connect(site.config)))
        as_if_never(site, daemon)
    finally:
        process.kill()
        process.wait()


def test_a_full_disk_behind_the_output(tmp_path: Path) -> None:
    """Exit 69 and what to do: what was done stays done, only nobody could be told of it."""
    site = site_on(tmp_path, tmp_path / "state", 0)
    told = run_with(site, ">/dev/full", "sync")
    assert (told.returncode, b"can't be written: No space left on device" in told.stderr) == (69, True), told.stderr
    assert len(site.found()) == 5
