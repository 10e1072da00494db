"""One document as it is now, beside what is recorded of it."""

from dataclasses import dataclass
from enum import StrEnum

from syncd.core.diff import Action, PageDiff
from syncd.core.model import Content, Observation
from syncd.core.rows import DocRow, DocState, Due, Fence, PointState, QuarantineRow
from syncd.ports import LedgerView, Source
from syncd.sync.classes import Classes
from syncd.sync.install import Install
from syncd.sync.observe import Observer, pages_of_keys
from syncd.sync.tags import Tags, shape_of


class Presence(StrEnum):
    """How what is searchable stands to what is there."""

    SEARCHABLE = "searchable"
    """Content and ACL are in the index as they are at the source."""
    GONE = "gone"
    """Nothing is there, and nothing of it is found."""
    QUARANTINED = "quarantined"
    """This version is not indexed, and why is known."""
    PENDING = "pending"
    """It changed, and that is not in yet."""


@dataclass(frozen=True, slots=True)
class Present:
    """A document now. seen: None when nothing is there, or nothing that the settings select. points: live ones."""

    presence: Presence
    seen: Observation | None
    row: DocRow | None
    shelf: QuarantineRow | None
    actions: tuple[Action, ...]
    points: int


def present(install: Install, view: LedgerView, source: Source, key: str) -> Present:
    """Look at one document and compare it; its content is read where its version alone does not tell."""
    space = install.embedder.space
    tags = Tags(install.keyring.identity, source, shape_of(install), space)
    observer = Observer(source, tags, Classes(install, view), install.now())
    (page,) = pages_of_keys(source, [key])
    opened = observer.open(view, page)
    locator = tags.locator(key)
    row, shelf, seen = view.doc_at(locator), view.quarantine(locator), opened.members.get(key)
    actions = _actions(opened.diff)
    points = sum(point.state is PointState.LIVE for point in view.points(row.doc)) if row is not None else 0
    return Present(_presence(view, source, tags, seen, row, shelf, opened.diff), seen, row, shelf, actions, points)


def _actions(diff: PageDiff) -> tuple[Action, ...]:
    return tuple(action for _, action in diff.actions)


def _presence(
    view: LedgerView,
    source: Source,
    tags: Tags,
    seen: Observation | None,
    row: DocRow | None,
    shelf: QuarantineRow | None,
    diff: PageDiff,
) -> Presence:
    if seen is None:
        return Presence.GONE if row is None and shelf is None else Presence.PENDING
    actions = _actions(diff)
    if seen.key in diff.shelved and Action.RETAG not in actions:
        return Presence.QUARANTINED
    if row is None or row.state is not DocState.LIVE or row.fence is not Fence.NONE or row.staged or row.due is Due.LOOK:
        return Presence.PENDING
    if set(actions) - {Action.LOOK}:
        return Presence.PENDING
    if actions and not _same_content(source, tags, seen, row):
        return Presence.PENDING
    recorded = view.points(row.doc)
    return Presence.SEARCHABLE if all(point.state is PointState.LIVE for point in recorded) else Presence.PENDING


def _same_content(source: Source, tags: Tags, seen: Observation, row: DocRow) -> bool:
    got = source.fetch(seen)
    return isinstance(got, Content) and tags.content(got.digest) == row.content and row.shape == tags.shape
