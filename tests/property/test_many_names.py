"""What makes a large tree cheap says what the plain way says."""

from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from syncd.adapters.sources.filesystem.rules import Globs
from syncd.core.roll import Roll

NAMES = st.text(st.characters(codec=None, exclude_characters="\0"), max_size=300)
PARTS = st.sampled_from(["a", "b", "ab", ".git", "x.md", "y.tmp", "*", "**", "*.md", "a*", "[ab]"])
PATTERNS = st.builds(
    lambda no, start, parts, end: no + start + "/".join(parts) + end,
    st.sampled_from(["", "", "", "!"]),
    st.sampled_from(["", "/"]),
    st.lists(PARTS, min_size=1, max_size=3),
    st.sampled_from(["", "/"]),
)
PATHS = st.builds(
    lambda parts, end: "/".join(parts) + end,
    st.lists(st.sampled_from(["a", "b", "ab", "ba", ".git", "x.md", "y.tmp"]), min_size=1, max_size=4),
    st.sampled_from(["", "/"]),
)


@given(st.lists(st.tuples(NAMES, st.integers(0, 2**40))))
def test_a_roll_gives_back_what_was_put_in(names: list[tuple[str, int]]) -> None:
    """Every name and number, in order, also what is no UTF-8."""
    roll = Roll()
    for name, number in names:
        roll.add(name, number)
    assert list(roll) == names


@given(st.lists(PATTERNS, max_size=5), st.lists(PATHS, min_size=1, max_size=20))
def test_patterns_match_as_gitignore_says(patterns: list[str], paths: list[str]) -> None:
    """Whether they are looked at one by one or as one."""
    plain, globs = GitIgnoreSpec.from_lines(patterns), Globs(patterns)
    assert [globs.match(path) for path in paths] == [plain.match_file(path) for path in paths]
