"""The engine child as its parent sees it: start, one call at a time with a deadline, end."""

import os
import signal
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import syncd
from syncd.adapters.index.frames import PROTOCOL, FrameError, Pipes, encode
from syncd.errors import IndexInvalid, IndexNotFound

_MODULE = "syncd.adapters.index.edge_child"
_PASSED_ON = ("LD_LIBRARY_PATH", "PYTHONHOME")
"""What of the environment the interpreter itself may need to start; nothing else goes to the child."""
_LOG_LIMIT = 2**20
_START = 60.0
"""Seconds that a child gets to greet: importing and opening the store, not loading what is in it."""
_GRACE = 30.0
"""Seconds that a child which was told to end, or was killed, gets to be gone."""


class EngineLost(Exception):
    """The child is gone, and with it the answer to the call. The message is for people; it holds no name and no text."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """The child's answer to a call that it understood and refused."""

    error: type[IndexInvalid] | type[IndexNotFound]
    facts: dict[str, str]


class EngineProcess:
    """A running child on the directory `root`. Not for two threads at once.

    `lock` is the descriptor that holds the directory's lock: the child inherits it, so the lock outlives a parent that was killed
    until the child is gone too. After EngineLost the object is dead.
    """

    def __init__(self, root: Path, lock: int) -> None:
        with (root / "engine.log").open("ab") as log:
            if log.tell() > _LOG_LIMIT:
                log.truncate(0)
            self._child = subprocess.Popen(
                # -P: never import from the current directory
                [sys.executable, "-P", "-m", _MODULE, str(root), str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                pass_fds=(lock,),
                env=_environment(),
                cwd="/",
                process_group=0,  # a terminal's Ctrl-C goes to the parent alone
            )
        if self._child.stdin is None or self._child.stdout is None:
            raise AssertionError("Popen was asked for pipes")
        self._pipes = Pipes(self._child.stdout.fileno(), self._child.stdin.fileno())
        self._calls = 0
        self._over = False
        if self._exchange(None, time.monotonic() + _START) != PROTOCOL:
            self.kill()
            raise _lost("it is not this syncd's engine")

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    @property
    def alive(self) -> bool:
        """Whether it can be called; False from its end on, whoever ended it."""
        return not self._over and self._child.poll() is None

    def call(self, operation: str, arguments: tuple[Any, ...], timeout: float) -> Any:
        """What `operation` of the child's store answers. Raises EngineLost, IndexInvalid, IndexNotFound; seconds of `timeout`."""
        self._calls += 1
        try:
            frame = encode((self._calls, operation, arguments))
        except FrameError as error:
            raise IndexInvalid(detail=str(error)) from error
        answer = self._understood(self._exchange(frame, time.monotonic() + timeout))
        if isinstance(answer, _Refused):
            raise answer.error(**answer.facts)
        return answer

    def close(self) -> None:
        """Let it flush and end; kill it when it does not."""
        self._shut_pipes()
        try:
            self._child.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        self._over = True
        self._child.kill()
        self._shut_pipes()
        # one that hangs in the kernel may stay: it holds the engine's own lock, which the next child then reports
        _wait_a_while(self._child)

    def _exchange(self, frame: bytes | None, deadline: float) -> Any:
        """Send `frame` and return the next answer. Whatever interrupts that, Ctrl-C too, leaves the pipes out of step: kill."""
        done = False
        try:
            if frame is not None:
                self._pipes.send(frame, deadline)
            answer = self._pipes.receive(deadline)
            done = True
        except TimeoutError as error:
            raise _lost("it did not answer in time") from error
        except (EOFError, BrokenPipeError) as error:
            _wait_a_while(self._child)
            raise _lost(_last_words(self._child.returncode)) from error
        except FrameError as error:
            raise _lost(f"it answered nonsense, {error}") from error
        finally:
            if not done:
                self.kill()
        return answer

    def _understood(self, answer: Any) -> Any:
        match answer:
            case [number, "ok", value] if number == self._calls:
                return value
            case [number, "IndexInvalid", {"detail": str(detail)}] if number == self._calls:
                return _Refused(IndexInvalid, {"detail": detail})
            case [number, "IndexNotFound", {"collection": str(collection)}] if number == self._calls:
                return _Refused(IndexNotFound, {"collection": collection})
            case _:
                self.kill()
                raise _lost("it answered nonsense")

    def _shut_pipes(self) -> None:
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()


def _lost(why: str) -> EngineLost:
    return EngineLost(f"the engine was lost: {why} (its last words are in engine.log)")


def _wait_a_while(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(_GRACE)
    except subprocess.TimeoutExpired:
        return


def _last_words(status: int | None) -> str:
    if status is None:
        return "it closed its pipes and hangs"
    if status >= 0:
        return f"it ended with status {status}"
    name = signal.Signals(-status).name
    return f"it was ended by {name}" + (", as a full disk does" if status == -signal.SIGBUS else "")


def _environment() -> dict[str, str]:
    """Nothing but what the interpreter needs to find itself and its packages."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    home = Path(syncd.__file__).resolve().parent.parent
    installed = {Path(sysconfig.get_path(scheme)).resolve() for scheme in ("purelib", "platlib")}
    checkout = [] if home in installed else [str(home)]
    configured = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if Path(entry).is_absolute()]
    if paths := checkout + configured:
        passed["PYTHONPATH"] = os.pathsep.join(paths)
    return passed
