"""A wrong configuration, wrong keys, a damaged ledger, a lost index: every command says so and writes nothing; mended, one sync
makes all well.
"""

import json
import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from kit import Site
from terminal import fails, found, good_site, no_hang, typed, well, written

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def site(tmp_path) -> Site:
    """An install over two good documents, not synced yet."""
    return good_site(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Site:
    """An install over two good documents, synced: for tests that leave it as they found it."""
    site = good_site(tmp_path_factory.mktemp("shared"))
    well(site, "good.md", "sub/fine.md")
    return site


# -- configuration and order of commands ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", [("sync",), ("plan",), ("quarantine", "list"), ("reindex", "--reason", "r")], ids=lambda command: command[0]
)
def test_an_unknown_source_is_wrong_usage(shared, command):
    """Exit 2, and the names that there are."""
    before = written(shared)
    fails(shared, 2, ("nope", "there is docs", "`syncd check-config`"), *command, "--source", "nope")
    assert written(shared) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("allow_everyone", "allow_everybody"), ("allow_everybody", "did you mean", "allow_everyone")),
        (lambda text: f"{text}\n[embeder]\ndevice = 1\n", ("unknown key embeder", "did you mean embedder?")),
        (lambda text: text.replace('backend = "edge"', 'backend = "edgy"'), ("index.backend", "edgy")),
        (lambda text: text + "\n[[[", ("not valid TOML", "line")),
        (lambda text: text + "\udcff", ("not UTF-8",)),
        (lambda _: None, ("there is no configuration", "`syncd init DIR --state STATE`")),
    ],
    ids=["unknown key", "unknown table", "wrong value", "no TOML", "no text", "missing"],
)
def test_a_wrong_configuration_stops_everything(shared, change, said):
    """Exit 78 before anything is touched; mended, all is well."""
    text = shared.config.read_text()
    before = written(shared)
    changed = change(text)
    if changed is None:
        shared.config.unlink()
    else:
        shared.config.write_bytes(changed.encode("utf-8", "surrogateescape"))
    broken = {name: digest for name, digest in written(shared).items() if name != "config.toml"}
    try:
        for command in (("sync",), ("search", "x"), ("status",), ("check-config",)):
            fails(shared, 78, (str(shared.config), *said), *command)
        assert {name: digest for name, digest in written(shared).items() if name != "config.toml"} == broken
    finally:
        shared.config.write_text(text)
    assert written(shared) == before
    assert typed(shared, "sync").code == 0


