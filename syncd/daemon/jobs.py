"""Jobs: work that takes long. It is done one at a time, can be watched by many, and goes on when nobody watches any more."""

from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from threading import Condition
from typing import Any

from syncd.audit.event import Actor
from syncd.errors import JobUnknown, SyncdError
from syncd.operations.operation import Reply
from syncd.ports import Clock, Entropy
from syncd.sync.report import Progress

Telling = Callable[[str, Progress], None]
"""Takes the name of a source and how far its run is."""
BEAT = 1.0
"""Seconds after which somebody who watches hears that the job goes on, though nothing new is to be told."""


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


OVER = frozenset({JobState.DONE, JobState.FAILED})


@dataclass(slots=True)
class Job:
    """One piece of long work. progress: the latest of each source; started, ended: Unix seconds, 0.0 for not yet.

    steps: how often something new was told; interrupted: somebody wants it to end at its next turn.
    """

    id: str
    kind: str
    sources: tuple[str, ...]
    actor: Actor
    carry_out: Callable[[Telling], Reply]
    created: float
    state: JobState = JobState.QUEUED
    started: float = 0.0
    ended: float = 0.0
    progress: dict[str, Progress] = field(default_factory=dict)
    reply: Reply | None = None
    error: SyncdError | None = None
    steps: int = 0
    interrupted: bool = False

    def shown(self) -> dict[str, Any]:
        """For people and programs."""
        return {
            "job": self.id,
            "kind": self.kind,
            "sources": list(self.sources),
            "state": self.state.value,
            "created": _time(self.created),
            "started": _time(self.started),
            "ended": _time(self.ended),
            "progress": [progress_json(source, progress) for source, progress in self.progress.items()],
            "exit": int(self.reply.exit) if self.reply else int(self.error.exit) if self.error else None,
        }


def progress_json(source: str, progress: Progress) -> dict[str, Any]:
    """One step as JSON."""
    planned = progress.phase == "plan"
    done = progress.done + (0 if planned else progress.backfill)
    total = (progress.total or 0) + progress.backfill if planned else progress.total
    return {"source": source, "phase": progress.phase, "done": done, "total": total}


class Jobs:
    """All jobs of a daemon: the queue, what runs, the last `kept` that ended. woken: called when one is put into the queue."""

    def __init__(self, clock: Clock, entropy: Entropy, *, kept: int, woken: Callable[[], None]) -> None:
        self._clock = clock
        self._entropy = entropy
        self._kept = kept
        self._woken = woken
        self._changed = Condition()
        self._jobs: dict[str, Job] = {}
        self._queue: deque[Job] = deque()
        self._running: Job | None = None

    # -- asking for work -----------------------------------------------------------------------------------------------

    def start(self, kind: str, sources: tuple[str, ...], carry_out: Callable[[Telling], Reply], actor: Actor) -> str:
        """Put a job into the queue and return its id. One of the same kind that covers the same sources is joined instead.

        A scan or sync that runs already may have passed what is new by now, so only a waiting one is joined; a reindex looks for
        more when it is through, unless somebody wants it to end.
        """
        with self._changed:
            for job in self._jobs.values():
                goes_on = kind == "reindex" and job.state is JobState.RUNNING and not job.interrupted
                joinable = job.state is JobState.QUEUED or goes_on
                if job.kind == kind and joinable and set(sources) <= set(job.sources) and kind != "confirm":
                    return job.id
            job = Job(self._entropy.bytes(8).hex(), kind, sources, actor, carry_out, self._now())
            self._jobs[job.id] = job
            self._queue.append(job)
            self._forget()
        self._woken()
        return job.id

    def waiting(self) -> bool:
        """Whether a job is in the queue."""
        return bool(self._queue)

    @property
    def running(self) -> Job | None:
        """The job that is carried out now."""
        return self._running

    def interrupt(self, source: str, kinds: Collection[str]) -> None:
        """Have the running job end at its next turn if it is about `source`, and of one of `kinds`."""
        with self._changed:
            if self._running is not None and source in self._running.sources and self._running.kind in kinds:
                self._running.interrupted = True

    # -- doing it ------------------------------------------------------------------------------------------------------

    def take(self) -> Job | None:
        """The next job, which runs from now on."""
        with self._changed:
            if not self._queue:
                return None
            job = self._running = self._queue.popleft()
            job.state, job.started = JobState.RUNNING, self._now()
            self._tell(job)
            return job

    def told(self, job: Job, source: str, progress: Progress) -> None:
        """A step further."""
        with self._changed:
            job.progress[source] = progress
            self._tell(job)

    def end(self, job: Job, reply: Reply | None, error: SyncdError | None) -> None:
        """It is over."""
        with self._changed:
            job.reply, job.error, job.ended = reply, error, self._now()
            job.carry_out = _nothing
            _forget_frames(error)
            job.state = JobState.DONE if error is None else JobState.FAILED
            self._running = None
            self._tell(job)

    def drain(self, error: SyncdError) -> None:
        """The daemon stops: what waits is not done any more."""
        with self._changed:
            while self._queue:
                job = self._queue.popleft()
                job.error, job.state, job.ended = error, JobState.FAILED, self._now()
                self._tell(job)

    # -- watching ------------------------------------------------------------------------------------------------------

    def all(self) -> list[dict[str, Any]]:
        """Every job that is known, oldest first."""
        with self._changed:
            return [job.shown() for job in self._jobs.values()]

    def get(self, id_: str, /) -> Job:
        """The job of that id, or of the only id that begins so. Raises JobUnknown."""
        with self._changed:
            found = [job for key, job in self._jobs.items() if key.startswith(id_)] if id_ else []
        if len(found) != 1:
            raise JobUnknown(job=id_)
        return found[0]

    def watch(self, id_: str, /) -> Iterator[dict[str, Any] | Reply | None]:
        """Its progress as it is told, and at last its reply. Raises the error that ended it, JobUnknown.

        None: nothing new, but whoever watches may see whether anybody still listens.
        """
        job = self.get(id_)
        seen: dict[str, Progress] = {}
        steps = -1
        while True:
            with self._changed:
                self._changed.wait_for(lambda: job.steps != steps or job.state in OVER, timeout=BEAT)  # noqa: B023 - waits here
                news = {source: progress for source, progress in job.progress.items() if seen.get(source) != progress}
                over, steps = job.state in OVER, job.steps
            seen |= news
            yield from (progress_json(source, progress) for source, progress in news.items())
            if not news and not over:
                yield None
            if over:
                if job.error is not None:
                    raise job.error.with_traceback(None)  # each who watches would add his own to it
                if job.reply is not None:
                    yield job.reply
                return

    # -- inside --------------------------------------------------------------------------------------------------------

    def _tell(self, job: Job) -> None:
        job.steps += 1
        self._changed.notify_all()

    def _forget(self) -> None:
        over = [key for key, job in self._jobs.items() if job.state in OVER]
        for key in over[: max(0, len(over) - self._kept)]:
            del self._jobs[key]

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _forget_frames(error: BaseException | None) -> None:
    """Let go what the frames held that `error` and its causes came through: a job may be remembered for long."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _nothing(_: Telling) -> Reply:
    """What is left to do of a job that is over."""
    raise AssertionError("a job is carried out once")


def _time(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else None
