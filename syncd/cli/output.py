"""What commands print: data on standard output, progress on standard error, and nothing that a hostile name could abuse."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, Final, Protocol

import click

FORMAT_VERSION: Final = 1
"""Of every `--json` output; raised when a field changes its meaning or goes away."""


class Report(Protocol):
    """How a use case tells how far it is."""

    def __call__(self, done: int, total: int | None, note: str) -> None:
        """`done` of `total` (None: not known yet); `note` says of what, without names."""


def emit_json(payload: Mapping[str, object]) -> None:
    """Print `payload` as one JSON document on one line, `format_version` first; ASCII, so that undecodable names survive."""
    click.echo(_json({"format_version": FORMAT_VERSION, **payload}))


def emit_json_list(key: str, items: Iterable[Mapping[str, object]]) -> None:
    """Print `{"format_version": 1, key: [items]}`, one item a line, holding one item at a time in memory.

    An error before the first item leaves nothing printed, rather than the beginning of a document.
    """
    write = sys.stdout.write  # click.echo would flush each item
    rest = iter(items)
    first = tuple(islice(rest, 1))
    write(f'{{"format_version": {FORMAT_VERSION}, {_json(key)}: [')
    separator = "\n"
    for item in chain(first, rest):
        write(f"{separator}{_json(item)}")
        separator = ",\n"
    write("\n]}\n")


def aside(line: str) -> None:
    """Print a line on standard error, if that can be written: no work stops because nobody can be told of it."""
    with suppress(OSError):
        click.echo(line, err=True)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False)


def printable(name: str) -> str:
    """`name` on one line and harmless for terminals and tables: what can't be seen (control characters, line ends, bidi marks,
    bytes that are no UTF-8) is shown by its number, and a backslash doubled, so that no two names look alike by that.
    """
    return "".join(char if char.isprintable() and char != "\\" else _shown(char) for char in name)


def _shown(char: str) -> str:
    """A character by its usual escape or its number; a byte that was no UTF-8 as that byte."""
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def clock(moment: str | None) -> str:
    """A time in UTC, shorter where it was today."""
    if moment is None:
        return "never"
    today = datetime.now(UTC).date().isoformat()
    return moment.removeprefix(f"{today}T").removesuffix("+00:00").replace("T", " ")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows for people: aligned on a terminal, separated by tabs in a pipe. Cells are made harmless here."""
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in [list(columns), *cells]:
            click.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in cells:
        drawn.add_row(*map(Text, row))  # Text: names are no markup
    Console().print(drawn)


@contextmanager
def progress() -> Iterator[Report]:
    """Show progress on standard error: a bar on a terminal, else one line at the end of each stage."""
    with _bar() if sys.stderr.isatty() else _lines() as report:
        yield report


@contextmanager
def _bar() -> Iterator[Report]:
    """A bar that redraws itself a few times a second and leaves nothing behind; drawn once there is something to tell."""
    with ExitStack() as drawing:
        drawn: tuple[Any, Any] | None = None

        def report(done: int, total: int | None, note: str) -> None:
            nonlocal drawn
            if drawn is None:
                drawn = _drawn(drawing)
            bar, task = drawn
            bar.update(task, completed=done, total=total, description=printable(note))

        yield report


def _drawn(drawing: ExitStack) -> tuple[Any, Any]:
    """The bar and its one task."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = drawing.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
    return bar, bar.add_task("", total=None)


@contextmanager
def _lines() -> Iterator[Report]:
    """One line a stage, printed when the next stage begins or all is over."""
    last: tuple[int, int | None, str] | None = None

    def report(done: int, total: int | None, note: str) -> None:
        nonlocal last
        if last is not None and last[2] != note:
            _line(*last)
        last = (done, total, note)

    try:
        yield report
    finally:
        if last is not None:
            _line(*last)


def _line(done: int, total: int | None, note: str) -> None:
    """One stage in words."""
    amount = f"{done:,}" if total is None else f"{done:,} of {total:,}"
    aside(f"{printable(note)}: {amount}")
