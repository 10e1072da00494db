"""Answers on their way out: a reply is one document, a long list and the progress of a job go line by line."""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from threading import Lock
from typing import Any, Final

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from syncd.daemon.control.hands import Hands
from syncd.daemon.control.problems import encoded, problem_of
from syncd.operations.operation import Reply, Series

LINES: Final = "application/x-ndjson"
_BATCH_BYTES: Final = 64 * 1024
_BATCH_S: Final = 0.1
"""How much of a list, or seconds of it, are gathered before they are sent."""
_END: Final = object()


def reply_of(reply: Reply) -> dict[str, Any]:
    """A reply as a document."""
    return {"exit": int(reply.exit), "notes": list(reply.notes), "payload": dict(reply.payload)}


def document(value: object, status: int = 200) -> Response:
    """One JSON document."""
    return Response(encoded(value), int(status), media_type="application/json")


class Lines(StreamingResponse):
    """Lines of JSON as they come. let_go: called once when all were sent, or when the client has gone."""

    def __init__(self, lines: AsyncIterator[bytes], let_go: Callable[[], None]) -> None:
        super().__init__(lines, media_type=LINES)
        self._let_go = let_go

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._let_go()


class Listing:
    """A series as lines, a batch at a time: the next is asked for when the last one was taken.

    Who reads slowly holds no thread meanwhile, so two batches may be made by different threads, never at the same time. An error
    midway is the last line. Raises what the operation raises before its first item.
    """

    def __init__(self, series: Series) -> None:
        self._series = series
        self._items = iter(series.items)
        self._turn = Lock()
        self._over = False
        self._first = bytearray(encoded({"key": series.key}) + b"\n")
        begun = len(self._first)
        try:
            self._gather(self._first)
        except Exception as error:
            if len(self._first) == begun:
                raise
            self._break_off(self._first, error)

    def response(self, hands: Hands) -> Response:
        """The answer; `hands` make the batches."""

        async def lines() -> AsyncIterator[bytes]:
            yield bytes(self._first)
            while not self._over:
                yield await hands.run(self._next)

        return Lines(lines(), lambda: hands.later(self.close))

    def _next(self) -> bytes:
        """The next batch, and what ended it."""
        out = bytearray()
        with self._turn:
            try:
                if not self._over:
                    self._gather(out)
            except Exception as error:  # noqa: BLE001 - it is told in the last line: the status was sent long ago
                self._break_off(out, error)
        return bytes(out)

    def _break_off(self, out: bytearray, error: Exception) -> None:
        """The line of an error that ended the list."""
        self._over = True
        out += encoded(problem_of(error)) + b"\n"

    def _gather(self, out: bytearray) -> None:
        """Items until there are enough, the reply when there are no more."""
        begun = time.monotonic()
        for item in self._items:
            out += encoded({"item": item}) + b"\n"
            if len(out) >= _BATCH_BYTES or time.monotonic() - begun >= _BATCH_S:
                return
        out += encoded(reply_of(self._series.reply)) + b"\n"
        self._over = True

    def close(self) -> None:
        """Let go of what the items hold, such as a snapshot of the ledger; waits for a batch that is being made."""
        with self._turn:
            self._over = True
            close = getattr(self._items, "close", None)
            if close is not None:
                close()


def watching(steps: Iterator[Mapping[str, Any] | Reply | None], hands: Hands) -> Response:
    """The progress of a job as lines, at last its reply or the error that ended it. A client that goes away stops nothing."""

    async def lines() -> AsyncIterator[bytes]:
        while True:
            step, line = await hands.run(lambda: _told(steps))
            if line:
                yield line
            if step is _END:
                return

    return Lines(lines(), lambda: None)


def _told(steps: Iterator[Mapping[str, Any] | Reply | None]) -> tuple[object, bytes]:
    """The next step and its line; blocks until there is one."""
    try:
        step = next(steps)  # StopIteration: a job that ended without a word, which is nobody's fault but its own
        if isinstance(step, Reply):
            return _END, encoded(reply_of(step)) + b"\n"
        return step, encoded({"progress": step}) + b"\n" if step else b""
    except Exception as error:  # noqa: BLE001 - it is told in the last line
        return _END, encoded(problem_of(error)) + b"\n"
