"""Bad days: the engine child dies in mid-sync, the disk is full, another syncd is at work. Told with the next step, nothing
is lost, and one sync later the index equals one that was built from nothing.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest
from kit import Site, make_site, open_folders
from terminal import Told, fails, found, typed, well, written

from syncd.adapters.index.edge import EdgeIndex
from syncd.adapters.index.edge_process import EngineProcess
from syncd.adapters.index.lock import DirectoryLock
from syncd.adapters.ledger import SqlLedger
from syncd.adapters.patient.line import AGAIN
from syncd.core.acl import everyone, user

STRANGER = frozenset({user("unix", 4242), everyone("unix")})


def prose(word: str) -> str:
    """Three sections of a text that is like no other."""
    return "".join(f"# {word} {part}\n\n" + f"{word} number {part}, and more of {word}. " * 30 + "\n\n" for part in range(3))


def before(site: Site) -> None:
    """The files at first."""
    for name in ("kept", "edited", "closed", "removed", "folder/renamed"):
        site.write(f"{name}.md", prose(name))


def after(site: Site) -> None:
    """Every kind of change at once."""
    site.write("edited.md", prose("edited").replace("edited number 1", "rewritten number 1"))
    site.write("copied.md", prose("kept"))
    site.write("added.md", prose("added"))
    (site.docs / "closed.md").chmod(0o600)
    (site.docs / "removed.md").unlink()
    (site.docs / "folder").rename(site.docs / "elsewhere")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[str, str]:
    """The dumps of installs that were made over the files at first, and over the changed ones."""
    place = tmp_path_factory.mktemp("undisturbed")
    open_folders(place)
    site = make_site(place / "docs", place / "state")
    before(site)
    first = _dump_of_fresh(site, "first")
    after(site)
    return first, _dump_of_fresh(site, "second")


def _dump_of_fresh(site: Site, name: str) -> str:
    fresh = site.fresh(name)
    assert typed(fresh, "sync").code == 0
    return typed(fresh, "dump", "--json").out


@pytest.fixture
def site(tmp_path) -> Site:
    """An install over the files as they are at first, not synced."""
    open_folders(tmp_path)
    site = make_site(tmp_path / "docs", tmp_path / "state")
    before(site)
    return site


# -- the engine child dies -----------------------------------------------------------------------------------------------


@pytest.fixture
def strike(monkeypatch) -> Iterator[Callable[..., list[str]]]:
    """SIGKILL the engine child: `strike(operation, answered=False)` at each try of such a call, until patience is at its end, or
    so many `times`; before it is sent or once it is answered. Returns a list that holds the operation for each that happened.
    """
    real = EngineProcess.call

    def install(operation: str, *, answered: bool = False, times: int = AGAIN.tries or 1) -> list[str]:
        struck: list[str] = []

        def kill(child: EngineProcess) -> None:
            struck.append(operation)
            os.kill(child.pid, signal.SIGKILL)
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

        def call(self, asked, arguments, timeout):
            mine = asked == operation and len(struck) < times
            if mine and not answered:
                kill(self)
            answer = real(self, asked, arguments, timeout)
            if mine and answered:
                kill(self)
            return answer

        monkeypatch.setattr(EngineProcess, "call", call)
        return struck

    yield install
    monkeypatch.undo()


@pytest.mark.parametrize("operation", ["ensure", "upsert", "flush"])
def test_the_engine_dies_in_a_first_sync(site, strike, undisturbed, operation):
    """Exit 69 and the next step; that sync then ends like one that nothing happened to."""
    struck = strike(operation)
    fails(site, 69, ("SIGKILL", "`syncd sync`"), "sync")
    assert struck == [operation] * (AGAIN.tries or 1)
    well(site, "kept.md", "edited.md", "closed.md", "removed.md", "folder/renamed.md")
    assert typed(site, "dump", "--json").out == undisturbed[0]


@pytest.mark.parametrize("operation", ["retrieve", "upsert", "set_payload", "delete"])
def test_the_engine_dies_in_a_sync_of_changes(site, strike, undisturbed, operation):
    """At whichever call: exit 69; what is closed stays closed meanwhile; the next sync makes the index equal to a fresh one."""
    assert typed(site, "sync").code == 0
    after(site)
    struck = strike(operation)
    fails(site, 69, ("SIGKILL", "`syncd sync`"), "sync")
    assert struck == [operation] * (AGAIN.tries or 1)
    assert "closed.md" not in site.found(reader=STRANGER)
    well(site, "kept.md", "edited.md", "copied.md", "added.md", "closed.md", "elsewhere/renamed.md")
    assert typed(site, "dump", "--json").out == undisturbed[1]


@pytest.mark.parametrize("operation", ["upsert", "delete"])
def test_an_engine_that_dies_between_two_calls_costs_nothing(site, strike, undisturbed, operation):
    """Acknowledged, then dead: the sync goes on with another child and ends well by itself."""
    assert typed(site, "sync").code == 0
    after(site)
    struck = strike(operation, answered=True, times=1)
    assert typed(site, "sync").code == 0
    assert struck == [operation]
    assert typed(site, "dump", "--json").out == undisturbed[1]


@pytest.mark.parametrize("operation", ["retrieve", "upsert", "set_payload", "delete", "flush"])
def test_an_engine_that_dies_once_costs_a_moment(site, strike, undisturbed, operation):
    """Killed by a call: another one is started, the call is made again, and nobody hears of it."""
    assert typed(site, "sync").code == 0
    after(site)
    struck = strike(operation, times=1)
    assert typed(site, "sync").code == 0
    assert struck == [operation]
    assert typed(site, "dump", "--json").out == undisturbed[1]


def test_an_engine_that_dies_in_a_search_costs_that_search(site, strike):
    """Exit 69 instead of "nothing found"; the next search has its answer."""
    well(site, "kept.md")
    strike("query")
    assert fails(site, 69, ("SIGKILL",), "search", "kept", "--json").out == ""
    assert "kept.md" in found(site)


# -- the disk is full ------------------------------------------------------------------------------------------------------


def crowd(site: Site) -> set[str]:
    """More documents than a crowded disk can take."""
    keys = {f"crowd/{number:03}.md" for number in range(200)}
    for key in sorted(keys):
        site.write(key, f"{key} has a text of its own")
    return keys


@pytest.mark.parametrize("left", [0, 300_000], ids=["nothing left", "a little left"])
def test_a_full_disk_under_the_ledger(tmp_path, disks, left):
    """Exit 69, whether it is full at the start or in the middle; with room again, a sync ends as if it had never been."""
    open_folders(tmp_path)
    disk = disks(tmp_path / "disk", "200m")
    site = make_site(tmp_path / "docs", tmp_path / "disk/state")
    site.change('backend = "edge"', 'backend = "edge"\nmin_free_mib = 0')
    site.write("kept.md", "kept")
    well(site, "kept.md")
    keys = crowd(site)
    disk.fill(but=left)
    fails(site, 69, (str(disk.place), "free space"), "sync")
    disk.clear()
    well(site, "kept.md", *keys)
    assert typed(site, "audit", "verify", "--json").json["verdict"] == "good"
    fresh = make_site(site.docs, tmp_path / "fresh")
    assert typed(fresh, "sync").code == 0
    assert typed(site, "dump", "--json").out == typed(fresh, "dump", "--json").out


def test_a_disk_too_small_for_an_index(site, disks, undisturbed):
    """The engine dies of it, and the cause is told; the ledger knows what was begun, and with room one sync ends it."""
    site.change('backend = "edge"', 'backend = "edge"\nmin_free_mib = 0')
    disk = disks(site.state / "index", "8m")
    fails(site, 69, (str(disk.place), "0 MiB free", "free space", "`syncd sync`"), "sync")
    assert typed(site, "status").code == 0
    disk.resize("300m")
    well(site, "kept.md", "edited.md")
    assert typed(site, "dump", "--json").out == undisturbed[0]


def test_a_full_disk_under_the_index(site, disks, undisturbed):
    """Not a byte is free: nothing is written, neither sync nor search hides why; with room one sync ends it."""
    site.change('backend = "edge"', 'backend = "edge"\nmin_free_mib = 0')
    disk = disks(site.state / "index", "200m")
    well(site, "kept.md")
    after(site)
    disk.fill()
    for command in (("sync",), ("search", "kept")):
        fails(site, 69, (str(disk.place), "0 MiB free", "free space", "`syncd sync`"), *command)
    disk.clear()
    well(site, "added.md")
    assert typed(site, "dump", "--json").out == undisturbed[1]


def test_a_disk_that_is_nearly_full_is_not_filled(site, undisturbed):
    """Below `index.min_free_mib` nothing is written to the index, which goes on answering; exit 69 says how much is missing."""
    well(site, "kept.md")
    index = {name: what for name, what in written(site).items() if "/collections/" in name}
    site.change('backend = "edge"', f'backend = "edge"\nmin_free_mib = {2**29}')
    after(site)
    fails(site, 69, ("MiB free", f"{2**28 + 1} MiB needed", "free space", "`syncd sync`"), "sync")
    assert {name: what for name, what in written(site).items() if "/collections/" in name} == index
    assert "kept.md" in found(site)
    site.change(f"min_free_mib = {2**29}", "min_free_mib = 0")
    well(site, "added.md")
    assert typed(site, "dump", "--json").out == undisturbed[1]


# -- another syncd is at work ----------------------------------------------------------------------------------------------


@contextmanager
def started(site: Site, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`syncd ARGUMENTS` as a process that goes on by itself, but not for longer than the context."""
    command = [sys.executable, "-m", "syncd", "--config", str(site.config), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> Told:
    """What it told."""
    out, err = process.communicate(timeout=120)
    return Told(process.returncode, out, err)


def until_it_waits(process: subprocess.Popen[str]) -> None:
    """Return when it has the lock file of the ledger open."""
    end = time.monotonic() + 60
    while not any(name.endswith("ledger.db.lock") for name in _open_files(process.pid)):
        assert process.poll() is None, ended(process)
        assert time.monotonic() < end, "it never came to the lock"
        time.sleep(0.01)


def _open_files(pid: int) -> list[str]:
    """What a process has open; what it closes meanwhile may be in it or not."""
    names = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            names.append(str(entry.readlink()))
    return names


def test_a_second_sync_waits_and_then_says_so_while_readers_read_on(site):
    """One ledger, one writer: exit 75 after its wait; status, search and the lists answer beside a transaction that is open."""
    well(site, "kept.md")
    site.write("waiting.md", "since then")
    with closing(SqlLedger.open(site.state / "ledger.db", writer=True)) as ledger, started(site, "sync") as second:
        with ledger.write() as tx:
            tx.set_meta("held", b"open")
            assert typed(site, "status").code == 0
            assert "kept.md" in found(site)
            assert typed(site, "quarantine", "list").code == 0
            assert typed(site, "plan", "--check").code == 3
            assert typed(site, "audit", "verify").code == 0
        told = ended(second)
    assert told.code == 75
    assert "ledger.db: another syncd holds the ledger (waited 10 s). Next: wait for it to end, then try again." in told.err
    well(site, "waiting.md")


def test_a_second_sync_goes_on_when_the_first_one_ends(site):
    """The lock is free within the wait: it does its work as if it had come later."""
    with ExitStack() as holding:
        ledger = holding.enter_context(closing(SqlLedger.open(site.state / "ledger.db", writer=True)))
        second = holding.enter_context(started(site, "sync", "--json"))
        until_it_waits(second)
        ledger.close()
        told = ended(second)
    assert (told.code, told.json["runs"][0]["documents"]["added"]) == (0, 5)
    well(site, "kept.md")


def test_an_index_in_use_is_busy(site, monkeypatch):
    """Another syncd has the embedded engine: exit 75 for whoever needs it, and what needs only the ledger goes on."""
    well(site, "kept.md")
    monkeypatch.setitem(EdgeIndex.__init__.__kwdefaults__, "lock_wait", 0.0)
    lock = DirectoryLock(site.state / "index", 0)
    try:
        fails(site, 75, ("another syncd has the index open", "try again"), "search", "kept")
        fails(site, 75, ("another syncd has the index open", "try again"), "sync")
        assert typed(site, "status").code == 0
    finally:
        lock.release()
    well(site, "kept.md")
