"""Events and their leaves: what is written from the first one on."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from syncd.audit.canonical import encode
from syncd.audit.event import Actor, Event, EventType, Phase
from syncd.audit.leaf import Stamp, columns_of, decode_leaf, encode_leaf, event_id, microseconds, read_time, spell_time

STAMP = Stamp(
    seq=7,
    ts=1_714_564_800_123_456,
    mono_ns=2**53 + 1,
    boot="0a1b-2c3d",
    install=b"\x01\x02",
    entropy=bytes(10),
    actor=Actor("process", uid=990),
)
FULL = Event(
    EventType.DOC_SYNCED,
    Phase.INTENT,
    op=b"\xab\xcd",
    run=b"\x01",
    source=b"\x02",
    doc=b"\x03",
    cause="schedule",
    actor=Actor("user", uid=1000, auid=1001, via="cli"),
    body={"chunks": {"embedded": 3}},
)
BARE = Event(EventType.GUARD_HALTED, Phase.OUTCOME, op=b"\xab")


def test_a_leaf_is_exactly_these_bytes():
    """The format, byte for byte: whoever changes it changes its version."""
    assert encode_leaf(FULL, STAMP) == (
        b'{"actor":{"auid":1001,"kind":"user","uid":1000,"via":"cli"},"body":{"chunks":{"embedded":3},"doc":"03"},'
        b'"boot":"0a1b-2c3d","cause":"schedule","id":"018f3406-9e7b-7000-8000-000000000000","install":"0102",'
        b'"mono_ns":"9007199254740993","op":"abcd","phase":"intent","run":"01","seq":7,"source":"02",'
        b'"ts":"2024-05-01T12:00:00.123456Z","type":"doc.synced","v":1}'
    )


def test_absent_fields_are_left_out():
    """What an event does not say is not in its leaf, and the process is the actor where no other is named."""
    leaf = json.loads(encode_leaf(BARE, STAMP))
    assert leaf.keys() == {"v", "seq", "id", "ts", "mono_ns", "boot", "install", "type", "phase", "op", "actor"}
    assert leaf["actor"] == {"kind": "process", "uid": 990}


@pytest.mark.parametrize("event", [FULL, BARE])
def test_a_leaf_reads_back_and_gives_its_columns(event):
    """The columns of a decoded leaf are those of the event."""
    leaf = decode_leaf(encode_leaf(event, STAMP))
    columns = columns_of(leaf)
    ids = tuple(value.hex() if value else "" for value in (event.op, event.run, event.source, event.doc))
    assert (columns.seq, columns.ts, columns.type, columns.phase) == (7, STAMP.ts, event.type, event.phase)
    assert (columns.op, columns.run, columns.source, columns.doc) == ids


@pytest.mark.parametrize(
    "text", ["a\nb\r\t", "=cmd|' /C calc'!A0", "\u202egnp.exe", "\x00\x1b[31m", "é" * 4096, "\U0001f4a9", "\x7f"]
)
def test_hostile_text_comes_back_unharmed(text):
    """Whatever text a body holds is read back as it was."""
    event = Event(EventType.CONFIG_CHANGED, Phase.OUTCOME, op=b"o", body={"value": text, "list": [text]})
    assert decode_leaf(encode_leaf(event, STAMP))["body"] == {"value": text, "list": [text]}


@pytest.mark.parametrize("body", [{"name": "caf\udce9"}, {"score": 0.5}, {"gone": None}, {"naïve": 1}])
def test_a_body_without_a_single_spelling_is_refused(body):
    """Undecodable names, floats, nulls and keys that are not ASCII are errors of the caller."""
    with pytest.raises(ValueError, match=r"surrogate|type|ASCII"):
        encode_leaf(Event(EventType.CONFIG_CHANGED, Phase.OUTCOME, op=b"o", body=body), STAMP)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Event(EventType.RUN_STARTED, Phase.INTENT, op=b""),
        lambda: Event(EventType.RUN_STARTED, Phase.INTENT, op=b"o", run=b""),
        lambda: Event(EventType.RUN_STARTED, Phase.INTENT, op=b"o", cause="/srv/notes/secret.md"),
        lambda: Event(EventType.RUN_STARTED, Phase.INTENT, op=b"o", cause="Two Words"),
        lambda: Event(EventType.RUN_STARTED, Phase.INTENT, op=b"o", body={"doc": "00"}),
        lambda: Actor("user\n"),
        lambda: Actor("user", via=""),
    ],
)
def test_an_event_that_says_too_much_or_nothing_is_refused(build):
    """Ids are not empty, causes and kinds are words that can't hold a path, a doc is given in one place."""
    with pytest.raises(ValueError, match=r"word|bytes|doc"):
        build()


