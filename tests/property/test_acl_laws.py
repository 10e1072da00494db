"""The laws of clauses and ACLs, checked against every reader that can be told apart."""

from itertools import chain, combinations

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.acl import (
    NOBODY,
    Acl,
    Clause,
    Effect,
    Entry,
    Principal,
    Reader,
    allow,
    clause,
    deny,
    everyone,
    group,
    proven_widening,
    user,
)

NAMED = [user("unix", 1), user("unix", 2), group("unix", 1), group("unix", 2), user("ldap", 1)]
EVERYONE = [everyone("unix"), everyone("ldap")]
UNNAMED = [user("unix", 9), user("ldap", 9)]


def resolved(some: tuple[Principal, ...]) -> Reader:
    """A reader as directories resolve them: with `some` in a realm he is everyone of that realm, too."""
    return frozenset((*some, *(everyone(principal.realm) for principal in some)))


READERS = [
    resolved(some)
    for some in chain.from_iterable(combinations([*NAMED, *UNNAMED], count) for count in range(len(NAMED + UNNAMED) + 1))
]

principals = st.lists(st.sampled_from(NAMED + EVERYONE), min_size=1, max_size=3)
entries = st.builds(lambda effect, named: Entry(effect, tuple(sorted(set(named)))), st.sampled_from(Effect), principals)
clauses = st.lists(entries, max_size=5).map(lambda some: Clause(tuple(some)))
acls = st.lists(clauses, max_size=3).map(Acl.of)


def permitted(what: Acl | Clause) -> set[Reader]:
    """All readers that `what` lets pass."""
    passes = what.decide if isinstance(what, Acl) else what.permits
    return {reader for reader in READERS if passes(reader)}


@given(acls, acls)
def test_what_is_proven_is_a_widening(old: Acl, new: Acl) -> None:
    """Whenever a change is called a proven widening, every reader whom the old ACL permits is permitted by the new one."""
    if proven_widening(old, new):
        assert permitted(old) <= permitted(new)


@given(clauses, clauses)
def test_between_single_clauses_every_widening_is_proven(old: Clause, new: Clause) -> None:
    """With one clause on each side a change is called a widening exactly when it is one."""
    assert proven_widening(Acl.of([old]), Acl.of([new])) == (permitted(old) <= permitted(new))


@given(acls, clauses)
def test_dropping_a_clause_is_proven(acl: Acl, extra: Clause) -> None:
    """A directory that no longer stops anybody is a widening, for whatever clauses stay."""
    if acl.clauses:
        assert proven_widening(Acl.of([*acl.clauses, extra]), acl)


@given(acls)
def test_no_change_is_a_widening(acl: Acl) -> None:
    """An ACL against itself is no narrowing."""
    assert proven_widening(acl, acl)


@given(acls)
def test_closing_is_a_narrowing(acl: Acl) -> None:
    """From an ACL with clauses to one that lets nobody read is never a widening, back always is."""
    assert proven_widening(NOBODY, acl)
    assert proven_widening(acl, NOBODY) == (not acl.clauses)


@given(clauses)
def test_the_reduced_clause_decides_the_same(whole: Clause) -> None:
    """A clause and its reduced form permit the same readers, and reducing twice changes nothing more."""
    reduced = whole.reduced()
    assert permitted(reduced) == permitted(whole)
    assert reduced.reduced() == reduced


@given(clauses)
def test_without_everyone_permits_no_more(whole: Clause) -> None:
    """Taking `everyone` out of a clause never lets in whom the clause stopped, and lets nobody in as everyone only."""
    without = whole.without_everyone()
    assert permitted(without) <= permitted(whole)
    assert not any(reader <= {*EVERYONE, *UNNAMED} for reader in permitted(without))


@given(acls, acls)
def test_the_intersection_permits_whom_both_permit(one: Acl, other: Acl) -> None:
    """Who passes the intersection passes both, and who passes both passes it."""
    assert permitted(one.intersect(other)) == permitted(one) & permitted(other)


