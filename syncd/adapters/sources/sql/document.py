"""How the columns of a row become one document."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from syncd.core.model import Content
from syncd.core.tlv import tlv

FORMATS = {"markdown": "md", "text": "txt", "html": "html"}
"""What a text column can hold, and the extension that says so."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Names of the text columns, and how their text is to be read. format: one of FORMATS; several columns are Markdown."""

    text: tuple[str, ...]
    format: str = "markdown"

    def digest_parts(self) -> bytes:
        """What of it decides about the text of a document."""
        return tlv("layout/1", tlv(*self.text), self.format)

    def content(self, title: str | None, texts: Sequence[str | None]) -> Content:
        """The document: one column as it is, several each under a heading with its name, the title above all."""
        name = " ".join(title.split()) if title else ""
        if len(texts) == 1:
            body = texts[0] or ""
        else:
            shown = ((column, text) for column, text in zip(self.text, texts, strict=True) if text and text.strip())
            body = "\n\n".join(f"## {column}\n\n{text}" for column, text in shown)
        if name:
            body = self._heading(name) + body
        return Content.of(body.encode("utf-8", "surrogateescape"), extension=FORMATS[self.format], title=name or None)

    def _heading(self, title: str) -> str:
        match self.format:
            case "markdown":
                return f"# {title}\n\n"
            case "html":
                return f"<h1>{html.escape(title)}</h1>\n"
            case _:
                return f"{title}\n\n"
