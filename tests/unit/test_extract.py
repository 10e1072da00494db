"""Bytes to text: what counts as text, and what HTML becomes."""

import hashlib
import subprocess
import sys

import pytest

from syncd.adapters.extract.html import to_markdown
from syncd.adapters.extract.kinds import Kind, kind_of
from syncd.adapters.extract.text import TextExtractor
from syncd.core.chunking.outline import read
from syncd.core.model import Content, Extracted, Form, Reason, Refusal


def extract(data: bytes, key: str) -> Extracted | Refusal:
    return TextExtractor().extract(Content(data, hashlib.sha256(data).digest()), key)


def page(markup: str) -> str:
    found = extract(markup.encode(), "page.html")
    assert isinstance(found, Extracted)
    return found.text


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("a/b.md", Kind.MARKDOWN),
        ("a.b/README", Kind.PLAIN),
        ("x.RST", Kind.RST),
        ("x.Html", Kind.HTML),
        ("x.tar.gz", Kind.BINARY),
        ("src/x.py", Kind.LINES),
        ("Makefile", Kind.LINES),
        ("CMakeLists.txt", Kind.LINES),
        (".md", Kind.PLAIN),
        ("x.unheard", Kind.PLAIN),
        ("x.", Kind.PLAIN),
        ("", Kind.PLAIN),
    ],
)
def test_kinds(key: str, kind: Kind) -> None:
    """The last extension of the last part decides, in any case; a dot at the front makes no extension."""
    assert kind_of(key) is kind
    assert TextExtractor().kind(key) == kind.name


@pytest.mark.parametrize(
    ("data", "key", "detail"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a.md", "binary"),
        (b"GIF89a and then only text", "a.txt", "binary"),
        (b"%PDF-1.7 all of it ASCII", "a.txt", "binary"),
        (b"good text", "a.pdf", "binary"),
        (b"good text", "a.DOCX", "binary"),
        (b"good text", "a.zip", "binary"),
        ("héllo".encode("utf-16"), "a.txt", "UTF-16"),
        ("hello world".encode("utf-16-le"), "a.txt", "UTF-16"),
        ("hello world".encode("utf-16-be"), "a.md", "UTF-16"),
        ("hello".encode("utf-32"), "a.txt", "UTF-32"),
        (b"some\x00where in text", "a.txt", "binary"),
        (bytes(range(256)), "a", "binary"),
        (bytes(400), "a.txt", "binary"),
        ("caf\xe9".encode("latin-1"), "a.txt", "not UTF-8 text"),
        (b"\xed\xa0\x80", "a.md", "not UTF-8 text"),
        (b"\x01\x02\x03\x04\x05\x06 text", "a.unheard", "binary"),
        ("<p>caf\xe9".encode("latin-1"), "a.html", "not UTF-8 text"),
    ],
)
def test_what_is_not_text_is_refused(data: bytes, key: str, detail: str) -> None:
    """Content and extension decide, and the refusal says what it is, never a name or text."""
    assert extract(data, key) == Refusal(Reason.FORMAT, detail)


@pytest.mark.parametrize(
    ("data", "key", "text", "form"),
    [
        (b"\xef\xbb\xbf# A\r\nb\r\n", "a.md", "# A\nb\n", Form.MARKDOWN),
        (b"a \rb\t\n\n", "a.unheard", "a \rb\t\n\n", Form.PLAIN),
        (b"x\x0c\x1b[1mbold\x1b[0m\n", "a.log", "x\x0c\x1b[1mbold\x1b[0m\n", Form.CODE),
        (b"one \x01 stray", "a.txt", "one \x01 stray", Form.PLAIN),
        ("naïve 漢".encode(), "a.rst", "naïve 漢", Form.RST),
    ],
)
def test_text_is_kept_as_it_is(data: bytes, key: str, text: str, form: Form) -> None:
    """Only the byte order mark goes, and line ends become those of Unix."""
    found = extract(data, key)
    assert isinstance(found, Extracted)
    assert (found.text, found.form) == (text, form)


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b" \r\n\t\n"])
@pytest.mark.parametrize("key", ["a.md", "a.html", "a.unheard"])
def test_nothing_is_an_empty_text(data: bytes, key: str) -> None:
    """An empty document is no error, it has no chunks."""
    assert extract(data, key) == Extracted("", kind_of(key).form)


def test_an_empty_file_of_any_kind_is_an_empty_text() -> None:
    """No bytes are never the wrong format."""
    assert extract(b"", "a.pdf") == Extracted("", Form.PLAIN)


