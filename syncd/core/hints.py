"""Hints: somebody saw that something may have changed. They only say "look again"; what is there decides."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count
from math import inf
from sys import getsizeof

from syncd.core.scope import Scope, parent_of


class What(Enum):
    """What a hint names."""

    KEY = "key"
    PAGE = "page"
    """A page itself: its members, and nothing below."""
    TREE = "tree"
    """A page with all that lies below it."""


class Calm(Enum):
    """How long a thing must have been quiet before it is looked at, in seconds."""

    DONE = 0.1
    """Closed after writing, renamed, linked, removed, its attributes changed: as good as finished."""
    OPEN = 2.0
    """Written to, and not closed as far as anybody knows."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Something below a source may have changed. name: a key or a prefix, by `what`."""

    what: What
    name: str
    calm: Calm = Calm.DONE


KEYS_OF_A_PAGE = 128
"""Keys of one page that are kept apart: with one more, the page is looked at."""
THINGS = 10_000
"""Things of a source that are kept apart: with one more, the whole source is looked at."""
BYTES = 16 << 20
"""Memory, about, that things of a source and their names may take: beyond, the whole source is looked at."""
EACH = 400
"""Bytes, about, that a thing or a folder above one takes beside its name."""
MOMENT = 0.05
"""Seconds by which things of one burst may be hinted apart and are still taken together."""
LONGEST = 30.0
"""Seconds after which a thing is looked at although it never was calm: a file may be written all the time."""


def page_of(key: str) -> str:
    """The page that `key` is a member of, where "/" stands between the names of a path."""
    return parent_of(key) or ""


@dataclass(frozen=True, slots=True)
class Taken:
    """What is to be looked at now. since: when the oldest of it was first hinted; count: how many keys, pages and trees."""

    scope: Scope
    since: float
    count: int


@dataclass(slots=True, eq=False)
class _Thing:
    """A key, page or tree that may have changed. first: when that was hinted first; calm_at: when it is calm, left alone.

    queued: the earliest time under which it stands in the queue; gone: it does not count any more.
    """

    what: What
    name: str
    first: float
    calm_at: float
    queued: float = inf
    gone: bool = False

    @property
    def weight(self) -> int:
        """Bytes that it takes, about."""
        return EACH + getsizeof(self.name)

    @property
    def due(self) -> float:
        """When it may be taken."""
        return min(self.calm_at, self.first + LONGEST)


