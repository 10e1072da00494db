"""Finding and reading the configuration file."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

from pydantic import ValidationError

from syncd.config.complaint import complain
from syncd.config.model import Config
from syncd.errors import ConfigError, ConfigMissing

VARIABLE: Final = "SYNCD_CONFIG"
SYSTEM: Final = Path("/etc/syncd/config.toml")
_LIMIT: Final = 2**20
"""Bytes of a configuration; a bigger file is another file."""


def find(option: str | None, environ: Mapping[str, str]) -> Path:
    """The absolute path of the configuration: `option`, else $SYNCD_CONFIG, else /etc/syncd/config.toml. It need not exist."""
    return Path(option or environ.get(VARIABLE) or SYSTEM).absolute()


def load(path: Path) -> Config:
    """The configuration in `path`, checked.

    Raises ConfigMissing; ConfigUnknownKey and ConfigInvalid, which name key and value; ConfigError for what is no TOML.
    """
    raw = _parse(path)
    try:
        return Config.model_validate(raw, context=path.absolute().parent)
    except ValidationError as error:
        raise complain(path, raw, error) from None


def _parse(path: Path) -> dict[str, object]:
    """The tables of the file."""
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except FileNotFoundError:
        raise ConfigMissing(file=path) from None
    except (OSError, ValueError) as error:
        _refuse(path, f"can't be read: {getattr(error, 'strerror', None) or error}")
    if len(data) > _LIMIT:
        _refuse(path, "is larger than 1 MiB and so no configuration")
    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        _refuse(path, f"is not UTF-8 (at line {line})")
    except ValueError as error:
        _refuse(path, f"is not valid TOML: {error}")
    except RecursionError:
        _refuse(path, "is not valid TOML: nested too deeply")


def _refuse(path: Path, detail: str) -> NoReturn:
    """Raise the error of a file that can't be understood at all."""
    raise ConfigError(file=path, detail=detail) from None
