"""A daemon over a table of PostgreSQL: a trigger tells of changes; a database that is away is late, then unknown, never empty."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest
from coordinating import coordinated
from daemon_kit import running, until
from dict_index import DictIndex
from kit import Site
from postgres import Server
from sql_kit import PostgresTable, closing, put, sql_site

from syncd.adapters.system import SystemClock
from syncd.core.acl import everyone, user
from syncd.core.freshness import Verdict
from syncd.core.hints import KEYS_OF_A_PAGE
from syncd.core.retry import Policy
from syncd.daemon import station
from syncd.wiring import Wiring

ME = pwd.getpwuid(os.geteuid()).pw_name
OWNER = frozenset({user("unix", os.geteuid()), everyone("unix")})
TRIGGER = """
    CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_notify('tickets', coalesce(NEW.id, OLD.id)::text); RETURN NULL; END $$;
    CREATE TRIGGER told AFTER INSERT OR UPDATE OR DELETE ON ticket FOR EACH ROW EXECUTE FUNCTION told();
"""


@pytest.fixture
def table(postgres: Server) -> Iterator[PostgresTable]:
    """Three tickets of the account that runs the tests, and a trigger."""
    with closing(lambda: PostgresTable(postgres.database())) as made:
        made.execute(TRIGGER)
        for number in range(3):
            put(made, number, f"text of {number}", f"user:{ME}")
        yield made


@pytest.fixture
def site(table: PostgresTable, tmp_path: Path) -> Site:
    """An install over them; names are accounts of this machine."""
    site = sql_site(tmp_path, table.url)
    site.change('realm = "people"', 'realm = "unix"\nchannel = "tickets"')
    site.change('name = "tickets"', 'name = "docs"')
    return site


def test_what_a_trigger_tells_comes_in_by_itself(site, table):
    """Insert, update, another reader, deletion; also after the connection of the listener was cut."""
    with running(site) as live:
        assert live.found() == {"0", "1", "2"}
        put(table, 7, "a text about wombats", f"user:{ME}")
        assert live.wait("7")["state"] == "searchable"
        put(table, 1, "another text", f"user:{ME}")
        until(lambda: "another" in str(live.ask("search", query="another text", k=1)["hits"]))
        table.execute("UPDATE ticket SET acl = '' WHERE id = 0")
        until(lambda: live.found() == {"1", "2", "7"})
        table.execute("DELETE FROM ticket WHERE id = 2")
        until(lambda: live.found() == {"1", "7"})
        listening = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        assert table.execute(listening) == [(True,)]
        put(table, 8, "while nobody listened", f"user:{ME}")
        until(lambda: "8" in live.found())
        live.calm()
        put(table, 9, "and heard again", f"user:{ME}")
        until(lambda: "9" in live.found())


class Ahead(SystemClock):
    """A clock that the test puts forward."""

    seconds = 0.0

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + round(self.seconds * 1e9)


def test_a_database_that_is_away_is_late_and_then_unknown(site, table, monkeypatch):
    """Nothing of it is deleted; back again it is scanned, though nobody asked."""
    clock = Ahead()
    monkeypatch.setattr(Wiring, "clock", clock)
    monkeypatch.setattr(station, "SCANS", Policy(first=0.02, longest=0.1))
    site.index = DictIndex()
    with coordinated(site) as here:

        def verdict() -> Verdict:
            here.daemon.inbox.poke()
            return here.freshness().verdict

        here.until(lambda: verdict() is Verdict.FRESH)
        table.take_away()
        here.daemon.scan("docs")
        here.until(lambda: here.freshness().sources[0].down_since is not None)
        assert verdict() is Verdict.LATE
        clock.seconds += here.daemon.desk.target + 1
        assert verdict() is Verdict.UNKNOWN
        assert site.found(reader=OWNER) == {"0", "1", "2"}
        table.bring_back()
        here.until(lambda: here.idle() and verdict() is Verdict.FRESH)
        assert site.found(reader=OWNER) == {"0", "1", "2"}
        assert here.events("doc.deleted") == []
        here.sound()


def test_many_hints_of_one_page_are_a_look_at_that_page(site, table):
    """More keys of one page than are kept apart: the page that they are on is looked at, and nothing is lost by that."""
    site.index = DictIndex()
    with coordinated(site) as here:
        source = here.station.source
        page = source.page_of("1")
        keys = ["1"]
        number = 10
        while len(keys) <= KEYS_OF_A_PAGE:
            number += 1
            if source.page_of(str(number)) == page:
                keys.append(str(number))
        put(table, 1, "changed", f"user:{ME}")
        for key in keys:
            here.hint(key)
        here.until(lambda: "changed" in str([hit.text for hit in site.search("changed", OWNER).hits]))
        here.calm()
        assert site.found(reader=OWNER) == {"0", "1", "2"}
