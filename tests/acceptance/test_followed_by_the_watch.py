"""What people and programs do to files, one by one, as the real watch tells it: what it may cost, and what it is called."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from following import Following, following, set_acl
from kit import Site
from moments import FIVE, STRANGER


@pytest.fixture
def here(site: Site) -> Iterator[Following]:
    """A coordinator that follows it."""
    with following(site) as here:
        yield here


def free(here: Following, deed: Callable[[], object]) -> list[str]:
    """The events of a deed that embedded nothing and wrote nothing to the index."""
    told = here.through(deed)
    assert (told.texts, told.writes) == ([], [])
    return told.events


# -- touched -----------------------------------------------------------------------------------------------------------


def touch(site: Site) -> None:
    """New times for every file and folder."""
    for path in (site.docs, *site.docs.rglob("*")):
        os.utime(path)


@pytest.mark.parametrize("again", ["nothing", "scan"])
def test_touching_everything_costs_nothing(here: Following, again: str) -> None:
    """New times on every file: no text is embedded, nothing is written to the index or said of a document; nor by a scan."""

    def deed() -> None:
        touch(here.site)
        if again == "scan":
            here.daemon.scan("docs")

    assert free(here, deed) == []
    here.shows_the_tree()


def test_a_mode_that_lets_the_same_in_costs_nothing(here: Following) -> None:
    """Write and execute bits move ctime and say nothing of who may read."""
    assert free(here, lambda: [(here.site.docs / key).chmod(0o755) for key in FIVE]) == []


# -- moved -------------------------------------------------------------------------------------------------------------


def renamed(docs: Path) -> dict[str, str]:
    (docs / "a.md").rename(docs / "new.md")
    return {"a.md": "new.md"}


def renamed_to_another_case(docs: Path) -> dict[str, str]:
    (docs / "a.md").rename(docs / "A.md")
    return {"a.md": "A.md"}


def moved_between_folders(docs: Path) -> dict[str, str]:
    (docs / "x/c.md").rename(docs / "z/c.md")
    return {"x/c.md": "z/c.md"}


def moved_to_a_new_folder(docs: Path) -> dict[str, str]:
    (docs / "new/deep").mkdir(parents=True)
    for folder in ("new", "new/deep"):
        (docs / folder).chmod(0o755)
    (docs / "x/c.md").rename(docs / "new/deep/c.md")
    return {"x/c.md": "new/deep/c.md"}


def renamed_folder(docs: Path) -> dict[str, str]:
    (docs / "x").rename(docs / "w")
    return {"x/c.md": "w/c.md", "x/y/d.md": "w/y/d.md"}


def folder_moved_into_another(docs: Path) -> dict[str, str]:
    (docs / "x").rename(docs / "z/x")
    return {"x/c.md": "z/x/c.md", "x/y/d.md": "z/x/y/d.md"}


def folder_of_another_case(docs: Path) -> dict[str, str]:
    (docs / "x").rename(docs / "X")
    return {"x/c.md": "X/c.md", "x/y/d.md": "X/y/d.md"}


def swapped_files(docs: Path) -> dict[str, str]:
    _swap(docs / "a.md", docs / "z/e.md")
    return {"a.md": "z/e.md", "z/e.md": "a.md"}


def swapped_folders(docs: Path) -> dict[str, str]:
    _swap(docs / "x", docs / "z")
    return {"x/c.md": "z/c.md", "x/y/d.md": "z/y/d.md", "z/e.md": "x/e.md"}


def shifted_round(docs: Path) -> dict[str, str]:
    (docs / "a.md").rename(docs / "between")
    (docs / "b.md").rename(docs / "a.md")
    (docs / "x/c.md").rename(docs / "b.md")
    (docs / "between").rename(docs / "x/c.md")
    return {"a.md": "x/c.md", "b.md": "a.md", "x/c.md": "b.md"}


def linked_and_unlinked(docs: Path) -> dict[str, str]:
    (docs / "linked.md").hardlink_to(docs / "a.md")
    (docs / "a.md").unlink()
    return {"a.md": "linked.md"}


def _swap(one: Path, other: Path) -> None:
    between = one.with_name("between")
    one.rename(between)
    other.rename(one)
    between.rename(other)


MOVES = (
    renamed,
    renamed_to_another_case,
    moved_between_folders,
    moved_to_a_new_folder,
    renamed_folder,
    folder_moved_into_another,
    folder_of_another_case,
    swapped_files,
    swapped_folders,
    shifted_round,
    linked_and_unlinked,
)


@pytest.mark.parametrize("deed", MOVES, ids=lambda deed: deed.__name__.replace("_", " "))
def test_a_move_costs_nothing_and_is_called_one(here: Following, deed: Callable[[Path], dict[str, str]]) -> None:
    """Every document keeps its life under its new key, 0 texts, 0 writes to the index; the history says `doc.moved`, no more."""
    before, moved = here.lives(), {}
    assert free(here, lambda: moved.update(deed(here.site.docs))) == ["doc.moved"]
    assert here.lives() == {moved.get(key, key): doc for key, doc in before.items()}
    here.shows_the_tree()


def test_a_hard_link_is_a_document_of_its_own(here: Following) -> None:
    """The text is there already, so it is not embedded; what was there keeps its life, also when the link goes again."""
    before = here.lives()
    told = here.through(lambda: (here.site.docs / "z/linked.md").hardlink_to(here.site.docs / "a.md"))
    assert (told.texts, told.events) == ([], ["doc.synced"])
    assert here.lives().items() > before.items()
    here.shows_the_tree()
    here.through((here.site.docs / "z/linked.md").unlink)
    assert here.lives() == before


def test_what_is_done_through_one_name_of_a_file_is_seen_under_all(here: Following) -> None:
    """Written to, closed and opened under one of two names, each in another folder: the kernel tells of that one only."""
    (here.site.docs / "z/linked.md").hardlink_to(here.site.docs / "a.md")
    here.shows_the_tree()
    here.through(lambda: (here.site.docs / "a.md").chmod(0o600))
    assert not {"a.md", "z/linked.md"} & here.site.found(reader=STRANGER)
    here.shows_the_tree()
    here.through(lambda: (here.site.docs / "z/linked.md").write_text("another text"))
    here.shows_the_tree()
    here.through(lambda: (here.site.docs / "z/linked.md").chmod(0o644))
    assert here.site.found(reader=STRANGER) >= {"a.md", "z/linked.md"}
    here.shows_the_tree()


# -- as editors save ---------------------------------------------------------------------------------------------------

TEXT = "# Title of a.md\n\nanother text of a.md"


def written_in_place(path: Path) -> None:
    path.write_text(TEXT)


def atomic_replace(path: Path) -> None:
    fresh = path.with_name(".a.md.x7Qz")
    fresh.write_text(TEXT)
    fresh.chmod(0o644)
    fresh.rename(path)


def sed_in_place(path: Path) -> None:
    subprocess.run(["sed", "-i", "s/the text/another text/", str(path)], check=True)


def as_vim_saves(path: Path) -> None:
    path.rename(path.with_name("a.md~"))
    path.write_text(TEXT)
    path.chmod(0o644)
    path.with_name("a.md~").unlink()


def as_emacs_saves(path: Path) -> None:
    path.with_name(".#a.md").symlink_to("somebody@here.1234")
    path.with_name("#a.md#").write_text(TEXT)
    path.rename(path.with_name("a.md~"))  # the backup stays
    path.write_text(TEXT)
    path.chmod(0o644)
    path.with_name("#a.md#").unlink()
    path.with_name(".#a.md").unlink()


def vim_itself(path: Path) -> None:
    if shutil.which("vim") is None:
        pytest.skip("no vim here")
    command = [
        "vim",
        "-u",
        "NONE",
        "-N",
        "-es",
        "-c",
        "set backupcopy=no",
        "-c",
        "%s/the text/another text/",
        "-c",
        "wq",
        str(path),
    ]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60)


SAVES = (written_in_place, atomic_replace, sed_in_place, as_vim_saves, as_emacs_saves, vim_itself)


@pytest.mark.parametrize("save", SAVES, ids=lambda save: save.__name__.replace("_", " "))
def test_a_saved_file_keeps_its_life(here: Following, save: Callable[[Path], None]) -> None:
    """However it was written, it is the same document with another text: one text embedded, no document more or less."""
    before = here.lives()
    told = here.through(lambda: save(here.site.docs / "a.md"))
    assert (len(told.texts), here.lives()) == (1, before)
    assert told.events == ["doc.synced"]
    here.shows_the_tree()


# -- who may read ------------------------------------------------------------------------------------------------------


def closed(docs: Path) -> None:
    (docs / "x/c.md").chmod(0o600)


def given_away(docs: Path) -> None:
    (docs / "x/c.md").chmod(0o640)
    os.chown(docs / "x/c.md", 61001, 61001)


def folder_closed(docs: Path) -> None:
    (docs / "x").chmod(0o700)


def folder_given_away(docs: Path) -> None:
    (docs / "x").chmod(0o750)
    os.chown(docs / "x", 61001, 61001)


def acl_set(docs: Path) -> None:
    if not set_acl(docs / "x/c.md", 61001):
        pytest.skip("this file system has no POSIX ACLs")


def acl_set_on_a_folder(docs: Path) -> None:
    (docs / "x").chmod(0o700)
    if not set_acl(docs / "x", 61001):
        pytest.skip("this file system has no POSIX ACLs")


def found(here: Following) -> set[str]:
    """What a stranger may read."""
    return here.site.found(reader=STRANGER) & set(FIVE)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
CLOSINGS = (
    (closed, 1),
    pytest.param(given_away, 1, marks=needs_root),
    (folder_closed, 2),
    pytest.param(folder_given_away, 2, marks=needs_root),
    (acl_set, 1),
    (acl_set_on_a_folder, 2),
)


@pytest.mark.parametrize(("deed", "documents"), CLOSINGS, ids=lambda it: getattr(it, "__name__", str(it)).replace("_", " "))
def test_a_change_of_permissions_reads_no_text(
    here: Following, monkeypatch: pytest.MonkeyPatch, deed: Callable[[Path], None], documents: int
) -> None:
    """Retagged, the members of a folder in one run, before anything is read, and fenced before the index hears of it.

    Nothing is embedded, and a stranger finds it no more.
    """
    gone = {"x/c.md"} if documents == 1 else {"x/c.md", "x/y/d.md"}
    assert found(here) == set(FIVE)
    order: list[str] = []
    source = type(here.station.source)
    fetch, before = source.fetch, here.index.before

    def fetched(self, seen):
        order.append("read")
        return fetch(self, seen)

    def written(name: str) -> None:
        order.append(name)
        assert "x/c.md" not in found(here)

    monkeypatch.setattr(source, "fetch", fetched)
    here.index.before = written
    told = here.through(lambda: (order.clear(), deed(here.site.docs)))
    here.index.before = before
    assert (told.texts, told.events) == ([], ["acl.changed"])
    assert set(told.writes) == {"set_payload"}
    assert order[:1] == ["set_payload"]
    changed = [event for event in here.events("acl.changed") if event.phase == "outcome"]
    assert (len(changed), len({event.run for event in changed})) == (documents, 1)
    assert found(here) == set(FIVE) - gone
    here.shows_the_tree()


def test_who_is_let_in_again_finds_it(here: Following) -> None:
    """A folder opened again: no text is read into the index anew, and everybody finds what is below."""
    here.through(lambda: (here.site.docs / "x").chmod(0o700))
    told = here.through(lambda: (here.site.docs / "x").chmod(0o755))
    assert (told.texts, set(told.writes), told.events) == ([], {"set_payload"}, ["acl.changed"])
    assert here.site.found(reader=STRANGER) >= set(FIVE)
    here.shows_the_tree()
