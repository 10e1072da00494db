"""The configuration of sources that are no folders: what belongs together, what is refused, and what is never repeated."""

import os
from pathlib import Path

import pytest
from kit import make_site
from sql_kit import sql_site

from syncd.cli.check_config import warn
from syncd.config import Config, SqlSource, load
from syncd.core.acl import PrincipalKind, everyone, group, user
from syncd.errors import (
    ConfigError,
    ConfigInvalid,
    ConfigUnknownKey,
    DriverMissing,
    KeyUnsafe,
    PrincipalUnknown,
    SourceUnavailable,
)
from syncd.wiring import Wiring
from syncd.wiring.sources import local_realms, make_source

LINES = {
    "name": '"tickets"',
    "type": '"sql"',
    "url": '"postgresql://syncd@db/helpdesk"',
    "table": '"ticket"',
    "key": '["id"]',
    "text": '["body"]',
    "readers": '["acl"]',
}


def written(folder: Path, **changes: str | None) -> Path:
    """A configuration with one table; a key of `changes` has another value, or is not there."""
    lines = {key: value for key, value in {**LINES, **changes}.items() if value is not None}
    path = folder / "config.toml"
    path.write_text("\n".join(["[[source]]", *(f"{key} = {value}" for key, value in lines.items())]))
    return path


def test_a_table_needs_little(tmp_path):
    """What is not said has a default."""
    (source,) = load(written(tmp_path)).sources
    assert isinstance(source, SqlSource)
    assert (source.format, source.realm, source.timeout, source.version, source.channel) == ("markdown", "unix", 60, None, None)


@pytest.mark.parametrize("url", ["sqlite:///x.db", "sqlite:///sub/../x.db", "sqlite:////abs/x.db"])
def test_a_file_is_meant_from_the_folder_of_the_configuration(tmp_path, url):
    """As all paths are."""
    (source,) = load(written(tmp_path, url=f'"{url}"')).sources
    assert isinstance(source, SqlSource)
    assert source.file == (Path("/abs/x.db") if "abs" in url else tmp_path / "x.db")


@pytest.mark.parametrize(
    ("changes", "key", "said"),
    [
        ({"table": None}, "table", "either `table` or `query`"),
        ({"query": '"SELECT 1"'}, "query", "either `table` or `query`"),
        ({"readers": None}, "readers", "nothing says who may read"),
        ({"readers": '["role:a"]'}, "readers", "user:COLUMN"),
        ({"text": '["a", "b"]', "format": '"html"'}, "format", "markdown"),
        ({"format": '"pdf"'}, "format", "'markdown'"),
        ({"key": "[]"}, "key", "at least 1"),
        ({"key": None}, "key", "has to be given"),
        ({"url": '"sqlite:///x.db"', "channel": '"c"'}, "channel", "SQLite tells of no changes"),
        ({"url": '"sqlite:///x.db"', "password_file": '"p"'}, "password_file", "SQLite knows no passwords"),
        ({"channel": '"a; DROP TABLE x"'}, "channel", "pattern"),
        ({"url": '"mysql://h/d"'}, "url", "postgresql://"),
        ({"url": '"postgresql://h"'}, "url", "postgresql://"),
        ({"url": '"postgresql://h:x/d"'}, "url", "postgresql://"),
        ({"url": "5"}, "url", "postgresql://"),
        ({"table": '"a.b.c"'}, "table", "pattern"),
        ({"timeout": "5"}, "timeout", "duration"),
        ({"root": '"/srv"'}, "root", "root"),
    ],
)
def test_what_does_not_belong_together_is_named(tmp_path, changes, key, said):
    """The error names source, key and what would be right; the kind of source is no part of the key."""
    with pytest.raises(ConfigError) as raised:
        load(written(tmp_path, **changes))
    assert f"source[tickets].{key}" in str(raised.value)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://syncd:canary@db/helpdesk",
        "postgresql://syncd@db/helpdesk?password=canary",
        "postgresql://syncd@db/helpdesk?sslmode=require&PASSWORD=canary",
        "postgresql://db/helpdesk?sslpassword=canary",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(tmp_path, url):
    """It belongs into a file."""
    with pytest.raises(ConfigInvalid, match="password_file") as raised:
        load(written(tmp_path, url=f'"{url}"'))
    assert "canary" not in str(raised.value)


def test_everyone_needs_to_be_allowed(tmp_path):
    """In a rule of a table as in one of a folder."""
    path = written(tmp_path)
    path.write_text(path.read_text() + '\n[[source.acl]]\nglob = "**"\nreaders = ["everyone"]\n')
    with pytest.raises(ConfigInvalid, match=r"acl\[#1\]\.readers"):
        load(path)


def test_an_unknown_key_is_told_with_the_nearest(tmp_path):
    """Of the keys that a table has."""
    with pytest.raises(ConfigUnknownKey, match=r"did you mean source\[tickets\]\.deleted"):
        load(written(tmp_path, deletd='"x"'))


def config(*sources: str, folder: Path) -> Config:
    """With several sources."""
    path = folder / "config.toml"
    path.write_text("\n".join(sources))
    return load(path)


TABLE = """
[[source]]
name = "{name}"
type = "sql"
url = "sqlite:///t.db"
table = "t"
key = ["id"]
text = ["b"]
readers = ["a"]
"""
FOLDER = '[[source]]\nname = "{name}"\nroot = "/srv/{name}"\n'


