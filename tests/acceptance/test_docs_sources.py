"""docs/sources.md is run: the table and its trigger in a PostgreSQL, the source of another package through all of syncd."""

import json
import os
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_kit import until
from kit import Site, make_site
from postgres import Server
from sql_kit import sql_site

from syncd.config import load
from syncd.core.acl import everyone, group, user
from syncd.core.hints import Hint, What
from syncd.errors import ConfigInvalid
from syncd.testing.sources import LaterClock, SourceContract, World, everything

PAGE = (Path(__file__).parents[2] / "docs/sources.md").read_text()
INFO = "[syncd.sources]\njson-notes = json_notes:SOURCE\n"


def blocks(language: str, marked: str) -> list[str]:
    """The fenced blocks in a language that hold a word."""
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return [block for block in found if marked in block]


def with_source(site: Site, block: str) -> Site:
    """An install whose only source is the one of a block of the page."""
    text = site.config.read_text()
    site.config.chmod(0o600)
    site.config.write_text(text[: text.index("[[source]]")] + block)
    return site


# -- the table ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(postgres: Server, tmp_path: Path) -> Iterator[tuple[Site, object]]:
    """The help desk of the page, its read-only account, and an install over it."""
    database = postgres.database()
    for block in blocks("sql", "CREATE"):
        database.writer.execute(block)
    (block,) = blocks("toml", 'type = "sql"')
    site = with_source(sql_site(tmp_path, "sqlite:///unused"), block)
    site.change("postgresql://syncd@db.example.org/helpdesk", database.url.replace("postgres@", "syncd@"))
    secret = site.state / "keys/helpdesk"
    secret.write_text("not asked for by this server\n")
    secret.chmod(0o400)
    yield site, database
    database.execute("DROP OWNED BY syncd")
    database.close()
    with postgres.connect("postgres") as admin:
        admin.execute("DROP ROLE syncd")


def test_the_table_of_the_page_is_kept_in_sync(desk):
    """Its rows are Markdown under their titles, found by their owners and teams, and a trigger tells of each change."""
    site, database = desk
    done = site.sync()
    assert (done.state, done.report.documents.added) == ("done", 2)
    staff = frozenset({group("helpdesk", "staff"), everyone("helpdesk")})
    (hit,) = site.search("paper", staff).hits
    assert (hit.key, hit.title) == ("1", "Printer")
    assert "## answer\n\nPaper is in the cupboard." in hit.text
    assert site.found("door", frozenset({user("helpdesk", "bob")})) == {"2"}

    heard: list[Hint] = []
    with site.open() as wiring:
        (source,) = wiring.sources()
        watch = source.watch(heard.append)
        database.execute("UPDATE ticket SET answer = 'Done.', updated_at = now() WHERE id = 2")
        until(lambda: Hint(What.KEY, "2") in heard)
        database.execute("DELETE FROM ticket_team WHERE ticket = 1")
        until(lambda: Hint(What.KEY, "1") in heard)
        watch.close()
    done = site.sync()
    assert (done.report.documents.updated, done.report.documents.retagged) == (1, 1)
    assert site.found("paper", staff) == set()


