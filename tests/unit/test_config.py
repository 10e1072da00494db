"""The configuration: what is read, and how it says what is wrong with it."""

import base64
import hashlib
from pathlib import Path

import pytest

from syncd.config import Config, find, load
from syncd.errors import ConfigError, ConfigInvalid, ConfigMissing, ConfigUnknownKey, Exit, SourceUnknown

SOURCE = '[[source]]\nname = "notes"\nroot = "/srv/notes"\n'


def verifier_key(name: str) -> str:
    """A well-formed Ed25519 verifier key of `name` (C2SP signed-note)."""
    raw = b"\x01" + hashlib.sha256(name.encode()).digest()
    digest = hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8]
    return f"{name}+{digest}+{base64.b64encode(raw).decode()}"


@pytest.fixture
def read(tmp_path: Path):
    """Write a text as a configuration and load it."""

    def read(text: str, *, source: str = SOURCE) -> Config:
        (tmp_path / "config.toml").write_text(f"{text}\n{source}", encoding="utf-8")
        return load(tmp_path / "config.toml")

    return read


def test_relative_paths_are_meant_from_the_folder_of_the_file(tmp_path, read):
    """A path means the same wherever the command is run; keys lie in the state unless named."""
    config = read('[state]\ndir = "st"\n[keys]\nkek = "secret/kek"', source='[[source]]\nname = "n"\nroot = "docs"')
    assert config.state.ledger == tmp_path / "st/ledger.db"
    assert (config.state.index, config.state.run) == (tmp_path / "st/index", tmp_path / "st/run")
    assert config.keys.kek == tmp_path / "secret/kek"
    assert config.keys.keyring == tmp_path / "st/keys/keyring.json"
    assert config.keys.signing_key == tmp_path / "st/keys/audit-signing-key"
    assert config.sources[0].root == tmp_path / "docs"


def test_a_path_with_dots_is_resolved_through_links(tmp_path, read):
    """`link/..` is the folder above what the link points to, as the kernel has it."""
    (tmp_path / "far/away").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far/away")
    config = read("", source='[[source]]\nname = "n"\nroot = "link/../docs"')
    assert config.sources[0].root == tmp_path / "far/docs"


def test_amounts_become_seconds_and_bytes(read):
    """Durations and sizes are numbers of one unit after loading."""
    config = read('[acl]\nstale_after = "36h"\n[freshness]\ntarget = "10m"', source=f'{SOURCE}max_size = "512KiB"')
    assert config.acl.stale_after == 36 * 3600
    assert config.freshness.target == 600
    assert config.sources[0].max_size == 512 * 1024


def test_a_loaded_configuration_cannot_change(read):
    """Models are frozen, lists are tuples."""
    config = read("")
    with pytest.raises(ValueError, match="frozen"):
        config.index.backend = "null"
    assert isinstance(config.sources[0].include, tuple)


@pytest.mark.parametrize(
    ("text", "source", "key", "value", "nearest"),
    [
        ('[embedder]\nmodle = "x"', SOURCE, "embedder.modle", '"x"', "embedder.model"),
        ("[embeder]", SOURCE, "embeder", "(a table)", "embedder"),
        ('model = "x"', SOURCE, "model", '"x"', "embedder.model"),
        ('[embedder]\nurl = "http://h"', SOURCE, "embedder.url", '"http://h"', "index.url"),
        ("", f"{SOURCE}max_siz = 5", "source[notes].max_siz", "5", "source[notes].max_size"),
        (
            "",
            f'{SOURCE}[[source.acl]]\nglobb = "a"\nreaders = []',
            "source[notes].acl[#1].globb",
            '"a"',
            "source[notes].acl[#1].glob",
        ),
        ("", '[[source]]\nnmae = "n"\nroot = "/srv"', "source[#1].nmae", '"n"', "source[#1].name"),
        ("[guard]\nzzz = [1, 2]", SOURCE, "guard.zzz", "[1, 2]", "guard."),
    ],
)
def test_an_unknown_key_names_file_key_value_and_the_nearest(tmp_path, read, *, text, source, key, value, nearest):
    """A misspelt key is never ignored; the message leads to the right one, also when that one is now missing."""
    with pytest.raises(ConfigUnknownKey) as caught:
        read(text, source=source)
    assert str(tmp_path / "config.toml") in str(caught.value)
    assert (caught.value.facts["key"], caught.value.facts["value"]) == (key, value)
    assert str(caught.value.facts["nearest"]).startswith(nearest)
    assert caught.value.exit is Exit.CONFIG


