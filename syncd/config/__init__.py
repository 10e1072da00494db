"""Configuration: TOML to frozen typed models. Read by the entry points alone; everything below gets plain arguments."""

from syncd.config.filesystem import FilesystemSource
from syncd.config.foreign import ForeignSource
from syncd.config.loading import find, load
from syncd.config.model import Audit, Chunking, Config, Crypto, Embedder, Freshness, Guard, Index, Keys, State
from syncd.config.source import AclRule
from syncd.config.sources import Source
from syncd.config.sql import SqlSource

__all__ = [
    "AclRule",
    "Audit",
    "Chunking",
    "Config",
    "Crypto",
    "Embedder",
    "FilesystemSource",
    "ForeignSource",
    "Freshness",
    "Guard",
    "Index",
    "Keys",
    "Source",
    "SqlSource",
    "State",
    "find",
    "load",
]