# -- the source of another package -------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path, monkeypatch) -> Iterator[Path]:
    """The package of the page, installed as far as Python looks."""
    folder = tmp_path / "site-packages"
    info = folder / "json_notes-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: json-notes\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(INFO)
    (code,) = blocks("python", "class JsonNotesType")
    (folder / "json_notes.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    sys.modules.pop("json_notes", None)


def notes_site(tmp_path: Path) -> Site:
    """An install over a file of notes."""
    (block,) = blocks("ini", 'realm = "people"')
    site = with_source(make_site(tmp_path / "docs", tmp_path / "state"), block)
    site.change("/srv/notes.json", str(tmp_path / "notes.json"))
    return site


def test_a_package_brings_a_source(tmp_path, package):
    """`type` finds it by its entry point; those whom a note names find it, and one that names nobody is hidden."""
    (tmp_path / "notes.json").write_text(
        json.dumps({"a": {"text": "# Tea\n\nGreen.", "readers": ["group:staff"]}, "b": {"text": "for nobody knows whom"}})
    )
    site = notes_site(tmp_path)
    ran = site.cli("sync", check=3, PYTHONPATH=os.pathsep.join([str(package), *sys.path]))
    assert "1" in ran.stdout + ran.stderr
    assert site.found("tea", frozenset({group("people", "staff"), everyone("people")})) == {"a"}
    assert site.quarantined() == {"b": "acl"}
    shown = site.cli("check-config", PYTHONPATH=os.pathsep.join([str(package), *sys.path]))
    assert "json-notes" in shown.stdout


def test_a_type_that_nobody_brings_says_what_there_is(tmp_path):
    """The error names the key, its value, and every type that is known."""
    site = notes_site(tmp_path)
    with pytest.raises(ConfigInvalid, match=r"source\[notes\]\.type = \"json-notes\": should be one of 'filesystem', 'sql'"):
        load(site.config)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('file = "/srv/notes.json"\ncolour = "red"', "colour"),
        ("", "file"),
        ("file = 5", "file"),
    ],
)
def test_its_settings_are_checked_by_its_model(tmp_path, package, line, said):
    """A key that it does not know, one that is missing, a value of another type: the error names it."""
    site = notes_site(tmp_path)
    site.change(f'file = "{tmp_path}/notes.json"', line)
    with pytest.raises(ConfigInvalid, match=rf"source\[notes\]\.{said}"):
        load(site.config)


@pytest.mark.parametrize(
    ("code", "said"),
    [("raise RuntimeError", "can't be loaded"), ("SOURCE = 5", "no source type"), ("", "can't be loaded")],
)
def test_a_package_that_is_broken_is_named(tmp_path, package, code, said):
    """Whatever it does when it is loaded, the configuration is in error, and nothing else."""
    (package / "json_notes.py").write_text(code)
    with pytest.raises(ConfigInvalid, match=said):
        load(notes_site(tmp_path).config)


class NotesWorld:
    """A file of notes as a world for the suite."""

    def __init__(self, folder: Path) -> None:
        module = types.ModuleType("json_notes_of_the_page")
        (code,) = blocks("python", "class JsonNotesType")
        exec(compile(code, "docs/sources.md", "exec"), module.__dict__)  # noqa: S102 - our own page
        self._file = folder / "notes.json"
        self._notes: dict = {}
        from syncd.adapters.sources.readers import Readers
        from syncd.core.acl import Principal
        from syncd.source_type import SourceCommon

        known = Readers("people", (), (), lambda kind, name: Principal(kind, "people", str(name)), lambda: 0, allow_everyone=True)
        common = SourceCommon("notes", "people", 1 << 20, lambda key, names: known.acl(key, (), names), b"", LaterClock())
        self.source = module.SOURCE.make(common, module.SOURCE.settings(file=self._file))

    def _write(self) -> None:
        self._file.write_text(json.dumps(self._notes))

    def put(self, key: str, data: bytes) -> None:
        self._notes[key] = {"text": data.decode(), "readers": ["everyone"]}
        self._write()

    def remove(self, key: str) -> None:
        del self._notes[key]
        self._write()

    def close_to_others(self, key: str) -> None:
        self._notes[key]["readers"] = ["user:owner"]
        self._write()

    def take_away(self) -> None:
        self._file.rename(self._file.with_name("away"))


class TestNotesOfThePage(SourceContract):
    """The example passes the suite that the page tells about."""

    def make_world(self, folder: Path) -> World:
        return NotesWorld(folder)

    def test_the_suite_looks_at_something(self, world: World) -> None:
        """There are documents in its world."""
        assert everything(world.source)
