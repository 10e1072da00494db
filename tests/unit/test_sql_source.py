"""The SQL source in detail: keys of every kind, rows that are in each other's way, what is bound, bounded and kept to itself."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from postgres import Database, Server
from sqlalchemy import event, make_url

from syncd.adapters.sources.sql import Columns, Layout, ReaderColumn, Relation, SqlSource, dialect_of, sweep
from syncd.adapters.system import SystemClock
from syncd.core.acl import Principal, PrincipalKind, user
from syncd.core.hints import Hint, What
from syncd.core.model import Absence, Content, Reason
from syncd.errors import SourceUnavailable
from syncd.testing.sources import LaterClock, eventually, everything

TABLE = Relation(table="doc")


def source(
    url: str,
    relation: Relation = TABLE,
    *,
    timeout: int = 30,
    password: str | None = None,
    channel: str | None = None,
    **columns: Any,
) -> SqlSource:
    """A source over a table `doc`, in a realm where ids are names."""
    given = {"key": ("id",), "text": ("body",), "readers": (ReaderColumn("acl"),), **columns}
    said = Columns(**given)
    return SqlSource(
        "docs",
        dialect_of(make_url(url), None if password is None else lambda: password, timeout),
        "a database",
        relation,
        said,
        Layout(said.text),
        realm="people",
        known=lambda kind, name: Principal(kind, "people", str(name)),
        max_bytes=1 << 20,
        allow_everyone=False,
        channel=channel,
        clock=LaterClock(),
    )


@pytest.fixture
def database(postgres: Server) -> Iterator[Database]:
    """An empty one."""
    made = postgres.database()
    yield made
    made.close()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """An empty SQLite file `docs.db`, open for writing."""
    connection = sqlite3.connect(tmp_path / "docs.db", isolation_level=None)
    yield connection
    connection.close()


def url_of(tmp_path: Path) -> str:
    """Of that file."""
    return f"sqlite:///{tmp_path / 'docs.db'}"


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("bigint", ["1", "-5", "9007199254740993"]),
        ("uuid", ["'6f3a0b1e-0000-4000-8000-00000000000a'"]),
        ("timestamptz", ["'2026-01-01 10:00:00.25+02'", "'infinity'"]),
        ("date", ["'2026-01-01'"]),
        ("numeric(10,2)", ["1.50", "2"]),
        ("bytea", ["'\\x00ff'"]),
        ("char(5)", ["'ab'"]),
        ("text", ["'a/b'", "'%41'", "'näh'", "' '", "''';--'", "'NULL'"]),
        ("text[]", ["'{a,b}'"]),
    ],
)
def test_a_key_of_any_type_is_found_again(database, type_, values):
    """What a scan calls a row, a look and a fetch find, and nothing else."""
    database.execute(f"CREATE TABLE doc (id {type_} PRIMARY KEY, body text, acl text DEFAULT 'user:a')")
    for value in values:
        database.writer.execute(f"INSERT INTO doc (id, body) VALUES ({value}, 'text')")
    rows = source(database.url)
    seen = everything(rows)
    assert len(seen) == len(values)
    for key, one in seen.items():
        assert rows.observe(key) == one
        assert isinstance(rows.fetch(one), Content)
    for key in ("abc", "0", "1; DROP TABLE doc", "", "\0", "\ud800", "1" * 5000):
        assert rows.observe(key) is None
    assert len(rows.look("", [*seen, "abc", "2026-99-99", "1" * 400])) == len(values)


def test_keys_of_several_columns(database):
    """Parts are told apart whatever is in them; a part that is no value of its column is nobody's."""
    database.execute("CREATE TABLE doc (a text, b bigint, body text, acl text DEFAULT 'user:a', PRIMARY KEY (a, b))")
    database.execute("INSERT INTO doc VALUES ('x/y', 1, 't'), ('x', 2, 't'), ('%2F', 3, 't')")
    rows = source(database.url, key=("a", "b"))
    seen = everything(rows)
    assert set(seen) == {"x%2Fy/1", "x/2", "%252F/3"}
    assert rows.look("", list(seen)) == [seen[key] for key in sorted(seen)]
    assert [rows.observe(key) for key in ("x/y/1", "x", "x/z", "x/2/")] == [None] * 4


