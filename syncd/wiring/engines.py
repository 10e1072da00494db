"""The engines that a configuration names: of vectors, and of the index. Each is imported when it is wanted."""

from pathlib import Path

from syncd.config import Embedder as EmbedderConfig
from syncd.config.model import Index as IndexConfig
from syncd.errors import KeyMissing
from syncd.ports import Embedder, VectorIndex

MIB = 1 << 20


def make_index(settings: IndexConfig, place: Path) -> VectorIndex:
    """What `settings` name. place: where the embedded engine keeps what it has."""
    match settings.backend:
        case "edge":
            from syncd.adapters.index.edge import EdgeIndex

            return EdgeIndex(place, free_bytes=settings.min_free_mib * MIB)
        case "qdrant":
            from syncd.adapters.index.qdrant import QdrantIndex

            return QdrantIndex(settings.url or "", api_key=_secret(settings.api_key_file))
        case "null":
            from syncd.adapters.index.null import NullIndex

            return NullIndex()


def make_embedder(settings: EmbedderConfig) -> Embedder:
    """What `settings` name; nothing is loaded yet."""
    if settings.backend == "hash":
        from syncd.adapters.embed.hash import HashEmbedder

        return HashEmbedder(settings.revision)
    from syncd.adapters.embed.sentence_transformer import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder(
        settings.model,
        device=None if settings.device == "auto" else settings.device,
        batch_tokens=settings.batch_tokens,
        revision=settings.revision or None,
    )


def _secret(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise KeyMissing(file=path) from error
