"""What the tests of watching share: what was heard, and namespaces in which a test may have limits and mounts of its own."""

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filesystem_kit import source

from syncd.core.hints import Calm, Hint, What
from syncd.ports import Watch

PATIENCE = 20.0
"""Seconds that a test waits for what must come."""


def eventually(condition: Callable[[], object]) -> bool:
    """Whether `condition` came true in time."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def key(name: str, calm: Calm = Calm.DONE) -> Hint:
    return Hint(What.KEY, name, calm)


def tree(name: str) -> Hint:
    return Hint(What.TREE, name)


class Ear:
    """A directory under watch, and all that was told of it."""

    _numbers = itertools.count()

    def __init__(self, root: Path, **settings) -> None:
        self.root = root
        self.heard: list[Hint] = []
        watch = source(root, **settings).watch(self.hear)
        assert watch is not None
        self.watch: Watch = watch

    def hear(self, hint: Hint) -> None:
        self.heard.append(hint)

    def told_of(self, deed: Callable[[], object]) -> list[Hint]:
        """All hints that `deed` leads to: events come in order, so a file written after it comes last."""
        self.catch_up()
        before = len(self.heard)
        deed()
        self.catch_up()
        return [hint for hint in self.heard[before:] if "marker-" not in hint.name]

    def catch_up(self) -> None:
        """Return when all is heard that happened by now."""
        name = f"marker-{next(self._numbers)}.md"
        (self.root / name).write_text("")
        assert eventually(lambda: key(name) in self.heard)


@contextmanager
def listening(root: Path, **settings) -> Iterator[Ear]:
    """An ear that is closed at the end."""
    ear = Ear(root, **settings)
    try:
        yield ear
    finally:
        ear.watch.close()


def in_namespaces(folder: Path, script: str, *kinds: str) -> list[str]:
    """The lines that a script prints in namespaces of its own; skips where nobody may have any. folder: its argument."""
    try:
        allowed = subprocess.run(["unshare", *kinds, "true"], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("no namespaces are to be had here")
    places = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    command = ["unshare", *kinds, sys.executable, "-c", "from watch_kit import *\n" + script, str(folder)]
    environ = dict(os.environ, PYTHONPATH=os.pathsep.join(places))
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
