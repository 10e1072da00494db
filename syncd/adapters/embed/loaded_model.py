"""A sentence-transformers model in memory: tokenise once, run any rows of that. The one file that runs the model."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from syncd.adapters.embed.device import Device, choose_device
from syncd.adapters.embed.model_files import ModelFiles
from syncd.adapters.embed.model_tokens import encodable
from syncd.errors import ModelUnavailable

if TYPE_CHECKING:
    import torch

_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",  # the files were located: from here on nothing is looked up or fetched
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "true",  # said aloud, or the library warns in every child that is forked later
}


@dataclass(frozen=True, slots=True)
class Tokenised:
    """Texts as the model reads them, padded to the longest: tensors of shape (texts, longest), and settings for all of them.

    lengths: model tokens of each text, with special ones and prompt.
    """

    features: Mapping[str, Any]
    lengths: tuple[int, ...]


class LoadedModel:
    """The model on its device. Raises ModelUnavailable when it can't be loaded; says nothing on stdout and stderr."""

    def __init__(self, files: ModelFiles, device: str | None) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        try:
            # Ten seconds on a slow machine, so only when a text is there to be embedded.
            import sentence_transformers  # noqa: PLC0415
            import torch  # noqa: PLC0415
            import transformers  # noqa: PLC0415
        except ImportError as error:
            raise ModelUnavailable(model=files.model, detail=f"{error.name or 'a library'} is not installed") from error
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
        try:
            self.device: Device = choose_device(device)
            model = sentence_transformers.SentenceTransformer(
                str(files.folder),
                device=self.device.name,
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True, "dtype": torch.float32},
            )
        except Exception as error:  # a broken file comes as whatever its reader raises, SafetensorError is a plain Exception
            first = str(error).partition("\n")[0]
            raise ModelUnavailable(model=files.model, detail=f"{type(error).__name__}: {first}") from error
        if model.get_embedding_dimension() != files.dimension:
            detail = f"its files say {files.dimension} dimensions, it has {model.get_embedding_dimension()}"
            raise ModelUnavailable(model=files.model, detail=detail)
        if model.max_seq_length != files.max_length:
            model.max_seq_length = files.max_length
        self._torch = torch
        self._dimension = files.dimension
        self._model = model.eval()
        self._reading = Lock()

    @property
    def module(self) -> "torch.nn.Module":
        """The SentenceTransformer itself."""
        module: torch.nn.Module = self._model
        return module

    def tokenise(self, texts: Sequence[str], prompt: str, task: str) -> Tokenised:
        """Each of `texts`, with `prompt` before it, cut to what the model reads."""
        with self._reading:  # a fast tokenizer can't be used by two threads at once
            features = self._model.preprocess([encodable(text) for text in texts], prompt=prompt or None, task=task)
        return Tokenised(features, tuple(features["attention_mask"].sum(dim=1).tolist()))

    def forward(self, texts: Tokenised, rows: Sequence[int]) -> "torch.Tensor":
        """Vectors of `rows`, on the device: shape (rows, dimension), fp32, not normalised by us. Work may still be under way."""
        mask = texts.features["attention_mask"]
        index = self._torch.tensor(rows)
        columns = mask[index].any(dim=0).nonzero()
        begin, end = int(columns[0]), int(columns[-1]) + 1  # padding may be on either side
        batch = {
            name: value[index, begin:end].to(self.device.name, non_blocking=True)
            if isinstance(value, self._torch.Tensor) and value.shape == mask.shape
            else value
            for name, value in texts.features.items()
        }
        with self._torch.inference_mode(), self.device.autocast():
            vectors: torch.Tensor = self._model(batch)["sentence_embedding"].float()
        return vectors[:, : self._dimension]
