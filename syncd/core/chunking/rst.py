"""reStructuredText: headings with levels by order of appearance, paragraphs, list items, directives, literal blocks, tables."""

import re

from syncd.core.chunking.marks import Heading, Mark, Outline, Rank

_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1*")
_ITEM = re.compile(r"(?:[-*+•‣⁃]|(?:\d+|#)[.)]|\((?:\d+|#)\))[ \t]+|:[^:\s][^:]*:(?:[ \t]|$)")
_DIRECTIVE = re.compile(r"\.\.[ \t]+(?:\|[^|]+\|[ \t]+)?((?:[\w-]+:)*[\w-]+)::")
_VERBATIM = frozenset(
    {
        "code",
        "code-block",
        "sourcecode",
        "highlight",
        "literalinclude",
        "parsed-literal",
        "math",
        "raw",
        "doctest",
        "testcode",
        "prompt",
    }
)
_TABLE = re.compile(r"\+[-=+]{3,}$|=+(?:[ \t]+=+)+$")
_SHORTEST = 4
"""An adornment of this length is one however long the title is."""
_NOT_LITERAL = -1


def read(text: str) -> Outline:
    """The structure of `text`."""
    return _Reader(text).read()


class _Reader:
    """Goes through the lines once.

    fresh: the next line that is not blank begins a block. listing: items follow one another. literal: lines that are indented
    further than this are verbatim. table: so are all lines up to the next blank one.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = text.split("\n")
        self._outline = Outline()
        self._levels: dict[str, int] = {}
        self._pos = 0
        self._fresh = True
        self._listing = False
        self._literal = _NOT_LITERAL
        self._table = False

    def read(self) -> Outline:
        skip = 0
        for number, line in enumerate(self._lines):
            stripped = line.lstrip(" \t")
            if skip:
                skip -= 1
            elif not stripped or stripped.isspace():
                self._blank()
            else:
                gap = len(line) - len(stripped)
                skip = self._line(number, stripped, gap + 3 * line.count("\t", 0, gap))
            self._pos += len(line) + 1
        if len(self._outline.verbatim) % 2:
            self._outline.verbatim.append(len(self._text))
        return self._outline

    def _blank(self) -> None:
        self._fresh = True
        if self._table:
            self._outline.verbatim.append(self._pos)
            self._table = False

    def _line(self, number: int, line: str, indent: int) -> int:
        """Reads a line that is not blank; how many more lines it took with it."""
        if self._inside_literal(indent):
            return 0
        if not self._fresh:
            self._continued(line, indent)
            return 0
        lines = self._heading(number)
        if lines:
            return lines - 1
        self._opening(line, indent)
        self._announce(line, indent)
        self._fresh = False
        return 0

    def _mark(self, rank: Rank, level: int) -> None:
        self._outline.marks.append(Mark(self._pos, rank, level))

    def _inside_literal(self, indent: int) -> bool:
        if self._literal == _NOT_LITERAL:
            return False
        opened = len(self._outline.verbatim) % 2 == 1
        if indent <= self._literal:
            self._literal = _NOT_LITERAL
            if opened:
                self._outline.verbatim.append(self._pos)
            return False
        if not opened:
            self._outline.verbatim.append(self._pos)
        if self._fresh:
            self._mark(Rank.ITEM, indent)
            self._fresh = False
        return True

    def _continued(self, line: str, indent: int) -> None:
        if self._table:
            if _TABLE.match(line):
                self._mark(Rank.ITEM, indent)
        elif self._listing and _ITEM.match(line):
            self._mark(Rank.ITEM, indent)
        self._announce(line, indent)

    def _heading(self, number: int) -> int:
        """How many lines the heading at line `number` has: three with an overline, else two; none if it is no heading."""
        first, second, third = [*self._lines[number : number + 3], "", ""][:3]
        over = _adornment(first)
        if over and second.strip() and first.rstrip() == third.rstrip() and _fits(over, second.strip()):
            start = self._pos + len(first) + 1
            return self._add_heading(over[0] * 2, start, start + len(second), 3)
        under = _adornment(second)
        if under and not over and first[0] not in " \t" and _fits(under, first.rstrip()):
            return self._add_heading(under[0], self._pos, self._pos + len(first), 2)
        return 0

    def _add_heading(self, style: str, start: int, end: int, lines: int) -> int:
        level = self._levels.setdefault(style, len(self._levels) + 1)
        self._mark(Rank.HEADING, level)
        self._outline.headings.append(Heading(self._pos, level, start, end))
        self._listing = False
        self._fresh = True
        return lines

    def _opening(self, line: str, indent: int) -> None:
        """A block begins; indented it belongs to an item or a directive."""
        item = _ITEM.match(line) is not None
        if indent:
            self._mark(Rank.ITEM, indent)
        else:
            self._mark(Rank.ITEM if item and self._listing else Rank.BLOCK, 0)
            self._listing = item
        if item:
            self._listing = True
        if _TABLE.match(line.rstrip()):
            self._table = True
            self._outline.verbatim.append(self._pos)

    def _announce(self, line: str, indent: int) -> None:
        """What is indented below this line may be verbatim."""
        if self._table:
            return
        directive = _DIRECTIVE.match(line)
        if directive:
            literal = directive[1].rpartition(":")[2] in _VERBATIM
        else:
            literal = line.rstrip().endswith("::") and not line.startswith("..")
        self._literal = indent if literal else _NOT_LITERAL


def _adornment(line: str) -> str:
    bare = line.rstrip()
    return bare if _ADORNMENT.fullmatch(bare) and bare not in {"::", ".."} else ""


def _fits(adornment: str, title: str) -> bool:
    return len(adornment) >= min(len(title), _SHORTEST)
