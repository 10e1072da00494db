"""Length-prefixed concatenation: the one encoding under every MAC, key derivation and AAD (security.md, `TLV`).

Each part is preceded by its length as four bytes, big endian, so no two different lists of parts encode alike.
"""

from collections.abc import Iterable

Part = bytes | str | int


def encode_part(part: Part) -> bytes:
    """The bytes of one part: text as UTF-8 (undecodable file names keep their bytes), integers as eight bytes."""
    match part:
        case bytes():
            return part
        case str():
            return part.encode("utf-8", "surrogateescape")
        case int():
            return part.to_bytes(8, "big")


def tlv(*parts: Part) -> bytes:
    """Encode `parts` so that the list of parts can be read back without doubt."""
    return tlv_join(encode_part(part) for part in parts)


def tlv_join(parts: Iterable[bytes]) -> bytes:
    """`tlv` over parts that are bytes already."""
    return b"".join([piece for part in parts for piece in (len(part).to_bytes(4, "big"), part)])
