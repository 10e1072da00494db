"""What people ask of a coordinator at work: a reindex that is paused, resumed or held back, a source that rests, another try."""

import time
from dataclasses import replace

import pytest
from coordinating import ADMIN, Coordinated, coordinated, gates
from daemon_parts import Answered
from kit import TESTER, Site
from moments import OWNER, new_site
from runs import from_nothing, view

from syncd.adapters.embed.hash import HashEmbedder
from syncd.adapters.patient import line
from syncd.adapters.sources.filesystem import FilesystemSource
from syncd.core.freshness import Verdict
from syncd.core.hints import What
from syncd.core.model import Reason, Refusal
from syncd.core.pace import Pace
from syncd.core.retry import Policy
from syncd.core.rows import Due
from syncd.daemon import unfinished
from syncd.errors import EmbeddingFailed, Exit, IndexUnavailable, RunInterrupted, SourcePaused, SourceUnknown
from syncd.operations import reconcile
from syncd.operations.newspace import NewSpaceRequest, new_space
from syncd.operations.quarantine import QuarantineRequest, ShelfRequest, listed, shelf_drop, shelf_retry
from syncd.operations.reconcile import ReconcileRequest
from syncd.operations.reindex import ReindexRequest, reindex
from syncd.operations.sources import SourceRequest, pause, resume, scan
from syncd.operations.sync import SyncRequest, sync
from syncd.sync.backfill import backfill
from syncd.sync.reindex import request, select

MANY = tuple(f"many/{number:03}.md" for number in range(80))
FIRST, MIDDLE, LAST = ("the text of many/000", "the text of many/040", "the text of many/079")
WHY = "a reason"


pytestmark = pytest.mark.usefixtures("calm")


@pytest.fixture
def site(tmp_path) -> Site:
    """An install over many documents."""
    site = new_site(tmp_path)
    for key in MANY:
        site.write(key, f"# Title of {key}\n\nthe text of {key}")
    return site


def unavailable(*_: object, **__: object) -> None:
    """What an index that is away answers."""
    raise IndexUnavailable(detail="it is down")


def due(here: Coordinated) -> int:
    """How many documents a reindex has still to do."""
    with here.daemon.desk.install.ledger.read() as ledger:
        return sum(row.due is Due.EMBED for row in ledger.docs())


def under_way(here: Coordinated) -> bool:
    """Whether a reindex is remembered."""
    with here.daemon.desk.install.ledger.read() as ledger:
        return backfill(ledger, here.station.id) is not None


def shows_the_tree(here: Coordinated) -> None:
    """The index equals one built from nothing, and nothing is in doubt."""
    assert view(here.site) == from_nothing(here.site)
    here.sound()


def test_a_job_gives_back_what_it_took_however_it_ends(site):
    """Memory is given to the system when a job is over, whether it came to its end or not, and no sooner."""
    running: list[object] = []
    with coordinated(site) as here:
        here.calm()
        here.daemon.coordinator.relieve = lambda: running.append(here.daemon.jobs.running)
        here.finished(here.ask(sync, SyncRequest()))
        here.until(lambda: running == [None])
        failing = here.daemon.jobs.start("sync", ("docs",), unavailable, TESTER)
        with pytest.raises(IndexUnavailable):
            here.finished(failing)
        here.until(lambda: running == [None, None])


# -- a reindex ---------------------------------------------------------------------------------------------------------


def test_a_reindex_is_paused_and_goes_on(site):
    """Paused, it ends at its next turn and no scan goes on with it; resumed, it does the rest: each text is embedded once."""
    with coordinated(site) as here, gates(FIRST, "unrelated") as held:
        first = here.ask(reindex, ReindexRequest(reason=WHY))
        held.reached(FIRST)
        paused = Answered(lambda: here.ask(reindex, ReindexRequest(pause=True)))
        here.until(here.daemon.inbox.brief)
        held.open(FIRST)
        assert paused.wait().value.payload == {"sources": ["docs"], "paused": True}
        assert here.finished(first).exit is RunInterrupted.exit
        here.calm()
        left = due(here)
        assert 0 < left < len(MANY)
        assert here.runs()[-1] == ("request", "done")  # what the run that was ended had to do besides
        here.finished(here.ask(sync, SyncRequest()))
        assert (due(here), under_way(here), len(held.texts)) == (left, True, len(MANY) - left)
        assert here.finished(here.ask(reindex, ReindexRequest(resume=True))).exit is Exit.OK
        here.calm()
        assert (due(here), under_way(here), len(held.texts), len(set(held.texts))) == (0, False, len(MANY), len(MANY))
        shows_the_tree(here)


