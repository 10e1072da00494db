"""Jobs: one at a time, joined where that is the same, watched by many, and forgotten in the end."""

import gc
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from daemon_parts import Answered, StillClock, until

from syncd.adapters.system import SystemEntropy
from syncd.audit.event import Actor
from syncd.daemon import jobs as jobs_module
from syncd.daemon.jobs import Jobs, JobState
from syncd.errors import DaemonStopping, Exit, IndexUnavailable, JobUnknown
from syncd.operations.operation import Reply
from syncd.sync.report import Progress

ADMIN = Actor("account", uid=0, via="test")
GOOD = Reply({"good": True})


@pytest.fixture
def woken() -> list[int]:
    """How often a job was put into the queue."""
    return []


@pytest.fixture
def jobs(woken) -> Jobs:
    """No job yet; two that ended are remembered."""
    return Jobs(StillClock(), SystemEntropy(), kept=2, woken=lambda: woken.append(1))


def asked(jobs: Jobs, kind: str = "sync", *sources: str) -> str:
    """A job of that kind."""
    return jobs.start(kind, sources or ("docs",), lambda _: GOOD, ADMIN)


def ended(jobs: Jobs) -> str:
    """The next job is done; its id."""
    job = jobs.take()
    jobs.end(job, job.carry_out(lambda *_: None), None)
    return job.id


# -- the queue ---------------------------------------------------------------------------------------------------------


def test_jobs_are_done_one_after_the_other(jobs, woken):
    """In the order in which they were asked for; whoever does them is woken for each."""
    ids = [asked(jobs, kind) for kind in ("sync", "scan", "reindex")]
    assert (len(set(ids)), len(woken), jobs.waiting()) == (3, 3, True)
    assert [ended(jobs) for _ in ids] == ids
    assert (jobs.take(), jobs.waiting(), jobs.running) == (None, False, None)


@pytest.mark.parametrize(
    ("kind", "sources", "again", "joined"),
    [
        ("sync", ("docs",), ("docs",), True),
        ("sync", ("docs", "more"), ("more",), True),
        ("sync", ("docs",), ("docs", "more"), False),
        ("scan", ("docs",), ("more",), False),
        ("confirm", ("docs",), ("docs",), False),
        ("reindex", ("docs",), ("docs",), True),
    ],
)
def test_a_job_that_waits_is_joined_where_it_covers_what_is_asked(jobs, woken, kind, sources, again, joined):
    """Of the same kind, about at least the same sources; a confirmation is one person's word."""
    first = asked(jobs, kind, *sources)
    assert (asked(jobs, kind, *again) == first) is joined
    assert len(woken) == (1 if joined else 2)
    assert asked(jobs, "other", *again) != first


@pytest.mark.parametrize(("kind", "joined"), [("sync", False), ("scan", False), ("new-space", False), ("reindex", True)])
def test_a_job_that_runs_is_joined_where_it_looks_again_at_its_end(jobs, kind, joined):
    """A scan may have passed what is new; a reindex looks for more when it is through, unless it is to end before."""
    first = asked(jobs, kind)
    job = jobs.take()
    assert (asked(jobs, kind) == first) is joined
    jobs.interrupt("docs", {job.kind})
    assert job.interrupted
    assert asked(jobs, kind) != first


def test_only_the_job_of_a_source_is_interrupted(jobs):
    """What runs for another source, or is of another kind, goes on; with nothing running there is nothing to end."""
    jobs.interrupt("docs", {"scan"})
    asked(jobs, "scan", "more")
    asked(jobs, "scan", "docs")
    running = jobs.take()
    jobs.interrupt("docs", {"scan"})
    jobs.interrupt("more", {"reindex"})
    assert (running.interrupted, jobs.running) == (False, running)
    jobs.end(running, GOOD, None)
    assert not jobs.take().interrupted


# -- what is known of them ---------------------------------------------------------------------------------------------


def test_what_became_of_a_job_is_shown(jobs):
    """Queued, running with its progress by source, over with its exit code; by any beginning of its id that is the only one."""
    id_ = asked(jobs)
    assert (jobs.get(id_).shown()["state"], jobs.get(id_[:4]).id) == ("queued", id_)
    job = jobs.take()
    jobs.told(job, "docs", Progress("plan", 0, 3, 2))
    assert jobs.get(id_).shown()["progress"] == [{"source": "docs", "phase": "plan", "done": 0, "total": 5}]
    jobs.told(job, "docs", Progress("index", 1, None, 2))
    assert jobs.get(id_).shown()["progress"] == [{"source": "docs", "phase": "index", "done": 3, "total": None}]
    jobs.end(job, Reply({}, Exit.INCOMPLETE), None)
    shown = jobs.all()[0]
    assert (shown["state"], shown["exit"], shown["started"], shown["ended"]) == (
        JobState.DONE,
        3,
        "2026-01-01T00:16:40+00:00",
        "2026-01-01T00:16:40+00:00",
    )
    for wrong in ("", "zz", id_ + "0"):
        with pytest.raises(JobUnknown):
            jobs.get(wrong)


