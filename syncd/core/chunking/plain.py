"""Plain text: paragraphs between blank lines."""

import re

from syncd.core.chunking.marks import Mark, Outline, Rank

_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")


def read(text: str) -> Outline:
    """The paragraphs of `text`."""
    return Outline(marks=[Mark(found.end(), Rank.BLOCK, 0) for found in _BLANK_LINES.finditer(text)])
