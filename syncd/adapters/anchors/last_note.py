"""The last checkpoint in a file beside the ledger: what notices that the ledger alone was put back to an older state."""

import os
from pathlib import Path

from syncd.errors import AnchorUnavailable


class LastNote:
    """The `Anchor` port over a file that always holds one note, and is replaced as a whole. Missing, it is empty."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def place(self) -> str:
        """Where it is."""
        return str(self._path)

    def notes(self) -> list[str]:
        """The note. Raises AnchorUnavailable."""
        try:
            return [self._path.read_text(encoding="utf-8")]
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise AnchorUnavailable(place=self._path, detail=error) from error

    def begin(self) -> None:
        """Nothing is needed for that."""

    def keep(self, note: str) -> None:
        """Put `note` in the place of the one before. Raises AnchorUnavailable."""
        beside = self._path.with_name(f".{self._path.name}.new")
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            raise AnchorUnavailable(place=self._path, detail=error.strerror) from error
