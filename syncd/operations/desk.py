"""The desk: what every operation works with, whether a daemon is at work behind it or one command alone."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from syncd.core.breaker import Away
from syncd.core.freshness import Freshness
from syncd.errors import SourceUnknown
from syncd.ports import Dependency, Directory, Source
from syncd.retrieval.dump import Dump
from syncd.retrieval.reader import Retriever
from syncd.seal.identity import source_id
from syncd.sync.install import Event, Install
from syncd.sync.report import Held
from syncd.sync.run import Outcome
from syncd.sync.turns import Alone, Turns

T = TypeVar("T")


class Daemon(Protocol):
    """What only a running daemon can do."""

    def freshness(self) -> Freshness:
        """What it knows of every source."""

    def pending(self, source: str, key: str) -> bool:
        """Whether a document may have changed and is not looked at yet."""

    def at_turn(self, deed: Callable[[], T]) -> T:
        """Do a short `deed` on the thread that writes, where nothing is half done, and return what it returns or raises."""

    def look(self, source: str, key: str) -> None:
        """Have a document looked at soon, as if it had changed."""

    def moved_on(self, before: int, seconds: float) -> int:
        """Wait until a run has ended since `moved_on` last returned `before`, at most `seconds`; returns how many have."""

    def scan(self, source: str) -> None:
        """Have a whole source scanned soon."""

    def interrupt(self, source: str, kinds: Collection[str]) -> None:
        """End the long work of these kinds that a source is part of, at its next turn."""

    @property
    def refused(self) -> str | None:
        """Why the configuration was not taken over when it was last read again; None when it was."""

    def paused(self, source: str, *, paused: bool) -> None:
        """A source was paused or resumed."""

    @property
    def desk(self) -> "Desk":
        """The desk as it is now."""


class Serving(Protocol):
    """How operations come to readers of the collection that serves."""

    def retriever(self) -> Retriever:
        """The reader, with the embedder of that collection's space."""

    def dump(self) -> Dump:
        """The operators' view."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One install as operations see it.

    sources: in the order of the configuration. record: one event into the audit log, signed at once. candidate: the install with
    the embedder that the configuration names now, which may be of another space than the serving one. turns: what a long run
    asks whether something is more urgent. earlier: what runs on hints took away or opened of a source lately. ended: told of
    every run. switched: told of the install whose space serves from now on. target: seconds a change may take. dependencies: what
    of an install may be away. daemon: None where one command works alone.
    """

    install: Install
    sources: Sequence[Source]
    directory: Directory
    serving: Serving
    record: Callable[[Event], None]
    candidate: Callable[[], Install]
    target: float
    turns: Turns = field(default_factory=Alone)
    earlier: Callable[[str], Held] = lambda _: Held()
    ended: Callable[[Outcome], None] = lambda _: None
    daemon: Daemon | None = None
    switched: Callable[[Install], None] = lambda _: None
    dependencies: Callable[[Install], Sequence[Dependency]] = lambda _: ()

    def away(self) -> tuple[Away, ...]:
        """What is needed and does not answer, as far as that is known."""
        return tuple(away for each in self.dependencies(self.install) if (away := each.away) is not None)

    def now(self) -> "Desk":
        """The desk as it is now: work that waited in the queue finds another model serving, or another configuration."""
        return self if self.daemon is None else self.daemon.desk

    def select(self, name: str | None) -> list[Source]:
        """The source called `name`, or all. Raises SourceUnknown."""
        found = [source for source in self.sources if name in (None, source.name)]
        if not found:
            raise SourceUnknown(source=name, known=", ".join(source.name for source in self.sources))
        return found

    def source_id(self, name: str) -> bytes:
        """How ledger and history call a source."""
        return source_id(self.install.keyring.identity, name)

    def at_turn(self, deed: Callable[[], T]) -> T:
        """Do a short `deed` where nothing is half done; without a daemon that is now."""
        return deed() if self.daemon is None else self.daemon.at_turn(deed)

    def seq(self) -> int:
        """The sequence number of the last event in the ledger, -1 for none: what `search --at-least` takes."""
        with self.install.ledger.read() as view:
            return view.event_count() - 1
