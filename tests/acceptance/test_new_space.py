"""Another model: refused by surprise, replaced by a second collection that is filled beside the serving one."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest
from daemon_kit import running, until
from faults import Killed
from kit import TESTER, Site, make_site, open_folders

from syncd.config import load
from syncd.core.acl import everyone, user
from syncd.core.model import Ids, Lane, Where
from syncd.core.pace import Pace
from syncd.errors import SameSpace
from syncd.operations.desk import Desk
from syncd.operations.newspace import NewSpaceRequest, new_space
from syncd.operations.sync import run_all
from syncd.seal.vault import Vault
from syncd.sync.collection import alias_of, filling, serving
from syncd.sync.newspace import begin_space
from syncd.sync.rundata import Order
from syncd.wiring import Wiring
from syncd.wiring.desk import direct_caller, direct_desk

OTHER = '[embedder]\nrevision = "2"\n'


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Thirty documents in three folders, indexed."""
    open_folders(tmp_path)
    made = make_site(tmp_path / "docs", tmp_path / "state")
    for number in range(30):
        made.write(f"{number % 3}/{number}.md", f"# {number}\n\nThe text of number {number}.")
    made.sync()
    return made


def configure_other(site: Site) -> None:
    """Name another model in the configuration."""
    site.change("[embedder]\n", OTHER)


def collections(site: Site) -> tuple[str, tuple[str, ...], str | None]:
    """The serving collection by the ledger, those in the index, and what the alias names."""
    with site.open(writer=True) as wiring:
        with wiring.ledger.read() as view:
            row = serving(view)
        assert row is not None
        return row.name, wiring.index.collections(), wiring.index.resolve(alias_of(wiring.install()))


def equals_fresh(site: Site) -> None:
    """The index equals one built from nothing with the configured model."""
    fresh = site.fresh("fresh")
    if OTHER in site.config.read_text():
        configure_other(fresh)
    fresh.sync()
    assert site.dump() == fresh.dump()


def test_another_model_is_refused_by_name(site: Site) -> None:
    """`sync`, `run` and `search` end with 78, write nothing, and name the command that replaces the model."""
    configure_other(site)
    before = site.state.joinpath("ledger.db").read_bytes()
    for command in (("sync",), ("run",), ("search", "text")):
        done = site.cli(*command, check=78)
        assert "syncd reindex --new-space --reason" in done.stderr
    assert site.state.joinpath("ledger.db").read_bytes() == before


def test_a_model_is_replaced_without_a_daemon(site: Site) -> None:
    """One command fills and changes over: one collection is left, the alias names it, and every command works again."""
    old, *_ = collections(site)
    configure_other(site)
    plan = site.json("reindex", "--new-space", "--dry-run", "--reason", "try")
    assert (plan["documents"], plan["chunks"]) == (30, 30)
    done = site.json("reindex", "--new-space", "--reason", "a better model")
    assert (done["documents"], done["embedded"], done["left_out"]) == (30, 30, 0)
    name, there, alias = collections(site)
    assert name != old
    assert there == (name,)
    assert alias == name
    equals_fresh(site)
    assert site.json("sync")["runs"][0]["chunks"]["embedded"] == 0
    assert site.cli("audit", "verify").returncode == 0


def test_the_old_collection_is_kept_fresh_and_found_meanwhile(site: Site) -> None:
    """While a second collection is filled, edits, moves, deletions and revocations hold in all answers, and in the new one."""
    with running(site) as daemon:
        configure_other(site)
        job = daemon.client.begin("reindex-new-space", {"reason": "try"})
        site.write("0/0.md", "# 0\n\nA text about quokkas.")
        (site.docs / "1/1.md").unlink()
        (site.docs / "2/2.md").chmod(0o600)
        (site.docs / "0/3.md").rename(site.docs / "1/moved.md")
        daemon.wait("0/0.md")
        assert any("quokkas" in hit["text"] for hit in daemon.ask("search", query="quokkas", k=100)["hits"])
        daemon.client.watch(job, lambda _: None)
        daemon.calm()
        found = daemon.found(principals=("user:nobody",))
        assert not {"1/1.md", "2/2.md", "0/3.md"} & found
        assert "1/moved.md" in found
        answer = daemon.client.ask("search", {"query": "text", "k": 100})
        assert int(answer.exit) == 0
        assert answer.notes == ()
    equals_fresh(site)


def test_searches_go_on_through_the_change_over(site: Site) -> None:
    """Somebody who searches all the time gets every document in every answer, and no answer speaks of damage."""
    with running(site) as daemon:
        configure_other(site)
        job = daemon.client.begin("reindex-new-space", {"reason": "try"})
        answers = []

        def over() -> bool:
            answers.append(daemon.client.ask("search", {"query": "text number", "k": 100}))
            return daemon.client.job(job)["state"] == "done"

        until(over)
        answers += [daemon.client.ask("search", {"query": "text number", "k": 100}) for _ in range(5)]
    assert {len(answer.payload["hits"]) for answer in answers} == {30}
    assert {int(answer.exit) for answer in answers} == {0}


