"""The daemon's threads and signals: what ends them, who is told, and whether work still progresses."""

import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from queue import Empty, SimpleQueue
from types import FrameType, TracebackType
from typing import Final, Self, TextIO

from syncd.daemon.log import get_logger

DRAIN: Final = 30.0
"""Seconds from SIGTERM to the end: a little less than the service manager grants (TimeoutStopSec)."""

_log = get_logger()


class Signal(StrEnum):
    """What a person or the service manager asks of the daemon."""

    STOP = "stop"
    RELOAD = "reload"


@dataclass(frozen=True, slots=True)
class Failure:
    """A side of the daemon that is no more: its name, and what it raised (None: it just ended). The daemon has to end too."""

    name: str
    error: BaseException | None


class Supervisor:
    """Owns the side threads, the signals (between `with` and its end) and the heartbeat. Made and entered by the main thread.

    drain: seconds that the daemon has from being asked to stop to its end. stream: where stacks are dumped, by SIGUSR1 and
    before a deadly signal such as the watchdog's. clock: seconds since some moment.

    SIGTERM, SIGINT: stop; the second one ends the process at once, exit 1. SIGHUP: reload. SIGUSR1: dump all stacks, go on.

    A thread of its own hears the signals, through a pipe that Python's C handler writes to. A handler in Python would run in the
    main thread, when that next comes to it: not while it is in a library's C code, and not if the signal came between its last
    look and the moment that it began to wait for something.
    """

    def __init__(
        self, *, drain: float = DRAIN, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._drain = drain
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._news: SimpleQueue[Signal | Failure] = SimpleQueue()
        self._lock = threading.Lock()
        self._asked_to_stop = False
        self._reload_waits = False
        self._deadline: float | None = None
        self._threads: list[threading.Thread] = []
        self._failed: Failure | None = None
        self._beat = clock()
        self._restoring = ExitStack()

    # -- signals -------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        source, sink = os.pipe()
        os.set_blocking(sink, False)  # the C handler must not wait
        ear = threading.Thread(target=self._hear, args=(source,), name="signals", daemon=True)
        ear.start()
        self._restoring.callback(os.close, source)
        self._restoring.callback(ear.join)
        self._restoring.callback(os.close, sink)
        self._restoring.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(sink, warn_on_full_buffer=False))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            before = signal.signal(number, _heard)
            self._restoring.callback(signal.signal, number, signal.SIG_DFL if before is None else before)
        if not faulthandler.is_enabled():
            self._restoring.callback(faulthandler.disable)
        faulthandler.enable(self._stream, all_threads=True)
        faulthandler.register(signal.SIGUSR1, self._stream, all_threads=True, chain=False)
        self._restoring.callback(faulthandler.unregister, signal.SIGUSR1)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._restoring.close()

    def _hear(self, source: int) -> None:
        try:
            while numbers := os.read(source, 64):
                for number in numbers:
                    self._heed(number)
        except BaseException as error:  # noqa: BLE001 - whatever it is: nobody could stop the daemon any more
            self.fail("signals", error)

    def _heed(self, number: int) -> None:
        if number == signal.SIGHUP:
            with self._lock:
                waits, self._reload_waits = self._reload_waits, True
            if not waits:  # what was asked for ten times before it began is done once
                self._news.put(Signal.RELOAD)
        elif number in {signal.SIGTERM, signal.SIGINT}:
            if self._asked_to_stop:
                os._exit(1)
            self._asked_to_stop = True
            self.stop()

    def stop(self) -> None:
        """Begin to stop, as a first SIGTERM does. From any thread; once is enough."""
        with self._lock:
            if self._deadline is not None:
                return
            self._deadline = self._clock() + self._drain
        self._news.put(Signal.STOP)

    @property
    def stopping(self) -> bool:
        """Whether the daemon is to end: long work asks for it between two steps."""
        return self._deadline is not None

    def remaining(self) -> float | None:
        """Seconds until what is not done has to wait for the next start, at least 0; None: nobody asked to stop."""
        return None if self._deadline is None else max(0.0, self._deadline - self._clock())

    def wait(self, timeout: float | None) -> Signal | Failure | None:
        """The next thing that the main thread has to see to; None after `timeout` seconds (None: waits as long as it takes).

        Each comes once: a stop, the first failure, and a reload for all requests that were made before it.
        """
        try:
            news = self._news.get(timeout=None if timeout is None else max(0.0, timeout))
        except Empty:
            return None
        if news is Signal.RELOAD:
            with self._lock:
                self._reload_waits = False
        return news

    # -- threads -------------------------------------------------------------------------------------------------------

    def spawn(self, name: str, target: Callable[[], None]) -> None:
        """Run `target` in a thread called `name`, a word. If it ends before the daemon stops, or raises, that is a failure."""

        def run() -> None:
            try:
                target()
            except BaseException as error:  # noqa: BLE001 - whatever it is, the daemon must not live on without this thread
                self.fail(name, error)
            else:
                if not self.stopping:
                    self.fail(name)

        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def fail(self, name: str, error: BaseException | None = None) -> None:
        """Log that `name` failed and, for the first one, wake the main thread. From any thread."""
        _log.critical("thread.failed", thread=name, exc_info=error)
        with self._lock:
            if self._failed is not None:
                return
            self._failed = Failure(name, error)
        self._news.put(self._failed)

    @property
    def failed(self) -> Failure | None:
        """The first failure."""
        return self._failed

    def join(self) -> tuple[str, ...]:
        """Stop, and wait for the side threads until the deadline; names those that still run. They end with the process."""
        self.stop()
        for thread in self._threads:
            thread.join(self.remaining())
        return tuple(thread.name for thread in self._threads if thread.is_alive())

    # -- heartbeat -----------------------------------------------------------------------------------------------------

    def beat(self) -> None:
        """Work progresses, or there is none to do: the coordinator says so after each step, and while it waits."""
        self._beat = self._clock()

    def alive(self, within: float) -> bool:
        """Whether there was a beat in the last `within` seconds: only then may the service manager be told that all is well."""
        return self._clock() - self._beat <= within


def _heard(_number: int, _frame: FrameType | None) -> None:
    """The handler in Python: the pipe has told already."""
