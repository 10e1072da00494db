"""Bad files cost themselves only: named with the reason and the next step, the others are found, and once they are mended one
sync makes all well. Real files, the embedded engine, and commands as a person types them.
"""

import os
import stat

import pytest
from kit import Site
from terminal import fails, found, good_site, modes_count, no_hang, quarantined, typed, well

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")


@pytest.fixture
def site(tmp_path) -> Site:
    """An install over two good documents, not synced yet."""
    return good_site(tmp_path)


# -- contents that are no text --------------------------------------------------------------------------------------------

TEXT = "Grüße aus der Kantine, and a few words more."
CONTENTS = {
    "nul.md": (b"a text with\x00 in it " * 20, "binary"),
    "picture.md": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "binary"),
    "utf-16.md": (TEXT.encode("utf-16"), "UTF-16"),
    "utf-16-be.md": (b"\xfe\xff" + TEXT.encode("utf-16-be"), "UTF-16"),
    "utf-16-without-mark.md": (TEXT.encode("utf-16-le"), "UTF-16"),
    "utf-32.md": (TEXT.encode("utf-32"), "UTF-32"),
    "latin-1.md": (TEXT.encode("latin-1"), "not UTF-8 text"),
    "cut.md": ("zehn €".encode()[:-1], "not UTF-8 text"),
    "surrogate.md": (b"\xed\xa0\x80 is no character", "not UTF-8 text"),
}


def test_contents_that_are_no_text_cost_themselves_only(site):
    """Put aside by name with the reason, exit 3; the others are found; when they are texts, or gone, all is well."""
    for name, (data, _) in CONTENTS.items():
        site.write(name, data)
    fails(site, 3, (f"{len(CONTENTS)} in quarantine", "`syncd quarantine list`"), "sync")
    assert quarantined(site) == {name: ("format", detail) for name, (_, detail) in CONTENTS.items()}
    assert found(site) == {"good.md", "sub/fine.md"}
    assert typed(site, "plan", "--check").code == 0
    mended, removed = list(CONTENTS)[::2], list(CONTENTS)[1::2]
    for name in mended:
        site.write(name, TEXT)
    for name in removed:
        (site.docs / name).unlink()
    well(site, "good.md", *mended)


def test_no_bytes_are_a_document_without_chunks(site):
    """0 bytes, and nothing but spaces: recorded, no chunk, not in quarantine; a text when it has one."""
    site.write("empty.md", b"")
    site.write("blank.md", b" \n\t\n")
    assert typed(site, "sync").code == 0
    status = typed(site, "status", "--json").json["sources"][0]
    assert (status["documents"], status["chunks"], status["quarantined"]) == (4, 2, 0)
    assert found(site) == {"good.md", "sub/fine.md"}
    assert typed(site, "plan", "--check").code == 0
    site.write("empty.md", "no longer")
    well(site, "empty.md")


def test_a_document_that_turns_bad_goes_on_serving_as_it_was(site):
    """The older version is found, the quarantine says so, and the mended one takes its place."""
    typed(site, "sync")
    site.write("good.md", b"\x00\x01")
    fails(site, 3, ("1 in quarantine",), "sync")
    (row,) = typed(site, "quarantine", "list", "--json").json["quarantine"]
    assert (row["key"], row["serving_older_version"]) == ("good.md", True)
    assert "canteen menu" in typed(site, "search", "canteen menu").out
    site.write("good.md", "# Good\n\nThe menu of the new canteen.")
    well(site, "good.md")
    assert "new canteen" in typed(site, "search", "canteen menu").out


def test_a_file_beyond_the_limit_is_never_read(site):
    """Larger than `max_size`: by name into quarantine, a terabyte as fast as a byte too many."""
    with site.write("huge.md", b"").open("r+b") as file:
        file.truncate(1 << 40)
    fails(site, 3, ("1 in quarantine",), "sync")
    assert quarantined(site) == {"huge.md": ("too-large", "larger than 16777216 bytes")}
    site.write("huge.md", "small by now")
    well(site, "huge.md", "good.md")


# -- things that are no files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFSOCK, pytest.param(stat.S_IFCHR, marks=ROOT)])
def test_what_is_no_regular_file_is_never_opened(site, kind):
    """A FIFO without a writer, a socket, a device without end: named, not read, and no reason to hang."""
    path = site.docs / "special.md"
    os.mknod(path, kind | 0o644, os.makedev(1, 5))
    path.chmod(0o644)
    with no_hang():
        fails(site, 3, ("1 in quarantine",), "sync")
    assert quarantined(site) == {"special.md": ("special", "")}
    assert found(site) == {"good.md", "sub/fine.md"}
    path.unlink()
    site.write("special.md", "a file by now")
    well(site, "special.md")


def test_symlinks_lead_nowhere(site):
    """Out of the root, in circles or to nothing: not followed, no document, no error."""
    (site.docs / "out.md").symlink_to("/etc/passwd")
    (site.docs / "loop").symlink_to(".")
    (site.docs / "dangling.md").symlink_to("nothing")
    well(site, "good.md")
    assert found(site) == {"good.md", "sub/fine.md"}


# -- what may not be read -------------------------------------------------------------------------------------------------


def test_an_unreadable_file_costs_itself_only(site):
    """Named with the system's reason; readable again, one sync brings it in."""
    site.write("locked.md", "nobody reads this", 0o000)
    with modes_count():
        fails(site, 3, ("1 in quarantine",), "sync")
        assert quarantined(site) == {"locked.md": ("unreadable", "EACCES")}
        assert found(site) == {"good.md", "sub/fine.md"}
        (site.docs / "locked.md").chmod(0o644)
        well(site, "locked.md")


def test_an_unreadable_folder_costs_what_is_in_it(site):
    """Named and not deleted: hidden while nobody can look who may read it, then back without a text embedded anew."""
    well(site, "good.md", "sub/fine.md")
    site.write("new.md", "beside it")
    (site.docs / "sub").chmod(0o000)
    with modes_count():
        told = fails(site, 3, ("1 in quarantine", "`syncd quarantine list`"), "sync", "--json")
        assert told.json["runs"][0]["documents"]["deleted"] == 0
        assert quarantined(site) == {"sub/": ("listing", "EACCES")}
        assert typed(site, "plan").out.splitlines()[0] == "! docs:sub/  (listing)"
        assert found(site) == {"good.md", "new.md"}
        (site.docs / "sub").chmod(0o755)
        mended = typed(site, "sync", "--json")
        assert (mended.code, mended.json["runs"][0]["chunks"]["embedded"]) == (0, 0)
        assert found(site) == {"good.md", "new.md", "sub/fine.md"}


def test_a_folder_that_never_could_be_read_costs_itself_only(site):
    """Unreadable from the first sync on: what could be read is found."""
    (site.docs / "sub").chmod(0o000)
    with modes_count():
        told = typed(site, "sync")
        shelves = quarantined(site)
        answer = typed(site, "search", "anything", "--json")
        (site.docs / "sub").chmod(0o755)
    assert (told.code, shelves) == (3, {"sub/": ("listing", "EACCES")})
    assert [hit["key"] for hit in answer.json["hits"]] == ["good.md"]
