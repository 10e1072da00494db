"""With how much patience the ports of an install are asked."""

from collections.abc import Callable

from syncd.adapters.patient import PatientEmbedder, PatientIndex
from syncd.adapters.patient.line import rest
from syncd.ports import Clock, Dependency, Embedder, Entropy, VectorIndex
from syncd.sync.install import Install


class Patience:
    """pause: how to rest between two tries; a daemon puts one there that ends when it stops."""

    def __init__(self, clock: Clock, entropy: Entropy) -> None:
        self._clock = clock
        self._entropy = entropy
        self.pause: Callable[[float], bool] = rest

    def index(self, index: VectorIndex) -> VectorIndex:
        """An index that is asked with patience."""
        return PatientIndex(index, self._clock, self._entropy, self._rest)

    def embedder(self, embedder: Embedder) -> Embedder:
        """The same for an embedder."""
        return PatientEmbedder(embedder, self._clock, self._entropy, self._rest)

    def _rest(self, seconds: float) -> bool:
        return self.pause(seconds)


def dependencies(install: Install) -> tuple[Dependency, ...]:
    """What of an install may be away."""
    return tuple(port.line for port in (install.index, install.embedder) if isinstance(port, PatientIndex | PatientEmbedder))
