"""What a model's files say of it, without loading it: dimension, window, prompts, and the digest that makes its space."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from syncd.adapters.embed.model_location import locate
from syncd.errors import ModelUnavailable

_FORMAT = "syncd space 1"
_WEIGHTS = "model*.safetensors"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_SETTINGS = (
    "config.json",
    "sentence_bert_config.json",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
)
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")
_POOLING_MODES = "pooling_mode_"
_NO_LENGTH = 1_000_000  # tokenizers without a limit write 1e30

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A sentence-transformers model on disk.

    dimension: numbers in a vector. max_length: model tokens it reads, special ones and prompt included.
    digests: SHA-256 in hexadecimal of every file that decides a vector, by its path in the model.
    prompts: what the model wants before a text, "" where it wants nothing.
    """

    model: str
    folder: Path
    tokenizer: Path
    dimension: int
    max_length: int
    document_prompt: str
    query_prompt: str
    digests: Mapping[str, str]

    def space(self, document_prompt: str, window: int) -> bytes:
        """32 bytes: digest of all that makes a stored vector what it is.

        Not of paths, names, documentation, versions of libraries, the device or its precision (bf16 and fp32 mix safely), nor of
        the query prompt, which no stored vector ever saw.
        """
        description = {
            "format": _FORMAT,
            "files": dict(self.digests),
            "dimension": self.dimension,
            "window": window,
            "document_prompt": document_prompt,
            "normalisation": "unit",
            "precision": "float",
        }
        return hashlib.sha256(json.dumps(description, sort_keys=True, separators=(",", ":")).encode()).digest()


@dataclass(frozen=True, slots=True)
class _Module:
    """One step of a model: the name of its class, and the folder with its files, relative to the model's."""

    kind: str
    path: str


def read_model(model: str, revision: str | None = None) -> ModelFiles:
    """Locate `model` and read what its files say (the weights are hashed: about 0.1 s for 90 MB). Raises ModelUnavailable."""
    location = locate(model, revision)
    try:
        files = _read(model, location.folder)
    except OSError as error:
        detail = f"{Path(error.filename).name if error.filename else 'a file'}: {error.strerror}"
        raise ModelUnavailable(model=model, detail=detail) from error
    except (ValueError, TypeError, KeyError) as error:
        raise ModelUnavailable(model=model, detail=f"its files make no sense: {error}") from error
    for name, pinned in location.pinned.items():
        if files.digests.get(name) != pinned:
            raise ModelUnavailable(model=model, detail=f"{name} of its package is not the file that syncd knows")
    return files


def _read(model: str, folder: Path) -> ModelFiles:
    modules = list(_modules(folder))
    if not modules or modules[0].kind != "Transformer":
        raise ValueError("modules.json does not begin with a Transformer")
    first = folder / modules[0].path
    for name in ("config.json", "tokenizer.json"):
        _json(first / name)
    settings = _json(folder / "config_sentence_transformers.json", optional=True)
    prompts, fallback = _prompts(settings)
    return ModelFiles(
        model=model,
        folder=folder,
        tokenizer=first / "tokenizer.json",
        dimension=_dimension(folder, modules, settings.get("truncate_dim")),
        max_length=_max_length(first),
        document_prompt=next((prompts[name] for name in _DOCUMENT_PROMPTS if prompts.get(name)), fallback),
        query_prompt=prompts.get("query") or fallback,
        digests=_digests(folder, modules),
    )


def _modules(folder: Path) -> Iterator[_Module]:
    """The steps in order, each checked: classes of sentence-transformers only, inside the folder, no weights but safetensors."""
    for entry in json.loads((folder / "modules.json").read_text("utf-8")):
        kind, path = str(entry["type"]), str(entry["path"])
        if not kind.startswith("sentence_transformers."):
            raise ValueError(f"{kind} is code of the model, which syncd never runs")
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise ValueError("a module lies outside the model")
        module = _Module(kind.rpartition(".")[2], path)
        _refuse_unsafe(folder / path, module.kind)
        yield module


def _refuse_unsafe(folder: Path, kind: str) -> None:
    if not any(folder.glob(_WEIGHTS)) and (kind == "Transformer" or any(any(folder.glob(pickle)) for pickle in _PICKLES)):
        raise ValueError("its weights are not in safetensors, and opening a pickle runs what is in it")
    if (folder / "adapter_config.json").exists():
        raise ValueError("it is an adapter over another model; merge them first")


def _dimension(folder: Path, modules: list[_Module], truncated: object) -> int:
    """What comes out of the last step that says a size, cut where the model asks for it."""
    dimension = 0
    for module in modules:
        if module.kind == "Pooling":
            config = _json(folder / module.path / "config.json")
            size = config.get("embedding_dimension") or config.get("word_embedding_dimension")
            dimension = _positive(size, "its pooling has no dimension") * _pooling_modes(config)
        elif module.kind == "Dense":
            dimension = _positive(_json(folder / module.path / "config.json").get("out_features"), "a dense step has no size")
    _positive(dimension, "no step of it says how long a vector is")
    return dimension if truncated is None else min(dimension, _positive(truncated, "truncate_dim is not a size"))


def _pooling_modes(config: Json) -> int:
    """How many pooled vectors are concatenated."""
    modes = config.get("pooling_mode")
    if modes is not None:
        return 1 if isinstance(modes, str) else len(_strings(modes))
    return max(1, sum(value is True for key, value in config.items() if key.startswith(_POOLING_MODES)))


def _max_length(folder: Path) -> int:
    """Model tokens that the transformer reads: its own setting, else the least that tokenizer and positions allow."""
    own = _json(folder / "sentence_bert_config.json", optional=True).get("max_seq_length")
    if own is not None:
        return _positive(own, "max_seq_length is not a length")
    limits = [
        _json(folder / "tokenizer_config.json", optional=True).get("model_max_length"),
        _json(folder / "config.json").get("max_position_embeddings"),
    ]
    lengths = [limit for limit in limits if isinstance(limit, int) and 0 < limit < _NO_LENGTH]
    if not lengths:
        raise ValueError("they don't say how much text it reads")
    return min(lengths)


def _prompts(settings: Json) -> tuple[dict[str, str], str]:
    """The prompts by name, and the one for texts that no name fits."""
    recorded = settings.get("prompts") or {}
    if not isinstance(recorded, dict):
        raise TypeError("prompts is not a table")
    prompts = {str(name): str(prompt or "") for name, prompt in recorded.items()}
    return prompts, prompts.get(str(settings.get("default_prompt_name")), "")


def _digests(folder: Path, modules: list[_Module]) -> dict[str, str]:
    """Of modules.json, and of weights, configuration and tokenizer of each step."""
    names = {"modules.json"}
    for module in modules:
        home = folder / module.path
        found = [*home.glob(_WEIGHTS), *(home / name for name in _SETTINGS if (home / name).is_file())]
        names |= {file.relative_to(folder).as_posix() for file in found}
    return {name: _sha256(folder / name) for name in sorted(names)}


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _json(file: Path, *, optional: bool = False) -> Json:
    """The object in `file`; an empty one where it may be missing and is."""
    if optional and not file.exists():
        return {}
    content = json.loads(file.read_text("utf-8"))
    if not isinstance(content, dict):
        raise TypeError(f"{file.name} is not an object")
    return content


def _positive(value: object, complaint: str) -> int:
    if not isinstance(value, int) or value < 1:
        raise ValueError(complaint)
    return value


def _strings(value: object) -> list[str]:
    if not isinstance(value, list):
        raise TypeError("pooling_mode is neither a name nor a list")
    return [str(item) for item in value]
