"""Groups of commands that import a command when it is run, not when it is named."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import click

Commands = Mapping[str, "Entry"]
"""Commands by name, in the order of the help."""


class Entry:
    """A command that is not imported yet: one line of help, and either where it is (`module:attribute`) or its sub-commands."""

    __slots__ = ("commands", "help", "target")

    def __init__(self, help: str, target: str | Commands) -> None:  # noqa: A002 - click's own word for it
        self.help: Final = help
        self.target: Final = target if isinstance(target, str) else None
        self.commands: Final = None if isinstance(target, str) else target

    def load(self, name: str) -> click.Command:
        """The command itself; its module is imported now."""
        if self.commands is not None:
            return LazyGroup(name, commands_by_name=self.commands, help=self.help)
        module, _, attribute = (self.target or "").partition(":")
        command = getattr(import_module(module), attribute or "command")
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.target} is no click command")
        return command


class LazyGroup(click.Group):
    """A group over a table of entries; its help comes from the table alone."""

    def __init__(self, name: str | None = None, *, commands_by_name: Commands, **settings: Any) -> None:
        super().__init__(name, **settings)
        self._entries: Final = dict(commands_by_name)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the table."""
        return list(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of that name, imported; None for an unknown one."""
        entry = self._entries.get(cmd_name)
        return entry.load(cmd_name) if entry else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The list of commands, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self._entries.items()])
