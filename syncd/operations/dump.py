"""`dump`: every live chunk, read back from the index."""

from collections.abc import Iterator
from dataclasses import dataclass

from syncd.errors import Exit
from syncd.operations.desk import Desk
from syncd.operations.operation import Caller, Gives, Operation, Reply, Role, Series
from syncd.operations.payloads.documents import ChunkGiven
from syncd.operations.words import counted
from syncd.retrieval.dump import DumpedChunk


@dataclass(frozen=True, slots=True)
class DumpRequest:
    """Nothing to say."""


def dump(desk: Desk, caller: Caller, request: DumpRequest) -> Series:  # noqa: ARG001 - the signature of every operation
    """Key, span, digests of text and vector, permitted readers of every chunk; ids and seals are left out."""
    series = Series("chunks", iter(()))
    reading = desk.serving.dump()

    def chunks() -> Iterator[ChunkGiven]:
        missing = 0
        for chunk in reading.chunks():
            if isinstance(chunk, DumpedChunk):
                yield _shown(chunk)
            else:
                missing += 1
        if missing:
            lost = f"recorded, but missing in the index: {counted(missing, 'chunk')}. Next: `syncd reconcile --repair`."
            series.reply = Reply({}, Exit.INTEGRITY, (lost,))

    series.items = chunks()
    return series


def _shown(chunk: DumpedChunk) -> ChunkGiven:
    return {
        "source": chunk.source,
        "key": chunk.key,
        "span": list(chunk.span),
        "text_sha256": chunk.text_sha256,
        "vector_sha256": chunk.vector_sha256,
        "readers": list(chunk.readers),
    }


DUMP = Operation(
    "dump", "Read every live chunk back from the index.", DumpRequest, frozenset({Role.ADMIN}), dump, Gives(item=ChunkGiven)
)
