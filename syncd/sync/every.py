"""Syncing several sources: what happens to one is no reason to leave the others late."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from syncd.errors import RunUnknown, SourceUnavailable
from syncd.ports import LedgerView, Source
from syncd.seal.identity import source_id
from syncd.sync.collection import ensure_collection
from syncd.sync.install import Install
from syncd.sync.report import Progress
from syncd.sync.run import Order, Outcome, SourceRun
from syncd.sync.settle import settle


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that could not be synced at all."""

    source: str
    error: SourceUnavailable


def sync_sources(
    install: Install,
    sources: Sequence[Source],
    order: Order,
    progress: Callable[[Source], Callable[[Progress], None]],
) -> list[Outcome | Failure]:
    """Settle, then run source after source. Whatever concerns all of them (index, embedder, ledger) is raised."""
    settle(install, order.actor)
    collection = ensure_collection(install)
    results: list[Outcome | Failure] = []
    for source in sources:
        try:
            results.append(SourceRun(install, source, collection, order, progress(source)).execute())
        except SourceUnavailable as error:
            results.append(Failure(source.name, error))
    return results


def halted_run(view: LedgerView, install: Install, sources: Sequence[Source], named: str) -> tuple[Source, bytes]:
    """The source whose last run is the halted one that a person confirms by its id. Raises RunUnknown."""
    for source in sources:
        runs = view.runs(source_id(install.keyring.identity, source.name), limit=1)
        if runs and runs[0].state == "halted" and runs[0].run.hex().startswith(named.lower()) and len(named) >= 8:
            return source, runs[0].run
    raise RunUnknown(run=named)
