"""The one switch from what happened to an exit code."""

import errno
import os
import select
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import click

from syncd.cli.output import aside, printable
from syncd.errors import Exit, OutputLost, SyncdError

MEANING: Final = {
    Exit.OK: "ok",
    Exit.ERROR: "error",
    Exit.USAGE: "wrong usage",
    Exit.INCOMPLETE: "not complete: something is in quarantine, --check found work, or no trusted key signed",
    Exit.HALTED: "the guard halted a run: confirm it or mend the source",
    Exit.INTEGRITY: "integrity: ledger, index or history do not hold together",
    Exit.UNAVAILABLE: "unavailable: source, index, model or disk",
    Exit.TRY_AGAIN: "try again: another syncd is at work",
    Exit.PERMISSION: "permission",
    Exit.CONFIG: "configuration or keys",
}
"""The exit codes in words, as every `--help` prints them."""

INTERRUPTED: Final = 130
"""Ended by Ctrl-C, as shells report it."""
UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What a file that is open says when it takes no more; no command has another one open than its output."""
OUTPUT_CLOSED: Final = 141
"""Nobody reads the output any more (`syncd dump | head`), as shells report it."""


def epilog(example: str, *exits: Exit) -> str:
    """The end of a command's help: an example, and the exit codes it can have (usage errors always can happen)."""
    codes = sorted({*exits, Exit.OK, Exit.ERROR, Exit.USAGE})
    examples = "\n".join(f"  {line}" for line in example.splitlines())
    table = "\n".join(f"  {code:>3}  {MEANING[code]}" for code in codes)
    return f"\b\nExample:\n{examples}\n\n\b\nExit codes:\n{table}"


def execute(command: click.Command, arguments: Sequence[str]) -> int:
    """Run `command` and return the exit code; what a command returns (an Exit, or None for OK) counts.

    Errors are told on standard error in one line; SYNCD_DEBUG=1 shows where they came from.
    """
    _never_without_streams()
    _never_fail_on_characters()
    try:
        code = _run(command, arguments)
        sys.stdout.flush()
    except (KeyboardInterrupt, click.Abort) as end:
        job = getattr(end, "job", None)
        left = f"left; the daemon goes on. Next: `syncd jobs watch {job}`" if job else "interrupted"
        return _told(left, INTERRUPTED)
    except SyncdError as error:
        return _told(str(error), error.exit)
    except BrokenPipeError as error:
        return OUTPUT_CLOSED if _output_is_closed() else _unexpected(error)
    except OSError as error:
        if error.errno not in UNWRITABLE or error.filename is not None:
            return _unexpected(error)
        _write_nowhere()
        lost = OutputLost(detail=error.strerror)
        return _told(str(lost), lost.exit)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a person gets a sentence, not a traceback
        return _unexpected(error)
    return code


def _run(command: click.Command, arguments: Sequence[str]) -> int:
    """What click's own `main` does, without its exits: those are told here."""
    try:
        with command.make_context("syncd", list(arguments)) as ctx:
            result = command.invoke(ctx)
            return result if isinstance(result, Exit) else Exit.OK
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code


def _told(message: str, code: int) -> int:
    """Say `message` on standard error, harmless for a terminal; returns `code`."""
    if os.environ.get("SYNCD_DEBUG") == "1" and code != INTERRUPTED:
        with suppress(OSError):
            traceback.print_exc()
    aside(f"syncd: {printable(message)}")
    return code


def _unexpected(error: Exception) -> int:
    """Tell of an error that nobody foresaw. Its text may hold names, so only its class is said."""
    advice = "Next: run the command again with SYNCD_DEBUG=1 in the environment, and report what it prints"
    return _told(f"unexpected {type(error).__name__}. {advice}.", Exit.ERROR)


def _output_is_closed() -> bool:
    """Whether it is standard output that broke; if so, what is still buffered goes nowhere, so that the exit is quiet."""
    poll = select.poll()
    poll.register(sys.stdout, select.POLLOUT)
    if not any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
        return False
    _write_nowhere()
    return True


def _write_nowhere() -> None:
    """Whatever is written to standard output from here on, or is still buffered, is dropped."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _never_without_streams() -> None:
    """Who closed a stream gets one that leads nowhere: the next file that is opened would else be taken for it."""
    for name, descriptor in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            while (got := os.open(os.devnull, os.O_RDWR)) < descriptor:
                pass
            setattr(sys, name, os.fdopen(got, "r" if descriptor == 0 else "w", closefd=False))


def _never_fail_on_characters() -> None:
    """A terminal that can't show a character gets its number, instead of an error in the middle of the output."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
