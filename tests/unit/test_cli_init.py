"""`syncd init` and `syncd check-config`: from a folder to a working configuration."""

import json
import os
import stat
from pathlib import Path

import pytest

from syncd.cli.exits import execute
from syncd.cli.main import syncd
from syncd.cli.setup import set_up, slug
from syncd.config import load
from syncd.errors import InitRefused, StateExists

NAME_LIMIT = 63


def make_keys(folder: Path, *, algorithm: str, origin: str) -> str:
    """Key files without cryptography; "" pins nothing."""
    (folder / "kek").write_text(f"{algorithm} {origin}")
    return ""


def make(folder: Path, state: Path, create_keys=make_keys):
    """`set_up` with what these tests do not vary."""
    return set_up(folder, state, allow_everyone=False, algorithm="A256GCM", origin="syncd/x", create_keys=create_keys)


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder to be indexed."""
    (tmp_path / "docs").mkdir()
    return tmp_path / "docs"


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_the_modes_do_not_depend_on_the_umask(tmp_path, docs, umask):
    """Others pass through the state to run/ and see nothing else; keys and index are the owner's alone."""
    before = os.umask(umask)
    try:
        make(docs, tmp_path / "state")
    finally:
        os.umask(before)
    modes = {name: mode(tmp_path / "state" / name) for name in ("", "keys", "index", "run", "config.toml")}
    assert modes == {"": 0o711, "keys": 0o700, "index": 0o700, "run": 0o750, "config.toml": 0o600}


def test_what_is_written_loads_and_means_the_folder(tmp_path, docs):
    """A round trip: the configuration is valid and says what was asked for."""
    install = make(docs, tmp_path / "state")
    config = load(install.config)
    assert config.sources[0].root == docs
    assert config.sources[0].name == install.source == "docs"
    assert not config.sources[0].allow_everyone
    assert config.state.dir == tmp_path / "state"
    assert (config.crypto.algorithm, config.audit.origin) == ("A256GCM", "syncd/x")
    assert config.keys.kek.read_text() == "A256GCM syncd/x"


@pytest.mark.parametrize(
    "name", ['quo"te', "new\nline", "back\\slash", "'; rm -rf $HOME", "# comment", "{braces}", "\u202edocs", "日本語"]
)
def test_hostile_folder_names_make_the_round_trip(tmp_path, name):
    """Whatever DIR and STATE are called, the written configuration means them."""
    (tmp_path / name).mkdir()
    install = make(tmp_path / name, tmp_path / f"{name}.state")
    config = load(install.config)
    assert config.sources[0].root == tmp_path / name
    assert config.state.dir == tmp_path / f"{name}.state"


def test_an_existing_install_is_refused_and_untouched(tmp_path, docs):
    """A second init never overwrites a key."""
    install = make(docs, tmp_path / "state")
    (install.state / "ledger.db").write_text("precious")
    before = {path: path.read_bytes() for path in install.state.rglob("*") if path.is_file()}
    with pytest.raises(StateExists):
        make(docs, tmp_path / "state")
    assert {path: path.read_bytes() for path in install.state.rglob("*") if path.is_file()} == before


def test_an_empty_state_folder_is_taken_and_another_one_is_not(tmp_path, docs):
    """A folder that an administrator made is fine; one with something in it is somebody's."""
    (tmp_path / "empty").mkdir()
    assert make(docs, tmp_path / "empty").config.is_file()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/thesis.txt").write_text("x")
    (tmp_path / "file").write_text("x")
    for place in ("full", "file"):
        with pytest.raises(InitRefused, match="not an empty folder"):
            make(docs, tmp_path / place)
    assert (tmp_path / "full/thesis.txt").read_text() == "x"


def test_a_state_inside_the_folder_is_refused(tmp_path, docs):
    """The install must not index itself, also not through a link; nothing is written."""
    (tmp_path / "link").symlink_to(docs)
    for place in (docs / "state", docs / "a/b", docs, tmp_path / "link/state"):
        with pytest.raises(InitRefused, match="index itself"):
            make(docs, place)
    assert list(docs.iterdir()) == []


def test_a_missing_folder_is_refused(tmp_path):
    """A typing error in DIR is told now, not at the first sync; a file is no folder."""
    (tmp_path / "file").write_text("x")
    for place in ("missing", "file"):
        with pytest.raises(InitRefused, match="is not a folder"):
            make(tmp_path / place, tmp_path / "state")
    assert not (tmp_path / "state").exists()


def test_a_name_that_is_no_utf8_is_refused(tmp_path, docs):
    """TOML can't say such a path; the message says so instead of failing somewhere else."""
    bad = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    bad.mkdir()
    for folder, state in ((bad, tmp_path / "state"), (docs, bad / "state")):
        with pytest.raises(InitRefused, match="UTF-8"):
            make(folder, state)


