"""The defences of syncd, each as the edit that takes it away and the tests that have to notice.

One entry a defence. `old` is the exact text in `file`, found exactly once; `new` is what a careless change would leave.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Mutant:
    """A defence taken away."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


CONFIG_TESTS: Final = "tests/unit/test_config.py"
ACL_LAWS: Final = "tests/property/test_acl_laws.py"
FRAME_TESTS: Final = "tests/unit/test_cli_frame.py"
INIT_TESTS: Final = "tests/unit/test_cli_init.py"

MUTANTS: Final = (
    Mutant(
        "acl: one clause that permits is enough",
        "syncd/core/acl.py",
        "all(clause.permits(reader) for clause in self.clauses)",
        "any(clause.permits(reader) for clause in self.clauses)",
        (f"{ACL_LAWS}::test_the_intersection_permits_whom_both_permit",),
    ),
    Mutant(
        "acl: an ACL without clauses permits",
        "syncd/core/acl.py",
        "return bool(self.clauses) and all(clause.permits",
        "return all(clause.permits",
        (f"{ACL_LAWS}::test_the_intersection_permits_whom_both_permit",),
    ),
    Mutant(
        "acl: a denial lets pass",
        "syncd/core/acl.py",
        "return entry.effect is Effect.ALLOW",
        "return True",
        (f"{ACL_LAWS}::test_between_single_clauses_every_widening_is_proven",),
    ),
    Mutant(
        "tlv: parts are not told apart",
        "syncd/core/tlv.py",
        'out += len(part).to_bytes(4, "big")',
        "",
        (f"{ACL_LAWS}::test_different_acls_have_different_bytes",),
    ),
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
        "if inside(self.state.dir, source.root):",
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
        "syncd/cli/exits.py",
        "    Exit.INTEGRITY,\n    Exit.HALTED,\n    Exit.INCOMPLETE,\n",
        "    Exit.INCOMPLETE,\n    Exit.HALTED,\n    Exit.INTEGRITY,\n",
        (f"{FRAME_TESTS}::test_several_exits_combine_by_precedence",),
    ),
)
