"""Canonical JSON: what is refused, and that one value has one spelling."""

from enum import IntEnum, StrEnum

import pytest

from syncd.audit.canonical import DEPTH_LIMIT, INT_LIMIT, decode, encode


class Word(StrEnum):
    A = "a"


class Number(IntEnum):
    ONE = 1


def nested(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_the_spelling_is_sorted_and_without_spaces():
    """Keys are sorted, nothing is padded, text is UTF-8 and only what JSON must escape is escaped."""
    value = {"b": [1, True, -5], "a": {"z": "é\u2028\x7f", "B": '"\\/\n\x1f'}, "": ""}
    expected = '{"":"","a":{"B":"\\"\\\\/\\n\\u001f","z":"é\u2028\x7f"},"b":[1,true,-5]}'
    assert encode(value) == expected.encode()
    assert decode(encode(value)) == value


def test_enumerations_are_spelled_as_their_values():
    """Words and numbers of the code are text and numbers in a leaf."""
    assert encode({"word": Word.A, "number": Number.ONE}) == b'{"number":1,"word":"a"}'


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": 1.0}, "float"),
        ({"a": float("nan")}, "float"),
        ({"a": None}, "NoneType"),
        ({"a": b"bytes"}, "bytes"),
        ({"a": {1, 2}}, "set"),
        ({"a": INT_LIMIT}, "2\\^53"),
        ({"a": [-INT_LIMIT]}, "2\\^53"),
        ({"é": 1}, "ASCII"),
        ({1: "a"}, "ASCII"),
        ({"a": [{"é": 1}]}, "ASCII"),
        ({"a": "\ud800"}, "surrogate"),
        (["a", ["\udfff"]], "surrogate"),
        ("\ud83d", "surrogate"),
        (nested(DEPTH_LIMIT + 1), "nested"),
    ],
)
def test_what_has_no_single_spelling_is_refused(value, reason):
    """A value outside of the restricted form is an error that says why."""
    with pytest.raises(ValueError, match=reason):
        encode(value)


def test_a_value_that_contains_itself_is_refused():
    """A cycle ends in the same error as nesting that is too deep."""
    value = []
    value.append(value)
    with pytest.raises(ValueError, match="nested"):
        encode(value)


def test_the_limits_themselves_are_allowed():
    """The largest integers and the deepest nesting pass."""
    for value in ({"a": INT_LIMIT - 1, "b": 1 - INT_LIMIT}, nested(DEPTH_LIMIT)):
        assert decode(encode(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1}',
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b'{"a":1}\n',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":"\\ud800"}',
        b'{"a":1.0}',
        b'{"a":-0}',
        b'{"a":NaN}',
        b'{"a":null}',
        b'{"a":9007199254740992}',
        b'{"a":' + b"1" * 5000 + b"}",
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"[" * 100_000,
        b"",
        b"{",
    ],
)
def test_any_other_spelling_is_refused(data):
    """Bytes that are not exactly what would be written are refused, by ValueError whatever they are."""
    with pytest.raises(ValueError):
        decode(data)
