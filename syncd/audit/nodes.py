"""The stored nodes are those of the tree: compared with the recomputed ones as these come, one cursor a level."""

from collections.abc import Iterator

from syncd.audit.merkle import Node
from syncd.audit.report import Findings, Kind
from syncd.ports import LedgerView

_LEVELS = 64


class NodeCheck:
    """Compares; a node that is wrong only because one below it is gets no finding of its own."""

    def __init__(self, view: LedgerView, found: Findings) -> None:
        self._view = view
        self._found = found
        self._cursors: dict[int, Iterator[Node]] = {}
        self._next: dict[int, Node | None] = {}
        self._wrong: dict[int, int] = {}

    def see(self, completed: list[Node]) -> None:
        """The nodes that the next leaf completes, level by level."""
        for node in completed:
            stored = self._stored(node)
            if stored == node:
                continue
            if self._wrong.get(node.level - 1, -1) >> 1 != node.at:
                what = "is not stored" if stored is None else "is not the hash of what is below it"
                self._fault(node, what)
            self._wrong[node.level] = node.at

    def finish(self) -> None:
        """No more leaves: whatever else is stored is of no tree."""
        for level in range(_LEVELS):
            while (node := self._peek(level)) is not None:
                self._fault(node, "is of no event that is there")
                self._take(level)

    def _stored(self, node: Node) -> Node | None:
        """The stored node at the place of `node`."""
        while (stored := self._peek(node.level)) is not None and stored.at < node.at:
            self._fault(stored, "is of no event that is there")
            self._take(node.level)
        if stored is None or stored.at > node.at:
            return None
        self._take(node.level)
        return stored

    def _peek(self, level: int) -> Node | None:
        if level not in self._cursors:
            self._cursors[level] = (Node(*row) for row in self._view.nodes(level))
            self._take(level)
        return self._next[level]

    def _take(self, level: int) -> None:
        node = next(self._cursors[level], None)
        while node is not None and type(node.at) is not int:
            self._found.add(Kind.NODE, 0, 0, f"a node of level {level} stands at {node.at!a:.40}")
            node = next(self._cursors[level], None)
        self._next[level] = node

    def _fault(self, node: Node, what: str) -> None:
        first = node.at << node.level
        self._found.add(Kind.NODE, first, first + (1 << node.level) - 1, f"node {node.at} of level {node.level} {what}")
