"""Embedding, against SentenceTransformer.encode at its defaults: one process, alternating rounds, so that ratios can be trusted.

    python benchmarks/embedding.py [--texts 96] [--rounds 5] [--device cpu]

Prints a line per variant with the median of its rounds: texts a second (wall), CPU milliseconds a text, and both as ratios to
encode() of the same round (above 1 is better); then the least cosine to encode(). Texts are Python and prose of this repository,
cut to 206 to 254 model tokens.
"""

import argparse
import hashlib
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from syncd.adapters.embed.device import Device, choose_device
from syncd.adapters.embed.hash import HashEmbedder
from syncd.adapters.embed.loaded_model import LoadedModel
from syncd.adapters.embed.model_files import read_model
from syncd.adapters.embed.model_location import DEFAULT_MODEL
from syncd.adapters.embed.model_tokens import ModelTokens
from syncd.adapters.embed.runner import Runner


def texts_of(tokens: ModelTokens, count: int) -> list[str]:
    """`count` texts of 206 to 254 model tokens, 230 in the mean; the same ones for the same repository."""
    text = "\n".join(file.read_text("utf-8") for file in sorted(Path(__file__).parents[1].glob("syncd/**/*.py")))
    starts = tokens.offsets(text[: count * 2000])
    texts = []
    for number in range(count):
        at = number * 254 % (len(starts) - 255)
        texts.append(text[starts[at] : starts[at + 206 + number * 17 % 49]])
    return texts


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of `work`."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def matrix(vectors: Sequence[object]) -> np.ndarray:
    """Vectors as rows; a refusal fails here."""
    return np.stack([np.frombuffer(vector, "<f4") for vector in vectors if isinstance(vector, bytes)])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device")
    options = parser.parse_args()

    wall, _ = measured(lambda: read_model(DEFAULT_MODEL))
    files = read_model(DEFAULT_MODEL)
    print(f"locate, read and hash the model's files: {wall * 1000:.0f} ms")
    texts = texts_of(ModelTokens(files.tokenizer), options.texts)
    hashing = HashEmbedder()
    thousand = ["".join(texts)[start : start + 1000] for start in range(0, 50_000, 1000)]
    hashing.embed(thousand)
    wall = min(measured(lambda: hashing.embed(thousand))[0] for _ in range(5))
    print(f"hash embedder, a text of 1,000 characters: {wall / len(thousand) * 1e6:.0f} us")

    model = LoadedModel(files, options.device)
    device = choose_device(options.device)
    variants: dict[str, Callable[[], np.ndarray]] = {
        "encode() defaults": lambda: np.asarray(model.module.encode(texts, show_progress_bar=False)),
    }
    for precision in dict.fromkeys(("float32", device.precision)):
        variants[f"syncd {precision}"] = lambda precision=precision: run(
            model, Device(device.name, precision, device.batch_tokens), texts
        )
    results = {name: work() for name, work in variants.items()}
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
    for _ in range(options.rounds):
        for name, work in variants.items():
            rounds[name].append(measured(work))
    base = rounds["encode() defaults"]
    corpus = hashlib.sha256("".join(texts).encode()).hexdigest()[:12]
    print(f"{device.name}, {len(texts)} texts, {options.rounds} rounds, corpus {corpus}")
    for name, figures in rounds.items():
        rate = len(texts) / statistics.median(wall for wall, _ in figures)
        cpu = statistics.median(cpu for _, cpu in figures) / len(texts) * 1000
        ratio = [statistics.median(b[i] / f[i] for b, f in zip(base, figures, strict=True)) for i in (0, 1)]
        cosine = float((results[name] * results["encode() defaults"]).sum(axis=1).min())
        print(f"{name:20} {rate:7.1f} texts/s  {cpu:6.1f} CPU ms  x{ratio[0]:.2f} wall  x{ratio[1]:.2f} CPU  cosine {cosine:.6f}")


def run(model: LoadedModel, device: Device, texts: list[str]) -> np.ndarray:
    """Vectors of `texts` as syncd batches them on `device`."""
    model.device = device
    return matrix(Runner(model, device.batch_tokens).vectors(texts, "", "document"))


if __name__ == "__main__":
    main()
