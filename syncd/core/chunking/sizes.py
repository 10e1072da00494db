"""How large chunks may be, in model tokens."""

from dataclasses import dataclass
from typing import Self

_LARGEST = 400
"""Beyond this a vector says too little about each of its sentences, however long the window is."""
_LARGEST_HEADING = 32
_HEADING_SHARE = 8
_MINIMUM, _MAXIMUM, _TINY = 400, 1800, 500
"""The proportion that was measured best (engines.md), in characters there."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes in model tokens.

    minimum: no cut leaves a side smaller than this. maximum: no piece is larger. tiny: a smaller section joins the next.
    heading: what is set aside for the heading that is embedded with a piece, its blank line included.
    Raises ValueError unless 1 <= minimum <= (maximum + 1) / 2, without which some groups could not be cut at all.
    """

    minimum: int
    maximum: int
    tiny: int
    heading: int

    def __post_init__(self) -> None:
        if self.minimum < 1 or 2 * self.minimum > self.maximum + 1 or self.tiny < 0 or self.heading < 0:
            raise ValueError(f"no text can be cut to {self}")

    @classmethod
    def for_window(cls, window: int) -> Self:
        """The sizes for a model that reads `window` model tokens of text. Raises ValueError if that is less than one."""
        heading = min(_LARGEST_HEADING, window // _HEADING_SHARE)
        maximum = min(_LARGEST, window - heading)
        return cls(
            minimum=max(1, maximum * _MINIMUM // _MAXIMUM),
            maximum=maximum,
            tiny=maximum * _TINY // _MAXIMUM,
            heading=heading,
        )
