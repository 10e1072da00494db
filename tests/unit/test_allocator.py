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


HOLES = """
import ctypes, sys
from syncd.adapters.allocator import give_back
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
blocks = [libc.malloc(1000) for _ in range(50_000)]
for block in blocks:
    ctypes.memset(block, 1, 1000)
for block in blocks[:-1]:
    libc.free(ctypes.c_void_p(block))
if sys.argv[1] == "given back":
    give_back()
print(open("/proc/self/status").read().split("RssAnon:")[1].split()[0])
"""
"""A program that frees 50 MB but for the last kilobyte, and then prints how much memory of its own it has."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has another allocator")
def test_what_is_free_between_blocks_is_given_back() -> None:
    """One block that is in use keeps nothing but its page."""
    kept, left = (
        int(subprocess.run([sys.executable, "-c", HOLES, how], capture_output=True, text=True, check=True, timeout=60).stdout)
        for how in ("kept", "given back")
    )
    assert kept - left > 40_000
