"""The sources of syncd under the suite that says what every source does."""

from pathlib import Path

import pytest
from postgres import Server
from sql_worlds import GRANTED, JOINED, PLAIN, QUERY, TABLE, VERSIONED, PostgresWorld, SqliteWorld

from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.ports import Source
from syncd.testing.sources import LaterClock, SourceContract, World


class FilesystemWorld:
    """A directory tree."""

    def __init__(self, folder: Path) -> None:
        self._root = folder / "root"
        self._root.mkdir()
        self.source: Source = FilesystemSource("notes", self._root, max_bytes=1 << 20, allow_everyone=True, clock=LaterClock())

    def put(self, key: str, data: bytes) -> None:
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def remove(self, key: str) -> None:
        (self._root / key).unlink()

    def close_to_others(self, key: str) -> None:
        (self._root / key).chmod(0o600)

    def take_away(self) -> None:
        self._root.rename(self._root.with_name("away"))


class TestFilesystem(SourceContract):
    """A directory tree."""

    def make_world(self, folder: Path) -> World:
        return FilesystemWorld(folder)

    def test_a_page_is_a_directory(self, world: World) -> None:
        """What is not there would be on the page of its directory."""
        assert world.source.page_of("sub/missing.md") == world.source.page_of("sub/c.md") == "sub"


class TestSqliteTable(SourceContract):
    """A table with a version column."""

    def make_world(self, folder: Path) -> World:
        return SqliteWorld(folder, TABLE, VERSIONED)


class TestSqlitePlainTable(SourceContract):
    """A table without one, whose rows are marked as deleted."""

    def make_world(self, folder: Path) -> World:
        return SqliteWorld(folder, TABLE, PLAIN)


class TestSqliteQueries(SourceContract):
    """What one query gives; another one says who may read."""

    def make_world(self, folder: Path) -> World:
        return SqliteWorld(folder, GRANTED, JOINED)


class OnPostgres(SourceContract):
    """A database of its own for each test."""

    @pytest.fixture(autouse=True)
    def _server(self, postgres: Server) -> None:
        self.database = postgres.database()


class TestPostgresTable(OnPostgres):
    """A table with a version column, and a trigger that tells of changes."""

    def make_world(self, folder: Path) -> World:
        return PostgresWorld(self.database, TABLE, VERSIONED, "changed")


class TestPostgresQuery(OnPostgres):
    """What a query gives; its texts are its versions, and rows are marked as deleted."""

    def make_world(self, folder: Path) -> World:
        return PostgresWorld(self.database, QUERY, PLAIN)


class TestPostgresGrants(OnPostgres):
    """A table, and a query that says who may read."""

    def make_world(self, folder: Path) -> World:
        return PostgresWorld(self.database, GRANTED, JOINED)
