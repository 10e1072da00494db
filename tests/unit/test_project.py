"""The project itself: what is pinned, what runs it, and the list of defences."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import syncd
from syncd.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINNED = {
    re.sub(r"[-_.]+", "-", line.split("==")[0]).lower(): line.split("==")[1]
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
}


@pytest.fixture(scope="module")
def mutants():
    """The harness of `make mutants`, imported as it runs: from its own folder."""
    folder = ROOT / "tests/mutants"
    sys.path.insert(0, str(folder))
    try:
        spec = importlib.util.spec_from_file_location("syncd_mutants_run", folder / "run.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    return module


def test_every_dependency_is_pinned_as_tested():
    """What pyproject asks for stands in the constraints, torch in the version that has builds without CUDA."""
    asked = [*PROJECT["dependencies"], *(each for extra in PROJECT["optional-dependencies"].values() for each in extra)]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", each)[0]).lower() for each in asked}
    assert names - set(PINNED) == set()
    assert PINNED["torch"] == "2.13.0"


def test_constraints_hold_exact_versions_and_no_places():
    """A constraint is a name and a version: no path, address or local build of the machine that wrote it."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    wrong = [line for line in lines if not line.startswith("#") and not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9A-Za-z.]+", line)]
    assert wrong == []


def test_every_dependency_has_its_reason():
    """Nobody has to guess what a library is for."""
    text = (ROOT / "pyproject.toml").read_text()
    block = text.split("dependencies = [", 1)[1].split("\n]", 1)[0]
    assert [line for line in block.splitlines() if line.strip() and "# " not in line] == []


def test_the_script_and_the_module_are_the_same_command():
    """`syncd` and `python -m syncd` say the same version."""
    assert PROJECT["scripts"]["syncd"] == "syncd.cli.main:main"
    done = subprocess.run([sys.executable, "-m", "syncd", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"syncd {syncd.__version__}\n"


def test_the_changelog_knows_this_version():
    """The version that the code says is written about."""
    assert re.search(rf"^## .*\b{re.escape(syncd.__version__)}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("target", ["setup", "demo", "test", "lint", "bench", "chaos", "mutants", "clean", "help"])
def test_make_knows_its_targets(target):
    """Each target of the contract can be made, as far as a dry run tells."""
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


def test_make_says_when_python_is_too_old(tmp_path):
    """An older Python is refused by name, before anything is made with it."""
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\ncase "$*" in *version_info*) exit 1;; esac\nexit 99\n')
    old.chmod(0o755)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    done = subprocess.run(["make", "setup", f"PYTHON={old}"], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert "python3.9 is older than Python 3.11" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_make_setup_is_quick_the_second_time(tmp_path):
    """With a stamp younger than what it depends on, nothing is installed again; a changed constraint does it."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/.syncd-setup").touch()
    assert "pip" not in subprocess.run(["make", "-n", "setup"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    os.utime(tmp_path / ".venv/.syncd-setup", (0, 0))
    assert "pip" in subprocess.run(["make", "-n", "setup"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout


def test_the_check_of_a_change_can_be_run():
    """`.ci/run` is a bash script that stops at the first failure and ends in `make test`."""
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
    text = script.read_text()
    assert "set -euo pipefail" in text
    assert text.splitlines()[-1] == "make test"


def test_every_command_is_where_the_table_says():
    """Each name in the table leads to a command with a help text, an example and its exit codes."""
    import click

    def check(name: str, entry) -> None:
        if entry.commands is not None:
            for below, each in entry.commands.items():
                check(f"{name} {below}", each)
            return
        command = entry.load(name)
        help_text = command.get_help(click.Context(command))
        assert "Example:" in help_text, name
        assert "Exit codes:" in help_text, name
        assert command.help, name

    for name, entry in COMMANDS.items():
        check(name, entry)


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: path.name)
def test_every_test_says_what_must_hold(path):
    """Modules and tests have a sentence for a docstring."""
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), path.name
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    assert [node.name for node in nodes if not ast.get_docstring(node)] == []


def test_every_mutant_applies_once_and_names_its_tests(mutants):
    """The list of defences can't rot: each edit is found exactly once, changes something, and its tests exist."""
    names = [mutant.name for mutant in mutants.MUTANTS]
    assert len(names) == len(set(names))
    for mutant in mutants.MUTANTS:
        assert mutants.occurrences(ROOT, mutant) == 1, mutant.name
        assert mutant.old != mutant.new, mutant.name
        assert mutant.tests, mutant.name
        for test in mutant.tests:
            path, _, function = test.partition("::")
            name = function.split("[")[0].rpartition("::")[2]
            assert f"def {name}(" in (ROOT / path).read_text(), (mutant.name, test)


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("return 1", "return 2", "NOTICED"),
        ("# a comment", "# another", "SURVIVED"),
        ("return 1", "return 1", "NO_PATCH"),
        ("not there", "x", "NO_PATCH"),
        ("def one", "def (", "BROKEN"),
    ],
)
def test_the_harness_tells_a_noticed_mutant_from_a_survivor(tmp_path, mutants, old, new, verdict):
    """Only a test that ran and failed counts; a module that no longer imports proves nothing; the copy is put back."""
    (tmp_path / "code.py").write_text("# a comment\ndef one():\n    return 1\n")
    (tmp_path / "mutated_one.py").write_text("from code import one\ndef test_one():\n    assert one() == 1\n")
    mutant = mutants.Mutant("m", "code.py", old, new, ("mutated_one.py::test_one",))
    assert mutants.judge(tmp_path, mutant) is mutants.Verdict[verdict]
    assert (tmp_path / "code.py").read_text() == "# a comment\ndef one():\n    return 1\n"


def test_the_harness_refuses_tests_that_fail_anyway(tmp_path, mutants):
    """Red tests without a mutant prove nothing: there is no verdict."""
    (tmp_path / "code.py").write_text("x = 1\n")
    (tmp_path / "mutated_two.py").write_text("def test_two():\n    assert False\n")
    assert mutants.judge_all(tmp_path, [mutants.Mutant("m", "code.py", "1", "2", ("mutated_two.py",))]) == {}
