"""Frames between syncd and its engine child: four bytes of length, big endian, then one msgpack value.

Both ends are the same release on the same machine, so the format has no versions of its own: the child greets with PROTOCOL and
a parent that hears anything else ends it.
"""

import os
import select
import struct
import time
from typing import Any, BinaryIO

import msgpack

PROTOCOL = "syncd-edge-1"
MAX_FRAME = 64 * 2**20
"""No frame is longer: what claims to be is nonsense, and is not allocated."""
_LENGTH = struct.Struct(">I")


class FrameError(Exception):
    """The other end did not speak in frames."""


def encode(value: object) -> bytes:
    """One frame. Raises FrameError when it would be longer than MAX_FRAME."""
    body: bytes = msgpack.packb(value)
    if len(body) > MAX_FRAME:
        raise FrameError(f"a frame of {len(body)} bytes, {MAX_FRAME} at most")
    return _LENGTH.pack(len(body)) + body


def decode(body: bytes) -> Any:
    """The value of a frame's body. Raises FrameError."""
    try:
        return msgpack.unpackb(body)
    except (ValueError, msgpack.UnpackException) as error:
        raise FrameError(f"a frame that is not msgpack ({type(error).__name__})") from error


def body_length(head: bytes) -> int:
    """How long the body after `head` is. Raises FrameError when no frame is that long."""
    (length,) = _LENGTH.unpack(head)
    if length > MAX_FRAME:
        raise FrameError(f"a frame of {length} bytes, {MAX_FRAME} at most")
    return int(length)


def read_frame(stream: BinaryIO) -> Any | None:
    """The next value of a blocking stream; None at its end, also when it ends within a frame."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    length = body_length(head)
    body = stream.read(length)
    return decode(body) if len(body) == length else None


class Pipes:
    """The parent's two pipe ends, with a deadline on everything.

    Raises TimeoutError, EOFError (the child closed its end), BrokenPipeError and FrameError; after any of them the pipes are
    out of step and good for nothing.
    """

    def __init__(self, reader: int, writer: int) -> None:
        self._reader = reader
        self._writer = writer
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)

    def send(self, frame: bytes, deadline: float) -> None:
        """Write all of `frame` before `deadline` (seconds of the monotonic clock)."""
        rest = memoryview(frame)
        while rest:
            _wait(self._writer, select.POLLOUT, deadline)
            rest = rest[os.write(self._writer, rest) :]

    def receive(self, deadline: float) -> Any:
        """The next frame's value, complete before `deadline`."""
        return decode(self._exactly(body_length(self._exactly(_LENGTH.size, deadline)), deadline))

    def _exactly(self, count: int, deadline: float) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            _wait(self._reader, select.POLLIN, deadline)
            part = os.read(self._reader, min(count - len(parts), 2**20))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)


def _wait(descriptor: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    left = deadline - time.monotonic()
    if left <= 0 or not poll.poll(left * 1000):
        raise TimeoutError
