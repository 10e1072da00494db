"""How the readers of the forms see the structure of a text."""

from itertools import pairwise

import pytest

from syncd.core.chunking import first_heading
from syncd.core.chunking.marks import Rank
from syncd.core.chunking.outline import read
from syncd.core.model import Form


def marked(text: str, form: Form) -> list[tuple[str, str, int]]:
    outline = read(text, form)
    return [(text[offset:].split("\n", 1)[0].strip(), rank.name, level) for offset, rank, level in outline.marks]


def titles(text: str, form: Form) -> list[tuple[int, str]]:
    return [(heading.level, text[heading.start : heading.end]) for heading in read(text, form).headings]


def test_markdown_headings() -> None:
    """ATX and setext headings are found with their levels, and nothing in a fence, a rule or a list is one."""
    text = (
        "---\ntitle: x\n---\n\n# One #\n\ntext\n***\n\nTwo\n===\n\nThree\nlines\n---\n\n```\n# no\n```\n\n"
        "    # no code\n\n- item\n---\n\n####### no\n#no\n\n###### Six ##x\n"
    )
    assert titles(text, Form.MARKDOWN) == [(1, "One"), (1, "Two"), (2, "Three\nlines"), (6, "Six ##x")]


def test_markdown_blocks() -> None:
    """Paragraphs are blocks; items, rows, and what is indented below an item are items of their depth."""
    text = (
        "Intro\nwrapped\n\n- a\n  more\n  - b\n\n  inside\n\n| h |\n|---|\n| r |\n\nx | y\n--|--\n1 | 2\n\n"
        "```py\na\n\nb\n```\n1986. was\n\n7) seven\n"
    )
    assert marked(text, Form.MARKDOWN) == [
        ("Intro", "BLOCK", 0),
        ("- a", "BLOCK", 0),
        ("- b", "ITEM", 2),
        ("inside", "ITEM", 2),
        ("| h |", "BLOCK", 0),
        ("| r |", "ITEM", 0),
        ("x | y", "BLOCK", 0),
        ("1 | 2", "ITEM", 0),
        ("```py", "BLOCK", 0),
        ("b", "ITEM", 1),
        ("1986. was", "BLOCK", 0),
        ("7) seven", "ITEM", 0),
    ]


def test_an_unclosed_fence_runs_to_the_end() -> None:
    """What follows a fence that nothing closes is verbatim."""
    text = "x\n\n~~~\n```\n# no"
    assert titles(text, Form.MARKDOWN) == []
    assert read(text, Form.MARKDOWN).verbatim == [3, len(text)]


def test_a_longer_fence_holds_a_shorter_one() -> None:
    """A fence ends with as many signs as it began with, or more."""
    assert titles("````\n```\n# no\n````\n# yes\n", Form.MARKDOWN) == [(1, "yes")]


def test_indented_code_ends_where_indentation_does() -> None:
    """The verbatim stretch is exactly the indented lines."""
    text = "a\n\n    one\n\n    two\n\nb\n"
    outline = read(text, Form.MARKDOWN)
    assert [text[start:end].split() for start, end in zip(*[iter(outline.verbatim)] * 2, strict=True)] == [["one", "two"]]


def test_rst_headings() -> None:
    """Levels follow the order in which adornments appear; transitions, tables and literal blocks are no headings."""
    text = (
        "=====\n Top\n=====\n\nFirst\n=====\n\nx::\n\n    No\n    --\n\nDeep\n----\n\n----\n\n"
        "====  ====\na     b\n====  ====\n\nSecond\n======\n\nShort\n--\n"
    )
    assert titles(text, Form.RST) == [(1, " Top"), (2, "First"), (3, "Deep"), (2, "Second")]


def test_rst_blocks() -> None:
    """Directives hold items, literal blocks are verbatim, items follow one another."""
    text = (
        "Para\n\n- a\n- b\n\n.. note::\n\n   Inside.\n\n   More.\n\n"
        ".. code-block:: c\n\n   x;\n\n   y;\n\nEnd::\n\n  lit\n\nAfter\n"
    )
    assert marked(text, Form.RST) == [
        ("Para", "BLOCK", 0),
        ("- a", "BLOCK", 0),
        ("- b", "ITEM", 0),
        (".. note::", "BLOCK", 0),
        ("Inside.", "ITEM", 3),
        ("More.", "ITEM", 3),
        (".. code-block:: c", "BLOCK", 0),
        ("x;", "ITEM", 3),
        ("y;", "ITEM", 3),
        ("End::", "BLOCK", 0),
        ("lit", "ITEM", 2),
        ("After", "BLOCK", 0),
    ]
    verbatim = read(text, Form.RST).verbatim
    assert [text[start:end].split() for start, end in zip(*[iter(verbatim)] * 2, strict=True)] == [["x;", "y;"], ["lit"]]


def test_code_blocks() -> None:
    """A line at the margin after a blank one is a block, an indented one an item; a closing bracket belongs to what it closes."""
    text = "import a\n\ndef f():\n    x\n\n    y\n\nint g() {\n\n}\nint h() {\n}\n"
    assert marked(text, Form.CODE) == [
        ("def f():", "BLOCK", 0),
        ("y", "ITEM", 4),
        ("int g() {", "BLOCK", 0),
        ("int h() {", "ITEM", 0),
    ]


@pytest.mark.parametrize(
    ("text", "form", "title"),
    [
        ("x\n\n# The *title*\n\n# Other", Form.MARKDOWN, "The *title*"),
        ("#\n\n# Two", Form.MARKDOWN, "Two"),
        ("T\n=\n", Form.RST, "T"),
        ("# comment\n", Form.CODE, None),
        ("x " * 20_000 + "\n\n# late", Form.MARKDOWN, None),
        ("# " + "y" * 9_000, Form.MARKDOWN, "y" * 300),
    ],
)
def test_first_heading(text: str, form: Form, title: str | None) -> None:
    """The title of a document is its first heading with words, near its top."""
    assert first_heading(text, form) == title


def test_ranks_order_as_designed() -> None:
    """Heading > block > item > sentence, and what comes below is weaker still."""
    assert [rank.name for rank in sorted(Rank)][:4] == ["HEADING", "BLOCK", "ITEM", "SENTENCE"]
    assert all(left < right for left, right in pairwise(Rank))
