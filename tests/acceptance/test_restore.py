"""A ledger that is older than it was: refused, and accepted only with everything hidden until it was looked at again."""

import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from faults import STRANGER, Killed
from kit import TESTER, Site
from restore_kit import EVERY_COMMAND, WRITES, accept, embedded, equals_fresh, filled, fresh, killed_at, points, put_back

from syncd.core.rows import DocState, Fence
from syncd.errors import LedgerStale
from syncd.operations.reconcile import ReconcileRequest, carry_out
from syncd.wiring.desk import direct_desk


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Indexed, with a copy of the ledger of then beside it; much has changed since."""
    made = filled(tmp_path)
    shutil.copy(made.state / "ledger.db", tmp_path / "backup.db")
    made.write("0/new.md", "# New\n\nSince the backup.")
    (made.docs / "1/1.md").unlink()
    (made.docs / "2/2.md").write_text("# Two\n\nAnother text.")
    (made.docs / "2/5.md").chmod(0o600)
    (made.docs / "0/3.md").chmod(0o644)
    (made.docs / "1/4.md").rename(made.docs / "2/four.md")
    made.sync()
    return made


def restore(site: Site) -> None:
    """Put the backup in the ledger's place."""
    put_back(site, site.state.with_name("backup.db"))


def test_an_older_ledger_is_refused_by_every_command(site: Site) -> None:
    """Exit 6, with the anchor that knows better and the command that helps; neither ledger nor index is touched."""
    restore(site)
    before = {path: path.read_bytes() for path in site.state.rglob("*") if path.is_file() and path.suffix != ".lock"}
    for command in EVERY_COMMAND:
        told = site.cli(*command, check=6).stderr
        assert "syncd ledger accept-restore --reason" in told, command
        assert str(site.state / "anchor") in told
    after = {path: path.read_bytes() for path in before if path.exists()}
    assert after == before


def test_what_is_missing_is_a_finding(site: Site) -> None:
    """A copy in an auditor's hands is a whole history, however old; that of the install lacks what its anchor knows."""
    restore(site)
    found = site.json("audit", "verify", check=6)["findings"]
    assert [finding["kind"] for finding in found] == ["cut"]
    assert str(site.state / "anchor") in found[0]["detail"]
    public = next(line for line in site.config.read_text().splitlines() if line.startswith("public_key")).split('"')[1]
    done = site.json("audit", "verify", "--ledger", str(site.state / "ledger.db"), "--key", public)
    assert done["verdict"] == "good"


def test_an_accepted_ledger_becomes_what_the_sources_say(site: Site) -> None:
    """What changed since the backup holds, what the index had beyond it is gone, all is sealed anew, and the history says so."""
    restore(site)
    done = site.json("ledger", "accept-restore", "--reason", "a disk died")
    assert done["hidden"] == 13
    assert done["anchored"] > 0
    assert sum(run["chunks"]["embedded"] for run in done["runs"]) == 2  # the new document, and the other text
    equals_fresh(site)
    assert {point.payload["epoch"] for point in points(site)} == {2}
    (info,) = site.json("audit", "verify")["info"]
    assert info["kind"] == "restored"
    assert f"{done['anchored']} events were signed before" in info["detail"]
    assert site.json("sync")["runs"][0]["chunks"]["embedded"] == 0


def test_nobody_reads_before_his_source_was_looked_at(site: Site) -> None:
    """The source is away: the ledger is accepted, all is hidden, and comes back with the source, at the cost of no text."""
    restore(site)
    away = site.docs.rename(site.docs.with_name("away"))
    told = site.cli("ledger", "accept-restore", "--reason", "x", check=3).stderr
    assert "Nothing was deleted" in told
    assert site.found() == set()
    away.rename(site.docs)
    site.cli("sync")
    assert "2/5.md" in site.found()
    assert "2/5.md" not in site.found(reader=STRANGER)
    site.json("reconcile", "--repair")
    equals_fresh(site)


def test_the_lost_history_issued_no_higher_version(tmp_path: Path) -> None:
    """ACL versions that were issued after the backup are outdone: who was let in by one of them is out."""
    site = filled(tmp_path)
    shutil.copy(site.state / "ledger.db", tmp_path / "backup.db")
    path = site.docs / "1/1.md"
    for mode in (0o600, 0o644, 0o600, 0o644):
        path.chmod(mode)
        site.sync()
    path.chmod(0o600)
    restore(site)
    assert accept(site).payload["repaired"] == 0
    assert "1/1.md" in site.found()
    assert "1/1.md" not in site.found(reader=STRANGER)
    with site.open() as wiring, wiring.ledger.read() as view:
        rows = [row for row in view.docs() if row.state is DocState.LIVE]
    assert {row.floor == row.issued for row in rows} == {True}
    assert {row.fence for row in rows} == {Fence.NONE}
    issued = {row.doc.hex(): row.issued for row in rows}
    assert all(point.payload["acl_version"] == issued[point.payload["doc"]] for point in points(site))


