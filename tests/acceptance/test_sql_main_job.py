"""The main job over the rows of a table, in SQLite and in PostgreSQL: what changed is embedded, what is gone is gone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dict_index import DictIndex
from kit import Site
from postgres import Server
from sql_kit import PostgresTable, SqliteTable, Table, closing, put, sql_site

from syncd.core.acl import everyone, group, user
from syncd.errors import SourceUnavailable

STAFF = frozenset({group("people", "staff"), everyone("people")})
ALICE = frozenset({user("people", "alice"), everyone("people")})
TICKETS = 12
KEYS = {str(number) for number in range(TICKETS)}


@pytest.fixture(params=["sqlite", "postgresql"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Table]:
    """A dozen tickets that the staff may read."""
    if request.param == "sqlite":
        making = closing(lambda: SqliteTable(tmp_path))
    else:
        server: Server = request.getfixturevalue("postgres")
        making = closing(lambda: PostgresTable(server.database()))
    with making as table:
        for number in range(TICKETS):
            put(table, number, f"The printer on floor {number} is out of paper.")
        yield table


@pytest.fixture
def site(tmp_path: Path, table: Table) -> Site:
    """An install over it that is in sync."""
    site = sql_site(tmp_path, table.url)
    site.index = DictIndex()
    first = site.sync()
    assert (first.state, first.report.documents.added, first.report.documents.quarantined) == ("done", TICKETS, 0)
    return site


def test_rows_are_found_by_those_whom_they_name(site, table):
    """Every row is a document with its title; the staff finds all of them, others none."""
    assert site.found("printer", STAFF) == KEYS
    assert site.found("printer", ALICE) == set()
    assert {hit.title for hit in site.search("printer", STAFF).hits} == {f"Ticket {number}" for number in range(TICKETS)}
    assert site.points() == TICKETS


def test_an_account_of_this_machine_is_nobody_there(site, table):
    """A number that is somebody's in another realm is not the account here that has the same one."""
    put(table, 1, "for number 0", "user:0,group:0")
    assert site.sync().state == "done"
    with site.open() as wiring:
        assert site.found("printer", wiring.directory.account(0)) == set()


def test_nothing_changed_embeds_nothing(site, table):
    """A second pass opens no page."""
    again = site.sync()
    assert (again.state, again.report.chunks.embedded, again.report.documents.unchanged) == ("done", 0, TICKETS)


def test_one_changed_row_is_one_document(site, table):
    """Only its chunk is embedded."""
    put(table, 7, "The scanner on floor 7 hums.")
    done = site.sync()
    assert (done.state, done.report.documents.updated, done.report.chunks.embedded) == ("done", 1, 1)
    found = [hit.text for hit in site.search("scanner", STAFF).hits if hit.key == "7"]
    assert found == ["# Ticket 7\n\nThe scanner on floor 7 hums."]


def test_a_row_that_is_deleted_or_marked_so_is_gone(site, table):
    """Both leave no point; a mark that is taken away again brings the row back."""
    table.execute("DELETE FROM ticket WHERE id = 3")
    table.execute("UPDATE ticket SET deleted_at = '2026-01-01' WHERE id = 4")
    done = site.sync()
    assert (done.state, done.report.documents.deleted, site.points()) == ("done", 2, TICKETS - 2)
    assert site.found("printer", STAFF) == KEYS - {"3", "4"}
    table.execute("UPDATE ticket SET deleted_at = NULL WHERE id = 4")
    assert site.sync().report.documents.added == 1


def test_another_acl_embeds_nothing(site, table):
    """Who gains access finds the row, who loses it does not, and the version column need not change for that."""
    table.execute("UPDATE ticket SET acl = '[\"user:alice\"]' WHERE id = 5")
    done = site.sync()
    assert (done.state, done.report.documents.retagged, done.report.chunks.embedded) == ("done", 1, 0)
    assert site.found("printer", STAFF) == KEYS - {"5"}
    assert site.found("printer", ALICE) == {"5"}


