"""The C library's memory, where that is glibc's: what runs for months must not grow by what threads keep for themselves."""

import ctypes
from typing import Final

_M_ARENA_MAX: Final = -8
"""mallopt(3)."""


def share_one_arena() -> None:
    """Have all threads allocate from one arena; another allocator than glibc's is left as it is.

    Else each thread gets one, and what one thread freed another can't use: under a steady load daemon and engine grew by several
    MiB an hour for as long as that was watched. Threads that wait for one another here are few, for the interpreter's lock comes
    before. It comes before there are threads.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Give the system what is free between blocks that are in use, where that is glibc's.

    It gives back by itself what is free at the end alone: one block there keeps all that a scan and a search once took together.
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
