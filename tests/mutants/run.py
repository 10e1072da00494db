"""`make mutants`: take each defence away in turn; its tests have to turn red.

Works on a copy of the project. Exit 0: every mutant was noticed. Exit 1: one survived, its edit does not apply, its tests
broke instead of failing, or they fail without any mutant.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from queue import SimpleQueue

from defences import MUTANTS
from mutant import Mutant

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(".*_cache", ".git", ".venv", ".hypothesis", "__pycache__", "build", "dist", "*.egg-info")
LIMIT = 600
"""Seconds that the tests of one mutant may take."""


class Verdict(StrEnum):
    """What became of a mutant."""

    NOTICED = "noticed"
    SURVIVED = "SURVIVED"
    NO_PATCH = "DOES NOT APPLY"
    BROKEN = "BROKEN"
    """The tests did not fail, they could not run: that proves nothing."""


def occurrences(root: Path, mutant: Mutant) -> int:
    """How often the texts to replace are found; 1 is right: each of them once."""
    path = root / mutant.file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return next((found for old, _ in mutant.edits if (found := text.count(old)) != 1), 1)


def judge(root: Path, mutant: Mutant) -> Verdict:
    """Apply `mutant` to the copy in `root`, run its tests, and take it back."""
    if occurrences(root, mutant) != 1 or any(old == new for old, new in mutant.edits):
        return Verdict.NO_PATCH
    path = root / mutant.file
    original = path.read_text(encoding="utf-8")
    changed = original
    for old, new in mutant.edits:
        changed = changed.replace(old, new)
    path.write_text(changed, encoding="utf-8")
    try:
        code = run_tests(root, mutant.tests)
    finally:
        path.write_text(original, encoding="utf-8")
    return {0: Verdict.SURVIVED, 1: Verdict.NOTICED}.get(code, Verdict.BROKEN)


def run_tests(root: Path, tests: Iterable[str]) -> int:
    """The exit code of pytest for `tests` in the copy: 0 all passed, 1 some failed, others: they did not run."""
    # A folder of their own: pytest closes its common one to other accounts whenever it starts, under whatever runs beside it.
    environ = dict(os.environ, PYTHONPATH=str(root), PYTHONDONTWRITEBYTECODE="1", PYTHONSAFEPATH="1")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=no", "--no-header", f"--basetemp={root}-tmp", *tests]
    try:
        return subprocess.run(command, cwd=root, env=environ, capture_output=True, timeout=LIMIT, check=False).returncode
    except subprocess.TimeoutExpired:
        return -1


def judge_all(project: Path, mutants: Sequence[Mutant], jobs: int = 1) -> dict[str, Verdict]:
    """The verdict on each mutant by name, `jobs` at a time in copies of `project`; empty when their tests fail without one."""
    with tempfile.TemporaryDirectory(prefix="syncd-mutants-") as folder:
        free: SimpleQueue[Path] = SimpleQueue()
        for number in range(jobs):
            copy = Path(folder) / str(number)
            shutil.copytree(project, copy, ignore=LEFT_OUT, symlinks=True)
            free.put(copy)
        if run_tests(copy, sorted({test for mutant in mutants for test in mutant.tests})) != 0:
            return {}

        def judged(mutant: Mutant) -> Verdict:
            copy = free.get()
            try:
                return judge(copy, mutant)
            finally:
                free.put(copy)

        verdicts = {}
        with ThreadPoolExecutor(jobs) as pool:
            for mutant, verdict in zip(mutants, pool.map(judged, mutants), strict=True):
                verdicts[mutant.name] = verdict
                say(f"{verdict:<16}{mutant.name}")
        return verdicts


def say(line: str) -> None:
    """Print at once: a run takes minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Take each defence away in turn; its tests have to turn red.")
    parser.add_argument("--only", metavar="NAME", help="only the mutants whose name contains this")
    parser.add_argument("--jobs", metavar="N", type=int, default=2, help="how many at a time (default: 2)")
    asked = parser.parse_args(arguments)
    only = asked.only
    chosen = [mutant for mutant in MUTANTS if only is None or only in mutant.name]
    if not chosen:
        say(f"no mutant is called {only}")
        return 1
    verdicts = judge_all(ROOT, chosen, asked.jobs)
    if not verdicts:
        say("the tests fail without any mutant: `make test` first")
        return 1
    noticed = sum(verdict is Verdict.NOTICED for verdict in verdicts.values())
    say(f"{noticed} of {len(chosen)} noticed")
    return 0 if noticed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
