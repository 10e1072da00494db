"""Random histories of a tree: what people and programs do to files, as small steps that can be replayed."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st
from kit import Site

NAMES = ("a.md", "b.md", "c.txt", "n\nl.md", "bad\udcff.md")
FOLDERS = ("", "x", "x/y", "z")
PARAGRAPHS = (
    "alpha beta gamma delta",
    "one two three four five",
    "the quick brown fox jumps",
    "over the lazy dog and away",
    "lorem ipsum dolor sit amet",
)


@dataclass(frozen=True)
class Step:
    """One deed: its name and whatever it needs."""

    deed: str
    one: str
    other: str
    words: tuple[int, ...]
    mode: int


def keys() -> st.SearchStrategy[str]:
    """A key of the small tree."""
    return st.builds(
        lambda folder, name: f"{folder}/{name}" if folder else name, st.sampled_from(FOLDERS), st.sampled_from(NAMES)
    )


def steps() -> st.SearchStrategy[Step]:
    """One deed of any kind."""
    return st.builds(
        Step,
        st.sampled_from(sorted(DEEDS)),
        keys(),
        keys(),
        st.lists(st.integers(0, len(PARAGRAPHS) - 1), min_size=1, max_size=3).map(tuple),
        st.sampled_from((0o600, 0o640, 0o644, 0o604, 0o000)),
    )


def text(words: tuple[int, ...]) -> str:
    """A document of a few known paragraphs, so that histories come back to former texts."""
    return "\n\n".join(f"# Part {n}\n\n{PARAGRAPHS[n]} " * 12 for n in words)


def play(site: Site, step: Step) -> None:
    """Do it, if it can be done."""
    DEEDS[step.deed](site, step)


def _file(site: Site, key: str) -> Path:
    return site.docs / key


def _write(site: Site, step: Step) -> None:
    path = _file(site, step.one)
    for folder in reversed(path.parents):
        if folder.exists() and not folder.is_dir():
            return
    site.write(step.one, text(step.words))


def _append(site: Site, step: Step) -> None:
    if _file(site, step.one).is_file():
        with _file(site, step.one).open("a") as file:
            file.write(f"\n\n{PARAGRAPHS[step.words[0]]}")


def _edit_keeping_mtime(site: Site, step: Step) -> None:
    path = _file(site, step.one)
    if path.is_file():
        facts = path.stat()
        path.write_text(text(step.words))
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _delete(site: Site, step: Step) -> None:
    _file(site, step.one).unlink(missing_ok=True)


def _rename(site: Site, step: Step) -> None:
    source, target = _file(site, step.one), _file(site, step.other)
    if source.is_file() and target.parent.is_dir():
        source.rename(target)


def _swap(site: Site, step: Step) -> None:
    one, other = _file(site, step.one), _file(site, step.other)
    if one.is_file() and other.is_file() and one != other:
        between = site.docs.with_name("between")
        one.rename(between)
        other.rename(one)
        between.rename(other)


def _replace(site: Site, step: Step) -> None:
    """As editors save: a new file takes the place of the old."""
    path = _file(site, step.one)
    if path.is_file():
        fresh = site.docs.with_name("fresh")
        fresh.write_text(text(step.words))
        fresh.chmod(0o644)
        fresh.rename(path)


def _chmod(site: Site, step: Step) -> None:
    if _file(site, step.one).is_file():
        _file(site, step.one).chmod(step.mode)


def _chmod_folder(site: Site, step: Step) -> None:
    folder = _file(site, step.one).parent
    if folder.is_dir() and folder != site.docs:
        folder.chmod(0o755 if step.mode & 0o004 else 0o700)


def _move_folder(site: Site, step: Step) -> None:
    source = site.docs / step.one.split("/", maxsplit=1)[0]
    target = site.docs / f"moved-{len(step.words)}"
    if source.is_dir() and not target.exists():
        source.rename(target)


def _move_folder_back(site: Site, step: Step) -> None:
    source = site.docs / f"moved-{len(step.words)}"
    target = site.docs / step.one.split("/", maxsplit=1)[0]
    if "/" in step.one and source.is_dir() and not target.exists():
        source.rename(target)


def _remove_folder(site: Site, step: Step) -> None:
    folder = site.docs / step.one.split("/", maxsplit=1)[0]
    if folder.is_dir():
        shutil.rmtree(folder)


def _link(site: Site, step: Step) -> None:
    one, other = _file(site, step.one), _file(site, step.other)
    if one.is_file() and other.parent.is_dir() and not other.exists():
        other.hardlink_to(one)


def _garbage(site: Site, step: Step) -> None:
    if _file(site, step.one).parent.is_dir():
        site.write(step.one, b"\x89PNG\r\n\x1a\n\x00\x01")


DEEDS: dict[str, Callable[[Site, Step], None]] = {
    "append": _append,
    "chmod": _chmod,
    "chmod folder": _chmod_folder,
    "delete": _delete,
    "edit keeping mtime": _edit_keeping_mtime,
    "garbage": _garbage,
    "link": _link,
    "move folder": _move_folder,
    "move folder back": _move_folder_back,
    "remove folder": _remove_folder,
    "rename": _rename,
    "replace": _replace,
    "swap": _swap,
    "write": _write,
}
