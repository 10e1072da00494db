"""Model tokens of a text, straight from the tokenizer's file: no torch, and no quadratic cost."""

from collections.abc import Iterator
from pathlib import Path

_SEGMENT = 65_536


class ModelTokens:
    """The tokenizer of a model, without truncation, padding and special tokens.

    Loading `tokenizer.json` raises what the tokenizers library raises: a plain Exception with a message.
    """

    def __init__(self, file: Path) -> None:
        from tokenizers import Tokenizer  # noqa: PLC0415 - only where a text is cut or measured

        self._tokenizer: Tokenizer = Tokenizer.from_file(str(file))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    @property
    def special(self) -> int:
        """Special tokens that the model puts around a text."""
        return int(self._tokenizer.num_special_tokens_to_add(is_pair=False))

    def count(self, text: str) -> int:
        """Model tokens of `text`."""
        return len(self.offsets(text))

    def offsets(self, text: str) -> list[int]:
        """Where each model token starts, in characters of `text`, ascending.

        A long text is read in segments that end at line ends, so that time and memory grow with its length and no faster.
        """
        starts: list[int] = []
        for begin, end in _segments(text):
            encoding = self._tokenizer.encode(encodable(text[begin:end]), add_special_tokens=False)
            starts.extend(begin + start for start, _ in encoding.offsets)
        return starts


def encodable(text: str) -> str:
    """`text` with a question mark for each lone surrogate, which no tokenizer reads; everything keeps its place."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _segments(text: str) -> Iterator[tuple[int, int]]:
    """Consecutive parts of `text` up to a segment long, each ending after a line end where it has one."""
    begin = 0
    while begin < len(text):
        end = begin + _SEGMENT
        if end < len(text):
            end = text.rfind("\n", begin, end) + 1 or end
        yield begin, min(end, len(text))
        begin = end
