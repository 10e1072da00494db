"""Access control lists that can say what POSIX says (security.md).

An ACL is a set of clauses that must all permit; a clause is an ordered list of entries of which the first match decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from syncd.core.tlv import tlv


class PrincipalKind(StrEnum):
    """What a principal is."""

    USER = "user"
    GROUP = "group"
    EVERYONE = "everyone"


@dataclass(frozen=True, slots=True, order=True)
class Principal:
    """Somebody an ACL can name: a kind, a realm, and a stable id within that realm (`""` for everyone)."""

    kind: PrincipalKind
    realm: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.realm}:{self.id}" if self.id else f"{self.kind}:{self.realm}"


def user(realm: str, id_: str | int) -> Principal:
    """The user `id_` of `realm`."""
    return Principal(PrincipalKind.USER, realm, str(id_))


def group(realm: str, id_: str | int) -> Principal:
    """The group `id_` of `realm`."""
    return Principal(PrincipalKind.GROUP, realm, str(id_))


def everyone(realm: str) -> Principal:
    """All who were resolved in `realm`."""
    return Principal(PrincipalKind.EVERYONE, realm, "")


Reader = frozenset[Principal]
"""A reader is the set of all principals that he is."""


class Effect(StrEnum):
    """What an entry does to those it names."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One line of a clause."""

    effect: Effect
    principals: tuple[Principal, ...]

    def __str__(self) -> str:
        return f"{self.effect} {','.join(map(str, self.principals))}"


def allow(*principals: Principal) -> Entry:
    """An entry that lets `principals` pass."""
    return Entry(Effect.ALLOW, tuple(sorted(set(principals))))


def deny(*principals: Principal) -> Entry:
    """An entry that stops `principals`."""
    return Entry(Effect.DENY, tuple(sorted(set(principals))))


@dataclass(frozen=True, slots=True, order=True)
class Clause:
    """Entries in order: the first that names one of the reader's principals decides; no match denies."""

    entries: tuple[Entry, ...]

    def permits(self, reader: Reader) -> bool:
        """Whether this clause lets `reader` pass."""
        for entry in self.entries:
            if any(principal in reader for principal in entry.principals):
                return entry.effect is Effect.ALLOW
        return False

    def passes_everyone(self) -> bool:
        """Whether nobody of the realm can be stopped here: no denial, and `everyone` is allowed."""
        return not any(entry.effect is Effect.DENY for entry in self.entries) and any(
            principal.kind is PrincipalKind.EVERYONE for entry in self.entries for principal in entry.principals
        )

    def without_everyone(self) -> "Clause":
        """The clause for sources whose configuration does not let `everyone` in. Denials stay: it never permits more."""
        kept: list[Entry] = []
        for entry in self.entries:
            if entry.effect is Effect.ALLOW:
                named = tuple(p for p in entry.principals if p.kind is not PrincipalKind.EVERYONE)
                kept.append(Entry(entry.effect, named))
            else:
                kept.append(entry)
        return clause(*kept)

    def reduced(self) -> "Clause":
        """A short form that decides the same for all resolved readers, so that most equal decisions become one class.

        Neighbours of one effect are merged, principals that an earlier entry decides for are left out, last denials too.
        """
        kept: list[Entry] = []
        decided: set[Principal] = set()
        for entry in self.entries:
            named = tuple(p for p in entry.principals if p not in decided and everyone(p.realm) not in decided)
            decided.update(named)
            if kept and kept[-1].effect is entry.effect:
                named += kept.pop().principals
            realms = {p.realm for p in named if p.kind is PrincipalKind.EVERYONE}
            named = tuple(p for p in named if p.kind is PrincipalKind.EVERYONE or p.realm not in realms)
            if named:
                kept.append(Entry(entry.effect, tuple(sorted(set(named)))))
        if kept and kept[-1].effect is Effect.DENY:
            kept.pop()
        return Clause(tuple(kept))

    def __str__(self) -> str:
        return "; ".join(map(str, self.entries)) or "deny all"


