"""C2SP signed notes and tlog checkpoints: text that a key has signed, in the formats of certificate transparency.

A note is text, a blank line, signature lines. A checkpoint is a note whose text is origin, size, root. Only Ed25519 (0x01).
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from syncd.audit.merkle import HASH_SIZE

_ED25519 = b"\x01"
_KEY_ID_SIZE = 4
_PUBLIC_SIZE = 32
_SIGNATURES_LIMIT = 100
"""More signature lines than that in a note is no note, as in Go's reader."""
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIGNATURE = re.compile(r"— (?P<name>[^\s+]+) (?P<value>[A-Za-z0-9+/]+={0,2})")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key by which notes are believed: its name (for a log its origin), and 32 bytes of Ed25519.

    `str()` of it is the verifier key that an auditor pins: name+key id+base64. Raises ValueError when name or key can't be.
    """

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not self.name or _CONTROL.search(self.name) or "+" in self.name or self.name.split() != [self.name]:
            raise ValueError(f"a key name must be text without spaces and '+': {self.name!a}")
        if len(self.public) != _PUBLIC_SIZE:
            raise ValueError(f"an Ed25519 public key has {_PUBLIC_SIZE} bytes, not {len(self.public)}")

    @classmethod
    def parse(cls, text: str) -> "Verifier":
        """The verifier key that `text` spells. Raises ValueError unless it is well formed and its key id is right."""
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise ValueError("a verifier key is name+key id+base64")
        name, key_id, encoded = parts
        key = _unbase64(encoded)
        if key[:1] != _ED25519:
            raise ValueError("not an Ed25519 verifier key")
        verifier = cls(name, key[1:])
        if verifier.key_id.hex() != key_id:
            raise ValueError("the key id does not belong to name and key")
        return verifier

    @property
    def key_id(self) -> bytes:
        """Four bytes that, with the name, say which key a signature line is by. A hint, not a digest to rely on."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_KEY_ID_SIZE]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_base64(_ED25519 + self.public)}"

    def open(self, note: str) -> str:
        """The text of `note`. Raises ValueError unless it is well formed and signed by this key."""
        text, signatures = _parse(note)
        mine = [value[_KEY_ID_SIZE:] for name, value in signatures if (name, value[:_KEY_ID_SIZE]) == (self.name, self.key_id)]
        if not mine:
            raise ValueError("not signed by the pinned key")
        public = Ed25519PublicKey.from_public_bytes(self.public)
        for signature in mine:
            try:
                public.verify(signature, text.encode())
            except InvalidSignature as error:
                raise ValueError("the signature is not by the pinned key") from error
        return text


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key that signs notes under a name: 32 bytes of Ed25519 seed, never shown."""

    name: str
    seed: bytes = field(repr=False)

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """The note of `text`. Raises ValueError for text that can't be in a note."""
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        note = f"{text}\n— {self.name} {_base64(self.verifier.key_id + signature)}\n"
        if _parse(note)[0] != text:
            raise ValueError("a note's text ends in a newline")
        return note


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: `root` is the hash over its first `size` leaves."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """The checkpoint that a note's text spells. Raises ValueError unless that is its only spelling."""
        *lines, end = text.split("\n")
        if end or len(lines) < 3 or not all(lines):
            raise ValueError("a checkpoint is three or more lines, none of them empty")
        origin, size, encoded, *extensions = lines
        if not _DECIMAL.fullmatch(size):
            raise ValueError(f"not a size: {size[:40]!a}")
        root = _unbase64(encoded)
        if len(root) != HASH_SIZE:
            raise ValueError(f"a root has {HASH_SIZE} bytes, not {len(root)}")
        return cls(origin, int(size), root, tuple(extensions))

    @property
    def text(self) -> str:
        """The note text that spells it."""
        return "".join(f"{line}\n" for line in (self.origin, str(self.size), _base64(self.root), *self.extensions))


def note_text(note: str) -> str:
    """The text of a well-formed note, whoever signed it. Raises ValueError when it is not well formed."""
    return _parse(note)[0]


def _parse(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Text and signatures (name, key id + signature) of a note. Raises ValueError when it is not well formed."""
    note.encode()  # text with a lone surrogate is not UTF-8: UnicodeEncodeError is a ValueError
    if _CONTROL.search(note):
        raise ValueError("a control character in a note")
    text, blank, tail = note.rpartition("\n\n")
    *lines, end = tail.split("\n")
    if not blank or end or not lines:
        raise ValueError("a note is text, a blank line, signature lines")
    if len(lines) > _SIGNATURES_LIMIT:
        raise ValueError(f"more than {_SIGNATURES_LIMIT} signatures")
    return f"{text}\n", [_parse_signature(line) for line in lines]


def _parse_signature(line: str) -> tuple[str, bytes]:
    """Name and key id + signature of a signature line."""
    found = _SIGNATURE.fullmatch(line)
    if not found:
        raise ValueError(f"not a signature line: {line[:80]!a}")
    value = _unbase64(found["value"])
    if len(value) <= _KEY_ID_SIZE:
        raise ValueError("a signature without a key id")
    return found["name"], value


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unbase64(text: str) -> bytes:
    """The bytes of standard base64. Raises ValueError for any other than the one spelling of them."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {text[:80]!a}") from error
    if _base64(data) != text:
        raise ValueError(f"not the one base64 spelling: {text[:80]!a}")
    return data
