"""Transactions that begin before a pass and commit after it: a watermark loses them, a pass over all keys finds them."""

import random
from collections.abc import Iterator
from threading import Event, Thread

import psycopg
import pytest
from believing import Believer
from postgres import Database, Server
from sqlalchemy import make_url

from syncd.adapters.sources.sql import Columns, Layout, ReaderColumn, Relation, SqlSource, dialect_of
from syncd.adapters.system import SystemClock
from syncd.core.acl import Principal

TRIALS = 10
SCHEMA = (
    "CREATE TABLE note (id bigserial PRIMARY KEY, body text, at timestamptz NOT NULL DEFAULT now(), acl text DEFAULT 'user:a')"
)


@pytest.fixture
def database(postgres: Server) -> Iterator[Database]:
    """A table whose times of change are those at which transactions begin, as `now()` has it."""
    made = postgres.database()
    made.execute(SCHEMA)
    yield made
    made.close()


def source_of(database: Database) -> SqlSource:
    """Its rows, their times for versions."""
    return SqlSource(
        "notes",
        dialect_of(make_url(database.url), None, 30),
        "notes",
        Relation(table="note"),
        Columns(key=("id",), text=("body",), version="at", readers=(ReaderColumn("acl"),)),
        Layout(("body",), "text"),
        realm="people",
        known=lambda kind, name: Principal(kind, "people", str(name)),
        max_bytes=1 << 20,
        allow_everyone=False,
        clock=SystemClock(),
    )


def there(database: Database) -> dict[str, bytes]:
    """What is in the table."""
    return {str(id_): body.encode() for id_, body in database.execute("SELECT id, body FROM note")}


def test_a_late_commit_is_found_by_the_next_pass(database):
    """An insert, an update and a deletion that began before a pass and became visible after it, each after younger ones."""
    for number in range(3):
        database.execute("INSERT INTO note (body) VALUES (%s)", f"first {number}")
    believer = Believer(source_of(database))
    believer.look()
    with psycopg.connect(host=str(database.server.folder), dbname=database.name, user="postgres") as late:
        for trial in range(TRIALS):
            late.execute("INSERT INTO note (body) VALUES (%s)", (f"late {trial}",))
            late.execute("UPDATE note SET body = %s, at = now() WHERE id = 1", (f"late {trial}",))
            late.execute("DELETE FROM note WHERE id = (SELECT max(id) FROM note WHERE body LIKE 'young%')")
            database.execute("INSERT INTO note (body) VALUES (%s)", f"young {trial}")
            seen = believer.look()
            assert seen == there(database)
            assert f"late {trial}".encode() not in seen.values()
            late.commit()
            assert believer.look() == there(database)
            assert f"late {trial}".encode() in believer.look().values()


def test_nothing_is_lost_among_concurrent_writers(database):
    """Writers insert, change and delete in transactions that overlap with each other and with the passes."""
    stop = Event()

    def write(seed: int) -> None:
        chance = random.Random(seed)
        with psycopg.connect(host=str(database.server.folder), dbname=database.name, user="postgres") as mine:
            while not stop.is_set():
                for _ in range(chance.randint(1, 4)):
                    id_ = 4 * chance.randint(0, 9) + seed
                    mine.execute(
                        chance.choice(
                            (
                                "INSERT INTO note (id, body) VALUES (%(id)s, %(body)s) ON CONFLICT (id) DO NOTHING",
                                "UPDATE note SET body = %(body)s, at = clock_timestamp() WHERE id = %(id)s",
                                "DELETE FROM note WHERE id = %(id)s AND %(body)s <> ''",
                            )
                        ),
                        {"id": id_, "body": str(chance.random())},
                    )
                chance.choice((mine.commit, mine.commit, mine.rollback))()

    believer = Believer(source_of(database))
    writers = [Thread(target=write, args=(seed,)) for seed in range(4)]
    for writer in writers:
        writer.start()
    for _ in range(TRIALS):
        believer.look()
    stop.set()
    for writer in writers:
        writer.join()
    assert believer.look() == there(database)
