"""What of a source nothing tells of though its watch is whole, and when scans looked at it last."""

from collections.abc import Collection
from dataclasses import dataclass, field

from syncd.core.blind import SEEING, Blind, covered
from syncd.core.freshness import Unwatched
from syncd.core.retry import RESTED, Rest
from syncd.core.scope import within


@dataclass(slots=True)
class Sight:
    """One source; read and written under the inbox's lock alone. rest: until what is blind is tried and scanned again.

    looked_at: since when (monotonic seconds) what happens in a tree was not seen, of those that were ever looked at.
    """

    blind: Blind = SEEING
    rest: Rest = RESTED
    looked_at: dict[str, float] = field(default_factory=dict)

    def saw(self, blind: Blind) -> None:
        """These trees are blind from now on. When one was looked at is known where it is one of the former, or lies in one."""
        if blind == self.blind:
            return
        before, self.looked_at = self.looked_at, {}
        for tree in blind.trees:
            known = [at for former, at in before.items() if within(tree, former)]
            if known:
                self.looked_at[tree] = max(known)
        self.blind = blind

    def looked(self, trees: Collection[str], since: float) -> None:
        """All of `trees` was looked at, which began after `since` (monotonic seconds)."""
        for tree in self.blind.trees:
            if covered(tree, trees):
                self.looked_at[tree] = max(since, self.looked_at.get(tree, since))

    def unwatched(self, now: float, monotonic: float) -> Unwatched | None:
        """For the verdict. now: Unix seconds, when the monotonic clock was at `monotonic`."""
        if not self.blind:
            return None
        looked = [self.looked_at[tree] for tree in self.blind.trees if tree in self.looked_at]
        known = len(looked) == len(self.blind.trees)
        return Unwatched(
            parts=len(self.blind.trees),
            why=self.blind.words,
            whole=self.blind.whole,
            looked_at=now - (monotonic - min(looked)) if known else 0.0,
        )
