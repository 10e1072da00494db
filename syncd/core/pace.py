"""How much is done in one go, so that whoever waits for a turn waits about as long whatever the embedder can do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Chunks in a group: `limit` now, between `least` and `most`, aiming at `target` seconds a group."""

    limit: int = 32
    target: float = 1.0
    least: int = 8
    most: int = 512

    def after(self, chunks: int, seconds: float) -> "Pace":
        """The pace after a group of `chunks` took `seconds`: at most doubled, at least halved, for one group may mislead."""
        if not chunks:
            return self
        wanted = self.limit * 2 if seconds <= 0 else chunks * self.target / seconds
        limit = min(max(wanted, self.limit / 2), self.limit * 2)
        return Pace(round(min(max(limit, self.least), self.most)), self.target, self.least, self.most)
