"""`syncd run`: the daemon."""

import sys
from typing import Final

import click

from syncd.cli.exits import epilog
from syncd.cli.options import Context, pass_context
from syncd.errors import Exit

SWITCH: Final = 0.001
"""Seconds for which a thread may keep the interpreter when others want it: answers must not wait for a scan."""


@click.command("run", epilog=epilog("syncd run", Exit.INTEGRITY, Exit.UNAVAILABLE, Exit.TRY_AGAIN, Exit.PERMISSION, Exit.CONFIG))
@pass_context
def command(context: Context) -> None:
    """Keep the index fresh until told to stop, and answer commands and applications on the control socket.

    Settles what was begun, scans every source, then follows what changes. SIGTERM and Ctrl-C let what runs come to where nothing
    is half done; a second one stops at once. SIGHUP reads the configuration again. The log goes to standard error: JSON into a
    pipe or the journal, readable on a terminal.
    """
    from syncd.adapters.allocator import share_one_arena
    from syncd.adapters.capabilities import keep_to_itself
    from syncd.daemon.daemon import Daemon
    from syncd.daemon.log import set_up
    from syncd.wiring import Wiring
    from syncd.wiring.house import House

    config = context.config
    share_one_arena()
    keep_to_itself()  # the index engine needs no power to read other people's files
    set_up()
    sys.setswitchinterval(SWITCH)
    with Wiring(config, writer=True) as wiring:
        wiring.via = "daemon"
        Daemon(House(wiring, context.path), wiring.clock, wiring.entropy).run()
