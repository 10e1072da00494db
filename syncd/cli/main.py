"""`syncd`: the table of commands. Nothing is imported before its command runs, so that `syncd --help` answers at once."""

import gc
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
    "run": Entry("Run the daemon: keep the index fresh, answer.", "syncd.cli.run"),
    "status": Entry("Show whether the index is fresh, late or unknown.", "syncd.cli.status"),
    "search": Entry("Search what you may read.", "syncd.cli.search"),
    "wait": Entry("Return when a document is searchable as it is.", "syncd.cli.wait"),
    "explain": Entry("Say why a document is or is not in the index.", "syncd.cli.explain"),
    "sync": Entry("Bring the index up to date with the sources.", "syncd.cli.sync"),
    "reconcile": Entry("Compare the index with what is recorded of it; mend it.", "syncd.cli.reconcile"),
    "recover": Entry("Begin another ledger where it is lost.", "syncd.cli.recover"),
    "ledger": Entry(
        "The record of what is indexed.",
        {"accept-restore": Entry("Go on with a ledger from a backup.", "syncd.cli.ledger")},
    ),
    "plan": Entry("Show what `sync` would do; touch nothing.", "syncd.cli.plan"),
    "reindex": Entry("Treat what is recorded as stale; replace the model.", "syncd.cli.reindex"),
    "sources": Entry(
        "What is watched; pausing, resuming, scanning, scrubbing.",
        {
            "list": Entry("List the sources.", "syncd.cli.sources"),
            "pause": Entry("Stop looking at a source.", "syncd.cli.sources:pause"),
            "resume": Entry("Look at a source again.", "syncd.cli.sources:resume"),
            "scan": Entry("Scan a source now.", "syncd.cli.sources:scan"),
            "scrub": Entry("Read every document again, now.", "syncd.cli.sources:scrub"),
        },
    ),
    "jobs": Entry(
        "Long work of the daemon.",
        {
            "list": Entry("List it.", "syncd.cli.jobs"),
            "watch": Entry("Watch it to its end.", "syncd.cli.jobs:watch"),
        },
    ),
    "quarantine": Entry(
        "What is not indexed, and why.",
        {
            "list": Entry("List what is in quarantine.", "syncd.cli.quarantine"),
            "show": Entry("Show all of one entry.", "syncd.cli.quarantine:show"),
            "retry": Entry("Try one again at once.", "syncd.cli.quarantine:retry"),
            "drop": Entry("Hear no more of one until it changes.", "syncd.cli.quarantine:drop"),
        },
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
    code = execute(syncd, sys.argv[1:])
    gc.freeze()  # or the interpreter looks through all of a loaded model once more before it ends: two seconds for nothing
    sys.exit(code)
