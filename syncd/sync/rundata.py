"""A run and what all its steps share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from syncd.audit.canonical import Json
from syncd.core.rows import DocRow, Fence
from syncd.ports import Source
from syncd.seal.vault import Vault
from syncd.sync.classes import Classes
from syncd.sync.collection import Collection
from syncd.sync.install import Actor, Event, EventType, Install, Phase
from syncd.sync.observe import Observer
from syncd.sync.report import Progress, Report
from syncd.sync.tags import Tags


@dataclass(slots=True)
class Run:
    """One attempt on one source."""

    install: Install
    source: Source
    collection: Collection
    tags: Tags
    observer: Observer
    classes: Classes
    actor: Actor
    id: bytes
    scan: int
    started: float
    progress: Callable[[Progress], None]
    report: Report = field(default_factory=Report)
    touched: set[bytes] = field(default_factory=set)
    retagged: set[bytes] = field(default_factory=set)

    @property
    def vault(self) -> Vault:
        """Opens and seals cards."""
        return Vault(self.install.keyring)

    def event(self, type_: EventType, phase: Phase, op: bytes, doc: bytes | None = None, **body: Json | None) -> Event:
        """An audit event of this run."""
        return Event(
            type_,
            phase,
            op,
            run=self.id,
            source=self.tags.source_id,
            doc=doc,
            actor=self.actor,
            body={key: value for key, value in body.items() if value is not None},
        )


def lifted(row: DocRow) -> Fence:
    """The fence that remains when a staged deletion is taken back."""
    if row.fence is not Fence.MISSING:
        return row.fence
    return Fence.NARROWED if row.floor < row.issued else Fence.NONE
