"""Laws of the patterns that choose files."""

from hypothesis import example, given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from syncd.adapters.sources.filesystem.rules import Globs, Selection

PIECES = st.sampled_from(
    [
        "a",
        "b.md",
        ".git",
        "*",
        "**",
        "?",
        "[ab]",
        "[!a]",
        "a*",
        "*.md",
        "*~",
        "a*a",
        ".*t",
        "b*",
        "(?:x",
        "$",
        "^",
        "\\#",
        "[(?P<ps_d>",
    ]
)
PATTERNS = st.builds(
    lambda negated, rooted, pieces, directory: negated + rooted + "/".join(pieces) + directory,
    st.sampled_from(["", "", "", "!"]),
    st.sampled_from(["", "/"]),
    st.lists(PIECES, min_size=1, max_size=3),
    st.sampled_from(["", "/"]),
)
NAMES = st.sampled_from(["a", "b", "b.md", ".git", "ab", "(?:x", "a$", "#", "x.md", "(", "b.md\x1f", "a~", "aba", "aa", ".t"])
PATHS = st.builds(lambda names, end: "/".join(names) + end, st.lists(NAMES, min_size=1, max_size=4), st.sampled_from(["", "/"]))


@given(st.lists(PATTERNS, max_size=5), st.lists(PATHS, min_size=1, max_size=20))
@example(["*.md", "!b.md"], ["b.md", "x.md"])
@example([], ["a"])
@example(["# a comment", ""], ["a", "# a comment"])
def test_globs_say_what_gitignore_says(patterns: list[str], paths: list[str]) -> None:
    """One expression for all patterns, or none: the verdict is the one of the library, pattern by pattern."""
    spec, globs = GitIgnoreSpec.from_lines(patterns), Globs(patterns)
    assert [globs.match(path) for path in paths] == [spec.match_file(path) for path in paths]


INCLUDED = st.just(["**"]) | st.lists(PATTERNS, max_size=4)


@given(INCLUDED, st.lists(PATTERNS, max_size=4), st.lists(NAMES, max_size=3), NAMES)
@example(["**"], ["*.md", "!b.md"], [], "b.md")
@example(["**"], ["a/"], [], "a")
@example(["**"], ["a", "!a"], [], "a")
@example(["**"], ["*~", "b.md", "?"], [], "a~")
@example(["**"], ["a*a"], [], "a")
def test_a_name_is_judged_as_its_path_is(include: list[str], exclude: list[str], way: list[str], name: str) -> None:
    """In a directory that is entered, a file is a document if its whole path is included and not excluded."""
    selection = Selection(tuple(include), tuple(exclude))
    prefix = "/".join(way)
    if not selection.comes_to(prefix):
        return
    path = "/".join([*way, name])
    wanted = GitIgnoreSpec.from_lines(include).match_file(path) and not GitIgnoreSpec.from_lines(exclude).match_file(path)
    assert selection.selects(prefix, name) == wanted
