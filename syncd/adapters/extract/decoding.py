"""Bytes to text, or why they are none. syncd reads UTF-8 and guesses nothing: a wrong guess would be indexed as garbage."""

from syncd.core.model import Reason, Refusal

_BOM = b"\xef\xbb\xbf"
_WIDE = {b"\xff\xfe\x00\x00": "UTF-32", b"\x00\x00\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
"""Longest first: the mark of UTF-32 begins with one of UTF-16."""
_SIGNATURES = (b"%PDF-", b"%!PS", b"{\\rtf", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"PK\x03\x04", b"\x7fELF", b"\x1f\x8b")
_SAMPLE = 4096
_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\t\n\v\f\r\b\x1b"))
"""What text does not hold; form feeds, overstrikes and terminal colours occur in manuals and logs."""
_STRAY_CONTROLS = 4
_CONTROL_SHARE = 64
"""More than one in so many bytes is no text."""


def decode(data: bytes) -> str | Refusal:
    """The text of `data` without its byte order mark and with Unix line ends, or a refusal that says what it is instead."""
    for mark, encoding in _WIDE.items():
        if data.startswith(mark):
            return Refusal(Reason.FORMAT, encoding)
    if data.startswith(_SIGNATURES):
        return Refusal(Reason.FORMAT, "binary")
    if b"\x00" in data:
        return Refusal(Reason.FORMAT, _with_nul(data[:_SAMPLE]))
    controls = len(data) - len(data.translate(None, _CONTROLS))
    if controls > max(_STRAY_CONTROLS, len(data) // _CONTROL_SHARE):
        return Refusal(Reason.FORMAT, "binary")
    try:
        text = data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError:
        return Refusal(Reason.FORMAT, "not UTF-8 text")
    return text.replace("\r\n", "\n")


def _with_nul(sample: bytes) -> str:
    """Western text in UTF-16 has a NUL in nearly every other byte, always on the same side, and hardly any on the other."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = max(1, len(sample) // 2)
    return "UTF-16" if max(even, odd) > half * 0.6 and min(even, odd) < half * 0.1 else "binary"
