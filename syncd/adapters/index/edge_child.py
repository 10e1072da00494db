"""The engine's own process: `python -m syncd.adapters.index.edge_child ROOT PARENT-PID`, frames on standard input and output.

It exists because every call of the engine holds the interpreter's lock, and because a full disk kills the process that mapped the
engine's files. It holds no keys and sees sealed text only. It ends when its input ends (flush, close, exit), and when its parent
dies. It ignores the signals that a terminal or a supervisor sends to the whole group: its parent decides.
"""

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from syncd.adapters.allocator import share_one_arena
from syncd.adapters.index.edge_store import EdgeStore
from syncd.adapters.index.frames import PROTOCOL, encode, read_frame
from syncd.errors import IndexInvalid, IndexNotFound

_PR_SET_PDEATHSIG = 1
OPERATIONS = frozenset(
    {"ensure", "drop", "collections", "dimension", "resolve", "switch"}
    | {"upsert", "set_payload", "delete", "flush", "tidy", "retrieve", "scroll", "count", "query"}
)
"""What a frame may ask for: methods of EdgeStore."""


def follow(parent: int) -> None:
    """End when the process `parent` does, also while another process keeps the pipe open.

    The kernel sends the signal when the *thread* that started this process ends, so a living parent is not taken for dead.
    """

    def check(_signal: int, _frame: object) -> None:
        if os.getppid() != parent:
            raise SystemExit(0)

    signal.signal(signal.SIGUSR1, check)
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGUSR1), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    check(0, None)  # it may have died before the kernel was told


def take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The two ends of the frames, moved away from standard input and output: what the engine prints goes to the log."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return requests, answers


def serve(store: EdgeStore, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer frames until the input ends. An error of the engine is not caught here: the process ends, and with it the call."""

    def answer(value: object) -> None:
        answers.write(encode(value))
        answers.flush()

    answer(PROTOCOL)
    while (request := read_frame(requests)) is not None:
        number, operation, arguments = request
        if operation not in OPERATIONS:
            raise ValueError("no such operation")
        try:
            answer((number, "ok", getattr(store, operation)(*arguments)))
        except (IndexInvalid, IndexNotFound) as error:
            answer((number, type(error).__name__, error.facts))


def main() -> None:
    """Serve the store named on the command line."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would be a copy of vectors and texts outside the index
    root, parent = Path(sys.argv[1]), int(sys.argv[2])
    requests, answers = take_pipes()
    follow(parent)
    share_one_arena()
    store = EdgeStore(root)
    try:
        serve(store, requests, answers)
    except BrokenPipeError:
        sys.stderr.write("the parent is gone\n")
    store.close()


if __name__ == "__main__":
    main()
