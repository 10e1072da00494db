"""The extractor of everything that is text already, or HTML."""

from importlib.metadata import version as installed

from syncd.adapters.extract.decoding import decode
from syncd.adapters.extract.html import to_markdown
from syncd.adapters.extract.kinds import Kind, kind_of
from syncd.core.chunking import first_heading
from syncd.core.model import Content, Extracted, Reason, Refusal

_VERSION = "1"
"""Part of the shape: raise it with every change that may give any bytes another text."""


class TextExtractor:
    """UTF-8 text: Markdown, reStructuredText, HTML, source code, anything else that is plain text. Implements ports.Extractor.

    Nothing of the text is changed but its byte order mark and its line ends; HTML becomes Markdown. No I/O, no state.
    """

    def __init__(self) -> None:
        self._version = f"text-{_VERSION} beautifulsoup4-{installed('beautifulsoup4')} lxml-{installed('lxml')}"

    @property
    def version(self) -> str:
        """Its own version, and those of the libraries that read HTML."""
        return self._version

    def kind(self, key: str) -> str:
        """The kind that the extension names."""
        return kind_of(key).name

    def extract(self, content: Content, key: str) -> Extracted | Refusal:
        """The text of `content`, or a refusal for its FORMAT. No bytes are an empty text, which has no chunks and is no error."""
        kind = kind_of(f"document.{content.extension}" if content.extension else key)
        if kind is Kind.BINARY:
            return Refusal(Reason.FORMAT, "binary") if content.data else Extracted("", kind.form)
        text = decode(content.data)
        if isinstance(text, Refusal):
            return text
        title = content.title
        if kind is Kind.HTML and text.strip():
            markup = to_markdown(text)
            if isinstance(markup, Refusal):
                return markup
            text, title = markup.text, title or markup.title
        if not text.strip():
            return Extracted("", kind.form, title)
        return Extracted(text, kind.form, title or first_heading(text, kind.form))