@pytest.mark.parametrize("acl", [None, "staff", "group:", '["group:staff"', "group:staff;user:alice", '{"group": "staff"}'])
def test_an_acl_that_nobody_understands_hides_its_row_alone(site, table, acl):
    """The row is quarantined and found by nobody; understood again, it is found without embedding."""
    table.execute("UPDATE ticket SET acl = ? WHERE id = 6", acl)
    assert site.sync().state == "incomplete"
    assert site.found("printer", STAFF) == KEYS - {"6"}
    assert site.quarantined() == {"6": "acl"}
    table.execute("UPDATE ticket SET acl = 'group:staff' WHERE id = 6")
    assert site.sync().report.chunks.embedded == 0
    assert site.found("printer", STAFF) == KEYS


def test_everyone_is_let_in_by_the_configuration_alone(site, table):
    """Without allow_everyone a row that says so is for nobody."""
    put(table, 2, "for all", "everyone")
    site.sync()
    assert "2" not in site.found("printer", STAFF)
    site.change('realm = "people"', 'realm = "people"\nallow_everyone = true')
    site.sync()
    assert site.found("printer", ALICE) == {"2"}


def test_a_database_that_is_away_deletes_nothing(site, table):
    """The run fails and says so; what is there stays, and so it is when the database is back."""
    table.take_away()
    with pytest.raises(SourceUnavailable, match="Nothing was deleted"):
        site.sync()
    assert site.found("printer", STAFF) == KEYS
    table.bring_back()
    assert site.sync().report.documents.unchanged == TICKETS


def test_a_column_that_is_not_there_deletes_nothing(site, table):
    """A table that was altered fails the run, whatever a database makes of a name that it does not know."""
    table.execute("ALTER TABLE ticket RENAME COLUMN acl TO access")
    with pytest.raises(SourceUnavailable):
        site.sync()
    assert site.found("printer", STAFF) == KEYS


def test_an_emptied_table_halts(tmp_path, table):
    """Exit 4, and nothing is deleted until somebody agrees."""
    site = sql_site(tmp_path, table.url)
    site.cli("sync")
    table.execute("DELETE FROM ticket")
    site.cli("sync", check=4)
    assert site.found("printer", STAFF) == KEYS


def test_nothing_is_written_and_nothing_is_told(tmp_path, table, caplog):
    """The database is as it was, and the error of one that is away names no account."""
    before = table.execute("SELECT * FROM ticket ORDER BY id")
    site = sql_site(tmp_path, table.url)
    site.cli("sync")
    assert table.execute("SELECT * FROM ticket ORDER BY id") == before
    table.take_away()
    said = site.cli("sync", check=69)
    assert "printer" not in said.stdout + said.stderr


def test_a_huge_row_costs_itself_only(tmp_path, table):
    """It is quarantined by its key, and never read."""
    site = sql_site(tmp_path, table.url)
    site.change('realm = "people"', 'realm = "people"\nmax_size = "1KiB"')
    put(table, 8, "x" * 4096)
    site.cli("sync", check=3)
    assert site.quarantined() == {"8": "too-large"}
    assert site.found("printer", STAFF) == KEYS - {"8"}


def test_texts_are_versions_where_no_column_is(tmp_path, table):
    """A table without a version column: an edit is found by its text, and embeds one document."""
    site = sql_site(tmp_path, table.url, 'readers = ["acl"]')
    site.cli("sync")
    table.execute("UPDATE ticket SET body = 'Now it is the toner.' WHERE id = 9")
    assert site.sync().report.chunks.embedded == 1
    assert site.sync().report.chunks.embedded == 0


def test_another_reading_of_the_same_column_cuts_it_anew(tmp_path, table):
    """What the configuration says of the text counts: as HTML the same bytes are another text."""
    put(table, 1, "<p>A &amp; B</p>")
    site = sql_site(tmp_path, table.url)
    site.cli("sync")
    assert [hit.text for hit in site.search("A", STAFF).hits if hit.key == "1"] == ["# Ticket 1\n\n<p>A &amp; B</p>"]
    site.change('title = "subject"', 'title = "subject"\nformat = "html"')
    site.cli("sync")
    assert [hit.text for hit in site.search("A", STAFF).hits if hit.key == "1"] == ["# Ticket 1\n\nA & B"]
