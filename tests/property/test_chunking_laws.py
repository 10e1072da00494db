"""The laws of the chunker, on texts made to be difficult."""

import re
from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.chunking import Sizes, chunk, text_to_embed
from syncd.core.chunking.marks import Rank
from syncd.core.chunking.outline import read
from syncd.core.chunking.ruler import Ruler
from syncd.core.chunking.split import Splitter
from syncd.core.model import Form, Piece

LINES = st.sampled_from(
    [
        *("# Title", "## Deeper `code`", "Under", "=====", "-----", "---", "~~~", "```py", "    indented code"),
        *("- item", "  - nested", "12. ordered", "| a | b |", "|---|---|", "> quoted", "::", ".. note::", ".. code-block:: c"),
        *("   inside", ":field: body", "+---+---+", "}", "def f(x):", "\treturn 1", "", "", "", "  ", "\u2028", "\x0c"),
        *("Sentence one. Sentence two! And a third? Yes.", "word " * 30, "x" * 300, "漢字。漢字。"),
    ]
)
STRUCTURED = st.lists(LINES, max_size=60).map("\n".join)
TEXTS = st.one_of(STRUCTURED, st.text(max_size=400), st.text(alphabet="#-=`~|:. \n\tab1", max_size=400))
FORMS = st.sampled_from(list(Form))