@pytest.mark.parametrize(
    "command",
    [
        ("search", "x"),
        ("search", "x", "--as", "user:root"),
        ("status",),
        ("dump",),
        ("quarantine", "list"),
        ("audit", "log"),
        ("audit", "verify"),
        ("reindex", "--dry-run", "--reason", "r"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_before_the_first_sync_readers_say_so(site, command):
    """Exit 78 and the command to type; nothing is made by looking."""
    before = written(site)
    fails(site, 78, ("there is no ledger yet", "`syncd sync`"), *command)
    assert written(site) == before


def test_a_plan_needs_no_ledger(site):
    """What a first sync would do can be asked before it, and leaves nothing behind."""
    before = written(site)
    assert typed(site, "plan", "--check").code == 3
    assert written(site) == before
    well(site, "good.md", "sub/fine.md")


# -- keys -----------------------------------------------------------------------------------------------------------------


def replaced(path: Path, data: bytes | None, mode: int = 0o400) -> None:
    """Another key file, or none."""
    path.unlink(missing_ok=True)
    if data is not None:
        path.write_bytes(data)
        path.chmod(mode)


def _ring(path: Path, **changes: object) -> None:
    replaced(path, json.dumps({**json.loads(path.read_text()), **changes}).encode())


def _without(path: Path, prefix: str) -> None:
    keys = json.loads(path.read_text())["keys"]
    _ring(path, keys={name: blob for name, blob in keys.items() if not name.startswith(prefix)})


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o400)


RESTORE = "restore the"
KEYS = {
    "another KEK": ("kek", lambda path: replaced(path, bytes(32)), ("does not open", RESTORE)),
    "no KEK": ("kek", lambda path: replaced(path, None), ("missing", RESTORE)),
    "a KEK cut short": ("kek", lambda path: replaced(path, path.read_bytes()[:31]), ("31 bytes instead of 32", RESTORE)),
    "a KEK for all to read": ("kek", lambda path: path.chmod(0o644), ("0644", "`chmod 0400 ")),
    "a FIFO for a KEK": ("kek", _fifo, ("not a regular file", RESTORE)),
    "no keyring": ("keyring.json", lambda path: replaced(path, None), ("missing", RESTORE)),
    "a keyring that is no JSON": ("keyring.json", lambda path: replaced(path, b'{"keys": '), ("it is no keyring", RESTORE)),
    "a keyring of another install": ("keyring.json", lambda path: _ring(path, install="00" * 16), ("does not open", RESTORE)),
    "a keyring that lost a key": ("keyring.json", lambda path: _without(path, "fp"), ("a key is not in it", RESTORE)),
    "a keyring that lost its epochs": ("keyring.json", lambda path: _without(path, "cmk/"), ("no epoch's key", RESTORE)),
    "no signing key": ("audit-signing-key", lambda path: replaced(path, None), ("missing", RESTORE)),
    "a signing key cut short": ("audit-signing-key", lambda path: replaced(path, b"x"), ("1 bytes instead of 32", RESTORE)),
}
GIVEN_AWAY = ("kek", lambda path: os.chown(path, 4242, -1), ("uid 4242 instead of 0", "`chown 0 "))


@pytest.mark.parametrize("cause", [*KEYS, pytest.param("somebody else's KEK", marks=ROOT)])
def test_without_its_keys_nothing_is_done(shared, cause):
    """Exit 78 from every command that needs the key, which names the file; nothing is written; mended, all is well."""
    name, damage, said = KEYS.get(cause, GIVEN_AWAY)
    path = shared.state / "keys" / name
    kept = path.read_bytes()
    shared.write("waiting.md", f"since there was {cause}")
    before = written(shared)
    try:
        damage(path)
        commands = [("sync",), ("reindex", "--reason", "r")]
        if name != "audit-signing-key":  # that one is for writers
            commands += [("search", "x"), ("plan", "--json"), ("dump", "--json"), ("status",), ("quarantine", "list")]
        for command in commands:
            with no_hang():
                told = fails(shared, 78, (str(path), *said, "nothing was written"), *command)
            assert told.out == ""
        assert written(shared) == before
    finally:
        replaced(path, kept)
    well(shared, "good.md", "waiting.md")


@pytest.mark.parametrize(
    "cause",
    [
        "another KEK",
        "no keyring",
        "no signing key",
    ],
)
def test_without_its_keys_a_first_sync_makes_nothing(site, cause):
    """Not even an empty ledger: "nothing was written" is true from the first command on."""
    name, damage, said = KEYS[cause]
    path = site.state / "keys" / name
    kept = path.read_bytes()
    before = sorted(site.state.rglob("*"))
    damage(path)
    fails(site, 78, (str(path), *said, "nothing was written"), "sync")
    assert sorted({*site.state.rglob("*"), path}) == before
    replaced(path, kept)
    well(site, "good.md", "sub/fine.md")


def test_another_signing_key_signs_nothing(site):
    """Exit 78: one checkpoint under a key that is not pinned, and the history would be broken for good."""
    well(site, "good.md")
    path = site.state / "keys/audit-signing-key"
    kept = path.read_bytes()
    replaced(path, bytes(32))
    before = written(site)
    fails(site, 78, (str(path), "nothing was written"), "sync")
    assert written(site) == before
    replaced(path, kept)
    well(site, "good.md")
    assert typed(site, "audit", "verify", "--json").json["verdict"] == "good"


# -- the ledger -----------------------------------------------------------------------------------------------------------


def _newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()


LEDGERS = {
    "a page overwritten": (
        lambda path: path.write_bytes(path.read_bytes()[: 4096 * 5] + b"\xa5" * 4096 + path.read_bytes()[4096 * 6 :]),
        (6, "is damaged", "Page 6", "restore it from its backup"),
    ),
    "emptied": (lambda path: path.write_bytes(b""), (6, "is damaged", "restore it from its backup")),
    "another file": (lambda path: path.write_bytes(b"# Notes\n" * 999), (6, "is damaged", "not a database", "from its backup")),
    "of a newer syncd": (_newer, (78, "schema 9999, this one knows 0002", "upgrade syncd")),
}


@pytest.mark.parametrize("cause", LEDGERS)
def test_a_ledger_that_can_not_be_read_is_left_alone(shared, cause):
    """Exit 6, or 78 for a newer schema; no command writes to it or to the index; restored, all is well."""
    damage, (code, *said) = LEDGERS[cause]
    path = shared.state / "ledger.db"
    kept = path.read_bytes()
    shared.write("waiting.md", f"since the ledger was {cause}")
    try:
        damage(path)
        before = written(shared)
        for command in (("sync",), ("search", "x"), ("status",), ("plan",), ("dump",), ("audit", "verify")):
            told = fails(shared, code, (str(path), *said), *command)
            assert told.out == ""
        assert written(shared) == before
    finally:
        path.write_bytes(kept)
    well(shared, "good.md", "waiting.md")


# -- the index ------------------------------------------------------------------------------------------------------------


def test_an_index_that_is_gone_is_an_integrity_error_to_readers(site):
    """The ledger knows points, the store has none: exit 6 and the next step, instead of "nothing found"."""
    well(site, "good.md", "sub/fine.md")
    shutil.rmtree(site.state / "index")
    for command in (("search", "canteen"), ("dump", "--json")):
        told = fails(site, 6, ("The index has no collection", "`syncd sync`"), *command)
        assert told.out == ""


@pytest.mark.parametrize("command", [("sync",), ("reindex", "--reason", "points lost")], ids=lambda command: command[0])
def test_a_lost_index_is_told_and_brought_back(site, command):
    """Never "done" over an empty index: how many points were gone is said, and the dump is the same as before."""
    well(site, "good.md", "sub/fine.md")
    before = typed(site, "dump", "--json").out
    shutil.rmtree(site.state / "index")
    told = typed(site, *command)
    assert (told.code, "brought in again: 2 points." in told.err) == (0, True), told
    assert typed(site, "dump", "--json").out == before
    again = typed(site, "sync")
    assert (again.code, "not in the index" in again.err) == (0, False), again
    well(site, "good.md", "sub/fine.md")


def test_an_older_version_that_is_lost_is_not_said_to_serve(site):
    """Its new version is in quarantine, its points went with the index: nothing serves, and no reindex is asked for in vain."""
    well(site, "good.md", "sub/fine.md")
    site.write("good.md", b"\0\0")
    fails(site, 3, ("1 in quarantine",), "sync")
    shutil.rmtree(site.state / "index")
    assert typed(site, "sync").code == 3
    assert found(site) == {"sub/fine.md"}
    assert typed(site, "dump").code == 0
    (row,) = typed(site, "quarantine", "list", "--json").json["quarantine"]
    assert not row["serving_older_version"]


@pytest.mark.parametrize("damage", ["aliases", "shard", "a file"])
def test_an_index_that_does_not_open_is_unavailable(site, damage, tmp_path):
    """The engine dies of its files: exit 69 and where its last words are; the files back, all is well."""
    well(site, "good.md", "sub/fine.md")
    index, kept = site.state / "index", tmp_path / "kept"
    broken = {"aliases": index / "aliases.json", "shard": next(index.glob("collections/*/shard")), "a file": index}[damage]
    broken.rename(kept)
    if damage != "shard":
        broken.write_text("{")
    words = ("can't be reached",) if damage == "a file" else ("engine.log",)
    for command in (("search", "canteen"), ("sync",)):
        fails(site, 69, ("The index", *words), *command)
    assert typed(site, "status").code == 0
    if damage != "shard":
        broken.unlink()
    kept.rename(broken)
    well(site, "good.md", "sub/fine.md")
