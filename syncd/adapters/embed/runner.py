"""Runs a loaded model over texts: batched by model tokens, less at a time when memory runs out; a bad text costs only itself."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syncd.adapters.embed.device import is_out_of_memory
from syncd.adapters.embed.loaded_model import LoadedModel, Tokenised
from syncd.core.batching import Budget, token_batches
from syncd.core.model import Reason, Refusal, Vector

if TYPE_CHECKING:
    import torch

_SORTED_TOGETHER = 1024
_MAX_ROWS = 512
# What a text can make tokenizers and torch raise. Anything else is a fault of ours, and not for one text to bear.
_FAILURES = (ArithmeticError, AssertionError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class _Failure:
    """What went wrong, without the exception: its traceback would keep the tensors of the failed batch alive."""

    name: str
    memory: bool

    @property
    def refusal(self) -> Refusal:
        return Refusal(Reason.EMBEDDING, self.name)


class Runner:
    """One model and its budget: `batch_tokens` padded model tokens a batch, less after the device ran out of memory."""

    def __init__(self, model: LoadedModel, batch_tokens: int) -> None:
        self._model = model
        self._budget = Budget(batch_tokens, batch_tokens)

    @property
    def model(self) -> LoadedModel:
        """The model that runs."""
        return self._model

    @property
    def budget(self) -> Budget:
        """What a batch may hold now."""
        return self._budget

    def vectors(self, texts: Sequence[str], prompt: str, task: str) -> list[Vector | Refusal]:
        """A unit vector a text, in order, or why there is none."""
        results: list[Vector | Refusal] = []
        for start in range(0, len(texts), _SORTED_TOGETHER):
            results += self._together(texts[start : start + _SORTED_TOGETHER], prompt, task)
        return results

    def _together(self, texts: Sequence[str], prompt: str, task: str) -> list[Vector | Refusal]:
        """The same for texts that are tokenised and sorted together."""
        tokenised = self._tokenise(texts, prompt, task)
        if isinstance(tokenised, _Failure):
            if len(texts) == 1:
                return [tokenised.refusal]
            half = len(texts) // 2
            return self._together(texts[:half], prompt, task) + self._together(texts[half:], prompt, task)
        rows, outputs, refused = self._run(tokenised)
        results: dict[int, Vector | Refusal] = {**refused, **dict(zip(rows, _units(outputs), strict=True))}
        return [results[row] for row in range(len(texts))]

    def _run(self, texts: Tokenised) -> tuple[list[int], list["torch.Tensor"], dict[int, Refusal]]:
        """Forward every row: those that came out, their vectors in the same order, and the refusals of the others.

        Out of memory: all that is left is batched again under half the budget. Another failure: the batch is cut in two. Vectors
        stay on the device until the last batch was given to it, so that a GPU never waits for a copy.
        """
        rows: list[int] = []
        outputs: list[torch.Tensor] = []
        refused: dict[int, Refusal] = {}
        queue = deque(token_batches(texts.lengths, self._budget.tokens, _MAX_ROWS))
        while queue:
            batch = queue.popleft()
            output = self._forward(texts, batch)
            if not isinstance(output, _Failure):
                rows += batch
                outputs.append(output)
                self._budget = self._budget.grow()
                continue
            if output.memory:
                self._model.device.empty_cache()
                self._budget = self._budget.halve()
            if len(batch) == 1:
                refused[batch[0]] = output.refusal
            elif output.memory:
                left = [row for waiting in (batch, *queue) for row in waiting]
                again = token_batches([texts.lengths[row] for row in left], self._budget.tokens, _MAX_ROWS)
                queue = deque(tuple(left[place] for place in places) for places in again)
            else:
                half = len(batch) // 2
                queue.extendleft((batch[half:], batch[:half]))
        return rows, outputs, refused

    def _tokenise(self, texts: Sequence[str], prompt: str, task: str) -> Tokenised | _Failure:
        try:
            return self._model.tokenise(texts, prompt, task)
        except _FAILURES as error:
            return _Failure(type(error).__name__, is_out_of_memory(error))

    def _forward(self, texts: Tokenised, rows: Sequence[int]) -> "torch.Tensor | _Failure":
        try:
            return self._model.forward(texts, rows)
        except _FAILURES as error:
            return _Failure(type(error).__name__, is_out_of_memory(error))


def _units(outputs: Sequence["torch.Tensor"]) -> list[Vector | Refusal]:
    """The rows of `outputs`, each divided by its length in float64; one without a length is refused."""
    if not outputs:
        return []
    import numpy as np  # noqa: PLC0415 - loaded already when a model runs
    import torch  # noqa: PLC0415 - as above

    numbers = torch.cat(list(outputs)).cpu().numpy().astype(np.float64)
    lengths = np.sqrt((numbers * numbers).sum(axis=1))
    good = np.isfinite(lengths) & (lengths > 0)
    units = (numbers / np.where(good, lengths, 1.0)[:, None]).astype("<f4")
    return [
        Vector(unit.tobytes()) if fine else Refusal(Reason.EMBEDDING, "NotFinite") for unit, fine in zip(units, good, strict=True)
    ]
