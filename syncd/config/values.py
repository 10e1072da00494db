"""Values with a grammar of their own: globs, readers, addresses, verifier keys. Each check raises ValueError."""

import base64
import binascii
import hashlib
import re
from typing import Final
from urllib.parse import urlsplit

import pathspec
from pydantic_core import PydanticCustomError

EVERYONE: Final = "everyone"
_READER: Final = re.compile(r"(?:user|group):[^\s:,\0]{1,255}")
_ED25519: Final = 1
"""The algorithm byte of an Ed25519 verifier key (C2SP signed-note)."""


def broken(detail: str, *key: str | int) -> PydanticCustomError:
    """The error of a rule between keys: `key` is the one to mend, seen from the section that checks the rule."""
    return PydanticCustomError("rule", "{detail}", {"detail": detail, "key": key})


def glob(value: str) -> str:
    """`value` as a pattern of the gitignore kind."""
    if not value.strip() or "\0" in value or "\n" in value:
        raise ValueError('should be a pattern such as "**/*.md"')
    try:
        pathspec.GitIgnoreSpec.from_lines([value])
    except (ValueError, re.error) as error:
        raise ValueError("should be a pattern as gitignore knows them") from error
    return value


def reader(value: str) -> str:
    """`value` as somebody an ACL rule can name; whether such an account exists is asked later, of the system."""
    if value != EVERYONE and not _READER.fullmatch(value):
        raise ValueError('should be "user:NAME", "group:NAME" or "everyone"')
    return value


def endpoint(value: object) -> str:
    """`value` as the address of a server, without credentials: those stand in a file of their own."""
    if not isinstance(value, str) or any(not char.isprintable() or char.isspace() for char in value):
        raise ValueError('should be an address such as "http://localhost:6333"')
    parts = urlsplit(value)
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("should be an address without credentials: put the key into a file and name it in `api_key_file`")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError('should be an address such as "http://localhost:6333"')
    return value


def verifier_key(value: object) -> str:
    """`value` as a verifier key, `NAME+HASH+KEY`, whose hash tells a typing error; or "" for none."""
    wrong = ValueError('should be the verifier key that `syncd init` printed, "NAME+HASH+KEY"')
    if value == "":
        return ""
    if not isinstance(value, str) or value.count("+", 0, value.rfind("+") + 1) < 2:
        raise wrong
    name, digest, key = value.split("+", 2)
    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError) as error:
        raise wrong from error
    if len(raw) != 33 or raw[0] != _ED25519 or not name:
        raise wrong
    if hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] != digest:
        raise ValueError("is not the key that `syncd init` printed: its name, hash and key don't belong together")
    return value
