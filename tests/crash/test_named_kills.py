"""One kill at a named step, with the worst that can happen next: what was under way is taken back before anybody looks again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import doomed
import pytest
from checks import faults_after_kill, faults_in_rest
from history import History
from kit import Site, make_site, open_folders
from tally import Tally
from victim import Victim


def text(word: str) -> str:
    """Two sections, each a chunk of its own."""
    return "\n\n".join(f"# {word} {part}\n\n" + f"{word} {part} " * 90 for part in range(2))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Three documents, indexed, over the engine in its process."""
    open_folders(tmp_path)
    made = make_site(tmp_path / "docs", tmp_path / "state")
    for name in ("one", "two", "three"):
        made.write(f"{name}.md", text(name))
    made.sync()
    return made


def killed_at(site: Site, step: str) -> None:
    """A sync, as a person starts it, that dies at a step."""
    victim = Victim(site)
    victim.arm(step, 1)
    done = subprocess.run(
        [sys.executable, str(Path(doomed.__file__)), str(victim.folder), "--", "sync"],
        env={**os.environ, "SYNCD_CONFIG": str(site.config)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, victim.deaths()) == (-signal.SIGKILL, 1), done.stderr


def like_fresh(site: Site) -> None:
    """One sync later it is at rest, and equals a fresh install."""
    site.sync()
    assert faults_in_rest(site) == []
    fresh = site.fresh("fresh")
    fresh.sync()
    assert site.dump() == fresh.dump()


def test_a_killed_sync_recorded_nothing_too_early(site):
    """Killed right after the outcome was recorded: what is recorded as being in the index is there."""
    site.write("one.md", text("other"))
    site.write("new.md", text("new"))
    killed_at(site, "after the commit of the outcome of documents")
    assert faults_after_kill(site) == []
    like_fresh(site)


@pytest.mark.parametrize("step", [doomed.EMBEDDED, "after the commit of the intent of documents"])
def test_a_sync_that_was_killed_before_its_points_left_none(site, step):
    """Killed when there are vectors, or when they were announced: nothing is in the index that nobody recorded."""
    site.write("one.md", text("other"))
    site.write("new.md", text("new"))
    killed_at(site, step)
    assert faults_after_kill(site) == []
    like_fresh(site)


def test_a_killed_sync_wrote_nothing_unrecorded(site):
    """Killed when the points are written and nothing says so yet: each was announced, and run and documents are in doubt."""
    site.write("one.md", text("other"))
    site.write("new.md", text("new"))
    killed_at(site, "points written")
    assert faults_after_kill(site) == []
    assert "3 open intents" in faults_in_rest(site)
    like_fresh(site)


def test_a_change_that_was_killed_and_taken_back_leaves_no_hole(site):
    """Killed when the former points were gone, and the file is as before: they are written again."""
    before = (site.docs / "one.md").read_text()
    site.write("one.md", text("other"))
    killed_at(site, "stale points deleted")
    assert faults_after_kill(site) == []
    site.write("one.md", before)
    like_fresh(site)


def test_a_deletion_that_was_killed_and_taken_back_leaves_no_hole(site):
    """Killed when the points of a deleted file were gone, and the file comes back: so do they."""
    (site.docs / "one.md").rename(site.docs.with_name("away"))
    killed_at(site, "points of deleted documents deleted")
    assert faults_after_kill(site) == []
    site.docs.with_name("away").rename(site.docs / "one.md")
    like_fresh(site)


def test_a_revocation_that_was_killed_holds(site):
    """Killed before the index knows that a file was closed: whoever is nobody special is not shown it from then on."""
    (site.docs / "one.md").chmod(0o600)
    killed_at(site, "after the commit of the intent of ACLs")
    with site.open() as wiring:
        stranger = wiring.directory.user("nobody")
    assert site.found(reader=stranger) == {"two.md", "three.md"}
    like_fresh(site)
    assert site.found(reader=stranger) == {"two.md", "three.md"}


def test_a_daemon_settles_what_was_begun(tmp_path):
    """Its engine killed with something begun: the daemon goes on, and at rest nothing is in doubt."""
    tally = Tally()
    History(tmp_path / "here", 1, tally).play(["engine: asked to write points"])
    assert (tally.kills, tally.wrong) == (["engine: asked to write points"], [])
