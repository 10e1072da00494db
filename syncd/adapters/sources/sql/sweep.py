"""A pass over all keys in one snapshot, in the order of the database: stamps of all pages, and which keys are on which."""

from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DataError

from syncd.adapters.sources.sql.database import AT_ONCE, Database
from syncd.adapters.sources.sql.keys import PAGES, key_of, page_of
from syncd.adapters.sources.sql.rows import Fact, Rows, Stamp
from syncd.adapters.sources.sql.statements import Statements

KEPT = 500_000
"""Keys that are in memory at once: more are found by another pass over the keys alone, a share of the pages at a time."""
WIDE_AT_ONCE = 64
"""Rows that are in memory at once where their texts are read."""
TOGETHER = 200
"""Keys that are looked up by one statement."""


class Sweeper:
    """Reads rows of one relation; remembers a bounded number of keys by page."""

    def __init__(self, database: Database, statements: Statements, rows: Rows, *, versioned: bool) -> None:
        self._database = database
        self._statements = statements
        self._rows = rows
        self._texts = not versioned
        self._lock = Lock()
        self._kept: dict[str, list[str]] | None = None
        self._known: tuple[int, int] = (0, 0)
        """The pages (from, to) whose keys are kept."""
        self._count = 0

    def pages(self) -> dict[str, Stamp]:
        """Every page with a row, in order. Raises SourceUnavailable: half a pass is none."""
        found: dict[str, Stamp] = {}
        kept: dict[str, list[str]] | None = {}
        before, count = None, 0
        with self._database.reading() as connection:
            for fact in self._facts(connection, None):
                page = page_of(fact.key)
                stamp = found.get(page)
                if stamp is None:
                    stamp = found[page] = Stamp()
                if fact.key == before:
                    stamp.twice()
                    continue
                before = fact.key
                stamp.add(fact)
                count += 1
                if count > KEPT:
                    kept = None
                if kept is not None:
                    kept.setdefault(page, []).append(fact.key)
        with self._lock:
            self._kept, self._known, self._count = kept, (0, PAGES) if kept is not None else (0, 0), count
        return dict(sorted(found.items()))

    def keys(self, page: str) -> list[str]:
        """The keys on a page, in the order of the database, as they were at the last pass. Raises SourceUnavailable."""
        place = int(page, 16)
        with self._lock:
            if self._kept is None or not self._known[0] <= place < self._known[1]:
                self._keep_from(place)
            return list((self._kept or {}).get(page, ()))

    def _keep_from(self, place: int) -> None:
        """Remember the keys of this page, and of as many after it as there is room for."""
        share = max(1, PAGES * KEPT // self._count) if self._count else PAGES
        end = min(PAGES, place + share)
        kept: dict[str, list[str]] = {}
        count, before = 0, None
        with self._database.reading() as connection:
            for row in self._database.stream(connection, self._statements.keys()):
                key = key_of(tuple(row))
                if key is None or key == before:
                    continue
                before = key
                count += 1
                page = page_of(key)
                if place <= int(page, 16) < end:
                    kept.setdefault(page, []).append(key)
        self._kept, self._known, self._count = kept, (place, end), count

    def look(self, parts: Sequence[Sequence[str]], *, texts: bool = False, doubtful: bool = False) -> Iterator[Fact]:
        """Rows of some keys, as they are now, in the order of the database within each two hundred.

        Raises SourceUnavailable; DataError where `doubtful`.
        """
        with self._database.reading(doubtful=doubtful) as connection:
            for start in range(0, len(parts), TOGETHER):
                yield from self._facts(connection, parts[start : start + TOGETHER], sizes=True, texts=texts)

    def possible(self, parts: Sequence[str]) -> bool:
        """Whether the database takes these texts for values of the key columns. Raises SourceUnavailable."""
        try:
            with self._database.reading(doubtful=True) as connection:
                self._database.few(connection, self._statements.no_row(parts))
        except DataError:
            return False
        return True

    def _facts(
        self, connection: Connection, keys: Sequence[Sequence[str]] | None, *, sizes: bool = False, texts: bool = False
    ) -> Iterator[Fact]:
        """Facts in key order; of all rows while they come by and by, or of those of `keys`."""
        texts = texts or self._texts
        asked = self._statements.rows(keys, sizes=sizes, texts=texts)
        read = self._all if keys is None else self._database.few
        at_once = WIDE_AT_ONCE if texts else AT_ONCE
        grants = _Grants(read(connection, self._statements.grants_of(keys))) if self._statements.grants else None
        rows = self._database.stream(connection, asked, at_once) if keys is None else iter(self._database.few(connection, asked))
        meaning = self._statements.reader(sizes=sizes, texts=texts)
        for row in rows:
            line = meaning(row)
            fact = self._rows.fact(line, grants.of(line.key) if grants is not None else None)
            if fact is not None:
                yield fact

    def _all(self, connection: Connection, asked: Any) -> Iterator[Any]:
        return self._database.stream(connection, asked)


class _Grants:
    """Rows of the readers query beside those of the documents, both in key order."""

    def __init__(self, rows: Any) -> None:
        self._rows: Iterator[Any] = iter(rows)
        self._next: Any = next(self._rows, None)

    def of(self, key: tuple[object, ...]) -> list[object]:
        """The principals of this row; those of one that comes again are the same."""
        found: list[object] = []
        while self._next is not None and tuple(self._next)[:-1] == key:
            found.append(self._next[-1])
            self._next = next(self._rows, None)
        return found