def test_an_event_id_is_the_published_uuid7():
    """The test vector of RFC 9562, appendix A.6; version and variant bits of the entropy give way."""
    ts = 0x017F22E279B0 * 1000 + 999
    assert event_id(ts, bytes.fromhex("0cc318c4dc0c0c07398f")) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    assert event_id(ts, bytes.fromhex("fcc3d8c4dc0c0c07398f")) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@pytest.mark.parametrize("micro", [0, 1, 999_999, 123_000])
def test_times_are_utc_with_microseconds(micro):
    """A time is spelled with six digits and Z, whatever zone it was given in, and read back exactly."""
    moment = datetime(2024, 2, 29, 23, 59, 59, micro, tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(hours=-7)))
    ts = microseconds(elsewhere)
    assert spell_time(ts) == f"2024-02-29T23:59:59.{micro:06}Z"
    assert read_time(spell_time(ts)) == ts == microseconds(moment)


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01T12:00:00Z",
        "2024-05-01T12:00:00.123Z",
        "2024-05-01T12:00:00.123456+00:00",
        "2024-05-01 12:00:00.123456Z",
        "2024-02-30T12:00:00.123456Z",
        "1969-12-31T23:59:59.999999Z",
        "２024-05-01T12:00:00.123456Z",
        "",
    ],
)
def test_any_other_spelling_of_a_time_is_refused(text):
    """One moment has one spelling."""
    with pytest.raises(ValueError, match=r"time|day|1970"):
        read_time(text)


GOOD = json.loads(encode_leaf(FULL, STAMP))


@pytest.mark.parametrize(
    "change",
    [
        *({name: None} for name in GOOD if name not in {"run", "source", "cause", "body"}),
        {"v": 2},
        {"v": True},
        {"v": "1"},
        {"seq": -1},
        {"seq": "7"},
        {"seq": True},
        {"id": GOOD["id"].replace("-7", "-4", 1)},
        {"ts": "yesterday"},
        {"mono_ns": "1e3"},
        {"boot": "a b"},
        {"install": "0"},
        {"install": "AB"},
        {"type": "Doc Synced"},
        {"phase": "maybe"},
        {"phase": ["intent"]},
        {"op": ""},
        {"run": 1},
        {"source": "xy"},
        {"cause": "/srv"},
        {"actor": "root"},
        {"actor": {}},
        {"actor": {"kind": "user", "name": "alice"}},
        {"actor": {"kind": "user", "uid": -1}},
        {"body": "text"},
        {"body": {"doc": "zz"}},
        {"body": {"doc": 3}},
        {"path": "/srv/notes"},
    ],
)
def test_a_leaf_of_any_other_form_is_refused(change):
    """A leaf in canonical JSON with a field missing (None here), unknown or malformed does not decode."""
    changed = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(ValueError, match=r"field|version"):
        decode_leaf(encode(changed))


@pytest.mark.parametrize("data", [b"[]", b"1", b'"v"', b""])
def test_a_leaf_that_is_no_object_is_refused(data):
    """Other JSON, or none, is no leaf."""
    with pytest.raises(ValueError):
        decode_leaf(data)
