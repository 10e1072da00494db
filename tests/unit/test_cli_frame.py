"""The frame of the command line: lazy commands, one switch to exit codes, harmless output."""

import json
import os
import subprocess
import sys

import click
import pytest

from syncd.cli.exits import MEANING, epilog, execute
from syncd.cli.lazy import Entry, LazyGroup
from syncd.cli.main import COMMANDS, syncd
from syncd.cli.output import clock, emit_json, emit_json_list, printable, progress, table
from syncd.errors import Exit, LedgerBusy, SyncdError
from syncd.operations.exits import worst

HEAVY = (
    "torch",
    "qdrant_client",
    "qdrant_edge",
    "sqlalchemy",
    "pydantic",
    "cryptography",
    "sentence_transformers",
    "numpy",
    "rich",
)


def command_that(action) -> click.Command:
    """A command that does `action`."""
    return click.Command("test", callback=action)


def raising(error: BaseException) -> click.Command:
    """A command that raises `error`."""

    def action() -> None:
        raise error

    return command_that(action)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["quarantine", "--help"], ["audit", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    """`syncd --help` answers at once: neither a command module nor an engine is imported for it."""
    code = f"""
import sys
from syncd.cli.main import syncd
from syncd.cli.exits import execute
assert execute(syncd, {arguments!r}) == 0
heavy = {HEAVY!r}
frame = ["syncd.cli." + name for name in ("main", "exits", "lazy", "options", "output")]
commands = [m for m in sys.modules if m.startswith("syncd.cli.") and m not in frame]
print("LOADED", sorted(m for m in sys.modules if m.split(".")[0] in heavy) + commands)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_the_help_lists_every_command_with_a_line(capsys):
    """All commands stand in the help, in the order of the table, without being imported."""
    assert execute(syncd, ["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = [line.split()[0] for line in lines[lines.index("Commands:") + 1 :] if line.startswith("  ") and line.strip()]
    assert listed[: len(COMMANDS)] == list(COMMANDS)


def test_a_command_is_imported_when_it_runs_and_only_then():
    """An entry whose module is not there hurts nobody but the one who runs it."""
    group = LazyGroup("g", commands_by_name={"gone": Entry("Not there.", "syncd.cli.no_such_module")})
    assert execute(group, ["--help"]) == 0
    assert execute(group, ["gone"]) == 1


def test_an_unknown_command_is_a_usage_error(capsys):
    """Exit 2, and the message names what was typed."""
    assert execute(syncd, ["snyc"]) == 2
    assert "snyc" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (LedgerBusy(file="/l", seconds=10), 75, "syncd: /l: another syncd holds the ledger"),
        (SyncdError(detail="a\nb \x1b[31m"), 1, "a\\nb \\x1b[31m"),
        (click.UsageError("no"), 2, "no"),
        (click.Abort(), 130, "interrupted"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (RuntimeError("secret name"), 1, "unexpected RuntimeError. Next:"),
        (ZeroDivisionError(), 1, "SYNCD_DEBUG=1"),
    ],
)
def test_every_error_becomes_a_sentence_and_a_code(capsys, error, code, said):
    """One switch: no traceback, no control character, nothing on standard output, the exit code of the table."""
    assert execute(raising(error), []) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err
    assert "secret name" not in err


def test_debug_shows_where_it_came_from(capsys, monkeypatch):
    """With SYNCD_DEBUG=1 an unexpected error shows its traceback as well."""
    monkeypatch.setenv("SYNCD_DEBUG", "1")
    assert execute(raising(RuntimeError("why")), []) == 1
    assert "RuntimeError: why" in capsys.readouterr().err


def test_what_a_command_returns_is_its_exit_code():
    """An Exit counts; None is 0; anything else a command returns is no exit code."""
    assert execute(command_that(lambda: Exit.HALTED), []) == 4
    assert execute(command_that(lambda: None), []) == 0
    assert execute(command_that(lambda: True), []) == 0


def test_several_exits_combine_by_precedence():
    """6, 4, 3 in this order, then others, and OK only when there is nothing else."""
    assert worst(Exit.UNAVAILABLE, Exit.INCOMPLETE, Exit.HALTED, Exit.INTEGRITY) is Exit.INTEGRITY
    assert worst(Exit.INCOMPLETE, Exit.HALTED, Exit.CONFIG) is Exit.HALTED
    assert worst(Exit.OK, Exit.UNAVAILABLE, Exit.INCOMPLETE) is Exit.INCOMPLETE
    assert worst(Exit.OK, Exit.UNAVAILABLE) is Exit.UNAVAILABLE
    assert worst(Exit.OK, Exit.OK) is Exit.OK
    assert worst() is Exit.OK
    assert [worst(code, Exit.OK) for code in Exit] == list(Exit)


def test_the_exit_codes_are_explained_once_and_all():
    """Every code has words, and an epilog prints those of its command and the ones that every command has."""
    assert set(MEANING) == set(Exit)
    text = epilog("syncd x\nsyncd y", Exit.HALTED)
    assert text.splitlines()[:4] == ["\b", "Example:", "  syncd x", "  syncd y"]
    assert [int(line.split()[0]) for line in text.split("Exit codes:\n")[1].splitlines()] == [0, 1, 2, 4]


def run_script(body: str, **streams) -> subprocess.CompletedProcess:
    """Run a command, whose callback has `body`, as a process of its own."""
    code = f"""
import sys, click
from syncd.cli.exits import execute
from syncd.cli.output import *
def action():
{body}
sys.exit(execute(click.Command("t", callback=action), []))
"""
    return subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=False, **streams)


@pytest.mark.parametrize("count", [1, 100_000])
def test_a_reader_that_goes_away_ends_quietly(count):
    """`syncd dump | head`: no traceback and no message, however much was still to be written."""
    reading, writing = os.pipe()
    os.close(reading)
    done = run_script(f"    emit_json_list('n', ({{'i': i}} for i in range({count})))", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_output_that_cannot_be_written_is_an_error():
    """A full disk behind `>` is not success, and no riddle."""
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = run_script("    click.echo('x')", stdout=full)
    assert done.returncode == 69
    assert done.stderr.startswith("syncd: The output can't be written: No space left on device.")


def test_a_broken_pipe_elsewhere_is_no_quiet_end():
    """Only standard output may break quietly: a dead child must be told of."""
    done = run_script("    raise BrokenPipeError('a child')", stdout=subprocess.PIPE)
    assert done.returncode == 1
    assert "unexpected BrokenPipeError" in done.stderr


def test_json_carries_its_version_first_and_survives_any_name(capsys):
    """The version leads, and a name that is no UTF-8 comes out of a parser unchanged."""
    emit_json({"name": "caf\udce9 \u202e"})
    out = capsys.readouterr().out
    assert out.startswith('{"format_version": 1, ')
    assert out.isascii()
    assert json.loads(out)["name"] == "caf\udce9 \u202e"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_streamed_list_is_one_json_document(capsys, count):
    """Item by item, the result is what `emit_json` would have printed at once."""
    items = [{"n": number} for number in range(count)]
    emit_json_list("chunks", iter(items))
    assert json.loads(capsys.readouterr().out) == {"format_version": 1, "chunks": items}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain name.md", "plain name.md"),
        ("née 文書 🗂", "née 文書 🗂"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("caf\udce9", "caf\\xe9"),
        ("\ud800", "\\ud800"),
        ("a\\nb", "a\\\\nb"),
        ("\u2028\u200b\ufeff", "\\u2028\\u200b\\ufeff"),
    ],
)
def test_hostile_names_are_harmless(name, shown):
    """What could move the cursor, hide or turn text is shown by its number; the rest stays readable."""
    assert printable(name) == shown
    assert printable(name).isprintable()


def test_a_table_in_a_pipe_is_separated_by_tabs(capsys):
    """Other programs read one row a line, whatever a name holds, and rich markup in names is only text."""
    table(("key", "n"), [("a\tb\n", 1), ("[red]x", 2)])
    assert capsys.readouterr().out == "key\tn\na\\tb\\n\t1\n[red]x\t2\n"


def test_progress_without_a_terminal_is_a_line_a_stage(capsys):
    """A log gets one line per stage, on standard error, also when the work fails."""

    def work() -> None:
        with progress() as report:
            report(1, None, "scanned")
            report(1200, None, "scanned")
            report(3, 10, "embedded")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    out, err = capsys.readouterr()
    assert (out, err) == ("", "scanned: 1,200\nembedded: 3 of 10\n")


def test_on_a_terminal_tables_and_bars_are_drawn():
    """With a terminal on both streams rich draws; markup in a name is still only text."""
    script = """
from syncd.cli.output import table, progress
with progress() as report:
    report(1, 2, "sc[bold]anned")
table(("key",), [("[red]x",)])
"""
    import pty

    primary, secondary = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdout=secondary, stderr=secondary, env=dict(os.environ, TERM="xterm", COLUMNS="100")
    )
    os.close(secondary)
    seen = b""
    while True:
        try:
            part = os.read(primary, 4096)
        except OSError:  # the other side is closed: how a pty says end of file
            break
        if not part:
            break
        seen += part
    os.close(primary)
    assert child.wait() == 0
    assert b"[red]x" in seen
    assert b"sc[bold]anned" in seen


def test_the_interpreter_ends_without_looking_through_all_that_was_loaded():
    """When a command is over, nothing is left for the collections that the interpreter makes before it ends."""
    code = """
import atexit, gc, sys
from syncd.cli.main import main
atexit.register(lambda: print("LEFT", len(gc.get_objects())))
sys.argv = ["syncd", "--version"]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LEFT 0"


@pytest.mark.parametrize(("moment", "said"), [(None, "never"), ("2001-02-03T04:05:06+00:00", "2001-02-03 04:05:06")])
def test_times_in_tables_are_short(moment, said):
    """A terminal has no room for zones and offsets; `--json` keeps them."""
    assert clock(moment) == said