def test_a_daemon_goes_on_filling_after_a_restart(site: Site) -> None:
    """A fill that was begun and ended in the midst is gone on with by the next start, without a command."""
    configure_other(site)
    begin(site, documents=0)
    with running(site) as daemon:
        until(lambda: daemon.status()["filling"] is None and len(daemon.found()) == 30)
        assert daemon.ask("audit-verify")["verdict"] == "good"
    equals_fresh(site)


def begin(site: Site, documents: int) -> None:
    """Begin to fill, and die before group number `documents` is written."""
    with Wiring(load(site.config), writer=True, keep_space=True) as wiring:
        desk = direct_desk(wiring)
        task = new_space(desk, direct_caller(wiring), NewSpaceRequest(reason="try"))
        real, calls = wiring.index.upsert, []

        def upsert(*arguments: object) -> None:
            calls.append(arguments)
            if len(calls) > documents:
                raise Killed
            real(*arguments)

        wiring.index.upsert = upsert
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
            patch.setattr("syncd.sync.newspace.Pace", lambda **_: Pace(8, least=8, most=8))
            task.carry_out(lambda *_: None)


@pytest.mark.parametrize("groups", [0, 1])
def test_a_killed_fill_goes_on_where_it_was(site: Site, groups: int) -> None:
    """Killed before any write: the old collection serves unharmed; asked again, only what is missing is embedded."""
    configure_other(site)
    begin(site, documents=groups)
    with site.open() as wiring, wiring.ledger.read() as view:
        assert filling(view) is not None
        assert len(view.intents()) == 8  # no write without a committed intent
    done = site.json("reindex", "--new-space", "--reason", "again")
    assert done["embedded"] == 30 - 8 * groups
    equals_fresh(site)
    assert site.cli("audit", "verify").returncode == 0


def test_what_is_deleted_once_it_was_copied_does_not_serve_again(site: Site) -> None:
    """Copied into the second collection, then deleted at the source in a turn of the fill: it is in neither when that is over."""
    configure_other(site)
    with Wiring(load(site.config), writer=True, keep_space=True) as wiring, pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncd.sync.newspace.Pace", lambda **_: Pace(8, least=8, most=8))
        desk = direct_desk(wiring)
        deleting = Deleting(site, desk)
        task = new_space(replace(desk, turns=deleting), direct_caller(wiring), NewSpaceRequest(reason="try"))
        task.carry_out(lambda *_: None)
    assert deleting.gone == 8
    equals_fresh(site)
    assert len(site.dump()) == site.points() == 22


class Deleting:
    """Turns; in the first one the documents that were copied so far are deleted, and that is synced."""

    lane = Lane.BACKFILL

    def __init__(self, site: Site, desk: Desk) -> None:
        self.site = site
        self.desk = desk
        self.gone = 0

    def wanted(self) -> bool:
        """Until they are gone."""
        return not self.gone

    def give(self) -> None:
        """Delete them."""
        install = self.desk.install
        with install.ledger.read() as view:
            copied = [row for row in view.docs() if view.copy(row.doc) is not None]
        for row in copied:
            (self.site.docs / Vault(install.keyring).card(row).key).unlink()
        self.gone = len(copied)
        run_all(self.desk, self.desk.sources, Order(TESTER), lambda *_: None)

    def spent(self, chunks: int, rate: float) -> None:
        """Nobody waits."""


def test_a_fill_can_be_given_up(site: Site) -> None:
    """Given up, the old model serves on, the points of the new one are gone, and the old configuration works."""
    configure_other(site)
    begin(site, documents=1)
    assert site.json("reindex", "--new-space", "--give-up")["given_up"] is True
    site.change(OTHER, "[embedder]\n")
    name, there, alias = collections(site)
    assert there == (name,)
    assert alias == name
    assert site.json("sync")["runs"][0]["chunks"]["embedded"] == 0
    equals_fresh(site)


def test_the_same_model_is_not_filled(site: Site) -> None:
    """Asking for the space that serves is wrong usage, also for a plan, and nothing is begun; nor by work that waited for it."""
    for more in (("--reason", "x"), ("--dry-run",)):
        assert "is the one that the index was made with" in site.cli("reindex", "--new-space", *more, check=2).stderr
    with site.open(writer=True) as wiring, pytest.raises(SameSpace):
        begin_space(wiring.install(), TESTER, "x")
    assert len(collections(site)[1]) == 1


