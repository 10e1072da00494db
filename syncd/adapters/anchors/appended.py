"""Checkpoints at the end of a file that only grows: on another machine's disk, write-once where the administrator can have it."""

import os
from itertools import pairwise
from pathlib import Path

from syncd.errors import AnchorUnavailable

TAIL = 1 << 16
"""Bytes from the end in which the newest notes are looked for; a note takes some 250."""
SIGNATURE = "— "
"""How the lines after a note's text begin (C2SP signed-note)."""


class AppendedFile:
    """The `Anchor` port over an append-only file: one note after the other, each with a blank line behind it.

    Never made by chance: where there is none, its medium may just not be mounted.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def place(self) -> str:
        """Where it is."""
        return str(self._path)

    def notes(self) -> list[str]:
        """The newest notes, newest first. Raises AnchorUnavailable, also where there is no file."""
        try:
            with self._path.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
                tail = file.read(TAIL)
        except OSError as error:
            raise AnchorUnavailable(place=self._path, detail=error.strerror) from error
        parts = list(pairwise(tail.decode("utf-8", "replace").split("\n\n")))
        return [f"{text}\n\n{signed}\n" for text, signed in reversed(parts) if signed.startswith(SIGNATURE)]

    def begin(self) -> None:
        """Make the file, for a history that has not begun. Raises AnchorUnavailable."""
        self._append(b"", os.O_CREAT)

    def keep(self, note: str) -> None:
        """Append `note`, durably. Raises AnchorUnavailable, also where there is no file."""
        self._append(f"{note}\n".encode())

    def _append(self, data: bytes, flags: int = 0) -> None:
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | flags, 0o600)
            try:
                os.write(handle, data)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise AnchorUnavailable(place=self._path, detail=error.strerror) from error
