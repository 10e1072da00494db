"""The rows of a table as a source."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from sqlalchemy import URL
from sqlalchemy.exc import DataError

from syncd.adapters.sources.described import Described
from syncd.adapters.sources.filesystem.rules import AclRule
from syncd.adapters.sources.readers import Known, Readers
from syncd.adapters.sources.sql.database import Database
from syncd.adapters.sources.sql.dialects import Dialect, PostgreSql, Sqlite
from syncd.adapters.sources.sql.document import Layout
from syncd.adapters.sources.sql.keys import is_page, page_of, parts_of
from syncd.adapters.sources.sql.rows import Fact, Rows, Stamp, apart
from syncd.adapters.sources.sql.statements import Columns, Relation, Statements
from syncd.adapters.sources.sql.sweep import Sweeper
from syncd.core.hints import Hint
from syncd.core.model import Absence, Content, Listing, Observation, Page, Refusal
from syncd.core.tlv import tlv
from syncd.ports import Clock, Watch


class SqlSource(Described):
    """The rows of a table or query of a PostgreSQL or SQLite database; nothing is ever written there.

    A scan passes over all rows in one snapshot, so that neither a late commit nor a deletion escapes it. dialect: the database;
    detail: what it is called to people, without a password. known: who somebody is in the realm. rules: who may read what a
    pattern matches, before anything in the database. max_bytes: larger texts are refused. channel: where a PostgreSQL tells of
    changed keys.
    """

    def __init__(
        self,
        name: str,
        dialect: Dialect,
        detail: str,
        relation: Relation,
        columns: Columns,
        layout: Layout,
        *,
        realm: str,
        known: Known,
        max_bytes: int,
        allow_everyone: bool,
        rules: tuple[AclRule, ...] = (),
        channel: str | None = None,
        clock: Clock,
    ) -> None:
        self._dialect = dialect
        self._columns = columns
        self._layout = layout
        self._channel = channel
        named = tlv(*columns.key, "", *columns.text, "", columns.title or "", columns.version or "", columns.deleted or "")
        rows = tlv(relation.table or "", relation.query or "", named)
        readers = tlv(relation.readers or "", *map(str, columns.readers))
        ruled = tlv(*(tlv(rule.glob, *map(str, rule.readers)) for rule in rules))
        parts = ("syncd/sql/1", realm, rows, readers, layout.digest_parts(), max_bytes, int(allow_everyone), ruled)
        super().__init__(name, realm=realm, place=detail, settings=hashlib.sha256(tlv(*parts)).digest())
        self._database = Database(name, detail, dialect)
        versioned = columns.version is not None
        who = Readers(realm, columns.readers, rules, known, clock.monotonic_ns, allow_everyone=allow_everyone)
        self._rows = Rows(layout, who, rows, max_bytes, lambda: clock.now().timestamp(), versioned=versioned)
        statements = Statements(dialect, relation, columns, max_bytes)
        self._sweeper = Sweeper(self._database, statements, self._rows, versioned=versioned)

    def scan(self, below: str = "", *, deep: bool = True) -> Iterator[Page]:
        """A page for each of the 4,096 shares of the keys that has a row. Raises SourceUnavailable before the first of them."""
        if (below and not is_page(below)) or not (below or deep):
            self._database.reachable()
            return
        for prefix, stamp in self._sweeper.pages().items():
            if below in ("", prefix):
                yield Page(prefix, stamp.value(), partial(self._load, prefix), size=stamp.count)

    def page_of(self, key: str) -> str:
        """The share of the keys that `key` is in."""
        return page_of(key)

    def watch(self, tell: Callable[[Hint], None]) -> Watch | None:
        """Listen on the channel, if one is configured; None otherwise. Raises SourceUnavailable when the database is away."""
        if self._channel is None or not isinstance(self._dialect, PostgreSql):
            self._database.reachable()
            return None
        from syncd.adapters.sources.sql.listening import PostgresWatch  # noqa: PLC0415 - psycopg is imported where it is used

        return PostgresWatch(self._dialect, self._channel, tell, self._database.unavailable)

    def observe(self, key: str) -> Observation | None:
        """The row of `key` now; None when there is none, or it is marked as deleted. Raises SourceUnavailable."""
        return next(iter(self.look(page_of(key), [key])), None)

    def look(self, prefix: str, keys: Sequence[str]) -> list[Observation]:  # noqa: ARG002 - a row is found by its key alone
        """The same for several keys, whichever page they are on."""
        facts = apart(self._facts(keys))
        return [self._rows.observation(fact) for fact in facts]

    def fetch(self, seen: Observation) -> Content | Absence | Refusal:
        """The row read again, its ACL in the same snapshot: its document if it is what was observed. Raises SourceUnavailable."""
        if seen.refusal is not None:
            return seen.refusal
        fact = next(iter(apart(self._facts([seen.key], texts=True))), None)
        if fact is None:
            return Absence.GONE
        now = self._rows.observation(fact)
        if (now.version, now.acl) != (seen.version, seen.acl):
            return Absence.CHANGED
        if now.refusal is not None:
            return now.refusal
        texts = fact.line.texts or ()
        count = len(self._columns.text)
        return self._layout.content(next(iter(texts[count:]), None), texts[:count])

    def locate(self, path: str) -> str | None:  # noqa: ARG002 - no path leads to a row
        """None: rows have no path."""
        return None

    # -- within --

    def _load(self, prefix: str) -> Listing:
        """The rows of a page, as they are now. What was inserted since the scan is the next one's. Raises SourceUnavailable."""
        stamp, facts = Stamp(), []
        for fact in self._facts(self._sweeper.keys(prefix)):
            stamp.add(fact)
            facts.append(fact)
        members = apart(facts)
        if len(members) < len(facts):
            stamp.twice()
        return Listing(prefix, stamp.value(), tuple(self._rows.observation(fact) for fact in members))

    def _facts(self, keys: Sequence[str], *, texts: bool = False) -> list[Fact]:
        """The rows of some keys. A key that no row can have, for it is no number for instance, costs itself only."""
        wanted = {key: parts for key in keys if (parts := parts_of(key, len(self._columns.key))) is not None}
        if not wanted:
            self._database.reachable()
            return []
        try:
            found = list(self._sweeper.look(list(wanted.values()), texts=texts, doubtful=True))
        except DataError:
            # Which of them can't be keys is asked of the database: an error of anything else must not look like a missing row.
            able = [parts for parts in wanted.values() if self._sweeper.possible(parts)]
            found = list(self._sweeper.look(able, texts=texts))
        return [fact for fact in found if fact.key in wanted]


def dialect_of(url: URL, password: Callable[[], str] | None, timeout_s: int) -> Dialect:
    """The dialect of a database. url: without a password."""
    if url.get_backend_name() == "sqlite":
        from pathlib import Path  # noqa: PLC0415

        return Sqlite(Path(url.database or ""), timeout_s)
    return PostgreSql(url, password, timeout_s)
