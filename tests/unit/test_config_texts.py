"""The texts that teach the configuration: the example, and what `syncd init` writes."""

import re
import tomllib
from pathlib import Path

import pytest

from syncd.config import load
from syncd.config.complaint import keys
from syncd.config.model import Config
from syncd.config.template import render, toml_string

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


def paths(value: object, prefix: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Every key of parsed TOML as the path of tables to it."""
    found = set()
    for item in value if isinstance(value, list) else [value]:
        for key, below in item.items() if isinstance(item, dict) else ():
            found |= {(*prefix, key)} | paths(below, (*prefix, key))
    return found


@pytest.fixture
def uncommented(tmp_path: Path) -> Path:
    """The example with its optional keys (`#key = ...`) and tables switched on."""
    path = tmp_path / "config.toml"
    path.write_text(re.sub(r"(?m)^#(?=[a-z_]+ = |\[\[)", "", EXAMPLE.read_text()))
    return path


def test_the_example_is_complete(uncommented):
    """Every key that can be written stands in the example, also those without a default, and it is valid with all of them."""
    load(uncommented)
    assert paths(tomllib.loads(uncommented.read_text())) == set(keys(Config))


def test_the_example_shows_the_defaults(tmp_path):
    """What the example says without a `#` is what syncd does anyway."""
    example, bare = tmp_path / "example.toml", tmp_path / "bare.toml"
    example.write_text(EXAMPLE.read_text())
    bare.write_text(
        '[[source]]\nname = "handbook"\nroot = "/srv/handbook"\n'
        '[[source.acl]]\nglob = "drafts/**"\nreaders = ["group:staff", "user:alice"]\n'
    )
    assert load(example) == load(bare)


def test_every_line_of_the_example_is_explained():
    """A tutorial leaves no key without a word: a comment on its line, or in the line before a list."""
    lines = EXAMPLE.read_text().splitlines()
    keyed = [line for line in lines if re.match(r"#?[a-z_]+ = ", line)]
    assert len(keyed) > 30
    assert [line for line in keyed if line.count("#") - line.startswith("#") == 0 and not line.startswith(("root", "glob"))] == []


@pytest.mark.parametrize(
    "name", ["plain", 'quo"te', "back\\slash", "new\nline", "tab\t", "\x7f\x1b[31m", "\u202edoc", "née 🗂", '"""', "# x"]
)
def test_the_template_survives_hostile_paths(tmp_path, name):
    """Whatever a folder is called, the written file is valid, means that folder, and shows no invisible character."""
    text = render(
        source_name="files",
        root=Path("/srv") / name,
        state=Path("/state") / name,
        public_key="",
        origin="syncd",
        allow_everyone=True,
    )
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    config = load(tmp_path / "config.toml")
    assert config.sources[0].root == Path("/srv") / name
    assert config.state.dir == Path("/state") / name
    assert config.sources[0].allow_everyone
    assert all(line.isprintable() for line in text.split("\n"))


def test_the_template_names_embedder_and_index():
    """The two choices that decide what a search finds and where vectors lie are visible in what `init` writes."""
    text = render(source_name="a", root=Path("/a"), state=Path("/s"), public_key="", origin="o", allow_everyone=False)
    parsed = tomllib.loads(text)
    assert parsed["embedder"]["backend"] == "sentence-transformers"
    assert parsed["index"]["backend"] == "edge"
    assert '\nbackend = "sentence-transformers"' in text
    assert '\nbackend = "edge"' in text


def test_a_path_that_toml_cannot_say_is_refused():
    """Bytes that are no UTF-8 are an error, never another folder."""
    with pytest.raises(ValueError, match="surrogates"):
        toml_string("caf\udce9")
