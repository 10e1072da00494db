"""The configuration of the daemon: where it listens, who may ask for what, how it works."""

from pathlib import Path

import pytest

from syncd.config import Config, load
from syncd.errors import ConfigInvalid, ConfigUnknownKey

SOURCE = '[[source]]\nname = "notes"\nroot = "/srv/notes"\n'


@pytest.fixture
def read(tmp_path: Path):
    """Write a text as a configuration and load it."""

    def read(text: str) -> Config:
        (tmp_path / "config.toml").write_text(f"{text}\n{SOURCE}", encoding="utf-8")
        return load(tmp_path / "config.toml")

    return read


def test_without_a_word_everybody_may_be_themselves_and_nothing_more(tmp_path, read):
    """The socket lies in the state, and no account but the daemon's and root has a role that shows more than its own."""
    config = read('[state]\ndir = "st"')
    assert config.control.socket == tmp_path / "st/run/syncd.sock"
    assert config.control.group == "syncd"
    assert config.control.roles.granted() == {
        "self": ("everyone",),
        "reader": (),
        "operator": (),
        "auditor": (),
        "admin": (),
    }


def test_what_is_written_replaces_the_default(tmp_path, read):
    """A role without a list is nobody's: also `self` can be taken from everyone."""
    config = read('[control]\nsocket = "s/ctl"\ngroup = "ops"\n[control.roles]\nself = []\noperator = ["group:ops", "user:eve"]')
    assert config.control.socket == tmp_path / "s/ctl"
    assert config.control.group == "ops"
    assert config.control.roles.granted()["self"] == ()
    assert config.control.roles.granted()["operator"] == ("group:ops", "user:eve")


def test_the_daemons_times_are_seconds(read):
    """Durations are read as everywhere; the number of jobs has an end."""
    config = read('[daemon]\nscan_every = "2h"\nstop_timeout = "5s"\ncheckpoint_every = "10m"\njobs_kept = 0')
    assert (config.daemon.scan_every, config.daemon.stop_timeout, config.daemon.checkpoint_every) == (7200, 5, 600)
    assert config.daemon.jobs_kept == 0


@pytest.mark.parametrize(
    ("text", "key", "allowed"),
    [
        ('[control.roles]\nadmin = ["alice"]', "control.roles.admin[#1]", '"user:NAME"'),
        ('[control.roles]\nself = "everyone"', "control.roles.self", "list"),
        ('[control]\ngroup = "a b"', "control.group", "pattern"),
        ('[control]\ngroup = ""', "control.group", "pattern"),
        ('[control]\nsocket = ""', "control.socket", "path"),
        ("[daemon]\njobs_kept = -1", "daemon.jobs_kept", "greater than or equal to 0"),
        ("[daemon]\nscan_every = 60", "daemon.scan_every", '"7d"'),
        ("control = 3", "control", "table"),
    ],
)
def test_a_wrong_value_names_its_key(read, text, key, allowed):
    """Who may do what is never guessed from what was written wrongly."""
    with pytest.raises(ConfigInvalid) as caught:
        read(text)
    assert caught.value.facts["key"] == key
    assert allowed in str(caught.value.facts["detail"])


def test_a_misspelt_role_is_an_error(read):
    """A role that does not exist is not given to nobody in silence."""
    with pytest.raises(ConfigUnknownKey, match=r"control\.roles\.operators.*control\.roles\.operator"):
        read('[control.roles]\noperators = ["user:eve"]')
