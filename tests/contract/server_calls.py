"""Calls to a server that fails: every read and every write, on one collection, and what the writes change."""

from collections.abc import Callable
from typing import Final

from index_points import everything, pid, point, unit

from syncd.core.model import Eq, Lt, Where
from syncd.ports import VectorIndex

SERVED: Final = "served"
OTHER: Final = "served-other"
ALIAS: Final = "served-alias"
TIMEOUT: Final = 1
"""Seconds that a hasty client waits."""
ALL: Final = Where((Lt("acl_version", 2**40),))
NEWER: Final = Where((Eq("doc", "d"), Lt("acl_version", 2)))

READS: Final[dict[str, Callable[[VectorIndex], object]]] = {
    "count": lambda index: index.count(SERVED, None),
    "scroll": lambda index: index.scroll(SERVED, ALL, None, 5, vectors=True),
    "retrieve": lambda index: index.retrieve(SERVED, [pid(1)], vectors=True),
    "query": lambda index: index.query(SERVED, unit(1, 0, 0, 0), ALL, 5),
    "collections": lambda index: index.collections(),
    "aliases": lambda index: index.resolve(ALIAS),
}
"""By what the stand-in calls the request."""
WRITES: Final[dict[str, Callable[[VectorIndex], object]]] = {
    "upsert": lambda index: index.upsert(SERVED, [point(1, doc="e"), point(4)]),
    "set_payload": lambda index: index.set_payload(SERVED, {"acl_version": 2, "acl_class": "new"}, NEWER),
    "delete": lambda index: index.delete(SERVED, Where((Eq("doc", "d"),))),
    "switch": lambda index: index.switch_alias(ALIAS, OTHER),
}


def state(index: VectorIndex) -> object:
    """All that the writes change."""
    return everything(index, SERVED), index.resolve(ALIAS)
