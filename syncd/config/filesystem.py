"""The configuration of a folder as a source."""

from typing import Final, Literal

from syncd.config.section import Globs, Place
from syncd.config.source import SourceSection

EXCLUDED: Final = (
    ".git/",
    ".hg/",
    ".svn/",
    "node_modules/",
    "__pycache__/",
    ".venv/",
    ".tox/",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    "*.pyc",
    "*~",
    ".*.swp",
    "*.tmp",
    ".DS_Store",
)
"""What nobody searches for, unless `exclude` says otherwise."""


class FilesystemSource(SourceSection):
    """The files below a folder."""

    type: Literal["filesystem"] = "filesystem"
    root: Place
    include: Globs = ("**",)
    exclude: Globs = EXCLUDED
