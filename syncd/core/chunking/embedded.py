"""What of a piece is embedded."""

from string import punctuation, whitespace

from syncd.core.model import Piece

_ADORNMENT = punctuation + whitespace
"""Whatever Markdown or RST may put before the words of a heading."""


def text_to_embed(text: str, piece: Piece) -> str:
    """The body of `piece` below its nearest heading, which is left out where the body begins with it.

    `piece.heading` was cut to the heading reserve by `chunk`, so the whole fits the model's window.
    """
    body = text[piece.start : piece.end].strip()
    if not piece.heading or _begins_with(body, piece.heading):
        return body
    return f"{piece.heading}\n\n{body}"


def _begins_with(body: str, heading: str) -> bool:
    if body.startswith(heading):
        return True
    words = heading.lstrip(_ADORNMENT)
    # A heading of several lines is kept on one, so both are compared with single spaces.
    opening = " ".join(body.lstrip(_ADORNMENT)[: 2 * len(heading)].split())
    return bool(words) and opening.startswith(words)
