"""Configuration: TOML to frozen typed models. Read by the entry points alone; everything below gets plain arguments."""

from syncd.config.loading import find, load
from syncd.config.model import Audit, Chunking, Config, Crypto, Embedder, Freshness, Guard, Index, Keys, State
from syncd.config.source import AclRule, Source

__all__ = [
    "AclRule",
    "Audit",
    "Chunking",
    "Config",
    "Crypto",
    "Embedder",
    "Freshness",
    "Guard",
    "Index",
    "Keys",
    "Source",
    "State",
    "find",
    "load",
]
