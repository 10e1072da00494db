"""HTML to Markdown: what a reader sees of a page, in the structure that the chunker understands.

Headings, paragraphs, lists, tables of data as rows, `pre` as fences. Scripts, styles, navigation and form controls are left out,
and so are the addresses of links. Pages are hostile: nothing here recurses, and the cost is linear in the size of the page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import TYPE_CHECKING

from syncd.adapters.extract.markup import Writer
from syncd.core.model import Reason, Refusal

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_DECLARATION = re.compile(r"<\?xml[^>]*>")
_TITLE_LENGTH = 300
_TAGS = {
    "dropped": """
        head title script style nav noscript template svg math iframe object embed canvas audio video
        select option button input textarea datalist
    """,
    "block": """
        html body p div section article main header footer aside blockquote figure figcaption address details summary
        form fieldset legend dl dt dd table caption thead tbody tfoot tr td th hr center hgroup search menu dir
    """,
}
_DROPPED, _BLOCKS = (frozenset(_TAGS[use].split()) for use in ("dropped", "block"))
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = frozenset({"ul", "ol"})
_LAYOUT = frozenset({"table", "ul", "ol", "pre", "blockquote", *_HEADINGS})
"""A table with one of these inside is not data but a page laid out in cells."""
_CELLS = frozenset({"td", "th"})
_SPACED = frozenset({"br", "p", "div", "li", "dt", "dd"})


@dataclass(frozen=True, slots=True)
class Markup:
    """A page as Markdown, and what its <title> says."""

    text: str = field(repr=False)
    title: str | None = None


def to_markdown(page: str) -> Markup | Refusal:
    """`page` as Markdown; a refusal when the parser can't make anything of it."""
    if "<" not in page:  # the parser would take it for a file's name
        writer = Writer()
        writer.text(unescape(page))
        writer.end_block()
        return Markup(writer.result())
    soup = _parse(page)
    if isinstance(soup, Refusal):
        return soup
    title = " ".join(_strings(soup.title, "").split())[:_TITLE_LENGTH] if soup.title else ""
    return Markup(_Walk().through(soup), title or None)


def _parse(page: str) -> "BeautifulSoup | Refusal":
    from bs4 import BeautifulSoup  # noqa: PLC0415  # costs a tenth of a second, and most installs never see HTML
    from bs4.exceptions import ParserRejectedMarkup  # noqa: PLC0415  # as above

    try:
        # The text is decoded already, and an XML declaration would only make the parser doubt that this is HTML.
        return BeautifulSoup(_DECLARATION.sub("", page), "lxml")
    except ParserRejectedMarkup:
        return Refusal(Reason.FORMAT, "malformed HTML")


class _Walk:
    """One pass through a tree, in document order, with the open tags on a stack of its own."""

    def __init__(self) -> None:
        self._writer = Writer()

    def through(self, root: "Tag") -> str:
        from bs4.element import NavigableString, Tag  # noqa: PLC0415  # as in _parse

        open_tags = [(root, iter(root.contents))]
        while open_tags:
            tag, children = open_tags[-1]
            child = next(children, None)
            if child is None:
                open_tags.pop()
                self._leave(tag.name)
            elif type(child) is NavigableString:  # its subclasses are comments, scripts, declarations
                self._writer.text(child)
            elif isinstance(child, Tag) and child.name not in _DROPPED and self._enter(child):
                open_tags.append((child, iter(child.contents)))
        self._writer.end_block()
        return self._writer.result()

    def _enter(self, tag: "Tag") -> bool:
        """Whether to go on inside of it."""
        name, writer = tag.name, self._writer
        if name == "br":
            writer.line_break()
        elif name == "code":
            writer.text("`")
        elif name == "img":
            writer.text(str(tag.get("alt") or ""))
        elif name in _LISTS:
            writer.end_block()
            writer.open_list(ordered=name == "ol")
        elif name == "li":
            writer.end_block()
            writer.item()
        elif name == "pre":
            writer.end_block()
            writer.fence(_strings(tag, "\n"))
            return False
        elif name == "table":
            return self._table(tag)
        elif name in _BLOCKS or name in _HEADINGS:
            writer.end_block()
        return True

    def _leave(self, name: str) -> None:
        writer = self._writer
        if name in _HEADINGS:
            writer.end_block(_HEADINGS[name])
        elif name == "code":
            writer.text("`")
        elif name in _LISTS:
            writer.end_block()
            writer.close_list()
        elif name == "li":
            writer.end_block()
            writer.end_item()
        elif name in _BLOCKS:
            writer.end_block()

    def _table(self, table: "Tag") -> bool:
        """Writes a table of data; whether to go on inside of it, since it is a layout."""
        self._writer.end_block()
        caption: list[str] = []
        rows: list[list[list[str]]] = []
        cell = caption
        for name, text in _nodes(table):
            if name in _LAYOUT:
                return True
            if name == "tr":
                rows.append([])
            elif name in _CELLS and rows:
                cell = []
                rows[-1].append(cell)
            else:
                cell.append(" " if name in _SPACED else text)
        self._writer.text("".join(caption))
        self._writer.end_block()
        self._writer.table([["".join(cell) for cell in row] for row in rows])
        return False


def _strings(tag: "Tag", spacing: str) -> str:
    """The visible text of `tag`, with `spacing` where a line would begin."""
    return "".join(spacing if name in _SPACED else text for name, text in _nodes(tag))


def _nodes(tag: "Tag") -> Iterator[tuple[str, str]]:
    """Name and text of whatever is in `tag`, in document order; the name of a text is empty.

    bs4 can do so too, but looks for the last descendant first: for tags in tags in tags that is quadratic.
    """
    from bs4.element import NavigableString, Tag  # noqa: PLC0415  # as in _parse

    waiting = [iter(tag.contents)]
    while waiting:
        node = next(waiting[-1], None)
        if node is None:
            waiting.pop()
        elif isinstance(node, Tag):
            yield node.name, ""
            waiting.append(iter(node.contents))
        elif type(node) is NavigableString:
            yield "", node