@pytest.mark.parametrize(
    ("text", "source", "key", "value", "allowed"),
    [
        ('[embedder]\nbackend = "openai"', SOURCE, "embedder.backend", '"openai"', "'sentence-transformers' or 'hash'"),
        ('[index]\nbackend = "qdrant"', SOURCE, "index.url", "(not given)", "http://localhost:6333"),
        ('[index]\nurl = "localhost:6333"', SOURCE, "index.url", '"localhost:6333"', "http://"),
        ('[index]\nurl = "http://h:99999"', SOURCE, "index.url", '"http://h:99999"', "ort"),
        ('[index]\nurl = "http://h\\nx"', SOURCE, "index.url", '"http://h\nx"', "http://"),
        ("[index]\nmin_free_mib = -1", SOURCE, "index.min_free_mib", "-1", "greater than or equal to 0"),
        ("[index]\nmin_free_mib = true", SOURCE, "index.min_free_mib", "True", "integer"),
        ('[index]\nmin_free_mib = "512"', SOURCE, "index.min_free_mib", '"512"', "integer"),
        ("[guard]\nmax_delete_share = 1.5", SOURCE, "guard.max_delete_share", "1.5", "less than or equal to 1"),
        ("[guard]\nmax_delete_share = nan", SOURCE, "guard.max_delete_share", "nan", "should be"),
        ("[acl]\nstale_after = 7", SOURCE, "acl.stale_after", "7", '"7d"'),
        ('[acl]\nstale_after = "7"', SOURCE, "acl.stale_after", '"7"', '"7d"'),
        ('[acl]\nstale_after = "7 days"', SOURCE, "acl.stale_after", '"7 days"', '"7d"'),
        ('[acl]\nstale_after = "0s"', SOURCE, "acl.stale_after", '"0s"', "1 second"),
        ('[acl]\nstale_after = "999999999999d"', SOURCE, "acl.stale_after", '"999999999999d"', "100 years"),
        ('[acl]\nstale_after = "٣d"', SOURCE, "acl.stale_after", '"٣d"', '"7d"'),
        ("[acl]\nstale_after = 2024-01-01", SOURCE, "acl.stale_after", "datetime.date(2024, 1, 1)", '"7d"'),
        ('[audit]\norigin = "a+b"', SOURCE, "audit.origin", '"a+b"', "pattern"),
        ('[audit]\npublic_key = "syncd+00000000+AAAA"', SOURCE, "audit.public_key", '"syncd+00000000+AAAA"', "syncd init"),
        ('[state]\ndir = ""', SOURCE, "state.dir", '""', "path"),
        ('[state]\ndir = "a\\u0000b"', SOURCE, "state.dir", '"a\0b"', "path"),
        ('state = "x"', SOURCE, "state", '"x"', "table"),
        ('embedder = ["x"]', SOURCE, "embedder", "['x']", "table"),
        ("", "", "source", "(not given)", "has to be given"),
        ("source = []", "", "source", "[]", "at least 1"),
        ("", '[[source]]\nname = "n"', "source[n].root", "(not given)", "has to be given"),
        ("", '[[source]]\nname = "Notes:x"\nroot = "/srv"', "source[Notes:x].name", '"Notes:x"', "pattern"),
        ("", f'{SOURCE}type = "s3"', "source[notes].type", '"s3"', "'filesystem'"),
        ("", f"{SOURCE}max_size = 16777216", "source[notes].max_size", "16777216", '"16MiB"'),
        ("", f'{SOURCE}max_size = "16mib"', "source[notes].max_size", '"16mib"', '"16MiB"'),
        ("", f'{SOURCE}max_size = "0B"', "source[notes].max_size", '"0B"', "1 byte"),
        ("", f'{SOURCE}include = "**"', "source[notes].include", '"**"', "list"),
        ("", f'{SOURCE}include = ["["  , "!"]', "source[notes].include[#2]", '"!"', "gitignore"),
        ("", f'{SOURCE}include = [" "]', "source[notes].include[#1]", '" "', "pattern"),
        (
            "",
            f'{SOURCE}[[source.acl]]\nglob = "a"\nreaders = ["alice"]',
            "source[notes].acl[#1].readers[#1]",
            '"alice"',
            '"user:NAME"',
        ),
        (
            "",
            f'{SOURCE}[[source.acl]]\nglob = "a"\nreaders = ["user:"]',
            "source[notes].acl[#1].readers[#1]",
            '"user:"',
            '"user:NAME"',
        ),
        (
            "",
            f'{SOURCE}[[source.acl]]\nglob = "a"\nreaders = ["everyone"]',
            "source[notes].acl[#1].readers",
            "['everyone']",
            "allow_everyone = true",
        ),
        ("", f'{SOURCE}[[source]]\nname = "notes"\nroot = "/srv/b"', "source[notes].name", '"notes"', "another source"),
        ("", f'{SOURCE}[[source]]\nname = "b"\nroot = "/srv/notes/b"', "source[b].root", '"/srv/notes/b"', "overlaps"),
        ("", f'{SOURCE}[[source]]\nname = "b"\nroot = "/srv"', "source[b].root", '"/srv"', "overlaps"),
        ("", f'{SOURCE}[[source]]\nname = "b"\nroot = "/srv/notes/"', "source[b].root", '"/srv/notes/"', "overlaps"),
    ],
)
def test_a_wrong_value_names_file_key_value_and_what_is_allowed(tmp_path, read, *, text, source, key, value, allowed):
    """Whatever is wrong, the message says where, what was read, and what would be right."""
    with pytest.raises(ConfigInvalid) as caught:
        read(text, source=source)
    assert str(tmp_path / "config.toml") in str(caught.value)
    assert (caught.value.facts["key"], caught.value.facts["value"]) == (key, value)
    assert allowed in str(caught.value.facts["detail"])


