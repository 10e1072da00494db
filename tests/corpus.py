"""Real documents for tests and figures: what installed packages carry as documentation and metadata."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

WANTED = (".md", ".rst", ".txt")


def texts() -> Iterator[Path]:
    """Every such file below the installed packages, in a fixed order."""
    for base in sorted({Path(entry) for entry in sys.path if entry.endswith("site-packages")}):
        for path in sorted(base.rglob("*")):
            if path.is_file() and (path.suffix.lower() in WANTED or path.name == "METADATA"):
                yield path


def copy(target: Path, count: int, most: int = 200_000) -> int:
    """Copy up to `count` distinct texts of at most `most` bytes into `target`, spread over folders; returns how many."""
    done = 0
    seen = set()
    for path in texts():
        data = path.read_bytes()
        if done == count:
            break
        if not data.strip() or len(data) > most or data in seen:
            continue
        seen.add(data)
        name = f"{path.parent.name}-{path.name}" + (".md" if path.name == "METADATA" else "")
        place = target / path.relative_to(path.parents[len(path.parts) - path.parts.index("site-packages") - 2]).parts[0] / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.parent.chmod(0o755)
        shutil.copyfile(path, place)
        place.chmod(0o644)
        done += 1
    return done
