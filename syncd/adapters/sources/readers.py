"""Who may read a row: what its columns, a query beside it, or rules say, as an ACL. What can't be understood permits nobody."""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from syncd.adapters.sources.filesystem.rules import AclRule, Globs
from syncd.core.acl import Acl, Principal, PrincipalKind, allow, clause, everyone

EVERYONE = "everyone"
PRINCIPALS, LONGEST = 1_000, 1 << 16
"""Principals that one row may name, and characters that they may be written in; more are not understood."""
REMEMBERED = 8_192
"""ACLs that are remembered: many rows have the same."""
FRESH_NS = 60 * 10**9
"""For how long it is remembered who a name is."""

_PLAIN = re.compile(r"everyone|(?:user|group):[^\s:,;|\0]{1,255}")
"""A name in a list with commas; stranger ones are written in a JSON array, where nobody can mistake where they end."""

Known = Callable[[PrincipalKind, str | int], Principal | None]
"""Who is called so in the realm; None where nobody knows. A number is an id, never a name."""


@dataclass(frozen=True, slots=True)
class ReaderColumn:
    """A column that says who may read. kind: it holds the one name of such a principal; None: a list, each with its kind."""

    column: str
    kind: PrincipalKind | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.column}" if self.kind else self.column


class Unclear(ValueError):
    """Who may read can't be understood. There is no data in it."""


def listed(value: object) -> list[str]:
    """The names in a list: a JSON array of texts, an array of the database, or texts with commas between. Raises Unclear.

    An empty list is one of nobody; NULL says nothing, and so is not understood.
    """
    if isinstance(value, str):
        if len(value) > LONGEST:
            raise Unclear
        if value.lstrip().startswith("["):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                raise Unclear from None
        else:
            value = [part.strip() for part in value.split(",")] if value.strip() else []
            if not all(_PLAIN.fullmatch(name) for name in value):
                raise Unclear
    if not isinstance(value, list) or len(value) > PRINCIPALS or not all(isinstance(name, str) for name in value):
        raise Unclear
    return value


class Ruling(NamedTuple):
    """An ACL with its digest, which is the same for equal ones."""

    acl: Acl | None
    digest: bytes


UNCLEAR = Ruling(None, b"")


class Readers:
    """From what stands in the database to ACLs. known: who somebody is; now_ns: monotonic nanoseconds."""

    def __init__(
        self,
        realm: str,
        columns: Sequence[ReaderColumn],
        rules: Sequence[AclRule],
        known: Known,
        now_ns: Callable[[], int],
        *,
        allow_everyone: bool,
    ) -> None:
        self._realm = realm
        self._columns = tuple(columns)
        self._known = known
        self._now_ns = now_ns
        self._allow_everyone = allow_everyone
        self._rules = [(Globs((rule.glob,)), _ruling(self._permitting(set(rule.readers)))) for rule in rules]
        self._names: dict[tuple[PrincipalKind, str | int], Principal | None] = {}
        self._rulings: dict[str, Ruling] = {}
        self._since = now_ns()

    def acl(self, key: str, values: Sequence[object], granted: Sequence[object] | None) -> Acl | None:
        """The ACL of a row: of the first rule that matches its key, else all that `values` of its columns and `granted` name.

        None where it can't be understood, or nothing speaks for the row.
        """
        return self.ruling(key, values, granted).acl

    def ruling(self, key: str, values: Sequence[object], granted: Sequence[object] | None) -> Ruling:
        """The same with a digest."""
        for globs, ruled in self._rules:
            if globs.match(key):
                return ruled
        if granted is None and not self._columns:
            return UNCLEAR
        raw = repr((values, granted))  # what it is equal to decides as what it is: 1, "1" and True are three things
        found = None if self._old() else self._rulings.get(raw)
        if found is None:
            try:
                found = _ruling(self._permitting(self._named(values, granted or ())))
            except Unclear:
                found = UNCLEAR
            self._rulings[raw] = found
        return found

    def _old(self) -> bool:
        """Forget what is remembered when it is too old, or too much; whether that was so."""
        old = self._now_ns() - self._since > FRESH_NS or len(self._rulings) >= REMEMBERED
        if old:
            self._names.clear()
            self._rulings.clear()
            self._since = self._now_ns()
        return old

    def _permitting(self, principals: set[Principal]) -> Acl:
        named = clause(allow(*principals))
        return Acl.of(((named if self._allow_everyone else named.without_everyone()).reduced(),))

    def _named(self, values: Sequence[object], granted: Sequence[object]) -> set[Principal]:
        found: set[Principal] = set()
        for column, value in zip(self._columns, values, strict=True):
            if column.kind is None:
                found.update(self._principal(name) for name in listed(value))
            elif value is not None:
                found.add(self._who(column.kind, value))
        found.update(self._principal(name) for name in granted)
        return found

    def _principal(self, name: object) -> Principal:
        if not isinstance(name, str):
            raise Unclear
        if name == EVERYONE:
            return everyone(self._realm)
        kind, colon, id_ = name.partition(":")
        if not colon or kind not in {PrincipalKind.USER, PrincipalKind.GROUP}:
            raise Unclear
        return self._who(PrincipalKind(kind), id_)

    def _who(self, kind: PrincipalKind, name: object) -> Principal:
        if isinstance(name, UUID):
            name = str(name)
        if isinstance(name, bool) or not isinstance(name, str | int):
            raise Unclear
        if isinstance(name, str) and (not name or len(name) > 255 or not name.isprintable() or name != name.strip()):
            raise Unclear
        if (kind, name) not in self._names:
            self._names[kind, name] = self._known(kind, name)
        found = self._names[kind, name]
        if found is None:
            raise Unclear
        return found


def _ruling(acl: Acl) -> Ruling:
    return Ruling(acl, hashlib.sha256(acl.canonical()).digest())
