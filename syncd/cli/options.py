"""What commands share: the lazily loaded configuration, and the options that mean the same everywhere."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:  # importing it for real would load pydantic for `syncd --help`
    from syncd.cli.client import Client
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
        return Path(self._option or self._environ.get("SYNCD_CONFIG") or "/etc/syncd/config.toml").absolute()

    @cached_property
    def config(self) -> "Config":
        """The configuration. Raises ConfigError and its kin."""
        from syncd.config import load

        return load(self.path)

    @cached_property
    def client(self) -> "Client | None":
        """The daemon of that configuration, None where none answers. Raises NotPermitted when it must not be reached."""
        from syncd.cli.client import connect

        return connect(self.path, self._environ)

    @property
    def socket(self) -> Path:
        """Where its socket would be."""
        from syncd.cli.client import places

        return places(self.path, self._environ)[0]


pass_context: Final = click.make_pass_decorator(Context)
"""Hands the command its `Context` as first argument."""


class Doc(click.ParamType[str]):
    """DOC: a doc id, SOURCE:KEY, or a path, which is made absolute here: nobody else knows where the command was typed."""

    name = "doc"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002 - click's
        """A path that says so by a slash, a dot or by being there, as an absolute one."""
        looks_like_one = value.startswith((".", "~")) or ("/" in value and ":" not in value.partition("/")[0])
        if value.startswith("/") or not (looks_like_one or Path(value).exists()):
            return value
        return str(Path(value).expanduser().absolute())


def json_option(function: Function) -> Function:
    """`--json` as the argument `as_json: bool`."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")(function)


def source_option(function: Function) -> Function:
    """`--source NAME` as the argument `source: str | None`; `Config.select` turns it into sources."""
    return click.option("--source", metavar="NAME", help="Only this source.")(function)
