"""Length-prefixed concatenation: the one encoding under every MAC, key derivation and AAD (security.md, `TLV`).

Each part is preceded by its length as four bytes, big endian, so no two different lists of parts encode alike.
"""

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
    pieces: list[bytes] = []
    for part in parts:
        piece = encode_part(part)
        pieces += (len(piece).to_bytes(4, "big"), piece)
    return b"".join(pieces)
