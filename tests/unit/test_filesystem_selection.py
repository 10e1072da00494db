"""Which files of a tree are documents, and what absolute paths they have."""

from pathlib import Path

import pytest
from filesystem_kit import observations, source, stamps, write

from syncd.adapters.sources.filesystem import AclRule
from syncd.core.acl import everyone, user


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with hidden files, another type, and a folder of dependencies."""
    for name in ("a.md", "b.txt", ".hidden.md", "sub/c.md", "sub/.git/d.md", "node_modules/e.md", "sub/node_modules/f.md"):
        write(tmp_path / name)
    return tmp_path


def test_everything_by_default(tree: Path) -> None:
    """Without filters every file is a document."""
    assert len(observations(source(tree))) == 7


def test_include_and_exclude(tree: Path) -> None:
    """A document is what include matches and exclude doesn't, and looking at one key agrees with the scan about each of them."""
    src = source(tree, include=("*.md",), exclude=(".*", "node_modules/"))
    assert sorted(observations(src)) == ["a.md", "sub/c.md"]
    everything = observations(source(tree))
    assert {key for key in everything if src.observe(key) is not None} == {"a.md", "sub/c.md"}


def test_excluded_directories_are_not_entered(tree: Path) -> None:
    """An excluded directory is no page, and nothing below it comes back by a later pattern, as in gitignore."""
    src = source(tree, exclude=("node_modules/", "!node_modules/e.md"))
    assert "node_modules" not in stamps(src)
    assert src.observe("node_modules/e.md") is None


def test_anchored_patterns(tree: Path) -> None:
    """A pattern with a slash is anchored at the root."""
    assert sorted(observations(source(tree, exclude=("/node_modules/", ".*")))) == [
        "a.md",
        "b.txt",
        "sub/c.md",
        "sub/node_modules/f.md",
    ]
    assert sorted(observations(source(tree, include=("sub/*.md",)))) == ["sub/c.md"]


def test_a_newline_in_a_name_escapes_no_exclusion(tmp_path: Path) -> None:
    """An excluded name stays excluded below a directory with a newline in its name, and a suffix isn't matched before one."""
    write(tmp_path / "new\nline/.git/a.md")
    write(tmp_path / "new\nline/b.md")
    write(tmp_path / "c.md\n")
    assert list(observations(source(tmp_path, include=("*.md",), exclude=(".*",)))) == ["new\nline/b.md"]


def test_the_settings_digest_tells_settings_apart(tree: Path) -> None:
    """Every setting that changes what a scan sees changes the digest and every stamp; the name and the root change neither."""
    plain = source(tree)
    one = AclRule("*.md", (user("unix", 1),))
    others = [
        source(tree, include=("*.md",)),
        source(tree, exclude=("**",)),
        source(tree, max_bytes=7),
        source(tree, allow_everyone=False),
        source(tree, realm="ldap"),
        source(tree, rules=(one,)),
        source(tree, rules=(AclRule("*.md", (everyone("unix"),)),)),
        source(tree, rules=(AclRule("*.txt", (user("unix", 1),)),)),
    ]
    assert len({src.settings for src in [plain, *others]}) == len(others) + 1
    assert len(plain.settings) == 32
    assert source(tree / "sub").settings == plain.settings
    for other in others:
        assert not set(stamps(other).values()) & set(stamps(plain).values())


def test_locate(tree: Path) -> None:
    """An absolute path below the root has its key, there or not; a path elsewhere, the root and a relative path have none."""
    src = source(tree)
    assert src.name == "notes"
    assert src.locate(str(tree / "sub/c.md")) == "sub/c.md"
    assert src.locate(str(tree / "sub/never was.md")) == "sub/never was.md"
    assert src.locate(f"{tree}/sub/../a.md") == "a.md"
    assert src.locate(f"{tree}/sub/node_modules/..") == "sub"
    assert src.locate(f"{tree}/sub/") == "sub"
    for path in (str(tree), f"{tree}/", f"{tree}-b/a.md", str(tree.parent / "a.md"), "sub/c.md", "", f"{tree}/sub/../../a.md"):
        assert src.locate(path) is None


def test_locate_through_symlinks(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Symlinked parents lead to the one key; a symlink itself is located as itself, not as what it leads to."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "door").symlink_to(tree / "sub")
    (tree / "link.md").symlink_to(elsewhere / "x.md")
    for src in (source(tree), source(elsewhere / "door" / "..")):
        assert src.locate(str(elsewhere / "door" / "c.md")) == "sub/c.md"
    assert source(tree).locate(str(tree / "link.md")) == "link.md"


def test_locate_below_the_top() -> None:
    """With `/` as the root every absolute path has a key."""
    assert source(Path("/")).locate("/no such/file.md") == "no such/file.md"
