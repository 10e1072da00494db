"""The chunker on texts small enough to read."""

import re
from collections import Counter

import pytest

from syncd.core.chunking import Sizes, chunk, text_to_embed
from syncd.core.model import Form, Piece

SMALL = Sizes(minimum=4, maximum=18, tiny=5, heading=8)


def starts_of(text: str) -> list[int]:
    return [found.start() for found in re.finditer(r"\w+|[^\w\s]", text)]


def cut(text: str, form: Form, sizes: Sizes = SMALL) -> list[str]:
    return [text[piece.start : piece.end] for piece in chunk(text, form, starts_of(text), sizes)]


def test_sizes_of_a_window() -> None:
    """A heading takes an eighth of the window, 32 at most; a body 400 at most; the rest keeps the measured proportion."""
    assert Sizes.for_window(254) == Sizes(minimum=49, maximum=223, tiny=61, heading=31)
    assert Sizes.for_window(8190) == Sizes(minimum=88, maximum=400, tiny=111, heading=32)
    assert Sizes.for_window(1) == Sizes(minimum=1, maximum=1, tiny=0, heading=0)


@pytest.mark.parametrize("window", [0, -3])
def test_no_sizes_for_no_window(window: int) -> None:
    """A model that reads nothing is refused, not divided by."""
    with pytest.raises(ValueError, match="no text"):
        Sizes.for_window(window)


def test_sizes_that_can_not_cut() -> None:
    """A minimum of more than half of what is too large would leave groups that no cut can satisfy."""
    with pytest.raises(ValueError, match="no text"):
        Sizes(minimum=10, maximum=18, tiny=0, heading=0)


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("text", ["", " \n\t\n "])
def test_nothing_has_no_pieces(text: str, form: Form) -> None:
    """A text of white space has no pieces."""
    assert chunk(text, form, [], SMALL) == ()


def test_a_tiny_section_joins_the_next_of_its_level_or_deeper() -> None:
    """Rule 2, and that it never reaches up."""
    text = "# A\n\n## B\n\none two three four five six\n\n## C\n\nx\n\n# D\n\none two three four five six\n"
    assert cut(text, Form.MARKDOWN) == [
        "# A\n\n## B\n\none two three four five six",
        "## C\n\nx",
        "# D\n\none two three four five six",
    ]


def test_tiny_sections_of_one_level_join() -> None:
    """A tiny section joins its sibling, and what was joined before does not count."""
    assert cut("## A\n\nx\n\n## B\n\ny\n\n## C\n\nz\n", Form.MARKDOWN) == ["## A\n\nx\n\n## B\n\ny\n\n## C\n\nz"]


def test_what_precedes_the_first_heading_joins_it_when_tiny() -> None:
    """A preamble is a section of the highest level."""
    assert cut("hi\n\n## B\n\none two three four five\n", Form.MARKDOWN) == ["hi\n\n## B\n\none two three four five"]


def test_the_strongest_boundary_wins() -> None:
    """A group is cut at a heading before a block, at a higher heading before a deeper one, and at a block before an item."""
    words = "one two three four five six seven"
    joined = f"# A\n\n## B\n\n{words}\n\n{words}\n"
    assert cut(joined, Form.MARKDOWN, Sizes(2, 18, 9, 0)) == ["# A", f"## B\n\n{words}\n\n{words}"]
    listed = f"- {words}\n- {words}\n\n{words}\n"
    assert cut(listed, Form.MARKDOWN) == [f"- {words}\n- {words}", words]


def test_an_oversized_paragraph_is_cut_between_sentences() -> None:
    """Prose is cut where a sentence ends, not at a line end, and not after an abbreviation."""
    text = (
        "One two three four, e.g. five six\nseven eight nine ten. Eleven twelve\nthirteen fourteen fifteen sixteen seventeen.\n"
    )
    assert cut(text, Form.MARKDOWN) == [
        "One two three four, e.g. five six\nseven eight nine ten.",
        "Eleven twelve\nthirteen fourteen fifteen sixteen seventeen.",
    ]


def test_oversized_code_is_cut_at_the_line_that_is_indented_least() -> None:
    """Verbatim text is cut between lines, and never after a full stop."""
    text = "def f():\n    # One. Two. Three. Four.\n    a b c d\nb = 1. C\nc d e f g h i j k l\n"
    pieces = cut(text, Form.CODE)
    assert all(text[text.index(piece) - 1] == "\n" for piece in pieces[1:])
    assert pieces[0].count("\n") == 2