def test_sqlite_columns_hold_anything(tmp_path, file):
    """A number and a text that is written alike are two rows of one key: nobody knows which counts, so nobody finds either."""
    file.execute("CREATE TABLE doc (id, body TEXT, acl TEXT DEFAULT 'user:a')")
    file.executemany("INSERT INTO doc (id, body) VALUES (?, 'text')", [(1,), ("1",), (2,), (b"\x01",), (None,), (2.5,), ("a",)])
    rows = source(url_of(tmp_path))
    seen = everything(rows)
    assert set(seen) == {"1", "2", "\\x01", "a"}
    assert (seen["1"].acl, seen["1"].refusal and seen["1"].refusal.reason) == (None, Reason.UNREADABLE)
    assert all(isinstance(rows.fetch(seen[key]), Content) for key in ("2", "\\x01", "a"))


def test_two_rows_of_one_key(database):
    """Without a unique key both are hidden, and the others are not."""
    database.execute("CREATE TABLE doc (id bigint, body text, acl text)")
    database.execute("INSERT INTO doc VALUES (1, 'for a', 'user:a'), (1, 'for b', 'user:b'), (2, 'x', 'user:a')")
    seen = everything(source(database.url))
    assert {key: one.acl is not None for key, one in seen.items()} == {"1": False, "2": True}


def test_a_misspelt_column_is_an_error_in_sqlite_too(tmp_path, file):
    """SQLite would take a quoted name that it does not know for a text."""
    file.execute("CREATE TABLE doc (id INTEGER PRIMARY KEY, body TEXT, acl TEXT)")
    for wrong in ({"version": "versoin"}, {"key": ("ident",)}, {"readers": (ReaderColumn("acls"),)}):
        with pytest.raises(SourceUnavailable):
            list(source(url_of(tmp_path), **wrong).scan())


def test_bytes_that_are_no_text_cost_one_row(tmp_path, file):
    """Its text is refused by the extractor, not by the scan."""
    file.execute("CREATE TABLE doc (id INTEGER PRIMARY KEY, body TEXT, acl TEXT DEFAULT 'user:a')")
    file.execute("INSERT INTO doc (id, body) VALUES (1, CAST(x'ff41' AS TEXT)), (2, 'fine')")
    rows = source(url_of(tmp_path))
    got = {key: rows.fetch(one) for key, one in everything(rows).items()}
    assert {key: one.data for key, one in got.items() if isinstance(one, Content)} == {"1": b"\xffA", "2": b"fine"}


def test_a_large_text_is_never_fetched(database):
    """What is beyond the limit is refused by its size; the statement leaves it where it is."""
    database.execute("CREATE TABLE doc (id bigint PRIMARY KEY, body text, acl text DEFAULT 'user:a')")
    database.execute("INSERT INTO doc (id, body) SELECT 1, repeat('x', 2000000)")
    rows = source(database.url)
    (seen,) = everything(rows).values()
    assert (seen.size, seen.refusal and seen.refusal.reason) == (2_000_000, Reason.TOO_LARGE)
    (fact,) = rows._facts(["1"], texts=True)
    assert fact.line.texts == (None,)


