"""Keys on disk."""

from syncd.adapters.keys.files import FileKeys, create_keys

__all__ = ["FileKeys", "create_keys"]