def test_an_oversized_line_is_cut_before_words() -> None:
    """What has neither sentences nor lines is cut at model tokens that begin words, as long as there are some."""
    text = " ".join(f"w{number}/x" for number in range(40))
    pieces = cut(text, Form.PLAIN)
    assert " ".join(pieces) == text
    assert max(len(starts_of(piece)) for piece in pieces) <= SMALL.maximum


def test_a_line_without_words_is_cut_at_model_tokens() -> None:
    """Not even a text without white space overruns the model."""
    pieces = chunk("x" * 200, Form.PLAIN, list(range(0, 200, 4)), SMALL)
    assert all(piece.start % 4 == 0 for piece in pieces)
    assert [(left.end, left.end - left.start <= 72) for left in pieces[:-1]] == [(right.start, True) for right in pieces[1:]]


def test_what_has_no_model_tokens_is_bounded_all_the_same() -> None:
    """A word that the tokenizer knows only as unknown, or not at all, does not make a piece of megabytes."""
    pieces = chunk("x" * 100_000, Form.PLAIN, [0], SMALL)
    assert max(piece.end - piece.start for piece in pieces) <= 64 * (SMALL.maximum + 1)
    assert sum(piece.end - piece.start for piece in pieces) == 100_000


def test_many_model_tokens_at_one_character() -> None:
    """A character of many model tokens is kept whole, and cut from its neighbours."""
    pieces = chunk("abc", Form.PLAIN, [0] * 18 + [1] * 30 + [2], SMALL)
    assert [(piece.start, piece.end) for piece in pieces] == [(0, 1), (1, 2), (2, 3)]


def test_no_cut_leaves_less_than_the_minimum() -> None:
    """A small block stays with its large neighbour, which is cut inside instead."""
    text = "One two.\n\n" + " ".join(f"Sentence number {number} here." for number in range(4)) + "\n"
    pieces = cut(text, Form.PLAIN)
    assert len(pieces) == 2
    assert min(len(starts_of(piece)) for piece in pieces) >= SMALL.minimum


def test_headings_and_paths() -> None:
    """A piece knows its nearest heading and what is above it, and siblings are not above it."""
    text = (
        "intro of five words here\n\n# A\n\na b c d e f\n\n## B\n\na b c d e f\n\n### C\n\na b c d e f\n\n## D\n\na b c d e f\n"
    )
    found = [(piece.heading, piece.path) for piece in chunk(text, Form.MARKDOWN, starts_of(text), SMALL)]
    assert found == [("", ()), ("A", ()), ("B", ("A",)), ("C", ("A", "B")), ("D", ("A",))]


def test_a_heading_is_cut_to_its_reserve() -> None:
    """Eight model tokens are set aside, of which two are for the blank line."""
    text = "# a b c d e f g h\n\n" + "x " * 60
    pieces = chunk(text, Form.MARKDOWN, starts_of(text), SMALL)
    assert {piece.heading for piece in pieces} == {"a b c d e f"}
    assert text_to_embed(text, pieces[-1]).startswith("a b c d e f\n\nx x")


@pytest.mark.parametrize(
    ("body", "heading", "repeated"),
    [
        ("## Use of `x`\n\nbody", "Use of `x`", False),
        ("====\n Use\n====\n\nbody", "Use", False),
        ("`x` and y\n---------\nbody", "`x` and y", False),
        ("Two\nlines\n=====\n", "Two lines", False),
        ("body", "Use", True),
        ("### Other\n\nbody", "Use", True),
        ("body", "***", True),
    ],
)
def test_the_heading_is_not_repeated(body: str, heading: str, *, repeated: bool) -> None:
    """The heading goes before a body unless the body begins with it, in whatever markup."""
    text = f"\n {body} \n"
    embedded = text_to_embed(text, Piece(0, len(text), heading))
    assert embedded == (f"{heading}\n\n{body.strip()}" if repeated else body.strip())


def test_identical_blocks_make_identical_pieces() -> None:
    """A run of equal blocks is cut from its beginning in equal pieces, so that a removal within leaves the same texts."""
    block = "the same words again\n\n"
    before, after = (Counter(cut(block * count, Form.PLAIN)) for count in (100, 99))
    assert len(before) <= 3
    assert (after - before).total() <= 2


def test_golden_cut() -> None:
    """The cut of a fixed text never changes unless VERSION does: the paragraph that each piece begins with."""
    text = "".join(f"Paragraph {number} says {number * number}, and no more. It ends here.\n\n" for number in range(40))
    pieces = chunk(text, Form.PLAIN, starts_of(text), Sizes(minimum=20, maximum=90, tiny=25, heading=0))
    numbers = [int(found[1]) for piece in pieces if (found := re.match(r"Paragraph (\d+)", text[piece.start :]))]
    assert numbers == [0, 3, 6, 10, 14, 19, 21, 26, 29, 35, 38]
