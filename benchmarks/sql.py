"""What a table costs as a source: passes over a PostgreSQL table, a whole sync of it, and late commits.

`python benchmarks/sql.py [--rows N] [--synced N] [--trials N]`: rows of the table that the source alone passes over, rows that
are brought into an index that keeps nothing (with the hash embedder), and transactions that commit after a pass.
Each part runs in a process of its own, whose peak memory is told. The server is the tests' own, on a Unix socket.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import psycopg
from believing import Believer
from kit import Site
from postgres import Database, running
from sql_kit import sql_site
from sqlalchemy import make_url

from syncd.adapters.sources.sql import Columns, Layout, ReaderColumn, Relation, SqlSource, dialect_of
from syncd.adapters.system import SystemClock
from syncd.core.acl import Principal

FILL = """
    INSERT INTO ticket (id, subject, body, acl)
    SELECT n, 'Ticket ' || n, 'The ' || md5(n::text) || ' on floor ' || n % 97 || ' is out of ' || md5((n * 7)::text) || '. '
        || repeat('Somebody ought to have a look at it before the week is over. ', 3), 'user:u' || n % 50 || ',group:g' || n % 20
    FROM generate_series(1, {rows}) n
"""
SCHEMA = """
    CREATE TABLE ticket (
        id bigint PRIMARY KEY, subject text, body text, changed bigint NOT NULL DEFAULT 1, acl text, deleted_at text)
"""
NOTES = """
    CREATE TABLE ticket (
        id bigserial PRIMARY KEY, body text, changed timestamptz NOT NULL DEFAULT now(), acl text DEFAULT 'user:a')
"""
DELETED = 1_000


def source_of(url: str) -> SqlSource:
    """The table as a source."""
    return SqlSource(
        "tickets",
        dialect_of(make_url(url), None, 600),
        "a benchmark",
        Relation(table="ticket"),
        Columns(key=("id",), text=("body",), version="changed", readers=(ReaderColumn("acl"),)),
        Layout(("body",), "markdown"),
        realm="people",
        known=lambda kind, name: Principal(kind, "people", str(name)),
        max_bytes=1 << 20,
        allow_everyone=False,
        clock=SystemClock(),
    )


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say how long it took: the whole, and this process alone."""
    began, cpu = time.monotonic(), time.process_time()
    yield
    print(f"  {what:<44}{time.monotonic() - began:9.2f} s   {time.process_time() - cpu:9.2f} s CPU here", flush=True)


def memory() -> None:
    """Peak so far."""
    print(f"  peak memory                                 {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:9.0f} MiB")


def passes(url: str) -> None:
    """The source alone: nothing is fetched, embedded or recorded but stamps."""
    source = source_of(url)
    stamps: dict[str, bytes | None] = {}

    def look() -> int:
        seen = {page.prefix: page for page in source.scan()}
        opened = [page for prefix, page in seen.items() if page.stamp is None or stamps.get(prefix) != page.stamp]
        for page in opened:
            stamps[page.prefix] = page.load().stamp
        return len(opened)

    print(f"baseline: {scalar(url, 'SELECT count(*) FROM ticket')} rows")
    with timed("psycopg reads the same columns"), psycopg.connect(url) as connection, connection.cursor("all") as cursor:
        cursor.itersize = 1_000
        for _ in cursor.execute("SELECT id::text, changed::text, acl FROM ticket ORDER BY id"):
            pass
    print("the source alone")
    for what, statement in (
        ("first pass, all pages opened", None),
        ("no change", None),
        ("one row changed", "UPDATE ticket SET changed = changed + 1 WHERE id = 77"),
        (f"{DELETED} rows deleted", f"DELETE FROM ticket WHERE id % 7 = 3 AND id <= {7 * DELETED}"),
        ("no change", None),
    ):
        if statement:
            scalar(url, statement)
        with timed(what):
            opened = look()
        print(f"    {opened} pages opened")
    memory()


def scalar(url: str, statement: str) -> object:
    """One statement, committed; the first value of what it gives."""
    with psycopg.connect(url, autocommit=True) as connection:
        done = connection.execute(statement)
        return done.fetchone()[0] if done.description else None


def synced(url: str, folder: Path) -> None:
    """Through all of syncd."""
    site: Site = sql_site(folder, url)
    site.change('backend = "edge"', 'backend = "null"')
    print(f"a whole sync, index that keeps nothing: {scalar(url, 'SELECT count(*) FROM ticket')} rows")
    for what, statement in (
        ("first sync", None),
        ("no change", None),
        ("one row changed", "UPDATE ticket SET body = 'Another text', changed = changed + 1 WHERE id = 77"),
        (f"{DELETED} rows deleted", f"DELETE FROM ticket WHERE id % 7 = 3 AND id <= {7 * DELETED}"),
    ):
        if statement:
            scalar(url, statement)
        with timed(what):
            done = site.sync()
        print(f"    {done.report.chunks.embedded} texts embedded, {done.report.documents.deleted} deleted ({done.state})")
    memory()


def late(database: Database, trials: int) -> None:
    """Each trial: one transaction begins, another one commits, a pass, the first commits, a pass. A watermark loses each."""
    database.execute(NOTES)
    believer = Believer(source_of(database.url))
    lost = watermark_lost = 0
    high = None
    with (
        timed(f"{trials} late commits, two passes each"),
        psycopg.connect(host=str(database.server.folder), dbname=database.name, user="postgres") as slow,
    ):
        for trial in range(trials):
            slow.execute("INSERT INTO ticket (body) VALUES (%s)", (f"late {trial}",))
            database.execute("INSERT INTO ticket (body) VALUES (%s)", f"young {trial}")
            believer.look()
            high = database.execute("SELECT max(changed) FROM ticket")[0][0]
            slow.commit()
            late_one = f"late {trial}"
            watermark_lost += not database.execute("SELECT 1 FROM ticket WHERE body = %s AND changed > %s", late_one, high)
            lost += late_one.encode() not in believer.look().values()
            if trial % 50 == 49:
                database.execute("DELETE FROM ticket")
    print(f"    lost: {lost} of {trials}; a watermark over the time of change would have lost {watermark_lost}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--synced", type=int, default=5_000)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.part:
        part, url = chosen.part
        with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
            passes(url) if part == "passes" else synced(url, Path(folder))
        return
    with running() as server:
        for part, rows in (("passes", chosen.rows), ("synced", chosen.synced)):
            if not rows:
                continue
            database = server.database()
            database.execute(SCHEMA)
            database.execute(FILL.format(rows=rows))
            database.execute("VACUUM ANALYZE ticket")
            subprocess.run([sys.executable, __file__, "--part", part, database.url], check=True)
            database.close()
        if chosen.trials:
            print("late commits")
            database = server.database()
            late(database, chosen.trials)
            database.close()


if __name__ == "__main__":
    main()
