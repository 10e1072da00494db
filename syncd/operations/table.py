"""Every operation there is: what a daemon answers at its socket, and a command without one."""

from typing import Any, Final

from syncd.operations.audit import AUDIT_LOG, AUDIT_VERIFY
from syncd.operations.dump import DUMP
from syncd.operations.explain import EXPLAIN
from syncd.operations.newspace import NEW_SPACE
from syncd.operations.operation import Operation
from syncd.operations.plan import PLAN
from syncd.operations.quarantine import QUARANTINE_DROP, QUARANTINE_LIST, QUARANTINE_RETRY, QUARANTINE_SHOW
from syncd.operations.reconcile import RECONCILE
from syncd.operations.reindex import REINDEX
from syncd.operations.scrub import SOURCES_SCRUB
from syncd.operations.search import SEARCH
from syncd.operations.sources import SOURCES_LIST, SOURCES_PAUSE, SOURCES_RESUME, SOURCES_SCAN
from syncd.operations.status import STATUS
from syncd.operations.sync import SYNC
from syncd.operations.wait import WAIT

OPERATIONS: Final[tuple[Operation[Any], ...]] = (
    SEARCH,
    STATUS,
    WAIT,
    EXPLAIN,
    SYNC,
    PLAN,
    REINDEX,
    NEW_SPACE,
    RECONCILE,
    SOURCES_LIST,
    SOURCES_PAUSE,
    SOURCES_RESUME,
    SOURCES_SCAN,
    SOURCES_SCRUB,
    QUARANTINE_LIST,
    QUARANTINE_SHOW,
    QUARANTINE_RETRY,
    QUARANTINE_DROP,
    AUDIT_LOG,
    AUDIT_VERIFY,
    DUMP,
)