def test_killed_anywhere_it_is_refused_still_or_goes_on(site: Site, tmp_path: Path) -> None:
    """Before its last transaction the ledger is stale as before; after it, a sync ends the work. No stranger reads meanwhile."""
    restore(site)
    kept, expected = shutil.copytree(site.state, tmp_path / "kept"), fresh(site)
    refusals = []
    for write in WRITES:
        with killed_at(write), suppress(Killed):
            accept(site)
        try:
            assert "2/5.md" not in site.found(reader=STRANGER)
        except LedgerStale:
            refusals.append(write)
            accept(site)
        else:
            site.sync()
            with site.open(writer=True) as wiring:
                carry_out(direct_desk(wiring), TESTER, ReconcileRequest(repair=True, sample=0), lambda *_: None)
        equals_fresh(site, expected)
        assert "2/5.md" not in site.found(reader=STRANGER)
        shutil.rmtree(site.state)
        shutil.copytree(kept, site.state)
    assert refusals == list(WRITES[: len(refusals)])
    assert 0 < len(refusals) < len(WRITES) - 3


def test_accepting_a_ledger_that_is_not_older_does_no_harm(site: Site) -> None:
    """An admin may have put everything back, the anchor, too: then nothing tells, and he says so himself."""
    before = site.dump()
    done = accept(site)
    assert embedded(done) == 0
    assert [chunk.key for chunk in site.dump()] == [chunk.key for chunk in before]
    equals_fresh(site)


def test_an_older_keyring_is_refused(site: Site, tmp_path: Path) -> None:
    """The command says that the keys have to be backed up again; who puts the former ones back is told which file it is."""
    ring = site.state / "keys/keyring.json"
    shutil.copy(ring, tmp_path / "ring")
    restore(site)
    assert "back up `keys/keyring.json` again" in " ".join(accept(site).notes)
    newer = ring.read_bytes()
    ring.unlink()
    shutil.copy(tmp_path / "ring", ring)
    told = site.cli("sync", check=78).stderr
    assert str(ring) in told
    assert "epoch 2" in told
    ring.chmod(0o600)
    ring.write_bytes(newer)
    equals_fresh(site)


def test_a_second_restore_is_noticed_as_the_first_was(site: Site) -> None:
    """The ledger of before the accepted one is stale again, and so is the backup; the history is in its third generation then."""
    restore(site)
    accept(site)
    restore(site)
    assert "generation 2 were signed" in site.cli("sync", check=6).stderr
    accept(site)
    equals_fresh(site)
    assert {point.payload["epoch"] for point in points(site)} == {3}


def test_a_collection_that_the_backup_does_not_know_goes(site: Site) -> None:
    """Since the backup the model was replaced: the old space serves again, and nothing is left of the other one."""
    site.change("[embedder]\n", '[embedder]\nrevision = "2"\n')
    site.json("reindex", "--new-space", "--reason", "try")
    restore(site)
    site.change('[embedder]\nrevision = "2"\n', "[embedder]\n")
    accept(site)
    equals_fresh(site)
    with site.open(writer=True) as wiring:
        assert len(wiring.index.collections()) == 1


# -- configured anchors ------------------------------------------------------------------------------------------------


def anchored(site: Site, place: Path) -> None:
    """Configure an anchor."""
    site.change("[audit]\n", f'[audit]\nanchors = ["{place}"]\n')


def test_an_anchor_elsewhere_notices_what_the_local_one_can_not(tmp_path: Path) -> None:
    """The whole state was put back, its own anchor with it: the one on another disk knows better."""
    site = filled(tmp_path)
    anchored(site, tmp_path / "elsewhere")
    assert "anchors" in site.cli("sync", check=69).stderr  # a new one has to be made by hand: it may just not be mounted
    (tmp_path / "elsewhere").touch()
    site.cli("sync")
    backup = shutil.copytree(site.state, tmp_path / "backup")
    (site.docs / "1/1.md").chmod(0o600)
    site.cli("sync")
    shutil.rmtree(site.state)
    shutil.copytree(backup, site.state)
    assert str(tmp_path / "elsewhere") in site.cli("search", "words", check=6).stderr
    site.cli("ledger", "accept-restore", "--reason", "x")
    equals_fresh(site)
    (tmp_path / "gone").touch()
    site.change('elsewhere"]', f'elsewhere", "{tmp_path / "gone"}"]')
    (tmp_path / "gone").unlink()  # one of two is enough, and the other is told
    assert f"not anchored at {tmp_path / 'gone'}: No such file" in site.cli("status").stdout
    (tmp_path / "elsewhere").rename(tmp_path / "unmounted")
    for command in (("sync",), ("run",), ("search", "words")):
        assert "None of the configured anchors can be read" in site.cli(*command, check=69).stderr


def test_a_first_sync_begins_the_anchors(tmp_path: Path) -> None:
    """Where there is no history yet, its anchors are made, and the first checkpoint is in each."""
    site = filled(tmp_path).fresh("second")
    anchored(site, tmp_path / "elsewhere")
    site.cli("plan")
    site.cli("sync")
    assert (tmp_path / "elsewhere").read_text().rstrip("\n") == (site.state / "anchor").read_text().rstrip("\n")
