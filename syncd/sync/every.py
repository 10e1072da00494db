"""Syncing several sources: what happens to one is no reason to leave the others late."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from syncd.core.lifecycle import RunState
from syncd.errors import EmbeddingFailed, IndexUnavailable, IndexUnknownOutcome, RunUnknown, SourceUnavailable
from syncd.ports import LedgerView, Source
from syncd.seal.identity import source_id
from syncd.sync.collection import ensure_collection, open_collection
from syncd.sync.drift import find_lost
from syncd.sync.install import Install
from syncd.sync.report import Held, Progress
from syncd.sync.run import Outcome, SourceRun
from syncd.sync.rundata import Order
from syncd.sync.settle import settle


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of every source, in order. lost: recorded points that were not in the index when the sync began."""

    outcomes: tuple[Outcome, ...]
    lost: int


INDEX_AWAY = (IndexUnavailable, IndexUnknownOutcome)
SHORTEST = 8
"""Digits of a run's id that name it."""


def sync_sources(
    install: Install,
    sources: Sequence[Source],
    order: Order,
    progress: Callable[[Source], Callable[[Progress], None]],
    ended: Callable[[Outcome], None] = lambda _: None,
) -> Synced:
    """Settle, look for lost points, then run source after source: one whole sync. ended: told of every run.

    A source that is not there does not make the others late. What concerns all of them (a full disk, an end that was asked for)
    ends the row, and the last outcome says why. Without the embedder each does what takes no vectors. Where the index is away,
    what is in doubt stays so, and each run says that it is: but first it hides whoever lost access.
    """
    known = open_collection(install)
    lost, away = 0, None
    try:
        collection = ensure_collection(install)
        settle(install, collection, order.actor)
        lost = find_lost(install, collection, order.actor)
    except INDEX_AWAY as error:
        if known is None or not sources:
            raise
        collection, away = known, error
    outcomes: list[Outcome] = []
    for source in sources:
        outcomes.append(SourceRun(install, source, collection, order, progress(source)).execute(away))
        ended(outcomes[-1])
        failure = outcomes[-1].error
        if failure is not None and not isinstance(failure, (SourceUnavailable, EmbeddingFailed, *INDEX_AWAY)):
            break
    return Synced(tuple(outcomes), lost)


def halted_run(view: LedgerView, install: Install, sources: Sequence[Source], named: str) -> tuple[Source, Held]:
    """The source whose last run halted under that id, and what it held back. Raises RunUnknown."""
    for source in sources:
        run = view.deciding_run(source_id(install.keyring.identity, source.name))
        if run and run.state == RunState.HALTED and len(named) >= SHORTEST and run.run.hex().startswith(named.lower()):
            return source, Held(**json.loads(run.report)["held"])
    raise RunUnknown(run=named)
