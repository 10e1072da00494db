"""What the control room needs of the daemon's jobs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from syncd.audit.event import Actor
from syncd.operations.operation import Reply
from syncd.sync.report import Progress


class JobView(Protocol):
    """One job. id: the whole one; actor: who asked for it."""

    @property
    def id(self) -> str: ...  # noqa: D102 - see the class

    @property
    def actor(self) -> Actor: ...  # noqa: D102 - see the class


class Jobs(Protocol):
    """Long work: begun here, done elsewhere. All of it may be called from any thread."""

    def start(
        self, kind: str, sources: tuple[str, ...], carry_out: Callable[[Callable[[str, Progress], None]], Reply], actor: Actor
    ) -> str:
        """Have it done; returns the id of the job. Raises SyncdError."""

    def all(self) -> list[dict[str, Any]]:
        """Every job that is known, oldest first; its id as "job"."""

    def get(self, id_: str, /) -> JobView:
        """The job of that id, or of the only id that begins so. Raises JobUnknown."""

    def watch(self, id_: str, /) -> Iterator[Mapping[str, Any] | Reply | None]:
        """Its progress as it is told, and at last its reply; blocks in between. Raises the error that ended it, JobUnknown.

        A None now and then means: nothing new, but whoever watches may see whether anybody still listens.
        """
