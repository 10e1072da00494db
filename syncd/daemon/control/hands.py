"""Threads for what blocks: the loop asks, a thread does, and nobody else has to wait."""

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
_Order = tuple[asyncio.AbstractEventLoop, Callable[[], Any], "asyncio.Future[Any]"]


class Hands:
    """At most `count` threads, begun when they are needed; what comes while all are at work waits for its turn.

    To be used from one event loop. The threads are daemons: one that hangs does not keep the process from ending.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._orders: SimpleQueue[_Order | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._open = 0

    @property
    def free(self) -> bool:
        """Whether what comes next is begun at once."""
        return self._open < self._count

    async def run(self, deed: Callable[[], T]) -> T:
        """What `deed` returns or raises, done by a thread.

        A caller that is cancelled meanwhile does not stop it; one that is cancelled before it was begun keeps it from beginning.
        """
        return await self._order(deed)

    def later(self, deed: Callable[[], None]) -> None:
        """Have `deed` done after what waits already. Nobody waits for it: an error goes to the loop's exception handler."""
        self._order(deed)

    def dismiss(self) -> None:
        """Let the threads end, each when it is through with what it does."""
        for _ in self._threads:
            self._orders.put(None)

    def _order(self, deed: Callable[[], T]) -> "asyncio.Future[T]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._open += 1
        if self._open > len(self._threads) and len(self._threads) < self._count:
            thread = Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._orders.put((loop, deed, future))
        return future

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            loop, deed, future = order
            value, error = None, None
            if not future.cancelled():
                try:
                    value = deed()
                except BaseException as caught:  # noqa: BLE001 - it is raised where it is awaited
                    error = _bearable(caught)
            try:
                loop.call_soon_threadsafe(self._done, future, value, error)
            except RuntimeError:  # the loop is closed: nobody waits for it any more
                return
            del order, deed, future, value, error  # what was answered is not kept until the next question

    def _done(self, future: "asyncio.Future[Any]", value: object, error: Exception | None) -> None:
        self._open -= 1
        if future.cancelled():
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)


def _bearable(error: BaseException) -> Exception:
    """The error as an event loop can raise it: StopIteration can't be raised in a future, and SystemExit would end the loop."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    wrapped = RuntimeError(f"{type(error).__name__} from an operation")
    wrapped.__cause__ = error
    return wrapped
