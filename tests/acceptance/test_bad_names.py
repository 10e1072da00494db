"""Names of any bytes: indexed, found and printed without harm to them, or to a terminal."""

import os

import pytest
from kit import Site, make_site, open_folders
from terminal import fails, found, typed, well

NAMES = (
    b"line\nbreak.md",
    b"\n",
    b"carriage\rreturn.md",
    b"tab\there.md",
    b"escape\x1b[31mred\x1b]0;title\x07.md",
    b"c1\xc2\x9b31m.md",
    b"delete\x7f.md",
    b"right-to-left\xe2\x80\xaetxt.md",
    b"isolate\xe2\x81\xa6x\xe2\x81\xa9.md",
    b"zero\xe2\x80\x8bwidth.md",
    b"separator\xe2\x80\xa8.md",
    b"latin\xe9.md",
    b"\xff\xfe.md",
    b"surrogate\xed\xb3\xa9.md",
    b"folder\n\xff/inside.md",
    b"-rf.md",
    b" leading.md",
    b"trailing .md ",
    b"!negated.md",
    b"#hashed.md",
    b"[bold]markup[/bold].md",
    b"*.md",
    b"back\\slash.md",
    b"\xc3\xa9.md",
    b"e\xcc\x81.md",
    b"\xf0\x9f\x92\xa9.md",
    b"x" * 255,
)
BAD_NAMES = (b"bad\n\x1b[2J\xff.md", b"bad\xe2\x80\xae.md")


def raw(key: str) -> bytes:
    """The bytes of the name that a key stands for."""
    return key.encode("utf-8", "surrogateescape")


def harmless(text: str) -> bool:
    """Whether nothing in `text` could move a cursor, hide, or turn the direction of writing."""
    return all(char.isprintable() or char in "\n\t" for char in text)


@pytest.fixture(scope="module")
def named(tmp_path_factory) -> Site:
    """A document under every one of the names, and two that go into quarantine."""
    place = tmp_path_factory.mktemp("named")
    open_folders(place)
    site = make_site(place / "docs", place / "state")
    for name in (*NAMES, *BAD_NAMES):
        path = site.docs / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.parent.chmod(0o755)
        path.write_bytes(b"\0" * 9 if name in BAD_NAMES else b"text of " + repr(name).encode())
        path.chmod(0o644)
    return site


def test_names_of_any_bytes_come_through_unharmed_and_harmless(named):
    """Through plan, sync, search, quarantine list and dump: JSON gives back the bytes, a terminal gets one harmless line each."""
    expected = set(NAMES)
    plan = typed(named, "plan").out
    assert harmless(plan)
    assert len(plan.splitlines()) == len(NAMES) + len(BAD_NAMES) + 1
    assert {raw(change["key"]) for change in typed(named, "plan", "--json").json["changes"]} == expected | set(BAD_NAMES)
    synced = named.cli("sync", check=3)
    assert harmless(synced.stdout + synced.stderr)
    assert {raw(key) for key in found(named)} == expected
    search = named.cli("search", "text", "-k", "1000")
    assert harmless(search.stdout)
    assert len(search.stdout.splitlines()) == 2 * len(NAMES)
    assert {raw(row["key"]) for row in typed(named, "quarantine", "list", "--json").json["quarantine"]} == set(BAD_NAMES)
    shelves = typed(named, "quarantine", "list").out
    assert harmless(shelves)
    assert len(shelves.splitlines()) == 1 + len(BAD_NAMES)
    assert {raw(chunk["key"]) for chunk in named.json("dump")["chunks"]} == expected
    dump = typed(named, "dump").out
    assert harmless(dump)
    assert len(dump.splitlines()) == len(NAMES)
    assert typed(named, "plan", "--check").code == 0


def test_documents_of_any_name_can_be_named(named):
    """As SOURCE:KEY and as an absolute path; a name that is not there is said harmlessly."""
    typed(named, "sync")
    for name in (b"line\nbreak.md", b"\xff\xfe.md", b"folder\n\xff/inside.md"):
        text = os.fsdecode(name)
        by_key = named.cli("audit", "log", "--doc", f"docs:{text}", "--format", "jsonl")
        by_path = typed(named, "audit", "log", "--doc", f"{named.docs}/{text}", "--format", "jsonl")
        assert by_key.stdout == by_path.out
        assert "doc.synced" in by_path.out
    told = fails(
        named, 1, (r"no\n\x1b[2Jsuch\xff", "`syncd plan`"), "reindex", "--doc", "docs:no\n\x1b[2Jsuch\udcff", "--reason", "r"
    )
    assert harmless(told.err)


def test_names_are_mended_like_anything_else(named):
    """Renamed to something decent, nothing is embedded again; what was in quarantine is brought in as a text."""
    typed(named, "sync")
    (named.docs / os.fsdecode(b"latin\xe9.md")).rename(named.docs / "latin.md")
    for number, name in enumerate(BAD_NAMES):
        (named.docs / os.fsdecode(name)).unlink()
        named.write(f"bad-{number}.md", f"text {number}")
    run = typed(named, "sync", "--json").json["runs"][0]
    assert (run["state"], run["documents"]["moved"], run["chunks"]["embedded"]) == ("done", 1, len(BAD_NAMES))
    well(named, "latin.md", "bad-0.md", "bad-1.md")
