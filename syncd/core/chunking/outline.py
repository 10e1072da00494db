"""One reader for each form of text."""

from collections.abc import Callable

from syncd.core.chunking import code, markdown, plain, rst
from syncd.core.chunking.marks import Outline
from syncd.core.model import Form

_READERS: dict[Form, Callable[[str], Outline]] = {
    Form.MARKDOWN: markdown.read,
    Form.RST: rst.read,
    Form.CODE: code.read,
    Form.PLAIN: plain.read,
}
_TITLE_WITHIN = 16_384
"""A title further down, in characters, is not one."""
_TITLE_LENGTH = 300


def read(text: str, form: Form) -> Outline:
    """The structure of `text`. Linear in its length."""
    return _READERS[form](text)


def first_heading(text: str, form: Form) -> str | None:
    """The first heading near the top of `text`, on one line and at most 300 characters long; None if there is none."""
    for heading in read(text[:_TITLE_WITHIN], form).headings:
        title = " ".join(text[heading.start : heading.end].split())
        if title:
            return title[:_TITLE_LENGTH]
    return None