class _Queue:
    """Which thing is due first, without asking all of them for every hint."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, _Thing]] = []
        self._serial = count()

    def first(self) -> float | None:
        """When the first one is due. Any thread may ask at any time: the list is never without what is due first."""
        head = self._heap[:1]
        return head[0][0] if head else None

    def changed(self, thing: _Thing, pending: int) -> None:
        """The times of `thing`, one of `pending`, may have changed, and things may be gone."""
        due = thing.due
        if due < thing.queued:
            thing.queued = due
            heappush(self._heap, (due, next(self._serial), thing))
        if len(self._heap) > 2 * pending + KEYS_OF_A_PAGE:
            self.fill({each for _, _, each in self._heap if not each.gone})
        while self._heap:
            at, _, head = self._heap[0]
            if head.gone or at != head.queued:
                heappop(self._heap)
            elif (due := head.due) != at:
                head.queued = due
                heapreplace(self._heap, (due, next(self._serial), head))
            else:
                return

    def fill(self, things: Iterable[_Thing]) -> None:
        """These, and no others."""
        heap = []
        for thing in things:
            thing.queued = thing.due
            heap.append((thing.queued, next(self._serial), thing))
        heapify(heap)
        self._heap = heap


@dataclass(slots=True, eq=False)
class _Node:
    """What is dirty at a prefix, and below it: nothing else where `tree` is."""

    below: "dict[str, _Node]" = field(default_factory=dict)
    keys: dict[str, _Thing] = field(default_factory=dict)
    page: _Thing | None = None
    tree: _Thing | None = None


class Dirty:
    """What of one source may have changed: hints coalesce, and there is a bound on how many things are kept apart.

    A tree swallows what lies below it, a page its keys, and what is hinted about something swallowed is hinted about what
    swallowed it. A key of the same name as a tree stays: one of them is there no more, and only the look at its own page tells
    which. page_of: the page that a key is on. All times are monotonic seconds. Not for several threads at once, but for
    `ready_in`, which may be asked at any time.
    """

    def __init__(self, page_of: Callable[[str], str] = page_of) -> None:
        self._page_of = page_of
        self._root = _Node()
        self._things: set[_Thing] = set()
        self._weight = self._above = 0
        """Bytes of the things, and of the folders above them, about."""
        self._queue = _Queue()

    @property
    def pending(self) -> int:
        """How many keys, pages and trees are waiting."""
        return len(self._things)

    @property
    def oldest(self) -> float | None:
        """When the oldest of them was first hinted; None when there is none."""
        return min((thing.first for thing in self._things), default=None)

    def covers(self, key: str) -> bool:
        """Whether something that is waiting is about `key`."""
        node = self._root
        page = self._page_of(key)
        for part in page.split("/") if page else ():
            if node.tree is not None:
                return True
            deeper = node.below.get(part)
            if deeper is None:
                return False
            node = deeper
        return node.tree is not None or node.page is not None or key in node.keys

    def add(self, hint: Hint, now: float) -> None:
        """Something may have changed: it waits until it was calm for as long as this hint says."""
        self._mark(hint.what, hint.name, now, now + hint.calm.value, told=True)

    def put_back(self, taken: Taken, now: float) -> None:
        """What was taken has not been looked at after all. It waits for nothing but what was hinted about it meanwhile."""
        scope = taken.scope
        for what, names in ((What.TREE, scope.trees), (What.PAGE, scope.pages), (What.KEY, scope.keys)):
            for name in names:
                self._mark(what, name, taken.since, now, told=False)

    def ready_in(self, now: float) -> float | None:
        """Seconds until something may be taken, 0.0 when that is now; None when nothing is waiting."""
        soonest = self._queue.first()
        return None if soonest is None else max(0.0, soonest - now)

    def take(self, now: float) -> Taken | None:
        """All that is calm by now, or has waited for the longest, and what will be in a moment; None when nothing is calm.

        The two ends of a move are hinted one after the other: looked at apart, one would be a deletion.
        """
        if not any(thing.due <= now for thing in self._things):
            return None
        taken = [thing for thing in self._things if thing.due <= now + MOMENT]
        self._things.difference_update(taken)
        self._root, self._above = _Node(), 0
        self._weight -= sum(thing.weight for thing in taken)
        for thing in self._things:
            node, _ = self._find(thing.what, thing.name)
            _place(node, thing)
        self._queue.fill(self._things)
        names = {what: tuple(sorted(thing.name for thing in taken if thing.what is what)) for what in What}
        scope = Scope(keys=names[What.KEY], pages=names[What.PAGE], trees=names[What.TREE])
        return Taken(scope, min(thing.first for thing in taken), len(taken))

    # -- within --

    def _mark(self, what: What, name: str, first: float, calm_at: float, *, told: bool) -> None:
        """Have a thing wait, or what covers it. told: this is the latest that is known of it; else it may only wait longer."""
        node, thing = self._find(what, name)
        if thing is None:
            thing = _Thing(what, name, first, calm_at)
            swallowed = _swallowed(node, what)
            _place(node, thing)
            self._things.difference_update(swallowed)
            self._things.add(thing)
            self._weight += thing.weight - sum(each.weight for each in swallowed)
            if what is What.TREE and not name:
                self._above = 0
            for each in swallowed:
                each.gone = True
                first = min(first, each.first)
                calm_at = calm_at if told else max(calm_at, each.calm_at)
        thing.first = min(thing.first, first)
        thing.calm_at = calm_at if told else max(thing.calm_at, calm_at)
        self._queue.changed(thing, len(self._things))
        if len(node.keys) > KEYS_OF_A_PAGE:
            self._mark(What.PAGE, self._page_of(name), first, calm_at, told=told)
        elif len(self._things) > THINGS or self._weight + self._above > BYTES:
            self._mark(What.TREE, "", first, calm_at, told=told)

    def _find(self, what: What, name: str) -> tuple[_Node, _Thing | None]:
        """Where a thing belongs, and what is there that covers it."""
        prefix = self._page_of(name) if what is What.KEY else name
        node = self._root
        for part in prefix.split("/") if prefix else ():
            if node.tree is not None:
                break
            deeper = node.below.get(part)
            if deeper is None:
                deeper = node.below[part] = _Node()
                self._above += EACH + getsizeof(part)
            node = deeper
        if node.tree is not None:
            return node, node.tree
        if what is What.TREE:
            return node, None
        return node, node.page or (node.keys.get(name) if what is What.KEY else None)


def _place(node: _Node, thing: _Thing) -> None:
    match thing.what:
        case What.KEY:
            node.keys[thing.name] = thing
        case What.PAGE:
            node.page = thing
        case What.TREE:
            node.tree = thing


def _swallowed(node: _Node, what: What) -> list[_Thing]:
    """All that a page or tree there takes the place of, taken away."""
    if what is What.KEY:
        return []
    found = list(node.keys.values())
    node.keys.clear()
    if what is What.PAGE:
        return found
    waiting = [node]
    while waiting:
        here = waiting.pop()
        found += here.keys.values()
        found += [thing for thing in (here.page, here.tree) if thing is not None]
        waiting += here.below.values()
    node.below.clear()
    node.page = None
    return found
