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
        """This clause for sources whose configuration does not let `everyone` in."""
        kept = (
            Entry(entry.effect, tuple(p for p in entry.principals if p.kind is not PrincipalKind.EVERYONE))
            for entry in self.entries
        )
        return Clause(tuple(entry for entry in kept if entry.principals))

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

    Every clause of `new` has to be at least as permissive as some clause of `old`.
    """
    if not old.clauses:
        return True
    if not new.clauses:
        return False
    return all(any(_at_least_as_permissive(before, after) for before in old.clauses) for after in new.clauses)


def _at_least_as_permissive(old: Clause, new: Clause) -> bool:
    """Greedy proof that `new` is `old` with allows added or grown and denials removed or shrunk.

    Under "first match decides" each of these four steps can only turn a no into a yes.
    """
    if new.passes_everyone():
        return True
    later = iter(new.entries)
    candidate = next(later, None)
    for before in old.entries:
        if before.effect is Effect.ALLOW:
            while candidate is not None and candidate.effect is Effect.ALLOW and not _covers(candidate, before):
                candidate = next(later, None)
            if candidate is None or candidate.effect is Effect.DENY:
                return False
            candidate = next(later, None)
        else:
            while candidate is not None and candidate.effect is Effect.ALLOW and not _starts_next(candidate, before, old):
                candidate = next(later, None)
            if candidate is not None and candidate.effect is Effect.DENY:
                if not _covers(before, candidate):
                    continue
                candidate = next(later, None)
    while candidate is not None:
        if candidate.effect is Effect.DENY:
            return False
        candidate = next(later, None)
    return True


def _covers(wide: Entry, narrow: Entry) -> bool:
    return set(narrow.principals) <= set(wide.principals)


def _starts_next(candidate: Entry, deny_entry: Entry, old: Clause) -> bool:
    """Whether `candidate` is needed to cover the next allow of `old` after `deny_entry`."""
    after = old.entries[old.entries.index(deny_entry) + 1 :]
    following = next((entry for entry in after if entry.effect is Effect.ALLOW), None)
    return following is not None and _covers(candidate, following)
