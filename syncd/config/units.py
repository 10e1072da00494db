"""Durations, sizes and places as people write them."""

import os
import re
from pathlib import Path
from typing import Final

SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
BYTES: Final = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_AMOUNT: Final = re.compile(r"(\d{1,12})\s?([A-Za-z]+)", re.ASCII)
_CENTURY: Final = 100 * 365 * SECONDS["d"]
_TEBIBYTE: Final = 2**40


def seconds(text: object) -> int:
    """The seconds of a duration such as `"7d"`; between 1 s and 100 years. Raises ValueError."""
    value = _scaled(text, SECONDS, 'a duration such as "30s", "10m", "24h" or "7d"')
    if not 1 <= value <= _CENTURY:
        raise ValueError("should be between 1 second and 100 years")
    return value


def seconds_or_never(text: object) -> int:
    """The same, and 0 for `"off"` or `"0"`: never. Raises ValueError."""
    return 0 if text in ("off", "0") else seconds(text)


def size(value: object) -> int:
    """The bytes of a size such as `"16MiB"`; between 1 byte and 1 TiB. Raises ValueError."""
    amount = _scaled(value, BYTES, 'a size such as "512KiB", "16MiB" or "1GiB"')
    if not 1 <= amount <= _TEBIBYTE:
        raise ValueError("should be between 1 byte and 1 TiB")
    return amount


def _scaled(value: object, units: dict[str, int], wanted: str) -> int:
    """`value` times its unit; a number without a unit would be read one way and meant another."""
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in units:
        raise ValueError(f"should be {wanted}")
    return int(match[1]) * units[match[2]]


def place(value: object, base: Path) -> Path:
    """The absolute path that `value` means in a file of the folder `base`. Raises ValueError.

    Links are kept as written, but for a path with `..`, which means another folder once a link stands before it.
    """
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise ValueError("should be a path, absolute or relative to the folder of the configuration")
    path = base / Path(value).expanduser()
    return Path(os.path.realpath(path)) if ".." in path.parts else path


def inside(inner: Path, outer: Path) -> bool:
    """Whether `inner` is `outer` or lies below it, links resolved."""
    return Path(os.path.realpath(inner)).is_relative_to(os.path.realpath(outer))
