"""Memory that all threads share."""

import platform
import subprocess
import sys

import pytest

ARENAS = """
import ctypes, sys, threading
from syncd.adapters.allocator import share_one_arena
if sys.argv[1] == "shared":
    share_one_arena()
libc = ctypes.CDLL(None)
libc.fdopen.restype, libc.fdopen.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_char_p]
libc.malloc_info.argtypes, libc.fflush.argtypes = [ctypes.c_int, ctypes.c_void_p], [ctypes.c_void_p]
together = threading.Barrier(8)
def work():
    together.wait()
    libc.malloc(4096)
    together.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
stream = libc.fdopen(1, b"w")
libc.malloc_info(0, stream)
libc.fflush(stream)
"""
"""A program whose threads allocate at the same time, and which then prints what glibc says of its memory."""


def arenas(how: str) -> int:
    """How many arenas there are."""
    done = subprocess.run([sys.executable, "-c", ARENAS, how], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has another allocator")
def test_threads_share_one_arena() -> None:
    """Eight threads that allocate have one arena between them, where each would have its own."""
    assert arenas("each its own") > 1
    assert arenas("shared") == 1