def test_values_are_bound_and_nothing_is_written(database):
    """No value is part of a statement, and the server itself refuses to write."""
    database.execute("CREATE TABLE doc (id text PRIMARY KEY, body text, acl text DEFAULT 'user:a')")
    database.execute("INSERT INTO doc VALUES (%s, 'text')", "canary'; DELETE FROM doc; --")
    rows = source(database.url)
    statements: list[str] = []
    event.listen(rows._database._engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    (seen,) = everything(rows).values()
    rows.fetch(seen)
    rows.observe(seen.key)
    assert statements
    assert not [statement for statement in statements if "canary" in statement]
    with pytest.raises(SourceUnavailable), rows._database.reading() as connection:
        connection.exec_driver_sql("DELETE FROM doc")
    assert database.execute("SELECT count(*) FROM doc") == [(1,)]


def test_an_sqlite_file_is_never_written_or_made(tmp_path, file):
    """Opened read only; where there is none, none comes to be."""
    file.execute("CREATE TABLE doc (id INTEGER PRIMARY KEY, body TEXT, acl TEXT)")
    rows = source(url_of(tmp_path))
    with pytest.raises(SourceUnavailable), rows._database.reading() as connection:
        connection.exec_driver_sql("DELETE FROM doc")
    with pytest.raises(SourceUnavailable):
        list(source(f"sqlite:///{tmp_path / 'none.db'}").scan())
    assert not (tmp_path / "none.db").exists()


def test_another_file_in_its_place_is_the_one_that_is_read(tmp_path, file):
    """A database that is replaced by a new one is opened anew."""
    file.execute("CREATE TABLE doc (id INTEGER PRIMARY KEY, body TEXT, acl TEXT DEFAULT 'user:a')")
    file.execute("INSERT INTO doc (id, body) VALUES (1, 'old')")
    rows = source(url_of(tmp_path))
    assert set(everything(rows)) == {"1"}
    with sqlite3.connect(tmp_path / "new.db") as other:
        other.execute("CREATE TABLE doc (id INTEGER PRIMARY KEY, body TEXT, acl TEXT DEFAULT 'user:a')")
        other.execute("INSERT INTO doc (id, body) VALUES (2, 'new')")
    other.close()
    (tmp_path / "new.db").rename(tmp_path / "docs.db")
    assert set(everything(rows)) == {"2"}


def test_a_statement_that_takes_too_long(database, tmp_path, file):
    """Its time is over: the store is away, in both databases."""
    database.execute("CREATE TABLE doc (id bigint PRIMARY KEY, body text, acl text)")
    slow = Relation(query="SELECT 1 AS id, pg_sleep(600)::text AS body, '' AS acl")
    with pytest.raises(SourceUnavailable, match="took too long"):
        list(source(database.url, slow, timeout=1).scan())
    endless = (
        "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT max(id) AS id, '' AS body, '' AS acl FROM n"
    )
    with pytest.raises(SourceUnavailable, match="took too long"):
        list(source(url_of(tmp_path), Relation(query=endless), timeout=1).scan())


def test_errors_tell_no_data(database):
    """Neither what is in the table nor the password nor the account is in what is said, or in what it came from."""
    database.execute("CREATE TABLE doc (id text PRIMARY KEY, body text, acl text)")
    database.execute("INSERT INTO doc VALUES ('1', 'canary', 'user:a')")
    broken = Relation(query="SELECT id, (body::int)::text AS body, acl FROM doc")
    with pytest.raises(SourceUnavailable) as told:
        list(source(database.url, broken, password="canary").scan())
    error: BaseException | None = told.value
    assert "canary" not in str(error)
    assert error is not None
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert "canary" not in repr(source(database.url, password="canary"))


def test_a_row_that_can_not_be_read_is_not_gone(database):
    """An error of the data is the store's, for every question; a text that is no value of the key is a row that is not there."""
    database.execute("CREATE TABLE doc (id bigint PRIMARY KEY, body text, acl text DEFAULT 'user:a')")
    database.execute("INSERT INTO doc (id, body) VALUES (1, '5')")
    rows = source(database.url, Relation(query="SELECT id, (body::int)::text AS body, acl FROM doc"))
    (seen,) = everything(rows).values()
    (page,) = rows.scan()
    database.execute("UPDATE doc SET body = 'five'")
    for ask in (
        page.load,
        lambda: rows.observe("1"),
        lambda: rows.look("", ["abc", "1"]),
        lambda: rows.fetch(seen),
    ):
        with pytest.raises(SourceUnavailable):
            ask()
    assert rows.observe("abc") is None


def test_the_whole_pass_sees_one_moment(database, monkeypatch):
    """What is committed while the rows come by is the next pass's: a row that moves within the table is not missed."""
    database.execute("CREATE TABLE doc (id bigint PRIMARY KEY, body text, acl text DEFAULT 'user:a')")
    database.execute("INSERT INTO doc (id, body) SELECT n, 'x' FROM generate_series(1, 300) n")
    rows = source(database.url)
    moved = False
    real = rows._rows.fact

    def fact(line: object, granted: object) -> object:
        nonlocal moved
        if not moved:
            moved = True
            database.execute("UPDATE doc SET id = -id WHERE id > 150")
            database.execute("DELETE FROM doc WHERE id = 100")
        return real(line, granted)

    monkeypatch.setattr(rows._rows, "fact", fact)
    assert sum(page.size for page in rows.scan()) == 300
    assert sum(page.size for page in rows.scan()) == 299


def test_a_fetch_under_another_acl_brings_nothing(tmp_path, file):
    """The row is the version that was seen, and others may read it now: it has to be looked at again."""
    file.execute("CREATE TABLE doc (id INTEGER PRIMARY KEY, body TEXT, acl TEXT, version INTEGER DEFAULT 1)")
    file.execute("INSERT INTO doc (id, body, acl) VALUES (1, 'x', 'user:a')")
    rows = source(url_of(tmp_path), version="version")
    (seen,) = everything(rows).values()
    file.execute("UPDATE doc SET acl = 'user:b'")
    assert rows.fetch(seen) is Absence.CHANGED


def test_a_connection_that_is_lost_is_a_fault(database):
    """Whoever listens knows that nothing is heard any more; listening anew mends it."""
    rows = source(database.url, channel="changed")
    heard: list[Hint] = []
    watch = rows.watch(heard.append)
    assert watch is not None
    database.execute("NOTIFY changed, '7'")
    assert eventually(lambda: heard == [Hint(What.KEY, "7")])
    database.execute("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    assert eventually(lambda: watch.fault() is not None)
    watch.mend()
    assert watch.fault() is None
    database.execute("NOTIFY changed")
    assert eventually(lambda: heard[1:] == [Hint(What.TREE, "")])
    watch.close()
    assert watch.fault() is not None


def test_documents_and_grants_are_of_one_moment(database, monkeypatch):
    """A row that comes and a grant that goes while a pass begins: neither is seen without the other."""
    database.execute("CREATE TABLE doc (id bigint PRIMARY KEY, body text, acl text)")
    database.execute("CREATE TABLE grants (doc bigint, who text)")
    database.execute("INSERT INTO doc (id, body) VALUES (1, 'public')")
    database.execute("INSERT INTO grants VALUES (1, 'user:a')")
    rows = source(database.url, Relation(table="doc", readers="SELECT doc, who FROM grants"), readers=())
    real = rows._database.few

    def few(connection: Any, asked: Any) -> list[Any]:
        found = real(connection, asked)
        database.execute("DELETE FROM grants")
        database.execute("UPDATE doc SET body = 'secret'")
        return found

    (seen,) = everything(rows).values()
    monkeypatch.setattr(rows._database, "few", few)
    got = rows.fetch(seen)
    assert isinstance(got, Content)
    assert got.data == b"public"
    monkeypatch.undo()
    assert rows.fetch(seen) is Absence.CHANGED


def test_more_keys_than_are_kept(database, monkeypatch):
    """Where not all keys can be in memory, each page is still found whole."""
    monkeypatch.setattr(sweep, "KEPT", 50)
    database.execute("CREATE TABLE doc (id bigint PRIMARY KEY, body text, acl text DEFAULT 'user:a')")
    database.execute("INSERT INTO doc (id, body) SELECT n, 'x' FROM generate_series(1, 400) n")
    rows = source(database.url)
    pages = list(rows.scan())
    assert rows._sweeper._kept is None
    listings = [page.load() for page in pages]
    assert sorted(int(one.key) for listing in listings for one in listing.members) == list(range(1, 401))
    assert [listing.stamp for listing in listings] == [page.stamp for page in pages]
    assert sum(map(len, (rows._sweeper._kept or {}).values())) < 100


def test_a_young_version_proves_nothing(tmp_path, file):
    """A row that was changed within the tick of a clock is looked at again, and its page is opened again."""
    file.execute("CREATE TABLE doc (id INTEGER PRIMARY KEY, body TEXT, acl TEXT DEFAULT 'user:a', at TEXT)")
    file.execute(
        "INSERT INTO doc (id, body, at) VALUES (1, 'x', datetime('now')), (2, 'x', '2026-01-01 00:00:00'), (3, 'x', NULL)"
    )
    rows = source(url_of(tmp_path), version="at")
    rows._rows._now = lambda: SystemClock().now().timestamp()
    seen = everything(rows)
    assert {key: one.racy for key, one in seen.items()} == {"1": True, "2": False, "3": True}
    assert {rows.page_of(key): True for key in ("1", "3")}.keys() == {page.prefix for page in rows.scan() if page.stamp is None}
    assert seen["2"].changed_at == 1767225600.0


def test_xmin_is_a_version(database):
    """PostgreSQL's own mark of the last change of a row: no column is needed for that."""
    database.execute("CREATE TABLE doc (id bigint PRIMARY KEY, body text, acl text DEFAULT 'user:a')")
    database.execute("INSERT INTO doc (id, body) VALUES (1, 'x'), (2, 'x')")
    rows = source(database.url, version="xmin")
    before = everything(rows)
    database.execute("UPDATE doc SET body = 'y' WHERE id = 1")
    after = everything(rows)
    assert (after["1"].version != before["1"].version, after["2"].version == before["2"].version) == (True, True)
    assert rows.fetch(before["1"]) is Absence.CHANGED


@pytest.mark.parametrize("type_", ["text[]", "jsonb", "json"])
def test_lists_of_the_database_are_lists(database, type_):
    """Arrays and JSON are read as what they hold; a page with an ACL that is not understood is opened every time."""
    database.execute(f"CREATE TABLE doc (id bigint PRIMARY KEY, body text, acl {type_})")
    good, bad = ("{user:a}", "{NULL}") if type_ == "text[]" else ('["user:a"]', '{"user": "a"}')
    database.execute("INSERT INTO doc VALUES (1, 'x', %s), (2, 'x', %s), (3, 'x', NULL)", good, bad)
    rows = source(database.url)
    seen = everything(rows)
    acl = seen["1"].acl
    assert acl is not None
    assert acl.decide(frozenset({user("people", "a")}))
    assert (seen["2"].acl, seen["3"].acl) == (None, None)
    assert {page.prefix for page in rows.scan() if page.stamp is None} == {rows.page_of("2"), rows.page_of("3")}


def test_columns_of_single_names_and_rows_of_grants(database):
    """All that names somebody counts together; a grant that is not understood hides its row alone."""
    database.execute("CREATE TABLE doc (id bigint PRIMARY KEY, body text, owner bigint, acl text)")
    database.execute("CREATE TABLE grants (doc bigint, who text)")
    database.execute("INSERT INTO doc VALUES (1, 'x', 7, ''), (2, 'x', NULL, ''), (3, 'x', 7, '')")
    database.execute("INSERT INTO grants VALUES (1, 'group:g'), (1, 'user:b'), (3, 'whoever')")
    columns = (ReaderColumn("owner", PrincipalKind.USER), ReaderColumn("acl"))
    relation = Relation(table="public.doc", readers="SELECT doc, who FROM grants;")
    seen = everything(source(database.url, relation, readers=columns))
    one, two = seen["1"].acl, seen["2"].acl
    assert one is not None
    assert two is not None
    assert [one.decide(frozenset({user("people", name)})) for name in ("7", "b", "c")] == [True, True, False]
    assert not two.decide(frozenset({user("people", "7")}))
    assert seen["3"].acl is None


def test_settings_change_with_what_is_selected(tmp_path, file):
    """Whatever makes another document of a row, or lets others read it, opens every page again."""
    url = url_of(tmp_path)
    made = [
        source(url),
        source(url, text=("body", "more")),
        source(url, title="title"),
        source(url, version="at"),
        source(url, deleted="gone"),
        source(url, Relation(table="other")),
        source(url, Relation(query="SELECT * FROM doc")),
        source(url, Relation(table="doc", readers="SELECT 1, 'user:a'")),
        source(url, readers=(ReaderColumn("acl", PrincipalKind.USER),)),
    ]
    assert len({one.settings for one in made}) == len(made)
    assert source(url).settings == made[0].settings