@pytest.mark.parametrize(
    ("data", "key", "title"),
    [
        (b"x\n\n## Two\n", "a.md", "Two"),
        (b"Top\n===\n", "a.rst", "Top"),
        (b"# no\n", "a.py", None),
        (b"<title>\n A &amp; B </title><h1>No</h1>", "a.html", "A & B"),
        (b"<title> </title><h1>Yes</h1>", "a.html", "Yes"),
        (b"<p>x", "a.html", None),
    ],
)
def test_titles(data: bytes, key: str, title: str | None) -> None:
    """The title is what <title> says, else the first heading."""
    found = extract(data, key)
    assert isinstance(found, Extracted)
    assert found.title == title


def test_html_becomes_markdown() -> None:
    """Headings, paragraphs, items, rows and preformatted text keep their structure; what no reader sees is gone."""
    assert page(
        "<?xml version='1.0' encoding='latin-1'?><!DOCTYPE html><html><head><meta charset=latin-1><title>T</title>"
        "<style>s</style></head><body><nav>menu</nav><h2>Head <i>ing</i><br>two</h2>"
        "<p>Some <b>bo</b>ld é\n  text, <code>x</code>.<br>Line"
        "<!-- no --><script>bad()</script><ul><li>one<li>two<ol><li>in<li>ner</ol><li><p>three</ul>"
        "<pre>def f():\n\n    ```\n</pre><table><caption>Cap</caption><tr><th>a<th>b|c<tr><td>1<br>2<td>H<sub>2</sub>O</table>"
        "<img alt='A picture'><template>no</template><form>q <input value=no><button>no</button></form><dl><dt>term<dd>means</dl>"
    ) == (
        "## Head ing two\n\nSome bold é text, `x`.\nLine\n\n- one\n- two\n   1. in\n   2. ner\n- three\n\n"
        "````\ndef f():\n\n    ```\n````\n\nCap\n\n"
        "| a | b\\|c |\n| --- | --- |\n| 1 2 | H2O |\n\nA picture\n\nq\n\nterm\n\nmeans\n"
    )


def test_a_table_that_lays_out_a_page_is_no_table() -> None:
    """Cells that hold headings or lists are the page itself."""
    assert page("<table><tr><td><h1>A</h1>x<td><ul><li>y</ul></table>") == "# A\n\nx\n\n- y\n"


def test_prose_that_looks_like_markdown_stays_prose() -> None:
    """A page can't make headings, fences or rules out of words, which would hide the structure of what follows."""
    text = page("<p># a</p><p>```</p><p>a<br>===<br>- b</p><p>| c |</p><p>1. d</p><h1>Real</h1><p>#tag -x")
    outline = read(text, Form.MARKDOWN)
    assert [text[heading.start : heading.end] for heading in outline.headings] == ["Real"]
    assert outline.verbatim == []
    assert {mark.rank.name for mark in outline.marks} == {"BLOCK", "HEADING"}


def test_a_page_without_tags_is_a_paragraph() -> None:
    """Text under an HTML name is not taken for a file's name, and its entities are read."""
    assert page("a.txt &amp; b") == "a.txt & b\n"


@pytest.mark.parametrize(
    "tags",
    ["<div>", "<b>", "<ul><li>x", "<table><tr><td>x", "<table><caption>x", "<pre>x", "<h1>x", "</p>x", "<?xml x?>", "<!--x-->"],
)
def test_hostile_depth_costs_no_stack_and_no_square(tags: str) -> None:
    """20,000 open tags are read to the end: nothing recurses, and indentation stays bounded."""
    text = page(tags * 20_000 + "<i>END</i>")
    assert "END" in text
    assert len(text) < 80 * 20_000


def test_a_huge_attribute_and_a_huge_fence() -> None:
    """Megabytes where nobody expects them are read or left out, not multiplied."""
    assert page("<p title='" + "x" * 5_000_000 + "'>END") == "END\n"
    assert len(page("<pre>" + "`" * 1_000_000)) < 3_100_000


def test_what_the_parser_rejects_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that the parser can't read costs only itself."""
    import bs4
    from bs4.exceptions import ParserRejectedMarkup

    def reject(*_: object) -> None:
        raise ParserRejectedMarkup("rejected")

    monkeypatch.setattr(bs4, "BeautifulSoup", reject)
    assert to_markdown("<p>x") == Refusal(Reason.FORMAT, "malformed HTML")


def test_the_version_names_what_reads_html() -> None:
    """A new parser may read the same page differently, so its version is part of the extractor's."""
    import bs4
    import lxml

    version = TextExtractor().version
    assert bs4.__version__ in version
    assert lxml.__version__ in version


def test_the_parser_is_imported_for_html_only() -> None:
    """Markdown needs neither bs4 nor lxml."""
    script = """
import sys
from syncd.adapters.extract.text import TextExtractor
from syncd.core.model import Content
extractor = TextExtractor()
extractor.extract(Content(b"# A", b""), "a.md")
assert not {"bs4", "lxml"} & set(sys.modules)
extractor.extract(Content(b"<p>A", b""), "a.html")
assert {"bs4", "lxml"} <= set(sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
