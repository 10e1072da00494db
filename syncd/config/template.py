"""The configuration that `syncd init` writes: short, commented, one folder."""

from pathlib import Path
from typing import Final

_TEMPLATE: Final = """\
# The configuration of one syncd install, written by `syncd init`. `syncd check-config` reads it back to you;
# config.example.toml of the project shows every key there is, with its default. Secrets are never in here.

[state]
dir = {state}  # ledger, index, keys and socket lie in here

[crypto]
algorithm = {algorithm}

[audit]
origin = {origin}
# The key that `syncd audit verify` trusts. Keep a copy where nobody who can write here can change it.
public_key = {public_key}

[embedder]
backend = "sentence-transformers"  # or "hash": deterministic, finds nothing, for tests and benchmarks
model = "sentence-transformers/all-MiniLM-L6-v2"  # another: `syncd reindex --new-space`

[index]
backend = "edge"  # embedded, in the state folder; or "qdrant" with `url`, or "null", which keeps nothing
text = "sealed"  # or "omitted", or "plain": then whoever reads the index reads the text

[[source]]
name = {name}  # part of every document's identity: a renamed source is a new one
root = {root}
include = ["**"]  # patterns as in .gitignore; `exclude` has sensible defaults
allow_everyone = {allow_everyone}  # true: what the file system lets everyone read, every account here may find

# For folders whose modes say nothing: who may read what a pattern matches.
#[[source.acl]]
#glob = "drafts/**"
#readers = ["group:staff", "user:alice"]
"""
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def render(
    *,
    source_name: str,
    root: Path,
    state: Path,
    public_key: str,
    origin: str,
    allow_everyone: bool,
    algorithm: str = "A256GCMSIV",
) -> str:
    """The text of a `config.toml` for the folder `root`.

    Raises ValueError when a path is not UTF-8: TOML has no way to say it.
    """
    return _TEMPLATE.format(
        state=toml_string(str(state)),
        algorithm=toml_string(algorithm),
        origin=toml_string(origin),
        public_key=toml_string(public_key),
        name=toml_string(source_name),
        root=toml_string(str(root)),
        allow_everyone=str(allow_everyone).lower(),
    )


def toml_string(text: str) -> str:
    """`text` as a TOML basic string on one line, whatever it holds; what can't be seen is escaped. Raises ValueError."""
    text.encode()  # lone surrogates stand for bytes that are not UTF-8
    return f'"{"".join(_SHORT.get(char) or (char if char.isprintable() else _escaped(char)) for char in text)}"'


def _escaped(char: str) -> str:
    """`char` by its number."""
    return f"\\u{ord(char):04X}" if ord(char) < 0x10000 else f"\\U{ord(char):08X}"
