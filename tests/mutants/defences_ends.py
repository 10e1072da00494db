"""Defences at the ends: configuration, set-up, output, exit codes."""

from typing import Final

from mutant import Mutant

CONFIG_TESTS: Final = "tests/unit/test_config.py"
FRAME_TESTS: Final = "tests/unit/test_cli_frame.py"
INIT_TESTS: Final = "tests/unit/test_cli_init.py"
EXITS: Final = "syncd/cli/exits.py"
EVERY_ERROR: Final = (f"{FRAME_TESTS}::test_every_error_becomes_a_sentence_and_a_code",)

ENDS: Final = (
    Mutant(
        "config: unknown keys pass",
        "syncd/config/section.py",
        'extra="forbid"',
        'extra="ignore"',
        (f"{CONFIG_TESTS}::test_an_unknown_key_names_file_key_value_and_the_nearest",),
    ),
    Mutant(
        "config: a pasted secret is repeated",
        "syncd/config/complaint.py",
        'return "(hidden)"',
        "return text",
        (f"{CONFIG_TESTS}::test_a_pasted_secret_is_not_repeated",),
    ),
    Mutant(
        "config: a rule opens to everyone in a source that does not allow it",
        "syncd/config/source.py",
        "if EVERYONE in rule.readers and not self.allow_everyone:",
        "if False:",
        (f"{CONFIG_TESTS}::test_a_wrong_value_names_file_key_value_and_what_is_allowed",),
    ),
    Mutant(
        "config: the state may lie inside a source",
        "syncd/config/model.py",
        "if isinstance(source, FilesystemSource) and inside(self.state.dir, source.root):",
        "if False:",
        (f"{CONFIG_TESTS}::test_the_state_inside_a_source_is_refused",),
    ),
    Mutant(
        "init: a broken attempt stays behind",
        "syncd/cli/setup.py",
        "shutil.rmtree(workshop)",
        "pass",
        (f"{INIT_TESTS}::test_a_failure_leaves_nothing_behind",),
    ),
    Mutant(
        "init: an install is overwritten",
        "syncd/cli/setup.py",
        "raise StateExists(state=state)",
        "pass",
        (f"{INIT_TESTS}::test_an_existing_install_is_refused_and_untouched",),
    ),
    Mutant(
        "output: control characters reach the terminal",
        "syncd/cli/output.py",
        'char if char.isprintable() and char != "\\\\" else _shown(char)',
        "char",
        (f"{FRAME_TESTS}::test_hostile_names_are_harmless",),
    ),
    Mutant(
        "exits: integrity is not the worst",
        "syncd/operations/exits.py",
        "    Exit.INTEGRITY,\n    Exit.HALTED,\n    Exit.INCOMPLETE,\n",
        "    Exit.INCOMPLETE,\n    Exit.HALTED,\n    Exit.INTEGRITY,\n",
        (f"{FRAME_TESTS}::test_several_exits_combine_by_precedence",),
    ),
    Mutant(
        "exits: every error is one",
        EXITS,
        "return _told(str(error), error.exit)",
        "return _told(str(error), Exit.ERROR)",
        EVERY_ERROR,
    ),
    Mutant(
        "exits: an unexpected error tells all it knows",
        EXITS,
        'f"unexpected {type(error).__name__}. {advice}."',
        'f"unexpected {error!r}. {advice}."',
        EVERY_ERROR,
    ),
    Mutant(
        "exits: what a command returns is lost",
        EXITS,
        "return result if isinstance(result, Exit) else Exit.OK",
        "return Exit.OK",
        (f"{FRAME_TESTS}::test_what_a_command_returns_is_its_exit_code",),
    ),
    Mutant(
        "export: nothing is found of a type that there is not",
        "syncd/operations/audit.py",
        "    _known(request.types)\n",
        "",
        ("tests/acceptance/test_audit_export.py::test_a_type_that_nothing_has_is_refused",),
    ),
    Mutant(
        "export: a cell that a spreadsheet runs",
        "syncd/cli/audit.py",
        """return f"'{cell}" if cell[:1] in""",
        """return f"{cell}" if cell[:1] in""",
        ("tests/acceptance/test_audit_export.py::test_no_cell_is_a_formula",),
    ),
)
