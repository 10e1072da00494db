"""The structural priority split (engines.md, "Chunking"): a pure function from a text to its chunks.

1. The text is read into marks: where blocks start, and how strongly the text breaks there (`markdown`, `rst`, `code`, `plain`).
2. A section smaller than `tiny` joins the next one of the same or a deeper level (`sections`).
3. A group over `maximum` is cut at its best mark, again and again, until every piece fits (`split`).

Nothing depends on what the document was before, so a rebuild equals the living index; and every decision looks only at what is
near, so an edit changes the chunks around it and no others.
"""

from syncd.core.chunking.chunk import chunk
from syncd.core.chunking.embedded import text_to_embed
from syncd.core.chunking.outline import first_heading
from syncd.core.chunking.sizes import Sizes

VERSION = "1"
"""Part of the shape: raise it with every change that may cut any text differently."""

__all__ = ["VERSION", "Sizes", "chunk", "first_heading", "text_to_embed"]
