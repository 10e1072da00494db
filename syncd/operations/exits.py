"""The one exit code of a command in which several things happened."""

from typing import Final

from syncd.errors import Exit

_PRECEDENCE: Final = (
    Exit.INTEGRITY,
    Exit.HALTED,
    Exit.INCOMPLETE,
    Exit.CONFIG,
    Exit.PERMISSION,
    Exit.UNAVAILABLE,
    Exit.TRY_AGAIN,
    Exit.ERROR,
    Exit.USAGE,
    Exit.OK,
)


def worst(*exits: Exit) -> Exit:
    """The exit code that says most; OK for none."""
    return min(exits, key=_PRECEDENCE.index, default=Exit.OK)
