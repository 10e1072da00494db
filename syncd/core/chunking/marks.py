"""Where a text can be cut: the only thing that the readers of the forms tell the rest of the chunker."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple


class Rank(IntEnum):
    """How strongly a text breaks somewhere; a smaller number is a better place to cut."""

    HEADING = 0
    BLOCK = 1
    ITEM = 2
    """A list item, a row of a table, a paragraph inside of an item or a directive, a paragraph of code."""
    SENTENCE = 3
    """A sentence of prose, a line of verbatim text. From here on down nothing is marked: `split` looks when it must."""
    LINE = 4
    WORD = 5
    MODEL_TOKEN = 6


class Mark(NamedTuple):
    """A block starts at `offset`. `level` ranks equals: the level of a heading, the indentation of an item.

    A tuple, for a document has tens of thousands, and a frozen dataclass costs three times as much to build.
    """

    offset: int
    rank: Rank
    level: int


class Heading(NamedTuple):
    """A heading whose block starts at `offset`, and whose title is text[start:end]."""

    offset: int
    level: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Outline:
    """The structure of a text. Everything is ascending; a block ends where the next begins, so nothing can be lost.

    verbatim: alternating starts and ends of what is made of lines, not of sentences.
    """

    marks: list[Mark] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    verbatim: list[int] = field(default_factory=list)
