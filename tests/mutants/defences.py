"""The defences of syncd, each as the edit that takes it away and the tests that have to notice: one list a room.

One entry a defence. `old` is the exact text in `file`, found exactly once; `new` is what a careless change would leave.
"""

from typing import Final

from defences_adapters import ADAPTERS
from defences_audit import AUDIT
from defences_change import CHANGE
from defences_control import CONTROL
from defences_core import CORE
from defences_crash import CRASH
from defences_daemon import DAEMON
from defences_ends import ENDS
from defences_failure import FAILURE
from defences_index import INDEX
from defences_limits import LIMITS
from defences_reconcile import RECONCILE
from defences_restore import RESTORE
from defences_retrieval import RETRIEVAL
from defences_seal import SEAL
from defences_server import SERVER
from defences_source import SOURCE
from defences_space import SPACE
from defences_sql import SQL
from defences_sync import SYNC
from defences_turns import TURNS
from defences_unseen import UNSEEN
from defences_watch import WATCH
from mutant import Mutant

MUTANTS: Final[tuple[Mutant, ...]] = (
    *CORE,
    *SEAL,
    *RETRIEVAL,
    *SYNC,
    *CHANGE,
    *AUDIT,
    *INDEX,
    *SERVER,
    *ADAPTERS,
    *SOURCE,
    *SQL,
    *WATCH,
    *CRASH,
    *DAEMON,
    *CONTROL,
    *RECONCILE,
    *RESTORE,
    *SPACE,
    *TURNS,
    *ENDS,
    *FAILURE,
    *LIMITS,
    *UNSEEN,
)
