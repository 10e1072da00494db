"""An embedder with patience: a batch that fails is cut in two until the text is found that it fails for; when it fails for
everything, the embedder is away, and no text is blamed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from syncd.adapters.patient.line import Line, rest
from syncd.core.model import Lane, Reason, Refusal, Vector
from syncd.errors import EmbeddingFailed, SyncdError
from syncd.ports import Clock, Embedder, Entropy

T = TypeVar("T")
PROBE: Final = "Is the embedder well?"


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a call brought no vectors, in a word or two without any text."""

    detail: str


class PatientEmbedder:
    """`embedder`, asked over a line. pause: as the line's.

    Whatever an embedder raises that is no error of syncd counts as EmbeddingFailed. n texts of which one is bad cost about
    2 log2(n) calls.
    """

    def __init__(self, embedder: Embedder, clock: Clock, entropy: Entropy, pause: Callable[[float], bool] = rest) -> None:
        self.model = embedder
        self.line = Line("embedder", EmbeddingFailed, self._prove, clock, entropy, pause)

    @property
    def name(self) -> str:
        """The model, for people."""
        return self.model.name

    @property
    def settings(self) -> str:
        """What it takes to have this embedder again, as JSON."""
        return self.model.settings

    @property
    def space(self) -> bytes:
        """32 bytes: digest of what makes vectors comparable."""
        return self.model.space

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return self.model.dimension

    @property
    def window(self) -> int:
        """Model tokens of text that the model reads."""
        return self.model.window

    @property
    def embedded(self) -> int:
        """How many texts were embedded by this object."""
        return self.model.embedded

    def warm(self) -> None:
        """Load what the first text would have to wait for."""
        self.model.warm()

    def offsets(self, text: str) -> Sequence[int]:
        """Where each model token of `text` starts."""
        return self.model.offsets(text)

    def embed(self, texts: Sequence[str], lane: Lane = Lane.LIVE) -> list[Vector | Refusal]:
        """One vector a text, in order; one that makes a batch fail costs only itself. Raises EmbeddingFailed when all do."""
        return self.line.ask(lambda: self._embed(texts, lane)) if texts else []

    def query(self, text: str) -> Vector:
        """The vector of a question. Raises EmbeddingFailed when the model refuses it, or is away."""
        found = self.line.ask(lambda: self._asked(text))
        if isinstance(found, _Failure):
            raise EmbeddingFailed(detail=found.detail)
        return found

    # -- who is to blame -----------------------------------------------------------------------------------------------

    def _asked(self, question: str) -> Vector | _Failure:
        found = _tried(lambda: self.model.query(question))
        if isinstance(found, _Failure):
            self._prove()
        return found

    def _embed(self, texts: Sequence[str], lane: Lane) -> list[Vector | Refusal]:
        found = self._together(texts, lane)
        if not isinstance(found, _Failure):
            return found
        self._prove()
        return self._apart(texts, lane, found)

    def _apart(self, texts: Sequence[str], lane: Lane, failure: _Failure) -> list[Vector | Refusal]:
        """The vectors of texts that can't be had together. Before one is blamed the embedder has to prove that it is there."""
        if len(texts) == 1:
            return [Refusal(Reason.EMBEDDING, failure.detail)]
        results: list[Vector | Refusal] = []
        half = len(texts) // 2
        for part in (texts[:half], texts[half:]):
            found = self._together(part, lane)
            if isinstance(found, _Failure):
                if len(part) == 1:
                    self._prove()
                found = self._apart(part, lane, found)
            results += found
        return results

    def _together(self, texts: Sequence[str], lane: Lane) -> list[Vector | Refusal] | _Failure:
        found = _tried(lambda: self.model.embed(texts, lane))
        if not isinstance(found, _Failure) and len(found) != len(texts):
            return _Failure("another number of vectors than of texts")
        return found

    def _prove(self) -> None:
        """Raises EmbeddingFailed when not even a harmless text can be embedded."""
        found = self._together([PROBE], Lane.LIVE)
        if not isinstance(found, _Failure) and isinstance(found[0], Refusal):
            found = _Failure(found[0].detail)
        if isinstance(found, _Failure):
            raise EmbeddingFailed(detail=found.detail)


def _tried(call: Callable[[], T]) -> T | _Failure:
    try:
        return call()
    except EmbeddingFailed as error:
        return _Failure(str(error.facts.get("detail", "")))
    except SyncdError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a model raises: its class is told, for its words may hold text
        return _Failure(type(error).__name__)
