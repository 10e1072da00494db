"""One history over the lives of its ledger: whenever a ledger is restored or lost, what follows is signed under another name.

Two trees of one name that do not continue each other would make every witness call the log a forgery. So the first generation
is signed as ORIGIN, the next as ORIGIN/2, and so on; all by the key whose public half is pinned.
"""

from dataclasses import dataclass

from syncd.audit.note import Checkpoint, Signer, Verifier, note_text

FIRST = 1


@dataclass(frozen=True, slots=True)
class Lineage:
    """The names of a history. origin: of its first generation."""

    origin: str

    def name(self, generation: int) -> str:
        """The origin of a generation, from 1."""
        return self.origin if generation == FIRST else f"{self.origin}/{generation}"

    def generation(self, name: str) -> int:
        """Which generation is called so. Raises ValueError for a name that is none of them."""
        if name == self.origin:
            return FIRST
        before, _, number = name.rpartition("/")
        if before != self.origin or not number.isdecimal() or int(number) <= FIRST or str(int(number)) != number:
            raise ValueError(f"it is of {name!a:.80}")
        return int(number)

    def signer(self, base: Signer, generation: int) -> Signer:
        """The same key under the name of a generation."""
        return Signer(self.name(generation), base.seed)

    def verifier(self, base: Verifier, generation: int) -> Verifier:
        """The same public key under the name of a generation."""
        return Verifier(self.name(generation), base.public)


def parted(name: str) -> tuple[Lineage, int]:
    """History and generation of a name of which nothing else is known."""
    before, _, number = name.rpartition("/")
    if before and number.isdecimal() and str(int(number)) == number and int(number) > FIRST:
        return Lineage(before), int(number)
    return Lineage(name), FIRST


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """How far a history is known to have come: its generation, and how many events of it were signed, with which root."""

    generation: int
    size: int
    root: bytes


def read_mark(note: str, lineage: Lineage, verifier: Verifier | None) -> Mark:
    """What a checkpoint's note says. Raises ValueError unless it is one of this history, signed where a key is pinned."""
    signed = Checkpoint.parse(note_text(note))
    generation = lineage.generation(signed.origin)
    if verifier is not None:
        lineage.verifier(verifier, generation).open(note)
    return Mark(generation, signed.size, signed.root)
