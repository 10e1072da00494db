"""The guard: what is too much to be believed at once changes nothing until a person confirms that very run."""

import json
import os

import pytest
from dict_index import DictIndex
from kit import Site, make_site, open_folders

from syncd.core.acl import everyone, user
from syncd.core.rows import Fence
from syncd.errors import RunUnknown
from syncd.sync.every import halted_run
from syncd.sync.report import Held

STRANGER = frozenset({user("unix", 4242), everyone("unix")})
OWNER = frozenset({user("unix", os.getuid()), everyone("unix")})
KEYS = [f"{'a' if n < 2 else 'b'}/{n}.md" for n in range(12)]
"""Two in one folder, which the guard lets go, and the others in the next."""


@pytest.fixture
def site(tmp_path) -> Site:
    """A dozen documents, and a guard that lets no more than two of them go at once."""
    open_folders(tmp_path)
    site = make_site(tmp_path / "docs", tmp_path / "state")
    site.config.chmod(0o600)
    limits = "max_delete_share = 0.1\nmin_deletes = 3\nmax_widen_share = 0.1\nmin_widenings = 3\n"
    site.config.write_text(f"{site.config.read_text()}\n[guard]\n{limits}")
    site.index = DictIndex()
    return site


def fill(site: Site, mode: int = 0o644) -> None:
    """The documents, synced."""
    for key in KEYS:
        site.write(key, f"text of {key}", mode)
    assert site.sync().state == "done"


def fences(site: Site) -> set[Fence]:
    """The fences of all documents."""
    with site.open() as wiring, wiring.ledger.read() as view:
        return {row.fence for row in view.docs()}


def events(site: Site) -> list[str]:
    """The types of all events."""
    with site.open() as wiring, wiring.ledger.read() as view:
        return [event.type for event in view.events()]


def test_a_mass_deletion_waits_and_everything_goes_on_serving(site):
    """Half of the files are gone: the run halts, no point is deleted, and what was hidden meanwhile is found again."""
    fill(site)
    for key in KEYS[:6]:
        (site.docs / key).unlink()
    done = site.sync()
    assert (done.state, done.report.documents.deleted) == ("halted", 0)
    assert "6 of 12 documents" in done.reason
    assert site.found(reader=OWNER) == set(KEYS)
    assert (fences(site), site.points()) == ({Fence.NONE}, 12)
    assert events(site).count("guard.halted") == 1


def test_a_confirmed_run_deletes_what_is_gone(site):
    """The same again with the id of the halted run: the points go, and who confirmed is in the log."""
    fill(site)
    for key in KEYS[:6]:
        (site.docs / key).unlink()
    halted = site.sync()
    done = site.sync(confirm=halted)
    assert (done.state, done.report.documents.deleted, site.points()) == ("done", 6, 6)
    assert site.found(reader=OWNER) == set(KEYS[6:])
    assert events(site).count("guard.confirmed") == 1


def test_an_emptied_source_waits_whatever_its_size(tmp_path, site):
    """An unmounted disk looks like an empty folder: not even two documents are deleted for it."""
    for key in KEYS[:2]:
        site.write(key, "text")
    site.sync()
    for key in KEYS[:2]:
        (site.docs / key).unlink()
    assert site.sync().state == "halted"
    assert site.found(reader=OWNER) == set(KEYS[:2])


def test_a_few_deletions_do_not_wait(site):
    """Below the guard's limits nobody is asked."""
    fill(site)
    for key in KEYS[:2]:
        (site.docs / key).unlink()
    done = site.sync()
    assert (done.state, done.report.documents.deleted, site.points()) == ("done", 2, 10)


def test_a_mass_widening_waits_and_is_done_once_confirmed(site, monkeypatch):
    """A chmod of everything opens nothing by itself, not with the next run either; the confirmed run opens all of it."""
    monkeypatch.setattr("syncd.adapters.sources.filesystem.listing.RACY_NS", 0)
    fill(site, 0o600)
    for key in KEYS[:6]:
        (site.docs / key).chmod(0o644)
    for _ in range(2):
        halted = site.sync()
        assert (halted.state, halted.report.documents.retagged) == ("halted", 0)
        assert "6 of 12 documents would open to everyone" in halted.reason
        assert site.found(reader=STRANGER) == set()
    assert site.sync(confirm=halted).state == "done"
    assert site.found(reader=STRANGER) == set(KEYS[:6])


