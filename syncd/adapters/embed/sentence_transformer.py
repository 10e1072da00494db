"""An embedder over a sentence-transformers model: batches, failures and normalising are ours, the arithmetic is the library's."""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from threading import Lock, get_native_id

from syncd.adapters.embed.loaded_model import LoadedModel
from syncd.adapters.embed.model_files import ModelFiles, read_model
from syncd.adapters.embed.model_location import DEFAULT_MODEL
from syncd.adapters.embed.model_tokens import ModelTokens
from syncd.adapters.embed.runner import Runner
from syncd.core.model import Lane, Refusal, Vector
from syncd.errors import EmbeddingFailed, ModelUnavailable

NICE = 10
"""How nice what can wait is to the rest of the machine: a tenth of a share, and all of it when nobody else wants it."""
_PROBE = "Is the embedder well?"


class SentenceTransformerEmbedder:
    """Vectors of one sentence-transformers model, loaded when the first text needs it.

    model: a folder (`/...`, `./...`, `~...`) or a name at the hub. device: as torch names it, None for the best there is.
    batch_tokens: padded model tokens in a batch, None for what suits the device. The prompts replace the model's own.

    The same text has cosine >= 0.9999 with itself in every batch and precision, not the same bits. Threads may share it.
    Everything raises ModelUnavailable when the model's files are missing, unsafe, or don't load.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        device: str | None = None,
        batch_tokens: int | None = None,
        revision: str | None = None,
        document_prompt: str | None = None,
        query_prompt: str | None = None,
    ) -> None:
        self._name = model
        self._device = device
        self._batch_tokens = batch_tokens
        self._revision = revision
        self._document_prompt_given = document_prompt
        self._query_prompt_given = query_prompt
        self._loaded: Runner | None = None
        self._lock = Lock()
        self._embedded = 0

    @property
    def name(self) -> str:
        """The model, for people."""
        return self._name

    @property
    def settings(self) -> str:
        """What it takes to have this embedder again, as JSON."""
        return json.dumps({"backend": "sentence-transformers", "model": self._name, "revision": self._revision or ""})

    @cached_property
    def space(self) -> bytes:
        """32 bytes: digest of the model's files, the document prompt and the window; the same wherever the files came from."""
        return self._files.space(self._document_prompt, self.window)

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return self._files.dimension

    @cached_property
    def window(self) -> int:
        """Model tokens of text that the model reads, special ones and the document prompt taken off."""
        window = self._files.max_length - self._tokens.special
        if self._document_prompt:
            window -= self._tokens.count(self._document_prompt)
        if window < 1:
            raise ModelUnavailable(model=self._name, detail="its prompt leaves no room for text")
        return window

    @property
    def embedded(self) -> int:
        """How many texts were embedded by this object; questions and refused texts are not counted."""
        return self._embedded

    def offsets(self, text: str) -> Sequence[int]:
        """Where each model token of `text` starts, in characters, ascending."""
        return self._tokens.offsets(text)

    def warm(self) -> None:
        """Load, and run the smallest and the largest shape, so that the first text does not wait for it."""
        for text in ("a", "a " * self.window):
            self._runner().vectors([text], self._document_prompt, "document")

    def embed(self, texts: Sequence[str], lane: Lane = Lane.LIVE) -> list[Vector | Refusal]:
        """One vector a text, in order; a text that the model refuses costs only itself. What is backfill yields to all else.

        Raises EmbeddingFailed when no text of the call got a vector, and neither does one that is known to be good.
        """
        if not texts:
            return []
        return self._backstage.submit(self._embed, texts).result() if lane is Lane.BACKFILL else self._embed(texts)

    def _embed(self, texts: Sequence[str]) -> list[Vector | Refusal]:
        results = self._runner().vectors(texts, self._document_prompt, "document")
        refused = sum(isinstance(result, Refusal) for result in results)
        if refused == len(results):  # either every text is bad, or the embedder is: ask it something harmless
            (answer,) = self._runner().vectors([_PROBE], self._document_prompt, "document")
            if isinstance(answer, Refusal):
                raise EmbeddingFailed(detail=answer.detail)
        with self._lock:
            self._embedded += len(results) - refused
        return results

    def query(self, text: str) -> Vector:
        """The vector of a question, with the query prompt. Raises EmbeddingFailed when the model refuses it."""
        given = self._query_prompt_given
        (result,) = self._runner().vectors([text], self._files.query_prompt if given is None else given, "query")
        if isinstance(result, Refusal):
            raise EmbeddingFailed(detail=result.detail)
        return result

    @cached_property
    def _backstage(self) -> ThreadPoolExecutor:
        """The one thread for what can wait: the kernel prefers everything else to it and to the threads that the model starts."""
        return ThreadPoolExecutor(1, "embed-backfill", initializer=_step_back)

    @cached_property
    def _files(self) -> ModelFiles:
        return read_model(self._name, self._revision)

    @cached_property
    def _tokens(self) -> ModelTokens:
        try:
            return ModelTokens(self._files.tokenizer)
        except Exception as error:  # the tokenizers library raises plain Exceptions
            raise ModelUnavailable(model=self._name, detail=f"tokenizer.json: {error}") from error

    @property
    def _document_prompt(self) -> str:
        given = self._document_prompt_given
        return self._files.document_prompt if given is None else given

    def _runner(self) -> Runner:
        """The loaded model; the first to ask loads it, the others wait."""
        with self._lock:
            if self._loaded is None:
                model = LoadedModel(self._files, self._device)
                self._loaded = Runner(model, self._batch_tokens or model.device.batch_tokens)
            return self._loaded


def _step_back() -> None:
    """Have the kernel prefer every other thread to this one; threads that it starts, the model's among them, do as it does."""
    os.setpriority(os.PRIO_PROCESS, get_native_id(), NICE)
