"""Writing Markdown: blocks from runs of inline text, with list markers, fences, and rows of tables."""

import re
from dataclasses import dataclass

_SPACE = re.compile(r"\s+")
_MISREAD = re.compile(r"(?=#{1,6}(?:\s|$)|`{3}|~{3}|=+$|-+$|\|)|(?<![^\n])(?=[-+*]\s|\d{1,9}[.)]\s)")
"""A line of prose that Markdown would take for structure."""
_DEEPEST = 16
"""Lists nested further are not indented further: a hostile page could turn depth into gigabytes of spaces."""


@dataclass(slots=True)
class _List:
    ordered: bool
    number: int = 0

    def marker(self) -> str:
        self.number += 1
        return f"{self.number}. " if self.ordered else "- "


class Writer:
    """Collects inline text until a block ends. Blocks are parted by a blank line, items and rows by a line end alone."""

    def __init__(self) -> None:
        self._blocks: list[tuple[str, bool]] = []
        self._inline: list[str] = []
        self._lists: list[_List] = []
        self._marker = ""

    def text(self, text: str) -> None:
        """Inline text; white space in it is one space."""
        self._inline.append(_SPACE.sub(" ", text))

    def line_break(self) -> None:
        """A line ends within its block."""
        self._inline.append("\n")

    def end_block(self, heading: int = 0) -> None:
        """What was collected is a block: a heading of this level, or a paragraph, or the text of an item."""
        lines = [" ".join(line.split()) for line in "".join(self._inline).split("\n")]
        self._inline.clear()
        lines = [line for line in lines if line]
        if not lines:
            return
        if heading and not self._lists:
            self._add(f"{'#' * heading} {' '.join(lines)}", tight=False)
        else:
            self._add("\n".join(f"\\{line}" if _MISREAD.match(line) else line for line in lines), tight=bool(self._marker))

    def fence(self, code: str) -> None:
        """Preformatted text."""
        code = code.strip("\n").rstrip()
        if code:
            longest = max(map(len, re.findall("`+", code)), default=0)
            ticks = "`" * max(3, longest + 1)
            self._add(f"{ticks}\n{code}\n{ticks}", tight=False)

    def table(self, rows: list[list[str]]) -> None:
        """Rows of cells; the first is the head, for a table in Markdown must have one."""
        lines = [
            f"| {' | '.join(_SPACE.sub(' ', cell).strip().replace('|', chr(92) + '|') for cell in row)} |"
            for row in rows
            if any(row)
        ]
        if lines:
            lines.insert(1, f"|{' --- |' * max(1, len(next(row for row in rows if any(row))))}")
            self._add("\n".join(lines), tight=False)

    def open_list(self, *, ordered: bool) -> None:
        """A list begins, within the open item if there is one."""
        self._lists.append(_List(ordered))

    def close_list(self) -> None:
        """The innermost list ends."""
        self._lists.pop()
        self._marker = ""

    def item(self) -> None:
        """The next block begins an item."""
        self._marker = self._lists[-1].marker() if self._lists else "- "

    def end_item(self) -> None:
        """The item ends; an empty one leaves nothing."""
        self._marker = ""

    def result(self) -> str:
        """The whole text."""
        parts: list[str] = []
        previous_tight = False
        for text, tight in self._blocks:
            if parts:
                parts.append("\n" if tight and previous_tight else "\n\n")
            parts.append(text)
            previous_tight = tight
        return "".join((*parts, "\n")) if parts else ""

    def _add(self, text: str, *, tight: bool) -> None:
        depth = min(len(self._lists), _DEEPEST)
        if self._marker:
            first = "   " * max(0, depth - 1) + self._marker
            self._marker = ""
        else:
            first = "   " * depth
        self._blocks.append((first + text.replace("\n", "\n" + "   " * depth), tight))
