"""The filesystem as a source: a page is a directory, a document is a regular file, modes and POSIX ACLs say who may read."""

from syncd.adapters.sources.filesystem.rules import AclRule
from syncd.adapters.sources.filesystem.source import FilesystemSource

__all__ = ["AclRule", "FilesystemSource"]
