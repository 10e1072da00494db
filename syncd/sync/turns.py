"""Turns: a long run asks between two steps whether something is more urgent, and lets it go first."""

import time
from collections.abc import Callable
from typing import Protocol

from syncd.core.model import Lane


class Turns(Protocol):
    """What a long run asks where nothing of it is half done. lane: how urgent what it embeds is."""

    @property
    def lane(self) -> Lane: ...  # noqa: D102 - see the class

    def wanted(self) -> bool:
        """Whether somebody waits for a turn. Cheap: it is asked for every document."""

    def give(self) -> None:
        """Let everybody who waits go first. Raises RunInterrupted when the run is to end here instead."""

    def spent(self, chunks: int, rate: float) -> None:
        """The run has embedded `chunks` of `rate` a second: it wants a turn until it is within that again."""


class Alone:
    """A command that works alone: nobody waits. sleep: how it waits where it has a rate."""

    lane = Lane.LIVE

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep

    def wanted(self) -> bool:
        """Never."""
        return False

    def give(self) -> None:
        """There is nobody."""

    def spent(self, chunks: int, rate: float) -> None:
        """Wait as long as that many may take."""
        self._sleep(chunks / rate)
