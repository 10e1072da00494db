"""An embedder without a model: signed feature hashing, the same bits on every machine. For tests, trials and demonstrations."""

import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from math import sqrt

from syncd.core.model import Lane, Refusal, Vector

_DIMENSION = 384
_WINDOW = 254
_PUNCTUATION = re.compile("[\u00a0-\u00bf\u2000-\u206f\u3000-\u303f\uff00-\uff0f]+")
_BLANKED = bytes(byte if byte >= 0x80 or chr(byte).isalnum() or byte == ord("_") else ord(" ") for byte in range(256))
_TOKEN = re.compile(r"\w{1,8}|[^\w\s]")
_SLOT_BITS = 9  # 384 slots fit into nine bits
_SLOT_MASK = (1 << _SLOT_BITS) - 1
_REMEMBERED_WORDS = 4_096
_REMEMBERED_LENGTH = 32


class _Features(dict[bytes, int]):
    """word -> its signed weight, shifted left, and its slot, in one integer; the first words that come are remembered."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def __missing__(self, word: bytes) -> int:
        crc = zlib.crc32(word, self._seed)
        weight = 2048 * min(len(word), 8)  # long words are rare words: they say more than "the"
        feature = ((weight if crc >> 31 else -weight) << _SLOT_BITS) | (crc % _DIMENSION)
        if len(word) <= _REMEMBERED_LENGTH and len(self) < _REMEMBERED_WORDS:
            self[word] = feature
        return feature


def _words(text: str) -> set[bytes]:
    """The distinct words in lower case, as UTF-8. Blanking bytes is five times faster than a regular expression over words."""
    if not text.isascii():
        text = _PUNCTUATION.sub(" ", text)
    return set(text.lower().encode("utf-8", "surrogatepass").translate(_BLANKED).split())


class HashEmbedder:
    """384 dimensions: the distinct words of a text, hashed, and a little of SHAKE-256 so that no two texts share a vector.

    All sums are of integers that a float64 holds exactly, and the one square root and division are correctly rounded, so a text
    has the same bits everywhere and in every batch. Another revision is another space, so that replacing a model can be tried.
    """

    def __init__(self, revision: str = "") -> None:
        self._revision = revision
        self._features = _Features(zlib.crc32(revision.encode()))
        self._embedded = 0

    @property
    def name(self) -> str:
        """The model, for people."""
        return "hash"

    @property
    def settings(self) -> str:
        """What it takes to have this embedder again, as JSON."""
        return json.dumps({"backend": "hash", "revision": self._revision})

    @property
    def space(self) -> bytes:
        """32 bytes; a change of anything that changes a vector changes the number in it."""
        return hashlib.sha256(b"syncd hash embedder 1" + self._revision.encode()).digest()

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return _DIMENSION

    @property
    def window(self) -> int:
        """Tokens of text, as `offsets` counts them; that of a small sentence-transformer."""
        return _WINDOW

    @property
    def embedded(self) -> int:
        """How many texts were embedded by this object; questions are not counted."""
        return self._embedded

    def warm(self) -> None:
        """There is nothing to load."""

    def offsets(self, text: str) -> Sequence[int]:
        """Where each word, each further eight characters of a long one, and each punctuation mark starts."""
        return [found.start() for found in _TOKEN.finditer(text)]

    def embed(self, texts: Sequence[str], lane: Lane = Lane.LIVE) -> list[Vector | Refusal]:  # noqa: ARG002 - it takes no time
        """One unit vector a text, in order; nothing is refused."""
        vectors: list[Vector | Refusal] = [self._vector(text) for text in texts]
        self._embedded += len(vectors)
        return vectors

    def query(self, text: str) -> Vector:
        """The vector of a question, which is that of the text."""
        return self._vector(text)

    def _vector(self, text: str) -> Vector:
        import numpy as np  # noqa: PLC0415 - the command line starts without numpy

        words = _words(text)
        features = np.fromiter(map(self._features.__getitem__, words), np.int64, len(words))
        noise = np.frombuffer(hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(_DIMENSION), np.uint8)
        # From -127.5 to 127.5: no number of it is zero, so that no vector is, not even that of an empty text.
        numbers = np.bincount(features & _SLOT_MASK, features >> _SLOT_BITS, _DIMENSION) + (noise - 127.5)
        return Vector((numbers / sqrt(float(numbers @ numbers))).astype("<f4").tobytes())