def test_a_failure_leaves_nothing_behind(tmp_path, docs):
    """When the keys can't be made, there is no state, no temporary folder, and no new folder above them."""

    def fail(folder: Path, *, algorithm: str, origin: str) -> str:
        (folder / "kek").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(InitRefused, match="No space left"):
        make(docs, tmp_path / "new/deep/state", fail)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["docs"]


def test_a_state_that_appears_meanwhile_is_not_overwritten(tmp_path, docs):
    """Two at once: the second one sees the first one's install and leaves it alone."""

    def slow(folder: Path, *, algorithm: str, origin: str) -> str:
        (tmp_path / "state").mkdir()
        (tmp_path / "state/config.toml").write_text("the other's")
        return ""

    with pytest.raises(InitRefused, match="not empty"):
        make(docs, tmp_path / "state", slow)
    assert (tmp_path / "state/config.toml").read_text() == "the other's"


@pytest.mark.parametrize(
    ("name", "made"),
    [("Docs", "docs"), ("My Notes (old)", "my-notes-old"), ("...", "files"), ("", "files"), ("文書", "files"), ("_a.b_", "a.b")],
)
def test_a_source_is_named_after_the_folder(name, made):
    """The slug is always a valid source name."""
    assert slug(name) == made
    assert len(slug("x" * 300)) == NAME_LIMIT


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    """The exit code, standard output and standard error of `syncd ARGUMENTS`."""
    code = execute(syncd, arguments)
    return (code, *capsys.readouterr())


def test_the_command_makes_a_working_set_up(tmp_path, docs, capsys):
    """One command: keys, a pinned public key, and a configuration that check-config accepts."""
    code, out, _ = run(capsys, "init", str(docs), "--state", str(tmp_path / "state"), "--allow-everyone", "--json")
    made = json.loads(out)
    assert (code, made["format_version"], made["source"]) == (0, 1, "docs")
    config = load(Path(made["config"]))
    assert config.audit.public_key == made["public_key"] != ""
    assert config.audit.public_key.startswith(f"{config.audit.origin}+")
    assert all(path.is_file() for path in (config.keys.kek, config.keys.keyring, config.keys.signing_key))
    code, out, _ = run(capsys, "--config", made["config"], "check-config", "--json")
    assert (code, json.loads(out)["file"]) == (0, made["config"])
    assert [warning for warning in json.loads(out)["warnings"] if "allow_everyone" in warning]


def test_two_installs_have_different_histories(tmp_path, docs, capsys):
    """The origin is made for each install, so that one's checkpoints never pass for another's."""
    origins = set()
    for name in ("one", "two"):
        assert run(capsys, "init", str(docs), "--state", str(tmp_path / name))[0] == 0
        origins.add(load(tmp_path / name / "config.toml").audit.origin)
    assert len(origins) == 2


def test_the_command_says_what_to_type_next(tmp_path, docs, capsys):
    """The printed line works as it stands, also when the path needs quotes."""
    code, out, _ = run(capsys, "init", str(docs), "--state", str(tmp_path / "my state"))
    assert code == 0
    assert f"syncd --config '{tmp_path}/my state/config.toml' sync" in out


def test_refusals_have_their_exit_codes(tmp_path, docs, capsys):
    """A wrong argument is 2, an existing install 78; both on standard error alone."""
    code, out, err = run(capsys, "init", str(tmp_path / "nowhere"), "--state", str(tmp_path / "state"), "--json")
    assert (code, out) == (2, "")
    assert "nowhere: is not a folder" in err
    assert run(capsys, "init", str(docs), "--state", str(tmp_path / "state"))[0] == 0
    code, out, err = run(capsys, "init", str(docs), "--state", str(tmp_path / "state"))
    assert (code, out) == (78, "")
    assert "holds an install already" in err


def test_check_config_warns_of_what_is_valid_and_unwise(tmp_path, capsys):
    """A missing root, a backend that finds or keeps nothing, open sources and text in clear are each said; the exit is 0."""
    path = tmp_path / "config.toml"
    path.write_text(
        '[state]\ndir = "st"\n[embedder]\nbackend = "hash"\n[index]\nbackend = "null"\ntext = "plain"\n'
        '[[source]]\nname = "a"\nroot = "gone"\nallow_everyone = true\n'
    )
    code, out, _ = run(capsys, "--config", str(path), "check-config", "--json")
    warnings = json.loads(out)["warnings"]
    assert code == 0
    for words in ("state.dir", "public_key", '"hash"', '"null"', '"plain"', "is not there", "allow_everyone"):
        assert [warning for warning in warnings if words in warning], words
    code, out, _ = run(capsys, "--config", str(path), "check-config")
    assert code == 0
    assert out.count("warning") == len(warnings)


def test_check_config_tells_a_wrong_file(tmp_path, capsys):
    """Exit 78, the key by its path, the nearest one."""
    path = tmp_path / "config.toml"
    path.write_text('[embedder]\nmodle = "x"\n')
    code, out, err = run(capsys, "--config", str(path), "check-config")
    assert (code, out) == (78, "")
    assert "embedder.modle" in err
    assert "embedder.model?" in err
