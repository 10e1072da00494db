"""Source code and other texts made of lines: top-level blocks between blank lines, and indented ones inside of them."""

import re

from syncd.core.chunking.marks import Mark, Outline, Rank

_BREAK = re.compile(
    r"""
    \n(?:[^\S\n]*\n)+                               # blank lines
    | (?<=\n)[)}\]]+[;,]*[ \t]*\n(?=[^\s)}\]])      # a bracket that closes a top-level block, right before the next one
    """,
    re.VERBOSE,
)
_CLOSING = frozenset(")}]")
_LINE = 256
"""Nobody indents further, in characters."""


def indentation(text: str, start: int, end: int) -> int:
    """How far the line at `start` is indented, in columns (a tab is four), looking no further than `end`."""
    line = text[start:end]
    gap = len(line) - len(line.lstrip(" \t"))
    return gap + 3 * line.count("\t", 0, gap)


def read(text: str) -> Outline:
    """The blocks of `text`: unindented after a blank line is a block, anything else an item as deep as it is indented."""
    marks = []
    for found in _BREAK.finditer(text):
        offset = found.end()
        if text[offset : offset + _LINE].lstrip(" \t")[:1] in _CLOSING:
            continue  # what it closes ends here
        level = indentation(text, offset, offset + _LINE)
        blank = text[found.start()] == "\n"
        marks.append(Mark(offset, Rank.BLOCK if blank and not level else Rank.ITEM, level))
    return Outline(marks=marks, verbatim=[0, len(text)])
