"""The states of a run and which may follow which, as data."""

from enum import StrEnum


class RunState(StrEnum):
    """Where one attempt on one source stands."""

    RUNNING = "running"
    DONE = "done"
    INCOMPLETE = "incomplete"
    """Ended, and something was or stays in quarantine, or a page could not be listed."""
    HALTED = "halted"
    """Ended, and the guard waits for `--confirm`."""
    FAILED = "failed"
    """Ended early: the source, the index or the embedder was not there."""
    INTERRUPTED = "interrupted"
    """Ended early because it was asked to; what was not done is still to do."""


TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    RunState.RUNNING: frozenset({RunState.DONE, RunState.INCOMPLETE, RunState.HALTED, RunState.FAILED, RunState.INTERRUPTED}),
    RunState.DONE: frozenset(),
    RunState.INCOMPLETE: frozenset(),
    RunState.HALTED: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.INTERRUPTED: frozenset(),
}


def step(state: RunState, following: RunState) -> RunState:
    """`following`, if it may follow `state`."""
    if following not in TRANSITIONS[state]:
        raise ValueError(f"a run that is {state} can't become {following}")
    return following