def test_a_reindex_under_way_is_given_another_rate(site):
    """It goes by the rate that it read at its start, so it ends, and another job goes on where it was: at its end all is done."""
    with coordinated(site) as here, gates(FIRST) as held:
        first = here.ask(reindex, ReindexRequest(reason=WHY))
        held.reached(FIRST)
        steered = Answered(lambda: here.ask(reindex, ReindexRequest(rate=1e5)))
        here.until(here.daemon.inbox.brief)
        held.open()
        second = steered.wait().value
        assert second != first
        assert here.finished(second).exit is Exit.OK
        here.calm()
        assert (due(here), under_way(here), len(held.texts)) == (0, False, len(MANY))


def test_a_reindex_keeps_to_its_rate(site):
    """So many chunks a second and no more: what comes after the first group waits for it."""
    with coordinated(site) as here:
        began = time.monotonic()
        here.finished(here.ask(reindex, ReindexRequest(reason=WHY, rate=40.0)))
        assert time.monotonic() - began > (len(MANY) - Pace().limit * 2) / 40
        assert due(here) == 0


def test_a_reindex_that_waits_for_its_rate_keeps_nobody_waiting(site):
    """It has a minute to wait: a deed is done, a change comes in, the supervisor hears that it lives, and it can be hurried."""
    with coordinated(site) as here:
        here.ask(reindex, ReindexRequest(reason=WHY, rate=0.5))
        here.until(lambda: here.daemon.jobs.running and 0 < due(here) < len(MANY))
        assert here.daemon.at_turn(lambda: 7) == 7
        (site.docs / MANY[0]).chmod(0o600)
        here.hint(MANY[0])
        here.until(lambda: ("hint", "done") in here.runs())
        here.daemon.supervisor._beat = 0.0
        here.until(lambda: here.daemon.supervisor.alive(5.0))
        assert here.daemon.jobs.running is not None
        here.finished(here.ask(reindex, ReindexRequest(rate=1e5)))
        assert (due(here), under_way(here)) == (0, False)


def test_a_deleted_document_is_not_due_for_ever(site):
    """What a reindex marked and somebody deleted meanwhile is no work that is left: the reindex is through."""
    with coordinated(site) as here, gates(FIRST) as held:
        job = here.ask(reindex, ReindexRequest(reason=WHY))
        held.reached(FIRST)
        (site.docs / MANY[-1]).unlink()
        here.hint(MANY[-1])
        here.until(here.daemon.inbox.urgent)
        held.open()
        here.finished(job)
        assert (due(here), under_way(here)) == (0, False)


def test_what_went_before_it_could_be_marked_is_not_due(site):
    """Selected, deleted in a turn, marked in the next: a document that is gone has nothing to be embedded again."""
    with coordinated(site) as here:
        desk = here.daemon.desk
        with desk.install.ledger.read() as ledger:
            selection = select(desk.install, ledger, desk.sources)
        (site.docs / MANY[0]).unlink()
        here.hint(MANY[0])
        here.calm()
        here.daemon.at_turn(lambda: request(desk.install, selection, actor=ADMIN.actor, reason=WHY))
        assert due(here) == len(MANY) - 1


def test_what_can_not_be_read_any_more_is_not_due_for_ever(site):
    """A document whose newer version is in quarantine can't be embedded again: the reindex of all the others is through."""
    with coordinated(site) as here:
        site.write(MANY[0], b"\x89PNG\r\n\x1a\n\x00\x01")
        here.hint(MANY[0])
        here.calm()
        here.finished(here.ask(reindex, ReindexRequest(reason=WHY)))
        assert not under_way(here)
        assert list(site.quarantined()) == [MANY[0]]


