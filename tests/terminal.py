"""The command line in this process: what was typed, what was told, and with which exit code."""

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from json import loads
from pathlib import Path

from kit import Site, make_site, open_folders

from syncd.cli.exits import execute
from syncd.cli.main import syncd


def good_site(place: Path) -> Site:
    """Two good documents and an install over them, not synced."""
    open_folders(place)
    site = make_site(place / "docs", place / "state")
    site.write("good.md", "# Good\n\nThe canteen menu.")
    site.write("sub/fine.md", "Opening hours of the canteen.")
    return site


@dataclass(frozen=True)
class Told:
    """How a command ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        """The output of --json."""
        return loads(self.out)


def typed(site: Site, *arguments: str) -> Told:
    """`syncd ARGUMENTS` on the site, in this process: an engine child of its own, and patches of the test hold."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = execute(syncd, ["--config", str(site.config), *arguments])
    return Told(code, out.getvalue(), err.getvalue())


def fails(site: Site, code: int, words: tuple[str, ...], *arguments: str) -> Told:
    """The command must end with `code` and one message that holds `words`, and then the next step."""
    told = typed(site, *arguments)
    messages = [line for line in told.err.splitlines() if line.startswith("syncd: ")]
    assert (told.code, len(messages)) == (code, 1), told
    happened, then, _ = messages[0].partition("Next: ")
    assert then, told.err
    assert not [word for word in words if word not in messages[0]], told.err
    assert len(happened) > len("syncd: "), told.err
    return told


def well(site: Site, *keys: str) -> None:
    """One sync makes all well: exit 0, nothing in quarantine, and `keys` are found."""
    told = typed(site, "sync")
    assert told.code == 0, told
    assert typed(site, "quarantine", "list", "--json").json["quarantine"] == []
    assert set(keys) <= found(site)


def found(site: Site, question: str = "anything") -> set[str]:
    """The keys that a search shows."""
    told = typed(site, "search", question, "-k", "1000", "--json")
    assert told.code == 0, told
    return {hit["key"] for hit in told.json["hits"]}


def quarantined(site: Site) -> dict[str, tuple[str, str]]:
    """What is in quarantine: key -> reason, detail."""
    rows = typed(site, "quarantine", "list", "--json").json["quarantine"]
    return {row["key"]: (row["reason"], row["detail"]) for row in rows}


def written(site: Site) -> dict[str, object]:
    """What every file of the state holds, but for keys, empty files, and the shared memory that SQLite's readers make."""
    files = {str(path.relative_to(site.state)): path for path in site.state.rglob("*") if path.is_file()}
    return {
        name: _trace(path)
        for name, path in files.items()
        if path.stat().st_size and not name.startswith("keys/") and not name.endswith("-shm")
    }


def _trace(path: Path) -> object:
    """The bytes, or for the engine's files, which are large and mostly holes, what tells that they were written to."""
    status = path.stat()
    if status.st_size > 1 << 20:
        return status.st_ino, status.st_size, status.st_mtime_ns
    return path.read_bytes()


@contextmanager
def no_hang() -> Iterator[None]:
    """What waits for ever inside, as the reader of a FIFO does, fails instead of hanging."""

    def give_up(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Powers(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


_VERSION_3 = 0x20080522
_DAC = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: root reads whatever modes forbid."""


@contextmanager
def modes_count() -> Iterator[None]:
    """Inside, modes count for root too: this thread lays down the power to override them. Anybody else never had it."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, powers = _Header(_VERSION_3, 0), (_Powers * 2)()
    if libc.capget(ctypes.byref(header), powers):
        raise OSError(ctypes.get_errno(), "capget")
    before = powers[0].effective
    powers[0].effective = before & ~_DAC
    if libc.capset(ctypes.byref(header), powers):
        raise OSError(ctypes.get_errno(), "capset")
    try:
        assert os.geteuid() or not powers[0].effective & _DAC
        yield
    finally:
        powers[0].effective = before
        if libc.capset(ctypes.byref(header), powers):
            raise OSError(ctypes.get_errno(), "capset")
