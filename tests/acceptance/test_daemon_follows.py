"""A live daemon follows its source: every kind of change comes in by itself, for exactly those who may read it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_kit import LiveDaemon, running, until
from kit import Site, make_site, open_folders

NOBODY = ("user:nobody",)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A tree of three folders, indexed."""
    place = tmp_path_factory.mktemp("live")
    open_folders(place)
    made = make_site(place / "docs", place / "state")
    for folder in ("plans", "notes", "notes/old"):
        for number in range(6):
            made.write(f"{folder}/{number}.md", f"# {folder} {number}\n\nThe text of {folder} number {number}.")
    made.write("plans/0.txt", "plain")
    made.sync()
    return made


@pytest.fixture(scope="module")
def daemon(site: Site) -> Iterator[LiveDaemon]:
    """A daemon over it."""
    with running(site) as live:
        yield live


def embedded(daemon: LiveDaemon) -> int:
    """How many texts were embedded so far, as the history has it."""
    total = 0
    series = daemon.client.ask("audit-log", {"types": ["doc.synced"]})
    for item in series.items:
        if item["phase"] == "outcome":
            total += int(item["leaf"].split('"embedded":')[1].split(",")[0].split("}")[0])
    return total


def test_a_new_file_is_found(daemon: LiveDaemon, site: Site) -> None:
    """What is created can be searched when `wait` returns, from the sequence that it names on."""
    site.write("plans/new.md", "# New\n\nA plan about platypuses.")
    done = daemon.wait("plans/new.md")
    assert done["state"] == "searchable"
    answer = daemon.ask("search", query="platypuses", k=1, at_least=done["seq"])
    assert answer["hits"][0]["key"] == "plans/new.md"
    assert answer["as_of"] >= done["seq"]


def test_an_edit_embeds_only_what_is_new(daemon: LiveDaemon, site: Site) -> None:
    """An edited document is found by its new text, not by its old, and one text was embedded."""
    before = embedded(daemon)
    site.write("plans/1.md", "# plans 1\n\nNow about wombats.")
    daemon.wait("plans/1.md")
    hit = next(hit for hit in daemon.ask("search", query="wombats", k=100)["hits"] if hit["key"] == "plans/1.md")
    assert "wombats" in hit["text"]
    assert embedded(daemon) == before + 1


def test_a_deleted_file_is_gone(daemon: LiveDaemon, site: Site) -> None:
    """What is removed is not found any more, and `wait` says that it is gone."""
    (site.docs / "plans/2.md").unlink()
    assert daemon.wait("plans/2.md")["state"] == "gone"
    assert "plans/2.md" not in daemon.found()


def test_a_renamed_folder_embeds_nothing(daemon: LiveDaemon, site: Site) -> None:
    """All documents of a renamed folder are found under their new names; no text is embedded."""
    before, names = embedded(daemon), {f"notes/{below}{number}.md" for number in range(6) for below in ("", "old/")}
    (site.docs / "notes").rename(site.docs / "papers")
    moved = {name.replace("notes", "papers", 1) for name in names}
    until(lambda: moved <= (found := daemon.found()) and not names & found)
    assert embedded(daemon) == before


def test_a_closed_file_is_refused(daemon: LiveDaemon, site: Site) -> None:
    """A file closed to others is found by its owner and by nobody else, without being embedded."""
    before = embedded(daemon)
    assert "plans/3.md" in daemon.found(principals=NOBODY)
    (site.docs / "plans/3.md").chmod(0o600)
    daemon.wait("plans/3.md")
    assert "plans/3.md" not in daemon.found(principals=NOBODY)
    assert "plans/3.md" in daemon.found()
    assert embedded(daemon) == before


def test_a_closed_folder_closes_all_below(daemon: LiveDaemon, site: Site) -> None:
    """One change of a folder's mode, for which there is one event, revokes every document below it."""
    folder = site.write("closed/deep/a.md", "# a\n\ntext a").parent.parent
    daemon.wait("closed/deep/a.md")
    assert "closed/deep/a.md" in daemon.found(principals=NOBODY)
    folder.chmod(0o700)
    until(lambda: "closed/deep/a.md" not in daemon.found(principals=NOBODY))
    until(lambda: "closed/deep/a.md" in daemon.found())  # while it is fenced nobody finds it, its owner neither
    folder.chmod(0o755)
    until(lambda: "closed/deep/a.md" in daemon.found(principals=NOBODY))


def test_a_tree_that_is_moved_in_is_found(daemon: LiveDaemon, site: Site, tmp_path: Path) -> None:
    """A folder that comes from elsewhere in one rename is found, though its files are old; moved out again it is gone."""
    outside = site.docs.parent / "outside/deep"
    outside.mkdir(parents=True)
    (outside / "x.md").write_text("# x\n\nA text about echidnas.")
    os.utime(outside / "x.md", (1, 1))
    outside.parent.rename(site.docs / "inside")
    until(lambda: "inside/deep/x.md" in daemon.found())
    (site.docs / "inside").rename(site.docs.parent / "outside")
    until(lambda: "inside/deep/x.md" not in daemon.found())


def test_a_removed_tree_is_gone(daemon: LiveDaemon, site: Site) -> None:
    """Everything below a removed folder is not found any more."""
    for number in range(4):
        site.write(f"brief/{number}/a.md", f"# {number}\n\ntext {number}")
    until(lambda: sum(key.startswith("brief/") for key in daemon.found()) == 4)
    shutil.rmtree(site.docs / "brief")
    until(lambda: not any(key.startswith("brief/") for key in daemon.found()))


def test_what_can_not_be_read_as_text_is_named(daemon: LiveDaemon, site: Site) -> None:
    """A version that goes into quarantine ends the waiting, with its reason and exit 3; the next good version is found."""
    site.write("plans/bad.md", b"\xff\xfe\x00\x01 no text")
    done = daemon.client.ask("wait", {"doc": "docs:plans/bad.md"})
    assert (done.payload["state"], done.payload["reason"], int(done.exit)) == ("quarantined", "format", 3)
    assert [entry["key"] for entry in daemon.ask("quarantine-list")["quarantine"]] == ["plans/bad.md"]
    site.write("plans/bad.md", "# good\n\nnow it is text")
    assert daemon.wait("plans/bad.md")["state"] == "searchable"
    assert daemon.ask("quarantine-list")["quarantine"] == []


def test_an_edit_that_keeps_times_and_size_is_seen(daemon: LiveDaemon, site: Site) -> None:
    """A text replaced by one of the same length, with its times put back, comes in: the event says that it was written."""
    path = site.write("plans/same.md", "# same\n\nkoala one")
    daemon.wait("plans/same.md")
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(-3, os.SEEK_END)
        file.write(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    until(lambda: any("koala two" in (h["text"] or "") for h in daemon.ask("search", query="koala", k=100)["hits"]))


def test_everything_is_as_if_it_were_new(daemon: LiveDaemon, site: Site) -> None:
    """After all of that the index equals one built from nothing, the history is whole, and nothing is in doubt."""
    daemon.calm()
    mine = daemon.client.ask("dump", {})
    chunks = list(mine.items)
    fresh = site.fresh("fresh")
    fresh.sync()
    assert chunks == fresh.json("dump")["chunks"]
    assert daemon.ask("audit-verify")["verdict"] == "good"
    assert daemon.status()["in_doubt"] == 0
    shutil.rmtree(fresh.state)