def test_neighbouring_roots_do_not_overlap(read):
    """`/srv/notes` and `/srv/notes2` are apart, although one text starts with the other."""
    config = read("", source=f'{SOURCE}[[source]]\nname = "b"\nroot = "/srv/notes2"')
    assert [source.name for source in config.sources] == ["notes", "b"]


def test_roots_that_overlap_through_a_link_are_refused(tmp_path, read):
    """A link does not hide that two sources are one folder."""
    (tmp_path / "docs/deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "docs/deep")
    with pytest.raises(ConfigInvalid, match="overlaps"):
        read('[state]\ndir = "/st"', source='[[source]]\nname = "a"\nroot = "docs"\n[[source]]\nname = "b"\nroot = "link"')


def test_the_state_inside_a_source_is_refused(tmp_path, read):
    """The install must never index its own keys and ledger, also not through a link."""
    (tmp_path / "docs/state").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "docs/state")
    for place in ("docs/state", "docs", "link"):
        with pytest.raises(ConfigInvalid) as caught:
            read(f'[state]\ndir = "{place}"', source='[[source]]\nname = "a"\nroot = "docs"')
        assert caught.value.facts["key"] == "state.dir"


def test_the_pinned_key_has_to_be_whole_and_of_the_origin(read):
    """A typing error in the pinned key is found when it is read, not when the history is called forged."""
    good = verifier_key("syncd/1")
    assert read(f'[audit]\norigin = "syncd/1"\npublic_key = "{good}"').audit.public_key == good
    with pytest.raises(ConfigInvalid, match="not of the origin") as caught:
        read(f'[audit]\norigin = "other"\npublic_key = "{good}"')
    assert caught.value.facts["key"] == "audit.public_key"
    with pytest.raises(ConfigInvalid, match="don't belong together"):
        read(f'[audit]\norigin = "syncd/2"\npublic_key = "{good.replace("syncd/1", "syncd/2")}"')


@pytest.mark.parametrize(
    "text",
    [
        '[index]\napi_key = "hunter2"',
        '[index]\npassword = "hunter2"',
        '[keys]\nkek = ["hunter2"]',
        '[index]\nurl = "http://admin:hunter2@host:6333"',
        '[embedder]\nurl = "http://admin:hunter2@host"',
        '[credentials]\nqdrant = "hunter2"',
    ],
)
def test_a_pasted_secret_is_not_repeated(read, text):
    """Secrets never belong into the file; one that is there anyway is not spread to terminals and tickets."""
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert "hunter2" not in str(caught.value)
    assert isinstance(caught.value, ConfigUnknownKey | ConfigInvalid)


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"[state\n", "line 1"),
        (b'[state]\ndir = "a"\ndir = "b"\n', "line 3"),
        (b"[state]\n\n# \xff\n", "not UTF-8 (at line 3)"),
        (b"a = " + b"[" * 20_000, "nested too deeply"),
        (b"a = " + b"9" * 5_000, "not valid TOML"),
        (b"#" * (2**20 + 1), "larger than 1 MiB"),
    ],
)
def test_what_is_no_toml_is_refused_with_its_line(tmp_path, data, detail):
    """Not even hostile bytes bring anything but a message that names the file and, where there is one, the line."""
    (tmp_path / "config.toml").write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.toml")
    assert str(tmp_path / "config.toml") in str(caught.value)
    assert detail in str(caught.value)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    """A missing configuration leads to `syncd init`; something that can't be read says why."""
    with pytest.raises(ConfigMissing, match="syncd init"):
        load(tmp_path / "config.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path)


def test_find_prefers_the_option_then_the_environment(tmp_path, monkeypatch):
    """--config, then $SYNCD_CONFIG, then /etc; an empty one does not count; the answer is absolute."""
    monkeypatch.chdir(tmp_path)
    assert find("a.toml", {"SYNCD_CONFIG": "b.toml"}) == tmp_path / "a.toml"
    assert find(None, {"SYNCD_CONFIG": "b.toml"}) == tmp_path / "b.toml"
    assert find(None, {"SYNCD_CONFIG": ""}) == find("", {}) == Path("/etc/syncd/config.toml")


def test_select_knows_the_sources_by_name(read):
    """No name means all; an unknown one is an error that lists those there are."""
    config = read("", source=f'{SOURCE}[[source]]\nname = "b"\nroot = "/srv/b"')
    assert config.select(None) == config.sources
    assert config.select("b") == (config.sources[1],)
    with pytest.raises(SourceUnknown, match="notes, b"):
        config.select("c")
