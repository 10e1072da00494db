"""Syncing several sources: what happens to one is no reason to leave the others late."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from syncd.core.lifecycle import RunState
from syncd.errors import RunUnknown, SourceUnavailable
from syncd.ports import LedgerView, Source
from syncd.seal.identity import source_id
from syncd.sync.collection import ensure_collection
from syncd.sync.drift import find_lost
from syncd.sync.install import Install
from syncd.sync.report import Held, Progress
from syncd.sync.run import Order, Outcome, SourceRun
from syncd.sync.settle import settle


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of every source, in order. lost: recorded points that were not in the index when the sync began."""

    outcomes: tuple[Outcome, ...]
    lost: int


SHORTEST = 8
"""Digits of a run's id that name it."""


def sync_sources(
    install: Install,
    sources: Sequence[Source],
    order: Order,
    progress: Callable[[Source], Callable[[Progress], None]],
) -> Synced:
    """Settle, look for lost points, then run source after source; one that is not there does not make the others late.

    What concerns all of them (index, embedder) ends the row, and the last outcome says why.
    """
    collection = ensure_collection(install)
    settle(install, collection, order.actor)
    lost = find_lost(install, collection, order.actor)
    outcomes: list[Outcome] = []
    for source in sources:
        outcomes.append(SourceRun(install, source, collection, order, progress(source)).execute())
        error = outcomes[-1].error
        if error is not None and not isinstance(error, SourceUnavailable):
            break
    return Synced(tuple(outcomes), lost)


def halted_run(view: LedgerView, install: Install, sources: Sequence[Source], named: str) -> tuple[Source, Held]:
    """The source whose last run halted under that id, and what it held back. Raises RunUnknown."""
    for source in sources:
        runs = view.runs(source_id(install.keyring.identity, source.name), limit=1)
        if runs and runs[0].state == RunState.HALTED and len(named) >= SHORTEST and runs[0].run.hex().startswith(named.lower()):
            return source, Held(**json.loads(runs[0].report)["held"])
    raise RunUnknown(run=named)