def clause(*entries: Entry) -> Clause:
    """A clause of those `entries` that name anybody."""
    return Clause(tuple(entry for entry in entries if entry.principals))


@dataclass(frozen=True, slots=True)
class Acl:
    """A set of clauses, sorted and without duplicates; all of them must permit. No clause at all permits nobody.

    Build it with `Acl.of`, which brings equal sets into one canonical form.
    """

    clauses: tuple[Clause, ...]

    @staticmethod
    def of(clauses: Iterable[Clause]) -> "Acl":
        """The canonical ACL of `clauses`."""
        return Acl(tuple(sorted(set(clauses))))

    def decide(self, reader: Reader) -> bool:
        """Whether `reader` may read: at least one clause, and every clause permits."""
        return bool(self.clauses) and all(clause.permits(reader) for clause in self.clauses)

    def intersect(self, other: "Acl") -> "Acl":
        """Who passes both: the union of the clauses. Nobody passes an ACL without clauses."""
        if not self.clauses or not other.clauses:
            return NOBODY
        return Acl.of((*self.clauses, *other.clauses))

    def open_to_everyone(self) -> bool:
        """Whether everyone of the realm may read."""
        return bool(self.clauses) and all(clause.passes_everyone() for clause in self.clauses)

    def canonical(self) -> bytes:
        """The one byte string that stands for this ACL in digests and sealed bindings."""
        return tlv(
            *(
                tlv(
                    *(
                        tlv(entry.effect.value, *(tlv(p.kind.value, p.realm, p.id) for p in entry.principals))
                        for entry in clause.entries
                    )
                )
                for clause in self.clauses
            )
        )

    def readers(self) -> tuple[str, ...]:
        """The sorted canonical clauses in words, as `syncd dump` prints them."""
        return tuple(sorted(str(clause) for clause in self.clauses)) or ("deny all",)


NOBODY = Acl(())
"""The ACL that lets nobody read."""


def proven_widening(old: Acl, new: Acl) -> bool:
    """Whether nobody who could read under `old` is stopped by `new`; what can't be proven counts as a narrowing.

    Proven when every clause of `new` is implied by a clause of `old`. That is exact for one clause each; that several clauses of
    `old` together imply one of `new` is not looked for. Readers are taken to be everyone of each realm that they have a
    principal in, as all resolved readers are.
    """
    if not old.clauses:
        return True
    if not new.clauses:
        return False
    return all(any(_implies(before, after) for before in old.clauses) for after in new.clauses)


def _implies(old: Clause, new: Clause) -> bool:
    """Whether every reader that `old` permits is permitted by `new`.

    A reader is permitted by the allow entry that is the first to name him, so he has one of its principals and none of those
    before it. `old` implies `new` when for none of its allow entries such a reader can be stopped by `new`.
    """
    earlier: frozenset[Principal] = frozenset()
    for entry in old.entries:
        if entry.effect is Effect.ALLOW and _can_be_stopped(entry.principals, earlier, new):
            return False
        earlier = earlier.union(entry.principals)
    return True


def _can_be_stopped(permitted: tuple[Principal, ...], avoided: frozenset[Principal], new: Clause) -> bool:
    """Whether a reader with one of `permitted` and none of `avoided` exists that `new` stops.

    He is stopped by the deny entry that is the first to name him, or by none naming him. One principal for being permitted
    and one for being denied make such a reader, for what he must avoid is the same for both.
    """
    for entry in new.entries:
        if entry.effect is Effect.DENY and _anybody(permitted, avoided) and _anybody(entry.principals, avoided):
            return True
        avoided = avoided.union(entry.principals)
    return _anybody(permitted, avoided)


def _anybody(named: tuple[Principal, ...], avoided: frozenset[Principal]) -> bool:
    """Whether a reader can have one of `named` and none of `avoided`: he is everyone of its realm, too."""
    return any(principal not in avoided and everyone(principal.realm) not in avoided for principal in named)
