"""Reading ACLs from columns: what is not understood permits nobody, and nothing lets in whom the text does not name."""

import json

from hypothesis import given
from hypothesis import strategies as st

from syncd.adapters.sources.filesystem import AclRule
from syncd.adapters.sources.readers import ReaderColumn, Readers
from syncd.adapters.sources.sql.keys import key_of, page_of, parts_of
from syncd.core.acl import Acl, Principal, PrincipalKind, everyone, group, user

REALM = "people"
IDS = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters=":,;|"), min_size=1, max_size=12)
NAMED = st.tuples(st.sampled_from([PrincipalKind.USER, PrincipalKind.GROUP]), IDS)
BAD = ("staff", "", "user:", ":a", "role:a", "user", "EVERYONE", "group:a b", "\0")
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.lists(st.text()),
    st.lists(st.integers()),
)


def somebody(kind: PrincipalKind, name: str | int) -> Principal:
    """Whoever has that id."""
    return Principal(kind, REALM, str(name))


def readers(*columns: ReaderColumn, everyone_too: bool = False, rules: tuple[AclRule, ...] = ()) -> Readers:
    """In a realm where every id is somebody."""
    return Readers(
        REALM, columns, rules, lambda kind, name: Principal(kind, REALM, str(name)), lambda: 0, allow_everyone=everyone_too
    )


def permitted(acl: Acl | None, principal: Principal) -> bool:
    """Whether somebody who is only this, and everyone, may read."""
    return acl is not None and acl.decide(frozenset({principal, everyone(REALM)}))


@given(st.lists(NAMED, max_size=8), st.booleans())
def test_a_list_names_exactly_whom_it_says(named, as_json):
    """As a JSON array or with commas between."""
    names = [f"{kind}:{id_}" for kind, id_ in named]
    acl = readers(ReaderColumn("acl")).acl("k", (json.dumps(names) if as_json else " , ".join(names),), None)
    assert acl is not None
    assert all(permitted(acl, Principal(kind, REALM, id_)) for kind, id_ in named)
    assert not permitted(acl, user(REALM, "stranger:of:all"))
    assert not acl.open_to_everyone()


@given(ANYTHING, st.booleans())
def test_whatever_stands_there_lets_in_only_whom_it_names(value, everyone_too):
    """Any value of any type: no stranger, and everyone only where the text says so and the configuration allows it."""
    acl = readers(ReaderColumn("acl"), everyone_too=everyone_too).acl("k", (value,), None)
    if permitted(acl, user(REALM, "stranger:of:all")):
        assert everyone_too
        assert "everyone" in str(value)


@given(
    st.lists(NAMED, min_size=1, max_size=4),
    st.sampled_from(["staff", "", "user:", ":a", "role:a", "user", "EVERYONE", "group:a b", "\0"]),
)
def test_one_name_that_is_not_understood_hides_the_row(named, bad):
    """Nothing of the others holds then: nobody knows what was meant."""
    names = [f"{kind}:{id_}" for kind, id_ in named]
    assert readers(ReaderColumn("acl")).acl("k", (",".join([*names, bad]),), None) is None
    assert readers().acl("k", (), [*names, None]) is None


@given(ANYTHING)
def test_a_column_of_one_name_names_one(value):
    """A text or a number is an id; NULL is nobody; all else is not understood."""
    acl = readers(ReaderColumn("owner", PrincipalKind.USER)).acl("k", (value,), None)
    assert not permitted(acl, group(REALM, str(value)))
    if value is None:
        assert acl == readers().acl("k", (), [])
    elif isinstance(value, bool | float | bytes | list):
        assert acl is None


def test_everyone_is_let_in_by_the_configuration_alone():
    """A column, a row of grants and a rule may say so; without the configuration's word they let in nobody by it."""
    stranger, said = user(REALM, "stranger"), "user:a,everyone"
    rules = (AclRule("open/**", (everyone(REALM), user(REALM, "a"))),)
    for allowed in (False, True):
        known = readers(ReaderColumn("acl"), everyone_too=allowed, rules=rules)
        for acl in (
            known.acl("k", (said,), None),
            known.acl("k", ("",), ["everyone", "user:a"]),
            known.acl("open/1", ("",), None),
        ):
            assert permitted(acl, stranger) is allowed
            assert permitted(acl, user(REALM, "a"))


def test_a_name_that_nobody_knows_hides_the_row():
    """As in a realm of accounts: who has left can't be told from a typing error."""
    nobody = Readers("unix", (ReaderColumn("acl"),), (), lambda _, __: None, lambda: 0, allow_everyone=False)
    assert nobody.acl("k", ("user:gone",), None) is None


def test_one_and_true_are_two_things():
    """What Python holds for equal is remembered apart."""
    known = readers(ReaderColumn("owner", PrincipalKind.USER))
    assert known.acl("k", (1,), None) is not None
    assert known.acl("k", (True,), None) is None


def test_rules_go_first_and_silence_permits_nobody():
    """A rule speaks for what it matches, whatever the row says; a row of which nothing speaks has an unknown ACL."""
    rules = (AclRule("secret/**", ()), AclRule("open/**", (user(REALM, "a"),)))
    ruled = readers(ReaderColumn("acl"), rules=rules)
    assert not permitted(ruled.acl("secret/1", ("user:a",), None), user(REALM, "a"))
    assert permitted(ruled.acl("open/1", (None,), None), user(REALM, "a"))
    assert readers(rules=rules).acl("else/1", (), None) is None


def test_too_many_names_are_not_understood():
    """A row has no list without end."""
    assert readers(ReaderColumn("acl")).acl("k", (json.dumps([f"user:{n}" for n in range(2_000)]),), None) is None
    assert readers(ReaderColumn("acl")).acl("k", ("user:" + "a" * 100_000,), None) is None


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1), min_size=1, max_size=3))
def test_a_key_is_read_back(parts):
    """The text of a key tells its columns apart, whatever is in them; it is on one page for ever."""
    key = key_of(parts)
    assert key is not None
    assert parts_of(key, len(parts)) == tuple(parts)
    assert page_of(key) == page_of(key)
    assert len(page_of(key)) == 3
