"""Linux capabilities (capabilities(7)): what a service manager gave to this process is not for the programs that it starts."""

import ctypes
import errno
import os
from typing import Final

_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4


def keep_to_itself() -> None:
    """Let no program that is started from here have this process's ambient capabilities; the process itself keeps them.

    It holds for the calling thread and those that it starts, so it comes before there are others. Raises OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) and ctypes.get_errno() != errno.EINVAL:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))  # EINVAL: Linux before 4.3, which has none