# -- pausing -----------------------------------------------------------------------------------------------------------


def test_a_source_that_is_paused_is_left_alone_by_what_waits(site):
    """A scan, a sync and a reindex stand in the queue when it is paused: none of them looks at it, and the reindex stays due.

    Nor does a hint that comes later, until it is resumed.
    """
    with coordinated(site) as here, gates("held up") as held:
        site.write("slow.md", "held up")
        here.daemon.scan("docs")
        held.reached("held up")
        here.daemon.scan("docs")
        asked = Answered(lambda: here.ask(reindex, ReindexRequest(reason=WHY, glob="many/")))
        here.until(here.daemon.inbox.brief)
        synced = here.ask(sync, SyncRequest())
        paused = Answered(lambda: here.ask(pause, SourceRequest("docs")))
        here.until(lambda: here.daemon.jobs.running.interrupted)
        held.open()
        paused.wait()
        reply = here.finished(synced)
        assert (reply.payload["runs"], len(reply.notes)) == ([], 1)
        here.finished(asked.wait().value)
        here.until(lambda: not here.daemon.jobs.waiting() and here.daemon.jobs.running is None)
        before = here.runs()
        assert due(here) == len(MANY)
        assert (here.freshness().verdict, here.freshness().sources[0].doing) == (Verdict.UNKNOWN, "paused")
        with pytest.raises(SourcePaused):
            here.ask(sync, SyncRequest(source="docs"))
        here.hint("slow.md")
        assert here.runs() == before
        here.ask(resume, SourceRequest("docs"))
        here.calm()
        assert due(here) == 0
        assert here.freshness().verdict is Verdict.FRESH
        shows_the_tree(here)


# -- another configuration ---------------------------------------------------------------------------------------------


def test_another_configuration_is_taken_over_in_the_midst_of_a_job(site):
    """Whoever reloads does not wait for the job; what waits in the queue looks at the source as it is configured by then."""
    with coordinated(site) as here, gates("held up") as held:
        site.write("slow.md", "held up")
        site.write("secret/s.md", "left out from now on")
        here.daemon.scan("docs")
        held.reached("held up")
        here.daemon.scan("docs")
        site.change('name = "docs"', 'name = "docs"\nexclude = ["secret/"]')
        here.daemon._reload()
        held.open()
        here.until(lambda: not here.daemon.jobs.waiting() and here.daemon.jobs.running is None)
        (station,) = here.daemon.inbox.stations.values()
        assert station is not here.station
        assert station.freshness(0.0, 0.0).trouble == "not watched yet"
        assert "secret/s.md" not in site.found(reader=OWNER)


# -- quarantine --------------------------------------------------------------------------------------------------------


@pytest.fixture
def unlistable(monkeypatch) -> pytest.MonkeyPatch:
    """The folder `many` can't be listed until this is undone."""
    real = FilesystemSource.scan

    def scan(self, *where, **how):
        for page in real(self, *where, **how):
            yield replace(page, stamp=None, failure=Refusal(Reason.LISTING)) if page.prefix == "many" else page

    patch = pytest.MonkeyPatch()
    patch.setattr(FilesystemSource, "scan", scan)
    yield patch
    patch.undo()


def test_a_folder_in_quarantine_is_tried_again_with_all_that_is_in_it(site, unlistable):
    """Named with "/" at its end: it is listed anew at once, its documents are found, and the entry is gone."""
    site.write("k.md", "kept")
    with coordinated(site) as here:
        assert site.quarantined() == {"many/": "listing"}
        unlistable.undo()
        reply = here.ask(shelf_retry, ShelfRequest("docs:many/"))
        assert reply.payload["retry"] == "now"
        here.calm()
        assert (here.runs()[-1], site.quarantined()) == (("hint", "done"), {})
        assert site.found(reader=OWNER) == {"k.md", *MANY}