def test_an_older_version_that_can_not_be_read_any_more_is_left_out(site: Site) -> None:
    """A document whose present version is in quarantine can't be cut anew: it is left out, told, and comes back later."""
    site.write("0/0.md", b"\xff\xfe\x00 no text")
    site.sync()
    configure_other(site)
    done = site.json("reindex", "--new-space", "--reason", "x", check=3)
    assert done["left_out"] == 1
    assert "0/0.md" not in site.found()
    site.write("0/0.md", "# 0\n\nreadable again")
    site.cli("sync")
    assert "0/0.md" in site.found()
    equals_fresh(site)


def test_status_tells_that_another_model_is_filled(site: Site) -> None:
    """Operators see that a second collection exists, and how much is in it."""
    configure_other(site)
    begin(site, documents=1)
    with site.open() as wiring, wiring.ledger.read() as view:
        filled = view.copy_point_count()
    assert site.json("status")["filling"] == {"chunks": filled}


def test_points_that_the_new_collection_lost_are_noticed(site: Site) -> None:
    """Fewer points than recorded when it is to serve: nothing changes over, and the next attempt fills it anew and does."""
    configure_other(site)
    begin(site, documents=2)
    with Wiring(load(site.config), writer=True, keep_space=True) as wiring:
        with wiring.ledger.read() as view:
            row, old = filling(view), serving(view)
        assert row is not None
        assert old is not None
        points, _ = wiring.index.scroll(row.name, None, None, 3, vectors=False)
        wiring.index.delete(row.name, Where((Ids(tuple(point.id for point in points)),)))
    done = site.cli("reindex", "--new-space", "--reason", "again", check=69)
    assert "it will be filled anew" in done.stderr
    with site.open() as wiring, wiring.ledger.read() as view:
        assert serving(view) == old
    assert site.json("reindex", "--new-space", "--reason", "and again")["embedded"] == 30
    equals_fresh(site)


def test_a_change_while_nobody_filled_is_in_the_new_collection(site: Site) -> None:
    """What was edited, closed, moved and deleted between two attempts is right when the new collection serves."""
    configure_other(site)
    begin(site, documents=2)
    site.change(OTHER, "[embedder]\n")
    for number in range(0, 30, 3):
        (site.docs / f"0/{number}.md").write_text(f"# {number}\n\nAnother text of number {number}.")
    for number in range(1, 30, 6):
        (site.docs / f"1/{number}.md").chmod(0o600)
    for number in range(2, 30, 6):
        (site.docs / f"2/{number}.md").rename(site.docs / f"0/moved-{number}.md")
    for number in range(5, 30, 6):
        (site.docs / f"2/{number}.md").unlink()
    site.cli("sync")
    configure_other(site)
    site.cli("reindex", "--new-space", "--reason", "again")
    equals_fresh(site)
    assert not {f"1/{number}.md" for number in range(1, 30, 6)} & site.found(
        reader=frozenset({user("unix", 4242), everyone("unix")})
    )


def test_a_reload_after_a_change_over_keeps_the_new_model(site: Site) -> None:
    """SIGHUP once another model serves: hints and scans go on in its space."""
    with running(site) as daemon:
        configure_other(site)
        daemon.ask("reindex-new-space", reason="try")
        site.change("allow_everyone = true", "allow_everyone = true ")
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: any(line["event"] == "config.loaded" for line in daemon.lines()))
        site.write("0/new.md", "# new\n\nnew text")
        assert daemon.wait("0/new.md")["state"] == "searchable"
        assert daemon.ask("sync")["runs"][0]["state"] == "done"
        daemon.calm()
    equals_fresh(site)


def test_giving_up_ends_the_filling(site: Site) -> None:
    """Given up in the midst: the work ends, nothing of it is left open, and what served serves."""
    for number in range(30, 800):
        site.write(f"more/{number}.md", f"# {number}\n\nThe text of number {number}.")
    with running(site) as daemon:
        configure_other(site)
        job = daemon.client.begin("reindex-new-space", {"reason": "try"})
        until(lambda: (daemon.status()["filling"] or {"chunks": 0})["chunks"])
        assert daemon.ask("reindex-new-space", give_up=True)["given_up"] is True
        until(lambda: daemon.client.job(job)["state"] in ("failed", "done"))
        if daemon.client.job(job)["state"] == "failed":
            assert daemon.status()["filling"] is None
        assert len(daemon.found()) == 800
        assert daemon.ask("audit-verify")["verdict"] == "good"


def test_a_pause_of_a_source_leaves_the_filling_alone(site: Site) -> None:
    """Replacing the model is no looking at a source: it ends as if nobody had paused one."""
    with running(site) as daemon:
        configure_other(site)
        job = daemon.client.begin("reindex-new-space", {"reason": "try"})
        daemon.ask("sources-pause", source="docs")
        reply = daemon.client.watch(job, lambda _: None)
        assert (int(reply.exit), reply.payload["documents"]) == (0, 30)
        daemon.ask("sources-resume", source="docs")
        daemon.calm()
