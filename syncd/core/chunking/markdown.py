"""Markdown: headings (ATX, setext), paragraphs, list items, fences, indented code, tables, front matter.

CommonMark as far as it tells where blocks start; what is inside of a block quote or of HTML is not looked at.
"""

import re
from collections.abc import Callable
from typing import ClassVar

from syncd.core.chunking.marks import Heading, Mark, Outline, Rank

_FRONT_MATTER = re.compile(r"(---|\+\+\+)[ \t]*\n(?=[\w\"'-]+[ \t]*[:=]|[#\[])")
_ATX = re.compile(r"(#{1,6})(?:[ \t]+|$)")
_FENCE = re.compile(r"`{3,}(?=[^`]*$)|~{3,}")
_ITEM = re.compile(r"(?:[-*+]|(\d{1,9})[.)])(?:[ \t]+|$)")
_DELIMITER = frozenset("|:- \t")
_CODE_INDENT = 4
_NO_PARAGRAPH = -1


def read(text: str) -> Outline:
    """The structure of `text`."""
    return _Reader(text).read()


class _Reader:
    """Goes through the lines once. What a line may be depends on its first character, and on these:

    fresh: the next line that is not blank begins a block. paragraph: where the one starts that an underline would make a heading.
    fence: what closes the open one. listing: indented lines belong to an item. table: lines are rows. code: it is indented code.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._outline = Outline()
        self._pos = 0
        self._fresh = True
        self._paragraph = _NO_PARAGRAPH
        self._fence = ""
        self._listing = False
        self._table = False
        self._code = False

    def read(self) -> Outline:
        self._front_matter()
        for line in self._text[self._pos :].split("\n"):
            stripped = line.lstrip(" \t")
            if not stripped or stripped.isspace():
                self._blank()
            elif self._fence:
                self._fenced(stripped, len(line) - len(stripped))
            else:
                gap = len(line) - len(stripped)
                self._line(stripped, gap, gap + 3 * line.count("\t", 0, gap))
            self._pos += len(line) + 1
        if len(self._outline.verbatim) % 2:
            self._outline.verbatim.append(len(self._text))
        return self._outline

    def _front_matter(self) -> None:
        found = _FRONT_MATTER.match(self._text)
        end = self._text.find(f"\n{found[1]}\n", found.end() - 1) if found else -1
        if end >= 0:
            self._pos = end + 5
            self._outline.verbatim.extend((0, self._pos))

    def _line(self, line: str, gap: int, indent: int) -> None:
        if self._code and indent < _CODE_INDENT:
            self._outline.verbatim.append(self._pos)
            self._code = False
        handler = self._HANDLERS.get(line[0])
        if handler is None or not handler(self, line, gap, indent):
            self._words(indent)
        elif self._code:  # a handler took a line of indented code only if it was none
            self._outline.verbatim.append(self._pos)
            self._code = False

    def _mark(self, rank: Rank, level: int) -> None:
        self._outline.marks.append(Mark(self._pos, rank, level))

    def _rest(self, *, fresh: bool, paragraph: int = _NO_PARAGRAPH) -> None:
        self._fresh = fresh
        self._paragraph = paragraph

    def _blank(self) -> None:
        self._rest(fresh=True)
        self._table = False

    def _words(self, indent: int) -> None:
        if not self._fresh:
            if self._table:
                self._mark(Rank.ITEM, 0)
            return
        if self._listing and indent > 1:
            self._mark(Rank.ITEM, indent)
            self._rest(fresh=False)
        elif indent >= _CODE_INDENT:
            self._mark(Rank.ITEM if self._code else Rank.BLOCK, indent)
            if not self._code:
                self._outline.verbatim.append(self._pos)
            self._code = True
            self._rest(fresh=False)
        else:
            self._listing = False
            self._mark(Rank.BLOCK, 0)
            self._rest(fresh=False, paragraph=self._pos)

    def _hash(self, line: str, gap: int, indent: int) -> bool:
        found = _ATX.match(line)
        if found is None or indent >= _CODE_INDENT:
            return False
        title = line[found.end() :].rstrip()
        bare = title.rstrip("#")
        if not bare or bare[-1] in " \t":
            title = bare.rstrip()
        start = self._pos + gap + found.end()
        level = len(found[1])
        self._mark(Rank.HEADING, level)
        self._outline.headings.append(Heading(self._pos, level, start, start + len(title)))
        self._listing = self._table = False
        self._rest(fresh=True)
        return True

    def _underline(self, line: str, level: int) -> bool:
        """Turns the open paragraph into a heading."""
        if self._paragraph == _NO_PARAGRAPH or line.rstrip().strip(line[0]):
            return False
        self._outline.marks[-1] = Mark(self._paragraph, Rank.HEADING, level)
        self._outline.headings.append(Heading(self._paragraph, level, self._paragraph, self._pos - 1))
        self._rest(fresh=True)
        return True

    def _equals(self, line: str, _gap: int, indent: int) -> bool:
        return indent < _CODE_INDENT and self._underline(line, 1)

    def _dash(self, line: str, gap: int, indent: int) -> bool:
        underlined = indent < _CODE_INDENT and self._underline(line, 2)
        return underlined or self._star(line, gap, indent) or self._delimiter(line, gap, indent)

    def _star(self, line: str, gap: int, indent: int) -> bool:
        return self._rule(line, gap, indent) or self._item(line, gap, indent)

    def _rule(self, line: str, _gap: int, indent: int) -> bool:
        signs = line.replace(" ", "").replace("\t", "")
        if len(signs) < 3 or signs.strip(line[0]) or indent >= _CODE_INDENT:
            return False
        self._listing = self._table = False
        self._mark(Rank.BLOCK, 0)
        self._rest(fresh=False)  # the rule belongs to what follows it, unless a blank line parts them
        return True

    def _item(self, line: str, _gap: int, indent: int) -> bool:
        found = _ITEM.match(line)
        if found is None or (indent >= _CODE_INDENT and not self._listing):
            return False
        if self._paragraph != _NO_PARAGRAPH and (found.end() == len(line) or found[1] not in (None, "1")):
            return False  # a wrapped line of prose that happens to begin so
        opens = self._fresh and (not self._listing)
        self._mark(Rank.BLOCK if opens else Rank.ITEM, indent)
        self._listing, self._table = True, False
        self._rest(fresh=False)
        return True

    def _delimiter(self, line: str, _gap: int, _indent: int) -> bool:
        """The line below the head of a table makes it one."""
        if self._paragraph == _NO_PARAGRAPH or "|" not in line or not _DELIMITER.issuperset(line.rstrip()):
            return False
        self._table = True
        self._rest(fresh=False)
        return True

    def _row(self, line: str, _gap: int, indent: int) -> bool:
        if self._table and not self._fresh:
            if not _DELIMITER.issuperset(line.rstrip()):
                self._mark(Rank.ITEM, 0)
            return True
        if not self._fresh or (indent >= _CODE_INDENT and not self._listing):
            return self._delimiter(line, _gap, indent)
        self._mark(Rank.ITEM if self._listing and indent else Rank.BLOCK, indent)
        self._table = True
        self._rest(fresh=False)
        return True

    def _backtick(self, line: str, _gap: int, indent: int) -> bool:
        found = _FENCE.match(line)
        if found is None or (indent >= _CODE_INDENT and not self._listing):
            return False
        inside = self._listing and indent > 0
        self._mark(Rank.BLOCK if self._fresh and not inside else Rank.ITEM, indent)
        self._listing, self._table = inside, False
        self._fence = found[0]
        self._outline.verbatim.append(self._pos)
        self._rest(fresh=False)
        return True

    def _fenced(self, line: str, gap: int) -> None:
        bare = line.rstrip()
        if bare.startswith(self._fence) and not bare.strip(self._fence[0]):
            self._outline.verbatim.append(self._pos + gap + len(line))
            self._fence = ""
            self._rest(fresh=True)
        elif self._fresh:
            self._mark(Rank.ITEM, gap + 1)  # weaker than the items around the fence
            self._rest(fresh=False)

    _Handler = Callable[["_Reader", str, int, int], bool]
    _HANDLERS: ClassVar[dict[str, _Handler]] = {
        "#": _hash,
        "=": _equals,
        "-": _dash,
        "*": _star,
        "_": _rule,
        "+": _item,
        "|": _row,
        ":": _delimiter,
        "`": _backtick,
        "~": _backtick,
        **dict.fromkeys("0123456789", _item),
    }
