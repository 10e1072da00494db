"""What commands share: the lazily loaded configuration, and the options that mean the same everywhere."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:  # importing it for real would load pydantic for `syncd --help`
    from syncd.config import Config

Function = TypeVar("Function", bound=Callable[..., Any])


class Context:
    """What a command knows when it starts: where the configuration is. It is read when it is first asked for."""

    def __init__(self, option: str | None, environ: Mapping[str, str]) -> None:
        self._option = option
        self._environ = environ

    @cached_property
    def path(self) -> Path:
        """The configuration's absolute path; it need not exist."""
        from syncd.config import find

        return find(self._option, self._environ)

    @cached_property
    def config(self) -> "Config":
        """The configuration. Raises ConfigError and its kin."""
        from syncd.config import load

        return load(self.path)


pass_context: Final = click.make_pass_decorator(Context)
"""Hands the command its `Context` as first argument."""


def json_option(function: Function) -> Function:
    """`--json` as the argument `as_json: bool`."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")(function)


def source_option(function: Function) -> Function:
    """`--source NAME` as the argument `source: str | None`; `Config.select` turns it into sources."""
    return click.option("--source", metavar="NAME", help="Only this source.")(function)
