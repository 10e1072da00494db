"""Keys on disk."""

from syncd.adapters.keys.files import SECRET, FileKeys, create_keys, keys_in

__all__ = ["SECRET", "FileKeys", "create_keys", "keys_in"]
