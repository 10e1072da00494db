"""What people do to a tree of files, drawn from a seed: every text is new, so that a text that is embedded again is known."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

FOLDERS = ("", "a", "a/b", "a/b/c", "d", "d/e", "f")
NAMES = tuple(f"{name}.{kind}" for name in ("one", "two", "n\nl", "d\u00e4\u00df", "bad\udcff") for kind in ("md", "txt"))
KEPT = "kept.md"
"""Is never touched: a source that lost everything is another story."""
SENTINEL = "sentinel.md"
FEW = 24
"""With fewer files than this more come."""


class Tree:
    """The files below `docs`, and a hand that changes them."""

    def __init__(self, docs: Path, rng: random.Random) -> None:
        self.docs = docs
        self.rng = rng
        self.spoilt: Path | None = None
        """The one file that is no text; it never was one, for an older version would go on being found."""
        self._serial = 999  # numbers of four digits: every word is two model tokens of the hash embedder
        self.deeds: dict[str, Callable[[], None]] = {
            "create": self.create,
            "edit": self.edit,
            "edit a part": self.edit_part,
            "append": self.append,
            "rename": self.rename,
            "rename a folder": self.rename_folder,
            "swap": self.swap,
            "replace": self.replace,
            "delete": self.delete,
            "remove a folder": self.remove_folder,
            "chmod": self.chmod,
            "chmod a folder": self.chmod_folder,
            "spoil": self.spoil,
            "mend": self.mend,
        }

    def fill(self) -> None:
        """The tree at first."""
        self._write(self.docs / KEPT, self.text())
        for _ in range(36):
            self.create()

    def play(self, deed: str | None = None) -> str:
        """Do that, or anything; returns what was done."""
        if deed is None:
            deed = "create" if len(self.files()) < FEW else self.rng.choice(sorted(self.deeds))
        self.deeds[deed]()
        return deed

    def files(self) -> list[Path]:
        """All files that may be touched."""
        return sorted(p for p in self.docs.rglob("*") if p.is_file() and p.name not in (KEPT, SENTINEL) and p != self.spoilt)

    def folders(self) -> list[Path]:
        """All folders below the root."""
        return sorted(p for p in self.docs.rglob("*") if p.is_dir())

    def key(self, path: Path) -> str:
        """How syncd calls a file."""
        return path.relative_to(self.docs).as_posix()

    def world_readable(self) -> set[str]:
        """The keys that everyone may read, by their modes and those of their folders, of what is a text."""
        return {self.key(p) for p in self.docs.rglob("*") if p.is_file() and p != self.spoilt and self.is_open(p)}

    def is_open(self, path: Path) -> bool:
        """Whether everyone may read a file."""
        above = [folder for folder in path.parents if folder == self.docs or self.docs in folder.parents]
        return bool(path.stat().st_mode & 0o004) and all(folder.stat().st_mode & 0o001 for folder in above)

    def text(self) -> str:
        """A text of some sections that never was."""
        return "\n\n".join(self._section() for _ in range(self.rng.randint(1, 4)))

    def sentinel(self) -> str:
        """Write a file of which nobody was told before; once it is found, so is whatever was hinted at before it."""
        word = f"sentinel{self._next()}"
        self._write(self.docs / SENTINEL, f"# Sentinel\n\n{word}")
        return word

    # -- deeds ---------------------------------------------------------------------------------------------------------

    def create(self) -> None:
        """A new file, in a folder that may be new."""
        self._write(self._place(), self.text())

    def edit(self) -> None:
        """Another text in the same file."""
        self._file().write_text(self.text())

    def edit_part(self) -> None:
        """Another text in a part of a file."""
        path = self._file()
        sections = path.read_text().split("\n\n# ")
        sections[self.rng.randrange(len(sections))] = self._section().removeprefix("# ")
        path.write_text("\n\n# ".join(sections))

    def append(self) -> None:
        """More at the end."""
        with self._file().open("a") as file:
            file.write(f"\n\n{self._section()}")

    def rename(self) -> None:
        """Elsewhere, also over another file."""
        source, target = self._file(), self._place()
        source.rename(target)

    def rename_folder(self) -> None:
        """A folder with all that is in it, to a name that is free."""
        folders = self.folders()
        if folders:
            source = self.rng.choice(folders)
            source.rename(self.rng.choice([self.docs, source.parent]) / f"moved{self._next()}")

    def swap(self) -> None:
        """Two files change places."""
        one, other = self._file(), self._file()
        between = self.docs.with_name("between")
        one.rename(between)
        if one != other:
            other.rename(one)
        between.rename(other)

    def replace(self) -> None:
        """As editors save: a new file takes the place of the old."""
        path, new = self._file(), self.docs.with_name("new")
        self._write(new, self.text())
        new.rename(path)

    def delete(self) -> None:
        """One file."""
        self._file().unlink()

    def remove_folder(self) -> None:
        """A folder with all that is in it, unless that is most of the tree."""
        folders = [f for f in self.folders() if sum(p.is_file() for p in f.rglob("*")) <= FEW // 3]
        if folders:
            shutil.rmtree(self.rng.choice(folders))

    def chmod(self) -> None:
        """Open a file that was closed, close one that was open."""
        path = self._file()
        path.chmod(self.rng.choice((0o600, 0o640)) if path.stat().st_mode & 0o004 else 0o644)

    def chmod_folder(self) -> None:
        """The same with a folder."""
        folders = self.folders()
        if folders:
            folder = self.rng.choice(folders)
            folder.chmod(0o700 if folder.stat().st_mode & 0o001 else 0o755)

    def spoil(self) -> None:
        """A new file that is no text; the one before it is mended."""
        self.mend()
        self.spoilt = self.docs / f"spoilt{self._next()}.md"
        self.spoilt.write_bytes(b"\x00\xff")
        self.spoilt.chmod(0o644)

    def mend(self) -> None:
        """It becomes a text, or goes away."""
        path, self.spoilt = self.spoilt, None
        if path is not None and self.rng.random() < 0.7:
            self._write(path, self.text())
        elif path is not None:
            path.unlink()

    def close(self) -> str | None:
        """Close a file that everyone could read; returns its key."""
        candidates = [path for path in self.files() if self.is_open(path)]
        if not candidates:
            return None
        path = self.rng.choice(candidates)
        path.chmod(0o600)
        return self.key(path)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _next(self) -> int:
        self._serial += 1
        return self._serial

    def _section(self) -> str:
        """So long that no two of them fit into one chunk: a text that is gone never comes back by being cut alike again."""
        number = self._next()
        return f"# Section {number}\n\n" + " ".join(f"word{number}x{n}" for n in range(self.rng.randint(75, 105)))

    def _file(self) -> Path:
        if not (files := self.files()):
            self.create()
            files = self.files()
        return self.rng.choice(files)

    def _place(self) -> Path:
        folder = self.docs / self.rng.choice(FOLDERS)
        for each in reversed((folder, *folder.parents)):
            if self.docs in each.parents and not each.is_dir():
                each.mkdir()
                each.chmod(0o755)
        return folder / self.rng.choice(NAMES)

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o644)