def test_a_narrowing_never_waits(site):
    """Beside a mass widening that is held back a document is closed at once."""
    fill(site, 0o600)
    (site.docs / KEYS[11]).chmod(0o644)
    site.sync()
    assert site.found(reader=STRANGER) == {KEYS[11]}
    for key in KEYS[:6]:
        (site.docs / key).chmod(0o644)
    (site.docs / KEYS[11]).chmod(0o600)
    assert site.sync().state == "halted"
    assert site.found(reader=STRANGER) == set()


def test_a_confirmation_is_for_as_much_as_was_shown(site):
    """What came to be missing since then was not agreed to: the run halts again, and nothing is deleted."""
    fill(site)
    for key in KEYS[:6]:
        (site.docs / key).unlink()
    halted = site.sync()
    (site.docs / KEYS[6]).unlink()
    again = site.sync(confirm=halted)
    assert (again.state, again.report.documents.deleted) == ("halted", 0)
    assert site.found(reader=OWNER) == set(KEYS)
    assert site.sync(confirm=again).report.documents.deleted == 7


def test_what_is_held_back_is_explained(site):
    """`explain` of a document that the guard keeps says so, with the command; of one that is as it was, nothing."""
    fill(site)
    for key in KEYS[:6]:
        (site.docs / key).unlink()
    halted = site.sync()
    (first, *_), (other, *_) = (site.json("explain", f"docs:{key}")["why"] for key in (KEYS[0], KEYS[11]))
    assert f"`syncd sync --confirm {halted.run.hex()}`" in first
    assert "as they are at the source" in other


def test_only_the_last_halted_run_can_be_confirmed(site):
    """Not by a guess, not by a few letters, not once it is over."""
    fill(site)
    fine = site.sync()

    def confirm(named: str) -> Held:
        with site.open(writer=True) as wiring, wiring.ledger.read() as view:
            return halted_run(view, wiring.install(), wiring.sources(), named)[1]

    with pytest.raises(RunUnknown):
        confirm(fine.run.hex())
    for key in KEYS[:6]:
        (site.docs / key).unlink()
    halted = site.sync()
    assert confirm(halted.run.hex()) == confirm(halted.run.hex()[:8]) == Held(deletions=6)
    for wrong in ("", halted.run.hex()[:7], "0" * 32, fine.run.hex()):
        with pytest.raises(RunUnknown):
            confirm(wrong)
    site.sync(confirm=halted)
    with pytest.raises(RunUnknown):
        confirm(halted.run.hex())


def test_one_source_that_halts_keeps_no_other_from_its_own(tmp_path):
    """As a person types it: exit 4 with the command to type, the other source is up to date; confirmed, the first is as well.

    Both are in the history.
    """
    open_folders(tmp_path)
    site = make_site(tmp_path / "docs", tmp_path / "state")
    other = tmp_path / "other"
    other.mkdir()
    with site.config.open("a") as file:
        file.write(f'\n[[source]]\nname = "other"\nroot = "{other}"\nallow_everyone = true\n')
    for key in KEYS[:3]:
        site.write(key, "text")
    (other / "before.md").write_text("before")
    site.cli("sync")
    for key in KEYS[:3]:
        (site.docs / key).unlink()
    (other / "after.md").write_text("after")
    halted = site.cli("sync", "--json", check=4)
    runs = {run["source"]: run for run in json.loads(halted.stdout)["runs"]}
    assert {name: run["state"] for name, run in runs.items()} == {"docs": "halted", "other": "done"}
    assert f"syncd sync --confirm {runs['docs']['run']}" in halted.stderr
    assert site.found() == {*KEYS[:3], "before.md", "after.md"}
    site.cli("sync", "--confirm", runs["docs"]["run"])
    assert site.found() == {"before.md", "after.md"}
    types = [json.loads(line)["type"] for line in site.cli("audit", "log", "--format", "jsonl").stdout.splitlines()]
    assert (types.count("guard.halted"), types.count("guard.confirmed")) == (1, 1)


def test_status_says_how_much_waits_for_a_person(site):
    """As many deletions as a confirmation would say yes to, and the commands that show them and let them pass."""
    fill(site)
    for key in KEYS[:6]:
        (site.docs / key).unlink()
    assert site.sync().state == "halted"
    told = site.cli("status").stdout
    assert "docs: the guard holds back 6 deletions: `syncd plan --source docs`, then `syncd sync --confirm " in told
