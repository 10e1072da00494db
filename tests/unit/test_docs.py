"""What README and docs say is so: commands, options, configuration keys, tables, paths of the API, links and the promise."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from syncd.adapters.sources.filesystem import listening, watching
from syncd.audit.event import EventType
from syncd.cli.exits import MEANING
from syncd.cli.main import syncd
from syncd.config.complaint import keys
from syncd.config.model import Config
from syncd.core.model import Reason
from syncd.daemon.control.openapi import described
from syncd.daemon.control.problems import STATUS
from syncd.daemon.control.requests import RequestReader
from syncd.operations.operation import EVERY_ROLE
from syncd.operations.search import shown
from syncd.operations.table import OPERATIONS
from syncd.retrieval.reader import Hit

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
KEYS = {".".join(path) for path in keys(Config)}
SECTIONS = {key.split(".")[0] for key in KEYS}
RUNNERS = {"timeout", "flock", "env", "sudo"}
"""Commands that run another one."""

PROMISE = """\
syncd seals ACLs, names and text before they reach the vector store and binds them to their point. It does not encrypt vectors: \
whoever can read vectors and query the model recovers much of the text (published attacks recover most 32-token inputs exactly). \
Treat the store, its WAL and its snapshots as holding the documents. Visible there: equal-ACL sets and their sizes, chunks per \
document, padded lengths, ACL versions, times of writes. Who writes to the store can hide results or swap vectors, not show a \
document to a reader whom its ACL excludes. Who writes to the ledger can hide documents and lift fences; with store and ledger \
both, restore revoked access: keep them under different accounts. Who holds an identity key can confirm guesses of names or \
texts. An attacker with the running daemon's keys can do everything."""

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def fences(text: str) -> list[tuple[str, str]]:
    """Every fenced block: its language, its content."""
    return re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def spans(text: str) -> list[str]:
    """Every piece of inline code outside the fenced blocks."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


def commands(line: str) -> list[list[str]]:
    """The arguments of every `syncd` that a shell, or cron, would run for this line."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    calls: list[list[str]] = []
    current: list[str] | None = None
    first, other = True, False
    for word in lexer:
        if set(word) <= set("();<>|&"):
            current, first, other = None, True, False
        elif current is not None:
            current.append(word)
        elif not other and (word == "syncd" or word.endswith("/syncd")):
            current = []
            calls.append(current)
        elif first and not (word in RUNNERS or re.match(r"\w+=|[*/0-9]+$", word)):
            other = True  # `chown syncd STATE` runs another program
        else:
            first = False
    return calls


def check(arguments: list[str], *, whole: bool) -> None:
    """Raise what click raises when there is no such command or option; whole: also when an argument is missing or wrong."""
    command: click.Command = syncd
    context = click.Context(syncd, info_name="syncd")
    rest = list(arguments)
    while isinstance(command, click.Group):
        if rest[:1] == ["--config"]:
            rest = rest[2:]
        if not rest or rest[0] in ("--help", "--version"):
            return
        name = rest.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"no command {name}"
        command = found
    known = {option for parameter in command.params for option in parameter.opts} | {"-h", "--help"}
    assert [word for word in rest if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known] == []
    if whole and "--help" not in rest:
        command.make_context(command.name, rest, parent=context)


@pages
def test_every_command_line_can_be_typed(page):
    """Lines of shell, of a unit or of a crontab that call syncd are accepted by its parser, arguments and all."""
    blocks = [content for language, content in fences(page.read_text()) if language in ("sh", "ini", "crontab")]
    lines = [line.removeprefix("ExecStart=") for block in blocks for line in block.splitlines() if "syncd " in line]
    for line in lines:
        for arguments in commands(line):
            check(arguments, whole=True)


@pages
def test_every_command_in_the_text_exists(page):
    """Inline code that names a command names one that is there, with options that it has."""
    for span in spans(page.read_text()):
        if span.startswith("syncd "):
            check(shlex.split(span.replace("...", ""))[1:], whole=False)


@pages
def test_what_the_demo_typed_exists(page):
    """Lines after a prompt in shown output are commands that are there."""
    shown = [content for language, content in fences(page.read_text()) if language == "text"]
    for line in (line for block in shown for line in block.splitlines() if line.startswith("$ syncd ")):
        check(shlex.split(line)[2:], whole=False)


def test_the_checker_finds_what_is_not_there():
    """A command, an option or a value that does not exist is noticed: the tests above can fail."""
    for line in (
        "syncd run --twice",
        "timeout 9 syncd statis",
        "A=b /opt/syncd/bin/syncd jobs look",
        "syncd audit export",
        "syncd sync --forc",
        "syncd search x -k 0",
        "syncd wait",
        "a | syncd nope",
    ):
        with pytest.raises((AssertionError, click.UsageError)):
            for arguments in commands(line):
                check(arguments, whole=True)


@pages
def test_every_configuration_key_exists(page):
    """`section.key` in inline code, and every key of a TOML block, is one that can be written."""
    text = page.read_text()
    events = {type_.value for type_ in EventType} | logged()
    dotted = {span.partition(" =")[0] for span in spans(text) if re.match(r"[a-z]+(\.[a-z_]+)+( =|$)", span)}
    assert {name for name in dotted - events if name.split(".")[0] in SECTIONS and not name.endswith((".py", ".toml"))} <= KEYS
    for language, content in fences(text):
        if language == "toml":
            assert set(written(tomllib.loads(content))) <= KEYS


def written(value: object, path: str = "") -> Iterator[str]:
    """The dotted key of everything in a configuration."""
    if isinstance(value, list):
        for each in value:
            yield from written(each, path)
    elif isinstance(value, dict):
        for key, each in value.items():
            dotted = f"{path}.{key}" if path else key
            yield dotted
            yield from written(each, dotted)


