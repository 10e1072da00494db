"""`syncd init`: a working set-up for a folder in one command."""

import secrets
import shlex
from pathlib import Path
from typing import Final

import click

from syncd.cli.exits import epilog
from syncd.cli.options import json_option
from syncd.cli.output import emit_json, printable
from syncd.cli.setup import Install, set_up
from syncd.errors import Exit

ALGORITHMS: Final = ("A256GCMSIV", "A256GCM")


@click.command(
    "init",
    epilog=epilog(
        "syncd init ~/documents --state ~/syncd\nsyncd --config ~/syncd/config.toml sync",
        Exit.CONFIG,
    ),
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--state", required=True, metavar="STATE", type=click.Path(path_type=Path), help="Where syncd keeps everything.")
@click.option("--allow-everyone", is_flag=True, help="What the file system lets everyone read, every account here may find.")
@click.option("--algorithm", type=click.Choice(ALGORITHMS), default=ALGORITHMS[0], show_default=True, help="How to seal.")
@json_option
def command(folder: Path, state: Path, allow_everyone: bool, algorithm: str, as_json: bool) -> None:
    """Set up an install for the folder DIR in the new folder STATE.

    Writes STATE/config.toml and STATE/keys/; nothing of DIR is read yet. Keep a copy of STATE/keys/ elsewhere: without it
    nothing that syncd wrote can be opened again.
    """
    from syncd.adapters.keys import create_keys

    install = set_up(
        folder,
        state,
        allow_everyone=allow_everyone,
        algorithm=algorithm,
        origin=f"syncd/{secrets.token_hex(8)}",
        create_keys=create_keys,
    )
    if as_json:
        emit_json({name: str(getattr(install, name)) for name in ("state", "config", "source", "root", "public_key")})
    else:
        _tell(install)


def _tell(install: Install) -> None:
    """What was done and what to type next."""
    config = printable(shlex.quote(str(install.config)))
    click.echo(f'{printable(str(install.root))} is source "{install.source}" of a new install in {printable(str(install.state))}')
    click.echo(f"Keep a copy of {printable(str(install.state / 'keys'))} elsewhere.")
    click.echo(
        f"\nNext:\n  syncd --config {config} sync  # once, or `run` for a daemon\n  syncd --config {config} search 'WORDS'"
    )
