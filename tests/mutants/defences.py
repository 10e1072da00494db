"""The defences of syncd, each as the edit that takes it away and the tests that have to notice: one list a room.

One entry a defence. `old` is the exact text in `file`, found exactly once; `new` is what a careless change would leave.
"""

from typing import Final

from defences_adapters import ADAPTERS
from defences_audit import AUDIT
from defences_change import CHANGE
from defences_core import CORE
from defences_ends import ENDS
from defences_index import INDEX
from defences_retrieval import RETRIEVAL
from defences_seal import SEAL
from defences_source import SOURCE
from defences_sync import SYNC
from mutant import Mutant

MUTANTS: Final[tuple[Mutant, ...]] = (*CORE, *SEAL, *RETRIEVAL, *SYNC, *CHANGE, *AUDIT, *INDEX, *ADAPTERS, *SOURCE, *ENDS)
