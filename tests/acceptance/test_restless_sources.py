"""Files that do not hold still, and roots that are not there: told, nothing is deleted by mistake; one sync makes all well."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from kit import Site
from terminal import fails, found, good_site, modes_count, no_hang, quarantined, typed, well

from syncd.adapters.sources.filesystem import FilesystemSource


@pytest.fixture
def site(tmp_path) -> Site:
    """An install over two good documents, not synced yet."""
    return good_site(tmp_path)


# -- files that do not hold still -----------------------------------------------------------------------------------------


@pytest.fixture
def at_fetch(monkeypatch) -> Iterator[Callable[[Callable[[str], None]], None]]:
    """Makes something happen between the listing of a document and its reading: `at_fetch(what)` calls `what(key)`."""
    real = FilesystemSource.fetch
    with monkeypatch.context() as patch:

        def install(what: Callable[[str], None]) -> None:
            def fetch(self, seen):
                what(seen.key)
                return real(self, seen)

            patch.setattr(FilesystemSource, "fetch", fetch)

        yield install


def once(key: str, what: Callable[[], object]) -> Callable[[str], None]:
    """`what` at the first reading of `key`."""
    left = [what]
    return lambda now: left.pop()() if now == key and left else None


def test_a_file_that_changes_once_is_read_as_it_is_afterwards(site, at_fetch):
    """Listed, rewritten, read: the new text is found under the new name of its version, and there is nothing to tell."""
    at_fetch(once("good.md", lambda: site.write("good.md", "Rewritten meanwhile.")))
    assert typed(site, "sync").code == 0
    assert "Rewritten meanwhile." in typed(site, "search", "rewritten").out
    assert "canteen menu" not in typed(site, "search", "menu", "-k", "1000").out
    well(site, "good.md", "sub/fine.md")


def test_a_file_that_keeps_changing_costs_itself_only(site, at_fetch):
    """Never the same twice: put aside as changing; at rest, the next sync brings it in."""
    versions = iter(range(1000))
    at_fetch(lambda key: site.write(key, f"version {next(versions)}") if key == "good.md" else None)
    fails(site, 3, ("1 in quarantine",), "sync")
    assert quarantined(site) == {"good.md": ("changing", "read 3 times")}
    assert found(site) == {"sub/fine.md"}
    at_fetch(lambda _: None)
    well(site, "good.md")


def test_a_file_that_vanishes_is_gone_and_no_error(site, at_fetch):
    """Listed, removed, not read: no document, no quarantine, exit 0; back again, it is found."""
    at_fetch(once("good.md", (site.docs / "good.md").unlink))
    assert typed(site, "sync").code == 0
    assert quarantined(site) == {}
    assert found(site) == {"sub/fine.md"}
    site.write("good.md", "Back again.")
    well(site, "good.md")


def test_a_folder_that_vanishes_takes_its_documents_along(site, at_fetch):
    """Removed while its first file is read: the others of it are gone as well, and what was recorded is deleted."""
    site.write("sub/other.md", "another")
    typed(site, "sync")
    site.write("sub/fine.md", "edited")
    site.write("sub/other.md", "edited too")
    at_fetch(once("sub/fine.md", lambda: shutil.rmtree(site.docs / "sub")))
    assert typed(site, "sync").code == 0
    assert typed(site, "sync").code == 0
    assert found(site) == {"good.md"}


def test_a_folder_that_closes_meanwhile_is_looked_at_again(site, at_fetch):
    """Listed, then shut while another is read: left as it is recorded, told with the next step, and read by the next sync."""
    well(site, "good.md", "sub/fine.md")
    site.write("good.md", "edited")
    site.write("sub/fine.md", "edited too")
    at_fetch(once("good.md", lambda: (site.docs / "sub").chmod(0o000)))
    with modes_count():
        fails(site, 3, ("could not be listed any more", "`syncd sync --source docs`"), "sync")
        assert "`syncd sync --source docs`" in typed(site, "status").out
        assert "good.md" in found(site)
        (site.docs / "sub").chmod(0o755)
        well(site, "sub/fine.md")
    assert "edited too" in typed(site, "search", "edited").out


@pytest.mark.parametrize("kind", ["fifo", "symlink", "folder"])
def test_a_file_that_turns_into_something_else_is_not_read(site, at_fetch, kind):
    """Listed as a file, then a FIFO, a way out of the root or a folder: nothing of it is read, and nothing hangs."""
    path = site.docs / "good.md"

    def replace() -> None:
        path.unlink()
        {"fifo": lambda: os.mkfifo(path, 0o644), "symlink": lambda: path.symlink_to("/etc/passwd"), "folder": path.mkdir}[kind]()

    at_fetch(once("good.md", replace))
    with no_hang():
        told = typed(site, "sync")
    assert told.code == (3 if kind == "fifo" else 0)
    assert quarantined(site) == ({"good.md": ("special", "")} if kind == "fifo" else {})
    assert found(site) == {"sub/fine.md"}
    path.rmdir() if kind == "folder" else path.unlink()
    site.write("good.md", "A file again.")
    well(site, "good.md")


# -- roots ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def two(site) -> Site:
    """An install with a second source."""
    more = site.docs.with_name("more")
    more.mkdir(mode=0o755)
    (more / "else.md").write_text("from elsewhere")
    (more / "else.md").chmod(0o644)
    site.config.write_text(f'{site.config.read_text()}\n[[source]]\nname = "more"\nroot = "{more}"\nallow_everyone = true\n')
    well(site, "good.md", "else.md")
    return site


@pytest.mark.parametrize(
    ("cause", "said"), [("missing", "No such file"), ("a file", "Not a directory"), ("closed", "Permission denied")]
)
def test_a_root_that_is_not_there_costs_its_source_only(two, cause, said):
    """Exit 69; nothing is deleted, the other source is brought up to date, plan prints no half document."""
    away = two.docs.with_name("away")
    (two.docs.with_name("more") / "else.md").write_text("new from elsewhere")
    if cause == "closed":
        two.docs.chmod(0o000)
    else:
        two.docs.rename(away)
        if cause == "a file":
            two.docs.write_text("a file")
    with modes_count():
        told = fails(two, 69, (said, "Nothing was deleted", "`syncd sync --source docs`"), "sync", "--json")
        assert [(run["source"], run["state"]) for run in told.json["runs"]] == [("docs", "failed"), ("more", "done")]
        assert told.json["runs"][1]["documents"]["updated"] == 1
        assert fails(two, 69, (said,), "plan", "--json").out == ""
        assert found(two) == {"good.md", "sub/fine.md", "else.md"}
        assert "`syncd sync --source docs`" in typed(two, "status").out
        if cause != "closed":
            assert (
                f"source docs: root = {two.docs} is {'not there' if cause == 'missing' else 'no folder'}"
                in typed(two, "check-config").out
            )
    if cause == "a file":
        two.docs.unlink()
    if cause == "closed":
        two.docs.chmod(0o755)
    else:
        away.rename(two.docs)
    well(two, "good.md", "else.md")


def test_an_emptied_root_halts_until_it_is_confirmed(two):
    """Exit 4 and the id to confirm; nothing is deleted, also not by the next sync; confirmed, it is."""
    kept = two.docs.with_name("kept")
    shutil.copytree(two.docs, kept)
    (two.docs / "good.md").unlink()
    shutil.rmtree(two.docs / "sub")
    told = fails(two, 4, ("all 2 documents are gone", "Nothing was deleted", "`syncd plan --source docs`"), "sync", "--json")
    run = told.json["runs"][0]["run"]
    assert f"`syncd sync --confirm {run}`" in told.err
    assert [r["state"] for r in told.json["runs"]] == ["halted", "done"]
    assert found(two) == {"good.md", "sub/fine.md", "else.md"}
    again = fails(two, 4, ("all 2 documents are gone",), "sync", "--json").json["runs"][0]["run"]
    fails(two, 2, (run, "`syncd status`"), "sync", "--confirm", run)
    done = typed(two, "sync", "--confirm", again, "--json")
    assert (done.code, done.json["runs"][0]["documents"]["deleted"]) == (0, 2)
    assert found(two) == {"else.md"}
    shutil.copytree(kept, two.docs, dirs_exist_ok=True)
    well(two, "good.md", "sub/fine.md", "else.md")


def test_an_emptied_root_that_fills_again_loses_nothing(site):
    """The disk was not mounted: halted, mounted, synced, and not one text is embedded again."""
    typed(site, "sync")
    away = site.docs.with_name("away")
    site.docs.rename(away)
    site.docs.mkdir(mode=0o755)
    fails(site, 4, ("all 2 documents are gone",), "sync")
    site.docs.rmdir()
    away.rename(site.docs)
    run = typed(site, "sync", "--json").json["runs"][0]
    assert (run["state"], run["chunks"]["embedded"], run["documents"]["unchanged"]) == ("done", 0, 2)
    well(site, "good.md", "sub/fine.md")