def test_the_last_that_ended_are_remembered(jobs):
    """The oldest are forgotten when another one is asked for; none that waits or runs ever is."""
    for _ in range(4):
        asked(jobs)
        ended(jobs)
    kept = [asked(jobs, kind) for kind in ("scan", "sync", "reindex")]
    jobs.take()
    states = [job["state"] for job in jobs.all()]
    assert (states, [job["job"] for job in jobs.all()[2:]]) == (["done", "done", "running", "queued", "queued"], kept)


# -- watching ----------------------------------------------------------------------------------------------------------


def watched(jobs: Jobs, id_: str) -> Answered:
    """Somebody who watches to the end, on a thread of his own; beats are left out."""
    return Answered(lambda: [item for item in jobs.watch(id_) if item is not None])


def test_a_job_may_be_watched_by_many(jobs):
    """Who comes early and who comes late: each is told the latest of each source once, and the reply at last."""
    id_ = asked(jobs)
    early = [watched(jobs, id_) for _ in range(3)]
    job = jobs.take()
    jobs.told(job, "docs", Progress("scan", 1))
    jobs.told(job, "docs", Progress("scan", 2))
    jobs.end(job, GOOD, None)
    last = {"source": "docs", "phase": "scan", "done": 2, "total": None}
    for each in [*early, watched(jobs, id_)]:
        told = each.wait().value
        assert (told[-2:], len(told) <= 3) == ([last, GOOD], True)


def test_progress_is_told_as_it_comes(jobs):
    """Between two steps the watcher waits; the second step says nothing of a source that stands still."""
    id_ = asked(jobs)
    job = jobs.take()
    steps = (item for item in jobs.watch(id_) if item is not None)
    jobs.told(job, "docs", Progress("scan", 1))
    assert next(steps)["done"] == 1
    jobs.told(job, "more", Progress("scan", 5))
    assert next(steps) == {"source": "more", "phase": "scan", "done": 5, "total": None}
    jobs.end(job, GOOD, None)
    assert list(steps) == [GOOD]


def test_who_watches_hears_that_the_job_goes_on(jobs, monkeypatch):
    """Nothing new: a beat now and then, so that one who does not listen any more can be let go."""
    monkeypatch.setattr(jobs_module, "BEAT", 0.01)
    watching: Iterator[dict[str, Any] | Reply | None] = jobs.watch(asked(jobs))
    assert [next(watching), next(watching)] == [None, None]


def test_the_error_of_a_job_reaches_who_watches(jobs):
    """And what is shown has its exit code."""
    id_ = asked(jobs)
    error = IndexUnavailable(detail="down")
    watching = watched(jobs, id_)
    jobs.end(jobs.take(), None, error)
    assert watching.wait().error is error
    assert (jobs.get(id_).shown()["state"], jobs.get(id_).shown()["exit"]) == ("failed", 69)


def test_a_job_that_is_over_holds_nothing_but_what_became_of_it(jobs):
    """Neither its work, nor what the frames held that its error and its cause came through, nor those of who watched."""

    class Large:
        """What must not be remembered."""

    alive: list[weakref.ref[Large]] = []

    def work(large: Large) -> None:
        alive.append(weakref.ref(large))
        try:
            Path("/nowhere/at/all").stat()
        except OSError as error:
            raise IndexUnavailable(detail="x") from error

    id_ = jobs.start("sync", ("docs",), partial(lambda large, _: work(large), Large()), ADMIN)
    job = jobs.take()
    try:
        job.carry_out(lambda *_: None)
    except IndexUnavailable as error:
        jobs.end(job, None, error)
    for _ in range(2):
        with pytest.raises(IndexUnavailable):
            list(jobs.watch(id_))
    gc.collect()
    assert [ref() for ref in alive] == [None]


def test_at_the_end_nobody_waits_for_a_job_for_ever(jobs):
    """What waits is not done any more, and who watches it hears so."""
    running, waiting = asked(jobs, "scan"), asked(jobs, "sync")
    job = jobs.take()
    watching = watched(jobs, waiting)
    jobs.drain(DaemonStopping())
    assert isinstance(watching.wait().error, DaemonStopping)
    assert (jobs.take(), jobs.get(running).state) == (None, JobState.RUNNING)
    jobs.end(job, GOOD, None)
    assert jobs.get(running).state is JobState.DONE


def test_nobody_is_told_while_a_lock_is_held(jobs, woken):
    """Whoever is woken may ask at once: asking for work from there waits for nobody."""
    asking: Callable[[], object] = jobs.all
    eager = Jobs(StillClock(), SystemEntropy(), kept=2, woken=lambda: woken.append(len(eager.all())))
    assert Answered(lambda: asked(eager)).wait().error is None
    assert (woken, asking()) == ([1], [])
    until(eager.waiting)
