"""Many names in little memory: each as what it shares with the one before, and the rest."""

from collections.abc import Iterator


class Roll:
    """Names in the order in which they came, each with a number that is not negative.

    Prefixes in key order share most of their beginnings: a folder takes some ten bytes, not the hundreds of a string in a list.
    """

    def __init__(self) -> None:
        self._packed = bytearray()
        self._last = b""

    def add(self, name: str, number: int = 0) -> None:
        """One more at the end."""
        raw = name.encode("utf-8", "surrogatepass")
        shared = _shared(self._last, raw)
        for value in (shared, len(raw) - shared, number):
            _put(self._packed, value)
        self._packed += raw[shared:]
        self._last = raw

    def __iter__(self) -> Iterator[tuple[str, int]]:
        place, name = 0, b""
        while place < len(self._packed):
            shared, place = _take(self._packed, place)
            length, place = _take(self._packed, place)
            number, place = _take(self._packed, place)
            name = name[:shared] + self._packed[place : place + length]
            place += length
            yield name.decode("utf-8", "surrogatepass"), number


def _shared(one: bytes, other: bytes) -> int:
    """How many bytes two names have in common at their beginnings."""
    for place, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return place
    return min(len(one), len(other))


def _put(packed: bytearray, value: int) -> None:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    while value > 0x7F:
        packed.append(value & 0x7F | 0x80)
        value >>= 7
    packed.append(value)


def _take(packed: bytearray, place: int) -> tuple[int, int]:
    """The value at `place`, and where the next one is."""
    value = shift = 0
    while packed[place] > 0x7F:
        value |= (packed[place] & 0x7F) << shift
        shift += 7
        place += 1
    return value | packed[place] << shift, place + 1
