"""`make chaos`: kill a real daemon, and its engine, over and over, at every named step and at random, and look what is left.

    python tests/crash/chaos.py --kills 500 --seed 7

Histories of edits, renames, swaps, deletions and changes of ACL on a real tree. Exit 1, with the seed, when after restart and
rest anything differs from a fresh install, a point is not recorded, the audit is not good, a reader is shown too much or too
little, or more texts were embedded twice than the groups that the kills took.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from doomed import FIRST, STEPS
from history import History
from tally import DAEMON, ENGINE, Tally, faults, table
from victim import Begetter, started

A_HISTORY = 25
"""Kills in one history, about."""
MOST = 10
"""How often each named step comes, when there are kills enough."""


def plan(kills: int, rng: random.Random) -> list[list[str]]:
    """The kills of each history: named steps first, each as often as the number allows, then random moments; all shuffled."""
    named = min(MOST * len(STEPS), kills * 9 // 10)
    each, more = divmod(named, len(STEPS))
    drawn = [*STEPS * each, *rng.sample(STEPS, more)]
    firsts = [step for step in drawn if step in FIRST]
    others = [step for step in drawn if step not in FIRST]
    others += [DAEMON if number % 2 else ENGINE for number in range(kills - named)]
    rng.shuffle(others)
    histories = max(len(firsts), kills // A_HISTORY, 1)
    return [[*firsts[number : number + 1], *others[number::histories]] for number in range(histories)]


def run(kills: int, seed: int, place: Path, say=lambda _: None, beget: Begetter = started) -> Tally:
    """Play all histories in `place`; interrupted, what was played counts."""
    tally = Tally()
    for number, part in enumerate(histories := plan(kills, random.Random(seed))):
        before = len(tally.wrong)
        try:
            History(place / str(number), seed * 1000 + number, tally, beget).play(part)
        except KeyboardInterrupt:
            tally.wrong.append("interrupted by hand")
            break
        for wrong in tally.wrong[before:]:
            say(f"FAULT  {wrong}")
        say(f"history {number + 1} of {len(histories)}: {len(tally.kills)} kills, {len(tally.wrong)} wrong")
    return tally


def say(line: str) -> None:
    """Print at once: it takes long."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Kill the daemon and its engine over and over, and look what is left.")
    parser.add_argument("--kills", type=int, default=500, metavar="N", help="how many, at least (default: 500)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), metavar="N", help="what is drawn")
    parser.add_argument("--fork", action="store_true", help="fork the daemons with all imported: three times as many kills")
    asked = parser.parse_args(arguments)
    beget: Begetter = started
    if asked.fork:
        from forked import Forked

        beget = Forked
    began = time.monotonic()
    say(f"seed {asked.seed}")
    with tempfile.TemporaryDirectory(prefix="syncd-chaos-") as folder:
        tally = run(asked.kills, asked.seed, Path(folder) / "here", say, beget)
    say(table(tally, time.monotonic() - began))
    found = faults(tally)
    for fault in found:
        say(f"FAULT  {fault}")
    if found:
        options = f"--kills {asked.kills} --seed {asked.seed}{' --fork' * asked.fork}"
        say(f"again: python tests/crash/chaos.py {options}  (moments differ, deeds do not)")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
