"""Keys and file names: a key is the path below the root, as text that keeps every byte of the names.

Names are bytes to the kernel. They become text as UTF-8 with surrogateescape whatever the locale says, so that a key is the same
under every account and in the ledger.
"""

import errno
from collections.abc import Sequence


def to_text(raw: bytes) -> str:
    """The text that stands for a name or path."""
    return raw.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """The name or path that `text` stands for. Raises UnicodeEncodeError for text that stands for none."""
    return text.encode("utf-8", "surrogateescape")


def key_of(parts: Sequence[bytes]) -> str:
    """The key of a path below the root; "" for the root itself."""
    return to_text(b"/".join(parts))


def parts_of(key: str) -> tuple[bytes, ...] | None:
    """The names that `key` is made of, or None when no file below the root can have that key."""
    try:
        parts = tuple(to_bytes(key).split(b"/"))
    except UnicodeEncodeError:
        return None
    if any(part in {b"", b".", b".."} or b"\0" in part for part in parts):
        return None
    return parts


def below(prefix: str, name: str) -> str:
    """The key of `name` in the directory `prefix`."""
    return f"{prefix}/{name}" if prefix else name


_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})


def is_gone(error: OSError) -> bool:
    """Whether `error` says that nothing is there: no name, or something else than a directory (a symlink, too) on the way."""
    return error.errno in _GONE


def error_name(error: OSError) -> str:
    """The symbolic name of the error, "EACCES" for instance: it tells no path."""
    return errno.errorcode.get(error.errno or 0, "unknown error")
