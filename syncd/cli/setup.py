"""Making an install: built beside its place and renamed into it, so that there is a whole one or none."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from syncd.config.template import render
from syncd.config.units import inside
from syncd.errors import InitRefused, StateExists

MODES: Final = {"keys": 0o700, "index": 0o700, "run": 0o750}
"""The folders of a state and who may enter them; the state itself lets others through to run/, but not look around."""
STATE_MODE: Final = 0o711
CONFIG_MODE: Final = 0o600
MARKS: Final = ("config.toml", "ledger.db", "keys")
"""Any of them in a folder: it is an install."""


class CreateKeys(Protocol):
    """Makes the key files of an install in `folder` and returns the verifier key of its history."""

    def __call__(self, folder: Path, *, algorithm: str, origin: str) -> str:
        """`origin` is the name of the history."""


@dataclass(frozen=True, slots=True)
class Install:
    """What was set up."""

    state: Path
    config: Path
    source: str
    root: Path
    public_key: str


def set_up(folder: Path, state: Path, *, allow_everyone: bool, algorithm: str, origin: str, create_keys: CreateKeys) -> Install:
    """Make an install for `folder` in `state`.

    Raises StateExists, InitRefused (nothing was written), and what `create_keys` raises.
    """
    root = Path(os.path.realpath(folder)) if ".." in folder.parts else folder.absolute()
    place = Path(os.path.realpath(state))
    _check(root, place)
    source = slug(root.name)
    with _parents(place), _workshop(place) as workshop:
        for name, mode in MODES.items():
            (workshop / name).mkdir()
            (workshop / name).chmod(mode)
        public_key = create_keys(workshop / "keys", algorithm=algorithm, origin=origin)
        text = render(
            source_name=source,
            root=root,
            state=place,
            public_key=public_key,
            origin=origin,
            allow_everyone=allow_everyone,
            algorithm=algorithm,
        )
        _write(workshop / "config.toml", text)
        workshop.chmod(STATE_MODE)
        _settle(workshop / "keys")
        _settle(workshop)
        workshop.rename(place)
        _settle(place.parent)
    return Install(place, place / "config.toml", source, root, public_key)


def slug(name: str) -> str:
    """A source name made from a folder's name."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:63] or "files"


def _check(root: Path, state: Path) -> None:
    """Refuse what can't become an install, before anything is written."""
    if not root.is_dir():
        raise InitRefused(path=root, detail="is not a folder", advice="`syncd init DIR` with the folder to be searched")
    if inside(state, root):
        raise InitRefused(
            path=state,
            detail=f"lies inside {root}: syncd would index itself",
            advice="choose a --state outside of it",
        )
    for path in (root, state):
        if not _is_text(path):
            raise InitRefused(
                path=path, detail="is not UTF-8, which a configuration has to be", advice="rename it, or link to it"
            )
    if any((state / mark).exists() for mark in MARKS):
        raise StateExists(state=state)
    if state.exists() and (not state.is_dir() or any(state.iterdir())):
        raise InitRefused(path=state, detail="is there already and not an empty folder", advice="choose a new --state")


def _is_text(path: Path) -> bool:
    """Whether TOML can say this path."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def _parents(place: Path) -> Iterator[None]:
    """The folders above `place`; those that had to be made go again when the rest fails."""
    missing = [folder for folder in place.parents if not folder.exists()]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException as error:
        with suppress(OSError):  # somebody else has put something there meanwhile: then it stays
            for folder in missing:
                folder.rmdir()
        if isinstance(error, OSError):
            detail = f"can't be set up: {error.strerror}"
            raise InitRefused(path=place, detail=detail, advice="mend that, or choose another --state") from error
        raise


@contextmanager
def _workshop(place: Path) -> Iterator[Path]:
    """A private folder beside `place`, gone afterwards unless it was renamed to it."""
    workshop = Path(tempfile.mkdtemp(prefix=".syncd-init-", dir=place.parent))
    try:
        yield workshop
    finally:
        if workshop.exists():
            shutil.rmtree(workshop)


def _write(path: Path, text: str) -> None:
    """A file that is on the disk when this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, CONFIG_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fchmod(descriptor, CONFIG_MODE)
        os.fsync(descriptor)


def _settle(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
