"""`syncd`: the table of commands. Nothing is imported before its command runs, so that `syncd --help` answers at once."""

import os
import sys
from typing import Final

import click

from syncd import __version__
from syncd.cli.exits import epilog, execute
from syncd.cli.lazy import Commands, Entry, LazyGroup
from syncd.cli.options import Context
from syncd.errors import Exit

COMMANDS: Final[Commands] = {
    "init": Entry("Set up a folder: configuration, keys, state.", "syncd.cli.init"),
    "check-config": Entry("Read the configuration back, with warnings.", "syncd.cli.check_config"),
    "sync": Entry("Bring the index up to date with the sources.", "syncd.cli.sync"),
    "plan": Entry("Show what `sync` would do; touch nothing.", "syncd.cli.plan"),
    "search": Entry("Search what you may read.", "syncd.cli.search"),
    "reindex": Entry("Treat what is recorded as stale.", "syncd.cli.reindex"),
    "status": Entry("Show what is indexed, and how fresh it is.", "syncd.cli.status"),
    "quarantine": Entry(
        "What is not indexed, and why.",
        {"list": Entry("List what is in quarantine.", "syncd.cli.quarantine")},
    ),
    "dump": Entry("Print every live chunk, read back from the index.", "syncd.cli.dump"),
    "audit": Entry(
        "The history, and the proof that it is whole.",
        {
            "log": Entry("Print the history.", "syncd.cli.audit:log"),
            "verify": Entry("Check the history against the pinned key.", "syncd.cli.audit:verify"),
        },
    ),
}


@click.command(
    cls=LazyGroup,
    commands_by_name=COMMANDS,
    epilog=epilog("syncd init ~/documents --state ~/syncd && syncd --config ~/syncd/config.toml sync", *Exit),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option("--config", metavar="PATH", help="The configuration  [default: $SYNCD_CONFIG, then /etc/syncd/config.toml].")
@click.version_option(__version__, prog_name="syncd", message="%(prog)s %(version)s")
@click.pass_context
def syncd(ctx: click.Context, config: str | None) -> None:
    """Keep a vector index fresh, permitted and provable."""
    ctx.obj = Context(config, os.environ)


def main() -> None:
    """The `syncd` script: run the command line and exit."""
    sys.exit(execute(syncd, sys.argv[1:]))
