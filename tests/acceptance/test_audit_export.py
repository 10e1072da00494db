"""What leaves the history for other programs: unharmed, and harmless to them."""

import csv
import io
import json

import pytest
from dict_index import DictIndex
from kit import Site, make_site, open_folders

from syncd.audit.event import Event, EventType, Phase
from syncd.cli.exits import execute
from syncd.cli.main import syncd
from syncd.errors import Exit

HOSTILE = ("=cmd|'/C calc'!A0", "+1", "-1", "@sum", "\tx", "\rx")


@pytest.fixture
def site(tmp_path, monkeypatch) -> Site:
    """A history whose events begin as formulas do, and hold line ends, bidi marks and 4 kB in one field."""
    open_folders(tmp_path)
    site = make_site(tmp_path / "docs", tmp_path / "state")
    site.index = DictIndex()
    site.sync()
    with site.open(writer=True) as wiring:
        install = wiring.install()
        with install.transaction() as tx:
            for number, name in enumerate(HOSTILE):
                body = {name: number, "zz": "line\nline \u202e"}
                tx.audit(Event(EventType.STORE_DRIFT, Phase.OUTCOME, install.fresh_id(), body=body))
            tx.audit(Event(EventType.STORE_DRIFT, Phase.OUTCOME, install.fresh_id(), body={"zz": "x" * 4096}))
    monkeypatch.setenv("SYNCD_CONFIG", str(site.config))
    return site


def test_no_cell_is_a_formula(site, capsys):
    """A spreadsheet that opens the CSV runs nothing: no cell begins as a formula does."""
    assert execute(syncd, ["audit", "log", "--type", "store.drift", "--format", "csv"]) == Exit.OK
    _, *rows = csv.reader(io.StringIO(capsys.readouterr().out, newline=""))
    assert len(rows) == len(HOSTILE) + 1
    assert [cell for row in rows for cell in row if cell[:1] in set("=+-@\t\r")] == []


def test_hostile_text_comes_out_unharmed(site, capsys):
    """The JSON lines are the very leaves: line ends, bidi marks and 4 kB come back as they went in."""
    assert execute(syncd, ["audit", "log", "--type", "store.drift", "--format", "jsonl"]) == Exit.OK
    bodies = [json.loads(line)["body"] for line in capsys.readouterr().out.splitlines()]
    assert bodies[:-1] == [{name: n, "zz": "line\nline \u202e"} for n, name in enumerate(HOSTILE)]
    assert bodies[-1] == {"zz": "x" * 4096}


def test_a_terminal_is_shown_no_control_character(site, capsys):
    """The table holds one line an event, and nothing that a terminal obeys."""
    assert execute(syncd, ["audit", "log", "--type", "store.drift"]) == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert all(char.isprintable() or char == "\t" for line in lines for char in line)
    assert len([line for line in lines if "store.drift" in line]) == len(HOSTILE) + 1


def test_a_type_that_nothing_has_is_refused(site, capsys):
    """An empty answer to a mistyped type would read as if nothing of the kind had happened."""
    assert execute(syncd, ["audit", "log", "--type", "store.drift", "--type", "doc.delete"]) == Exit.USAGE
    told = capsys.readouterr()
    assert told.out == ""
    assert "doc.delete: not understood" in told.err
    assert "doc.deleted" in told.err