def test_what_nobody_wants_to_hear_of_stays_out_of_lists(site, unlistable):
    """Dropped, and refused again and again for the same reason: it is listed only for who asks for what was dropped."""
    site.write("k.md", "kept")
    with coordinated(site) as here:
        here.ask(shelf_drop, ShelfRequest("docs:many/"))
        for _ in range(2):
            here.hint("many", What.TREE)
            here.calm()
        assert here.ask(listed, QuarantineRequest()).payload["quarantine"] == []
        (entry,) = here.ask(listed, QuarantineRequest(dropped=True)).payload["quarantine"]
        assert (entry["key"], entry["attempts"], ADMIN.uid) == ("many/", 3, ADMIN.uid)


# -- what changed while it waited --------------------------------------------------------------------------------------


def test_what_waited_through_a_change_over_works_with_the_new_model(site):
    """A sync and a reindex were asked for while another model was filled: they find it serving, and neither is refused."""
    with coordinated(site) as here, gates(FIRST) as held:
        site.change("[embedder]\n", '[embedder]\nrevision = "2"\n')
        fill = here.ask(new_space, NewSpaceRequest(reason=WHY))
        held.reached(FIRST)
        waiting = here.ask(sync, SyncRequest())
        held.open(FIRST)
        here.finished(fill)
        assert here.finished(waiting).exit is Exit.OK
        here.calm()
        here.sound()


def test_filling_goes_on_when_what_was_away_is_back(site, monkeypatch):
    """The other model is away: who asked for it hears so; later it is filled by itself, and serves."""
    monkeypatch.setattr(unfinished, "AGAIN", Policy(first=0.01, longest=0.1))
    monkeypatch.setattr(line, "AGAIN", Policy(first=0.0, longest=0.0, tries=2))
    monkeypatch.setattr(line, "LEFT_ALONE", Policy(first=0.01, longest=0.05))
    real, away = HashEmbedder.embed, [True]

    def embed(self, texts, *rest):
        if self._revision and away[0]:
            raise RuntimeError("CUDA error")
        return real(self, texts, *rest)

    monkeypatch.setattr(HashEmbedder, "embed", embed)
    with coordinated(site) as here:
        here.daemon.coordinator.unfinished.begin["new-space"] = here.daemon.chores.resume
        site.change("[embedder]\n", '[embedder]\nrevision = "2"\n')
        space = here.daemon.desk.install.embedder.space
        with pytest.raises(EmbeddingFailed):
            here.finished(here.ask(new_space, NewSpaceRequest(reason=WHY)))
        away[0] = False
        here.until(lambda: here.daemon.inbox.poke() or here.daemon.desk.install.embedder.space != space)
        here.calm()
        assert len(here.events("space.changed")) >= 2
        here.sound()


def test_a_comparison_is_made_once_what_was_away_is_back(site, monkeypatch):
    """The index is away just when it is time to compare: the day after is too late, so it is done once the index is back."""
    monkeypatch.setattr(unfinished, "AGAIN", Policy(first=0.01, longest=0.1))
    monkeypatch.setattr(line, "LEFT_ALONE", Policy(first=0.01, longest=0.05))
    with coordinated(site) as here:
        here.daemon.coordinator.unfinished.begin[reconcile.KIND] = here.daemon.chores.reconcile
        with monkeypatch.context() as away:
            away.setattr(site.index, "scroll", unavailable)
            with pytest.raises(IndexUnavailable):
                here.finished(here.ask(reconcile.ask, ReconcileRequest()))
            assert here.events("reconcile.finished") == []
        here.until(lambda: here.daemon.inbox.poke() or here.events("reconcile.finished"))
        here.calm()


def test_work_on_a_source_that_went_while_it_waited_says_so(site):
    """Nothing is synced instead of it, and nothing is called done."""
    with coordinated(site) as here:
        desk = here.daemon.desk
        task = scan(desk, ADMIN, SourceRequest("docs"))
        here.daemon.desk = replace(desk, sources=[])
        with pytest.raises(SourceUnknown):
            task.carry_out(lambda *_: None)
        here.daemon.desk = desk