@st.composite
def sizes(draw: st.DrawFn) -> Sizes:
    maximum = draw(st.integers(1, 60))
    return Sizes(draw(st.integers(1, (maximum + 1) // 2)), maximum, draw(st.integers(0, maximum)), draw(st.integers(0, 12)))


def starts_of(text: str) -> list[int]:
    return [found.start() for found in re.finditer(r"\w{1,5}|[^\w\s]", text)]


@st.composite
def tokenised(draw: st.DrawFn) -> tuple[str, list[int]]:
    """A text with offsets as a tokenizer gives them, or any others that are in order."""
    text = draw(TEXTS)
    offsets = st.lists(st.integers(0, max(0, len(text) - 1)), max_size=80).map(sorted) if text else st.just([])
    return text, draw(st.one_of(st.just(starts_of(text)), offsets))


def solid(text: str) -> str:
    return "".join(text.split())


@given(tokenised(), FORMS, sizes())
@settings(max_examples=400, deadline=None)
def test_pieces_cover_the_text_once_and_in_order(given_text: tuple[str, list[int]], form: Form, limits: Sizes) -> None:
    """Nothing but white space is lost, nothing comes twice, and no piece begins or ends with white space."""
    text, starts = given_text
    pieces = chunk(text, form, starts, limits)
    assert [place for piece in pieces for place in (piece.start, piece.end)] == sorted(
        place for piece in pieces for place in (piece.start, piece.end)
    )
    bodies = [text[piece.start : piece.end] for piece in pieces]
    assert all(body and body == body.strip() for body in bodies)
    assert solid("".join(bodies)) == solid(text)


@given(tokenised(), FORMS, sizes())
@settings(max_examples=400, deadline=None)
def test_no_piece_is_over_the_maximum(given_text: tuple[str, list[int]], form: Form, limits: Sizes) -> None:
    """A piece holds more than the maximum only if it is a single character."""
    text, starts = given_text
    for piece in chunk(text, form, starts, limits):
        held = [start for start in starts if piece.start <= start < piece.end]
        assert len(held) <= limits.maximum or len(set(held)) == 1


@given(TEXTS, FORMS, sizes())
@settings(max_examples=200, deadline=None)
def test_what_is_embedded_fits_the_window(text: str, form: Form, limits: Sizes) -> None:
    """Body, heading and blank line together need no more than the maximum and the heading reserve."""
    for piece in chunk(text, form, starts_of(text), limits):
        heading = len(starts_of(piece.heading))
        assert heading <= max(0, limits.heading - 2)
        assert text_to_embed(text, piece).endswith(text[piece.start : piece.end])


@given(TEXTS, FORMS, sizes())
@settings(max_examples=200, deadline=None)
def test_cutting_leaves_no_side_under_the_minimum(text: str, form: Form, limits: Sizes) -> None:
    """A group over the maximum gives pieces of at least the minimum, whatever is in it; one that fits is not cut."""
    ruler = Ruler(starts_of(text), len(text))
    bounds = [0, *Splitter(text, read(text, form), ruler, limits).cuts(0, len(text)), len(text)]
    counts = [ruler.count(left, right) for left, right in pairwise(bounds)]
    if len(counts) > 1:
        assert min(counts) >= limits.minimum
        assert sum(counts) > limits.maximum


@given(TEXTS, FORMS, sizes())
@settings(max_examples=200, deadline=None)
def test_marks_are_in_order_and_begin_lines(text: str, form: Form, limits: Sizes) -> None:
    """A reader marks only beginnings of lines, ascending, each once; verbatim stretches are paired and within the text."""
    outline = read(text, form)
    offsets = [mark.offset for mark in outline.marks]
    assert all(left < right for left, right in pairwise(offsets))
    assert all(offset in {0, len(text)} or text[offset - 1] == "\n" for offset in offsets)
    assert len(outline.verbatim) % 2 == 0
    assert outline.verbatim == sorted(outline.verbatim)
    assert all(0 <= place <= len(text) + 1 for place in outline.verbatim)
    assert all(heading.offset <= heading.start <= heading.end <= len(text) for heading in outline.headings)


def recursive(splitter: Splitter, ruler: Ruler, limits: Sizes, lo: int, hi: int) -> list[int]:
    """Rule 3 as it is written in the design: the best legal boundary, then each side again."""
    if ruler.count(lo, hi) <= limits.maximum:
        return []
    for rank in (Rank.HEADING, Rank.BLOCK, Rank.ITEM):
        found = splitter._ordered(splitter._candidates(lo, hi, lo + 1, hi - 1, rank))
        for _, _, offset in found:
            if ruler.count(lo, offset) >= limits.minimum and ruler.count(offset, hi) >= limits.minimum:
                left, right = (recursive(splitter, ruler, limits, *side) for side in ((lo, offset), (offset, hi)))
                return [*left, offset, *right]
    return []


@given(st.lists(st.sampled_from(["# A", "## B", "## C", "- i", "- j", "para one", "para two", "end"]), min_size=5, max_size=60))
@settings(max_examples=200, deadline=None)
def test_one_pass_equals_the_recursion(blocks: list[str]) -> None:
    """Going through all boundaries once, best first, cuts where the recursion of the design cuts."""
    text = "\n\n".join(blocks) + "\n"
    limits = Sizes(minimum=3, maximum=12, tiny=0, heading=0)
    ruler = Ruler(starts_of(text), len(text))
    splitter = Splitter(text, read(text, Form.MARKDOWN), ruler, limits)
    assert splitter.cuts(0, len(text)) == recursive(splitter, ruler, limits, 0, len(text))


@given(tokenised(), FORMS, sizes())
@settings(max_examples=100, deadline=None)
def test_the_same_text_is_cut_the_same(given_text: tuple[str, list[int]], form: Form, limits: Sizes) -> None:
    """Chunking depends on its arguments alone, and leaves them alone."""
    text, starts = given_text
    kept = list(starts)
    first = chunk(text, form, starts, limits)
    chunk("something else\n\n" * 9, form, list(range(9)), limits)
    assert chunk(text, form, tuple(starts), limits) == first
    assert starts == kept
    assert all(isinstance(piece, Piece) for piece in first)


WORDS = [f"{first}{second}" for first in ("al", "be", "ga", "de", "ep") for second in ("pha", "ta", "mma", "lta", "on")]


@st.composite
def documents(draw: st.DrawFn) -> list[str]:
    """Blocks of an ordinary document: paragraphs under headings, of different lengths and words."""
    dice = draw(st.randoms(use_true_random=False))
    blocks = []
    for number in range(draw(st.integers(10, 80))):
        if dice.random() < 0.15:
            blocks.append("#" * dice.randint(1, 3) + f" {dice.choice(WORDS)} {number}")
        else:
            sentences = [
                " ".join(dice.choice(WORDS) for _ in range(dice.randint(4, 14))).capitalize() + "."
                for _ in range(dice.randint(1, 6))
            ]
            blocks.append(" ".join(sentences))
    return blocks


def embedded(blocks: list[str]) -> Counter[str]:
    text = "\n\n".join(blocks) + "\n"
    pieces = chunk(text, Form.MARKDOWN, starts_of(text), Sizes.for_window(128))
    return Counter(text_to_embed(text, piece) for piece in pieces)


@given(documents(), st.data())
@settings(max_examples=300, deadline=None)
def test_an_edit_changes_only_what_is_near(blocks: list[str], data: st.DataObject) -> None:
    """A sentence added to a paragraph changes at most six chunks, however long the document is.

    Measured, not proved: a count of model tokens decides only whether a stretch fits and whether its ends keep the minimum, so
    that a cut can move only in the stretches around the edit, and in these only within the minimum of an end.
    """
    place = data.draw(st.sampled_from([number for number, block in enumerate(blocks) if block[0] != "#"] or [0]))
    edited = [*blocks[:place], blocks[place] + " A new sentence of ordinary length follows here.", *blocks[place + 1 :]]
    assert (embedded(edited) - embedded(blocks)).total() <= 6


@given(documents(), documents())
@settings(max_examples=100, deadline=None)
def test_what_follows_a_large_section_does_not_matter(blocks: list[str], others: list[str]) -> None:
    """Sections before a heading of the highest level are cut the same whatever comes after it."""
    head = ["# Start", *blocks, "# Enough", "word " * 80, "# After"]
    alone, followed = embedded(head), embedded([*head, *others])
    assert (alone - followed).total() <= 1
