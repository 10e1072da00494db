"""What many kills came to: the counts, and what of it must not be."""

from collections import Counter
from dataclasses import dataclass, field

from checks import Again
from doomed import STEPS

DAEMON, ENGINE = "at random: daemon", "at random: engine"


@dataclass
class Tally:
    """What all histories came to. kills: by step."""

    kills: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    rests: int = 0
    autopsies: int = 0
    differences: int = 0
    unrecorded: int = 0
    again: Again = field(default_factory=lambda: Again(0, 0, 0))
    wrong: list[str] = field(default_factory=list)

    def embedded(self, found: Again) -> None:
        """What a history embedded again."""
        more = zip((self.again.texts, self.again.batches, self.again.unexplained), _figures(found), strict=True)
        self.again = Again(*(one + other for one, other in more))


def _figures(again: Again) -> tuple[int, int, int]:
    return again.texts, again.batches, again.unexplained


def faults(tally: Tally) -> list[str]:
    """Everything that must not be."""
    again = tally.again
    found = list(tally.wrong)
    found += [f"never reached: {step}" for step in tally.missed]
    if again.texts > again.batches:
        found.append(f"{again.texts} texts embedded again, {again.batches} in the groups that kills took")
    return found


def table(tally: Tally, seconds: float) -> str:
    """What was done and found, for people."""
    kills, again = Counter(tally.kills), tally.again
    lines = [f"{kills[step]:6}  {step}" for step in (*STEPS, DAEMON, ENGINE)]
    lines += [
        f"{kills.total():6}  kills",
        f"{tally.rests:6}  times at rest, compared with a fresh install",
        f"{tally.autopsies:6}  times looked at as the kill had left it",
        f"{tally.differences:6}  differences",
        f"{tally.unrecorded:6}  unrecorded points",
        f"{again.texts:6}  texts embedded again, of {again.batches} that kills took; {again.unexplained} of them none of these",
        f"{len(faults(tally)):6}  faults",
        f"{seconds:6.0f}  seconds",
    ]
    return "\n".join(lines)
