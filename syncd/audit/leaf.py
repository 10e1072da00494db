"""A leaf: the exact bytes of one event as the log stores, hashes and proves them, and how to read them back strictly."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from syncd.audit.canonical import Json, decode, encode
from syncd.audit.event import Actor, Event, Phase, is_word

VERSION = 1
"""Of the leaf format."""
ENTROPY_SIZE = 10
"""Random bytes that an event id takes."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HEX = re.compile(r"(?:[0-9a-f]{2})+")
_DECIMAL = re.compile(r"0|[1-9][0-9]*")
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where and when an event is recorded. ts: microseconds since the epoch; entropy: 10 random bytes; actor: the process."""

    seq: int
    ts: int
    mono_ns: int
    boot: str
    install: bytes
    entropy: bytes
    actor: Actor


@dataclass(frozen=True, slots=True)
class Columns:
    """What the ledger repeats of a leaf to find it by; ids as hex, "" where there is none."""

    seq: int
    ts: int
    type: str
    phase: str
    op: str
    run: str
    source: str
    doc: str


def encode_leaf(event: Event, stamp: Stamp) -> bytes:
    """The exact bytes to store and to hash. Raises ValueError when the body is not canonical JSON."""
    leaf: dict[str, Json] = {
        "v": VERSION,
        "seq": stamp.seq,
        "id": event_id(stamp.ts, stamp.entropy),
        "ts": spell_time(stamp.ts),
        # As text: nanoseconds pass 2^53 after 104 days of uptime.
        "mono_ns": str(stamp.mono_ns),
        "boot": stamp.boot,
        "install": stamp.install.hex(),
        "type": event.type,
        "phase": event.phase,
        "op": event.op.hex(),
        "actor": (event.actor or stamp.actor).fields(),
    }
    if event.run is not None:
        leaf["run"] = event.run.hex()
    if event.source is not None:
        leaf["source"] = event.source.hex()
    if event.cause is not None:
        leaf["cause"] = event.cause
    if event.doc is not None:
        leaf["body"] = {**event.body, "doc": event.doc.hex()}
    elif event.body:
        leaf["body"] = dict(event.body)
    return encode(leaf)


def decode_leaf(data: bytes) -> dict[str, Json]:
    """The fields of a leaf. Raises ValueError unless it is canonical and has exactly the envelope of this version."""
    leaf = decode(data)
    if not isinstance(leaf, dict) or leaf.get("v") != VERSION:
        raise ValueError(f"not a leaf of version {VERSION}")
    _check_fields(leaf, _ENVELOPE, _OPTIONAL)
    _check_fields(leaf["actor"], _ACTOR, _ACTOR_OPTIONAL)
    body = leaf.get("body", {})
    if "doc" in body and not _is_hex(body["doc"]):
        raise ValueError(f"field doc is {body['doc']!a:.80}")
    return leaf


def columns_of(leaf: Mapping[str, Json]) -> Columns:
    """What the index columns of a decoded leaf must be. Raises ValueError when its time is no time."""
    text = {name: str(leaf.get(name, "")) for name in ("type", "phase", "op", "run", "source")}
    body, seq = leaf.get("body"), leaf["seq"]
    doc = str(body.get("doc", "")) if isinstance(body, dict) else ""
    return Columns(seq=seq if isinstance(seq, int) else -1, ts=read_time(str(leaf["ts"])), doc=doc, **text)


def event_id(ts: int, entropy: bytes) -> str:
    """A UUIDv7 (RFC 9562) of `ts`, in microseconds, and 10 random bytes, six bits of which give way to version and variant."""
    value = (ts // 1000) << 80 | int.from_bytes(entropy)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def microseconds(moment: datetime) -> int:
    """Microseconds since the epoch. Raises ValueError before it, TypeError for a moment without a zone."""
    ts = (moment - _EPOCH) // _MICROSECOND
    if ts < 0:
        raise ValueError("the clock is before 1970")
    return ts


def spell_time(ts: int) -> str:
    """RFC 3339 in UTC with microseconds."""
    return (_EPOCH + timedelta(microseconds=ts)).isoformat(timespec="microseconds")[:-6] + "Z"


def read_time(text: str) -> int:
    """Microseconds since the epoch of what `spell_time` wrote. Raises ValueError for any other spelling."""
    if not _TIME.fullmatch(text):
        raise ValueError(f"not a time: {text[:40]!a}")
    return microseconds(datetime.fromisoformat(text))


_Test = Callable[[object], bool]


def _matches(pattern: re.Pattern[str]) -> _Test:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_phase(value: object) -> bool:
    return isinstance(value, str) and value in set(Phase)


_is_hex = _matches(_HEX)
_OPTIONAL: Mapping[str, _Test] = {"run": _is_hex, "source": _is_hex, "cause": is_word, "body": _is_object}
_ENVELOPE: Mapping[str, _Test] = {
    "v": _is_count,
    "seq": _is_count,
    "id": _matches(_UUID7),
    "ts": _matches(_TIME),
    "mono_ns": _matches(_DECIMAL),
    "boot": is_word,
    "install": _is_hex,
    "type": is_word,
    "phase": _is_phase,
    "op": _is_hex,
    "actor": _is_object,
}
_ACTOR: Mapping[str, _Test] = {"kind": is_word}
_ACTOR_OPTIONAL: Mapping[str, _Test] = {"uid": _is_count, "auid": _is_count, "via": is_word}


def _check_fields(said: Mapping[str, Json], required: Mapping[str, _Test], optional: Mapping[str, _Test]) -> None:
    """Raise ValueError for a field that is missing, unknown, or not of its form."""
    for name in required.keys() - said.keys():
        raise ValueError(f"no field {name}")
    for name, value in said.items():
        test = required.get(name) or optional.get(name)
        if test is None:
            raise ValueError(f"unknown field {name[:40]!a}")
        if not test(value):
            raise ValueError(f"field {name} is {value!a:.80}")
