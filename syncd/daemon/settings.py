"""What the configuration says of the daemon itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncd.operations.reconcile import ReconcileRequest


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says of the daemon itself, in seconds; jobs_kept: jobs that are remembered after they ended.

    reconcile: how the index is compared with what is recorded, by the clock. polls, scrubs: by the name of the source, how often
    it is scanned while it can't be watched, and in which time it is read again (those that never are, are left out).
    """

    scan_every: float
    stop_timeout: float
    checkpoint_every: float
    jobs_kept: int
    reconcile_every: float
    reconcile: ReconcileRequest
    polls: Mapping[str, float] = field(default_factory=dict)
    scrubs: Mapping[str, float] = field(default_factory=dict)