@given(st.lists(clauses, max_size=4), st.randoms(use_true_random=False))
def test_an_acl_has_one_form(some: list[Clause], rng) -> None:
    """The same clauses in another order, or some of them twice, are the same ACL with the same canonical bytes."""
    shuffled = [*some, *some]
    rng.shuffle(shuffled)
    assert Acl.of(shuffled) == Acl.of(some)
    assert Acl.of(shuffled).canonical() == Acl.of(some).canonical()


@given(acls, acls)
def test_different_acls_have_different_bytes(one: Acl, other: Acl) -> None:
    """Two ACLs have the same canonical bytes only when they are the same ACL."""
    assert (one == other) == (one.canonical() == other.canonical())


def test_kinds_realms_and_ids_are_told_apart() -> None:
    """A user who is called "group:a", one name in two realms, and a user and a group of one number are different principals."""
    alike = [
        user("unix", "group:a"),
        group("unix", "a"),
        user("unix", "a"),
        user("ldap", "a"),
        group("ldap", "a"),
        user("unix:group", "a"),
        user("unixa", ""),
        everyone("unix"),
        everyone("ldap"),
    ]
    some = [Acl.of([clause(allow(principal))]) for principal in alike]
    assert len({each.canonical() for each in some}) == len(alike)
    for each, own in zip(some, alike, strict=True):
        assert [principal for principal in alike if each.decide(frozenset([principal]))] == [own]


@given(clauses)
def test_a_clause_that_passes_everyone_stops_nobody_of_the_realm(whole: Clause) -> None:
    """What may be dropped as stopping nobody permits every reader of a realm whose `everyone` it allows."""
    if whole.passes_everyone():
        realms = {p for entry in whole.entries for p in entry.principals if p in EVERYONE}
        assert permitted(whole) >= {reader for reader in READERS if reader & realms}


OWNER, OTHER_USER, TEAM = user("unix", 1), user("unix", 2), group("unix", 1)
ALL = everyone("unix")


def acl(*own: Entry) -> Acl:
    """The ACL of a file behind a directory that only one group passes."""
    return Acl.of([clause(*own), clause(allow(group("unix", 2)))])


def test_common_widenings_are_proven() -> None:
    """Group read, read for all, a named user more, and a denial less are each proven, so that they fence nothing."""
    private, shared = acl(allow(OWNER)), acl(allow(OWNER, TEAM))
    assert proven_widening(private, shared)
    assert proven_widening(shared, acl(allow(ALL)))
    assert proven_widening(private, acl(allow(OWNER), deny(TEAM), allow(ALL)))
    assert proven_widening(shared, acl(allow(OWNER, OTHER_USER, TEAM)))
    assert proven_widening(acl(allow(OWNER), deny(TEAM), allow(ALL)), acl(allow(ALL)))
    assert proven_widening(acl(allow(OWNER), deny(TEAM), allow(ALL)), acl(allow(OWNER, OTHER_USER), deny(TEAM), allow(ALL)))


def test_common_narrowings_are_not_widenings() -> None:
    """Fewer bits, another owner, a directory that closes, and a denial for somebody who got in by his group are narrowings."""
    shared = acl(allow(OWNER, TEAM))
    assert not proven_widening(shared, acl(allow(OWNER)))
    assert not proven_widening(acl(allow(ALL)), shared)
    assert not proven_widening(shared, acl(allow(OTHER_USER, TEAM)))
    assert not proven_widening(Acl.of([clause(allow(ALL))]), acl(allow(ALL)))
    assert not proven_widening(shared, acl(allow(OWNER), deny(OTHER_USER), allow(TEAM)))
    assert not proven_widening(acl(allow(ALL)), acl(allow(OWNER), deny(TEAM), allow(ALL)))


def test_everyone_of_another_realm_is_somebody_else() -> None:
    """Handing a document from everyone of one realm to everyone of another is a narrowing."""
    assert not proven_widening(Acl.of([clause(allow(ALL))]), Acl.of([clause(allow(everyone("ldap")))]))