def code(folder: str = "") -> str:
    """The text of the program."""
    return "".join(file.read_text() for file in (ROOT / "syncd" / folder).rglob("*.py"))


def logged() -> set[str]:
    """The events of the process log."""
    call = r'(?:(?:_log|get_logger\(\))\.\w+|\blevel)\(\s*(?:\w+, )?"([a-z]+\.[a-z-]+)"'
    return set(re.findall(call, code("daemon")))


def test_the_promise_stands_word_for_word():
    """What is promised about security is neither more nor less than what was decided."""
    section = (ROOT / "README.md").read_text().split("## What is promised\n", 1)[1].split("\n## ", 1)[0]
    assert " ".join(section.split()) == PROMISE


def table(text: str, heading: str) -> dict[str, str]:
    """The first two columns of the table after the heading row that begins with `heading`."""
    rows = text.split(heading, 1)[1].splitlines()[2:]
    cells = []
    for row in rows:
        if not row.startswith("|"):
            break
        cells.append([cell.strip() for cell in row.strip("|").split("|")])
    return {cell[0]: cell[1] for cell in cells}


def test_the_exit_codes_are_the_ones_of_the_program():
    """The table of the README has each code once, in the words of `--help`."""
    found = table((ROOT / "README.md").read_text(), "| code | meaning |")
    assert found == {str(int(code)): meaning for code, meaning in MEANING.items()}


def test_every_field_of_a_hit_is_explained():
    """The table for developers has each field that `search --json` prints, and no other."""
    hit = Hit(score=1.0, source="s", key="k", doc="d", title=None, heading="", path=(), span=(0, 1), text=None)
    names = re.findall(r"`(\w+)`", " ".join(table((ROOT / "docs/applications.md").read_text(), "| field | meaning |")))
    assert sorted(names) == sorted(shown(hit, pending=False))


def test_every_reason_for_quarantine_is_explained():
    """The table for operators has each reason once."""
    found = table((ROOT / "docs/operations.md").read_text(), "| reason | what it means | what lifts it |")
    assert {name.strip("`") for name in found} == {reason.value for reason in Reason}


def test_every_event_that_occurs_is_explained():
    """The table for auditors has each type of event that the code writes, and none that it does not."""
    occurring = {EventType[name].value for name in re.findall(r"EventType\.([A-Z_]+)", code())}
    names = re.findall(r"`([a-z.]+)`", " ".join(table((ROOT / "docs/auditing.md").read_text(), "| type | when |")))
    assert sorted(names) == sorted(occurring)


def test_every_event_of_the_process_log_is_explained():
    """The table for operators has each of them, one by one or by its family, and none that is not logged."""
    rows = table((ROOT / "docs/operations.md").read_text(), "| event | meaning |")
    names = set(re.findall(r"`([a-z-]+\.[a-z*-]+)`", " ".join([*rows, *rows.values()])))
    families = {name.removesuffix("*") for name in names if name.endswith("*")}
    single = {name for name in names if not name.endswith("*")}
    assert single <= logged()
    assert {name for name in logged() - single if not name.startswith(tuple(families))} == set()
    assert all(any(name.startswith(family) for name in logged()) for family in families)


def test_every_reason_to_doubt_hints_is_explained():
    """The words that a watch gives as its fault are in the table of reasons, with what to do."""
    told = " ".join(table((ROOT / "docs/operations.md").read_text(), "| reason | what to do |"))
    words = [
        value
        for module in (listening, watching)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str)
    ]
    assert len(words) > 8
    assert [word for word in words if word not in told] == []


def test_the_roles_are_the_ones_of_the_program():
    """The table for administrators has every operation, and who may ask for it."""
    rows = table((ROOT / "docs/administration.md").read_text(), "| what | needs one of |")
    found = {}
    for what, roles in rows.items():
        for name in re.findall(r"`([a-z -]+)`", what):
            named = set(re.findall(r"`([a-z]+)`", roles)) or {role.value for role in EVERY_ROLE}
            found[name.replace(" --", " ").replace(" ", "-")] = named
    operations = {operation.name: {role.value for role in operation.roles} for operation in OPERATIONS}
    more = {
        "search-as": {"reader"},
        "sync-confirm": {"admin"},
        "reconcile-repair": {"admin"},
        "jobs-list": {"operator", "auditor", "admin"},
    }
    assert found == operations | more | {"jobs-watch": more["jobs-list"]}


def test_the_statuses_are_the_ones_of_the_program():
    """The table for developers has each status that the daemon answers an error with."""
    rows = table((ROOT / "docs/applications.md").read_text(), "| status | what an application should do |")
    more = {404, 405, 413, 415, 422, 500}
    assert {int(status) for status in rows} == {int(status) for status in STATUS.values()} | more


@pages
def test_every_path_of_the_api_exists(page):
    """What is asked of the socket is something that it answers."""
    described_ = described(OPERATIONS, {each.name: RequestReader(each.request) for each in OPERATIONS})
    paths = [re.sub(r"\{\w+\}", "[0-9a-f]+", path) for path in described_["paths"]]
    for path in re.findall(r"/v1/[a-z0-9/.-]*[a-z0-9]", page.read_text()):
        assert any(re.fullmatch(known, path) for known in paths), path


def anchors(page: Path) -> set[str]:
    """The names by which headings are linked to."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pages
def test_every_link_within_the_project_leads_somewhere(page):
    """Files and headings that are linked to are there."""
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_file(), target
        assert not anchor or anchor in anchors(file), target
