"""What an operation is: a request, who may make it, and what is answered."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from syncd.audit.event import Actor
from syncd.errors import Exit, NotPermitted
from syncd.sync.report import Progress

if TYPE_CHECKING:
    from syncd.operations.desk import Desk

Request = TypeVar("Request")


class Role(StrEnum):
    """What an account may do. The configuration gives roles to accounts (`control.roles`)."""

    SELF = "self"
    """Search with its own principals, and see whether the index is fresh."""
    READER = "reader"
    """An application's account: asserts for whom it searches."""
    OPERATOR = "operator"
    """Syncs, pauses, retries; sees the names of documents, never their text."""
    AUDITOR = "auditor"
    """Reads and verifies the history; can't search."""
    ADMIN = "admin"
    """Reindexes, replaces the model, confirms what the guard held back."""


EVERY_ROLE = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an account of this machine, its roles, and how the audit log calls it."""

    uid: int
    roles: frozenset[Role]
    actor: Actor

    def need(self, what: str, *roles: Role) -> None:
        """Raise NotPermitted unless the caller has one of `roles`."""
        if not self.roles & set(roles):
            raise NotPermitted(what=what, needed=f"the role {' or '.join(roles)}")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. payload: what `--json` prints; notes: what a person has to know besides, a line each; exit: of the command."""

    payload: Mapping[str, Any]
    exit: Exit = Exit.OK
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Series:
    """An answer that may be long: `items` one at a time, as `--json` lists them under `key`.

    reply: what remains to be said once they are through; its payload stands beside the list.
    """

    key: str
    items: Iterator[Mapping[str, Any]]
    reply: Reply = field(default_factory=lambda: Reply({}))


@dataclass(frozen=True, slots=True)
class Task:
    """Work that takes long. carry_out: does it on the thread that may write, and tells how far it is. plan: what it will do."""

    kind: str
    sources: tuple[str, ...]
    carry_out: Callable[[Callable[[str, Progress], None]], Reply]
    plan: Mapping[str, Any] = field(default_factory=dict)


Answer = Reply | Series | Task


@dataclass(frozen=True, slots=True)
class Gives:
    """The types of what an operation answers with (`syncd.operations.payloads`); None where it never answers so.

    reply: the payload of an answer at once. item: of a list. plan: of long work that was begun; done: its payload at its end.
    """

    reply: Any = None
    item: Any = None
    plan: Any = None
    done: Any = None


@dataclass(frozen=True, slots=True)
class Operation(Generic[Request]):
    """One thing that can be asked.

    name: its path in the control API, words joined by "-". request: a frozen dataclass, whose docstring explains its fields.
    roles: who may ask at all. writes: it changes ledger or index, so without a daemon it takes the ledger's lock.
    """

    name: str
    summary: str
    request: type[Request]
    roles: frozenset[Role]
    answer: "Callable[[Desk, Caller, Request], Answer]"
    gives: Gives
    writes: bool = False
