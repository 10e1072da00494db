"""The hash embedder: what must hold of it beyond the contract of every embedder."""

import hashlib
import os
import subprocess
import sys
import tracemalloc

import numpy as np

from syncd.adapters.embed.hash import HashEmbedder


def _numbers(vector: object) -> np.ndarray:
    assert isinstance(vector, bytes)
    return np.frombuffer(vector, "<f4")


def test_the_bits_are_pinned() -> None:
    """A text has these very bits on every machine and in every release that keeps the space."""
    embedder = HashEmbedder()
    digest = hashlib.sha256(b"".join(embedder.query(text) for text in ("", "Sync the index.", "Größe café 日本語", "\ud800")))
    assert digest.hexdigest() == "0c448f2dc0228dcbd7ca66bdbb412c32c89ede12391ce565791d5da30825ea47"
    assert embedder.space.hex() == "535ccfa86b465bd148d6eb51872af7d8f77c2acff1d0842df1fd0233b4b53713"


def test_another_process_with_another_hash_seed_gives_the_same_bits() -> None:
    """Nothing depends on Python's randomised hash()."""
    script = "import sys; from syncd.adapters.embed.hash import HashEmbedder as H; print(H().query(sys.argv[1]).hex())"
    text = "one two three four five six seven"
    seen = {
        subprocess.run(
            [sys.executable, "-c", script, text],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert seen == {HashEmbedder().query(text).hex()}


def test_importing_it_does_not_import_numpy() -> None:
    """The command line can name the embedder without paying for numpy."""
    script = "import sys, syncd.adapters.embed.hash; sys.exit('numpy' in sys.modules)"
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == 0


def test_a_text_is_nearer_to_a_question_with_its_words_than_others_are() -> None:
    """Searching works a little: shared words bring texts together, whatever their case and order."""
    embedder = HashEmbedder()
    texts = [
        "The ledger records every document that was indexed.",
        "A watcher notices that a directory changed.",
        "Permissions come from the access control list of the file.",
    ]
    vectors = [_numbers(vector) for vector in embedder.embed(texts)]
    for question, best in (("LEDGER of indexed documents", 0), ("directory watcher", 1), ("file permissions", 2)):
        scores = [float(_numbers(embedder.query(question)) @ vector) for vector in vectors]
        assert int(np.argmax(scores)) == best
        assert max(scores) > sorted(scores)[-2] + 0.1


def test_texts_with_the_same_words_differ() -> None:
    """Order and repetition of words leave a trace: different texts have different vectors."""
    embedder = HashEmbedder()
    texts = ["a b", "b a", "a  b", "a b b", "A b", ""]
    assert len(set(map(bytes, embedder.embed(texts)))) == len(texts)


def test_long_words_are_many_tokens() -> None:
    """No token of `offsets` is longer than eight characters, and blanks belong to none."""
    text = "x" * 20 + "  ab, c\n"
    assert list(HashEmbedder().offsets(text)) == [0, 8, 16, 22, 24, 26]


def test_its_memory_of_words_is_bounded() -> None:
    """Very many different words, or one endless word, don't stay in memory."""
    embedder = HashEmbedder()
    embedder.query("warm")
    tracemalloc.start()
    try:
        for start in range(0, 150_000, 10_000):
            embedder.query(" ".join(f"w{number}" for number in range(start, start + 10_000)))
        embedder.query("y" * 5_000_000)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 8 * 2**20