def test_only_folders_overlap(tmp_path):
    """Two tables of one database are two sources; two of one name are none."""
    tables = config(TABLE.format(name="a"), TABLE.format(name="b"), FOLDER.format(name="c"), folder=tmp_path)
    assert [source.name for source in tables.sources] == ["a", "b", "c"]
    with pytest.raises(ConfigInvalid, match="name of another source"):
        config(TABLE.format(name="a"), FOLDER.format(name="a"), folder=tmp_path)


def test_a_realm_is_this_machines_only_where_it_is(tmp_path):
    """Folders are its own, and `unix`; a number in the realm of a table is nobody's account here."""
    told = config(
        TABLE.format(name="a") + 'realm = "helpdesk"\n',
        FOLDER.format(name="b") + 'realm = "nfs"\n',
        TABLE.format(name="c") + 'realm = "nfs"\n',
        folder=tmp_path,
    )
    assert local_realms(told.sources) == ("nfs",)
    assert local_realms(config(TABLE.format(name="a"), folder=tmp_path).sources) == ("unix",)
    with Wiring(told, writer=False) as wiring:
        assert {principal.realm for principal in wiring.directory.account(os.geteuid())} == {"nfs"}


def test_names_of_rules_are_looked_up_in_realms_of_accounts_alone(tmp_path):
    """Elsewhere the id is the name; an account that is not there is an error before anything is read."""
    rule = '[[source.acl]]\nglob = "**"\nreaders = ["user:surely-nobody"]\n'
    elsewhere = config(TABLE.format(name="a") + 'realm = "helpdesk"\n' + rule, folder=tmp_path)
    with Wiring(elsewhere, writer=False) as wiring:
        assert wiring.sources()[0].realm == "helpdesk"
    here = config(TABLE.format(name="a") + rule, folder=tmp_path)
    with Wiring(here, writer=False) as wiring, pytest.raises(PrincipalUnknown):
        wiring.sources()


def test_accounts_in_a_column_are_looked_up(tmp_path):
    """In `unix` a name is the account here, a number its uid; a name without an account is not understood."""
    (source,) = config(TABLE.format(name="a"), folder=tmp_path).sources
    made = make_source(source, Wiring.clock, ("unix",))
    known = made._rows._readers._known
    assert known(PrincipalKind.USER, "root") == user("unix", 0)
    assert known(PrincipalKind.GROUP, "root") == group("unix", 0)
    assert known(PrincipalKind.USER, 1000) == user("unix", 1000)
    assert known(PrincipalKind.USER, "surely-nobody") is None
    assert known(PrincipalKind.USER, "0") is None
    assert known(PrincipalKind.USER, "nul\0") is None


def test_a_password_is_read_safely_and_told_to_nobody(tmp_path):
    """From a file that nobody else can read, without its line end; else nothing is connected."""
    secret = tmp_path / "secret"
    secret.write_text("canary\n")
    secret.chmod(0o400)
    (source,) = load(written(tmp_path, password_file='"secret"', url='"postgresql://syncd@127.0.0.1:1/helpdesk"')).sources
    made = make_source(source, Wiring.clock, ("unix",))
    assert made._dialect.parameters()["password"] == "canary"
    with pytest.raises(SourceUnavailable) as told:
        list(made.scan())
    assert "canary" not in str(told.value) + made.place + repr(made)
    secret.chmod(0o444)
    with pytest.raises(KeyUnsafe):
        list(made.scan())


def test_without_the_driver_the_error_says_what_to_install(tmp_path, monkeypatch):
    """A package that is not there is no traceback."""
    monkeypatch.setattr("syncd.wiring.sql.find_spec", lambda _: None)
    (source,) = load(written(tmp_path)).sources
    with pytest.raises(DriverMissing, match=r"pip install 'syncd\[postgresql\]'"):
        make_source(source, Wiring.clock, ("unix",))


def test_check_config_reads_a_table_back(tmp_path):
    """With its database, and without a warning about folders."""
    site = sql_site(tmp_path, f"sqlite:///{tmp_path}/t.db")
    assert f"sqlite:///{tmp_path}/t.db" in site.cli("check-config").stdout
    assert not [warning for warning in warn(load(site.config)) if "root" in warning]
    assert make_site(tmp_path / "more", tmp_path / "other").cli("check-config")


def test_a_table_that_is_scanned_too_seldom_is_warned_of(tmp_path):
    """The verdict would be unknown most of the time."""

    def warned(more: str) -> list[str]:
        told = config(TABLE.format(name="a") + more, folder=tmp_path)
        return [warning for warning in warn(told) if "tells" in warning]

    (warning,) = warned("")
    assert warning.startswith("source a: nothing tells of its changes, and poll_every is longer")
    assert warned('poll_every = "30s"\n') == []


def test_a_realm_without_accounts_is_warned_of(tmp_path):
    """Whoever types `syncd search` is nobody there; where folders have the same realm he is somebody."""
    foreign, shared = TABLE.format(name="a") + 'realm = "helpdesk"\n', FOLDER.format(name="b") + 'realm = "helpdesk"\n'
    (warning,) = [each for each in warn(config(foreign, folder=tmp_path)) if "realm" in each]
    assert warning.startswith('source a: realm = "helpdesk" has none of the accounts here')
    assert not [each for each in warn(config(foreign, shared, folder=tmp_path)) if "realm" in each]


def test_everyone_is_somebody_of_the_realm():
    """A principal of one realm is none of another."""
    assert everyone("helpdesk") != everyone("unix")
