"""Which device computes, in which precision, and how much a batch may hold there. torch is imported when one is chosen."""

from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_CPUINFO = Path("/proc/cpuinfo")
_BATCH_TOKENS = {"cuda": 32_768, "mps": 8_192, "cpu": 2_048}
_AMPERE = 8  # the first CUDA capability with bf16
# engines.md measured a gain of 2.5 on AMX; an AMD EPYC with AVX512_BF16 alone measured 1.7 to 2.1 over fp32, in the same shapes.
_BF16_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})
_MEMORY_MESSAGES = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")

Precision = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True)
class Device:
    """A device as torch names it, the precision of its matrix products, and its batches in padded model tokens."""

    name: str
    precision: Precision
    batch_tokens: int

    @property
    def kind(self) -> str:
        """`cuda` of `cuda:1`."""
        return self.name.partition(":")[0]

    def autocast(self) -> AbstractContextManager[object]:
        """What the forward pass runs under. Weights and results stay fp32; only products are rounded."""
        if self.precision == "float32":
            return nullcontext()
        import torch  # noqa: PLC0415 - loaded already when something runs here

        return torch.autocast(self.kind, dtype=torch.bfloat16 if self.precision == "bfloat16" else torch.float16)

    def empty_cache(self) -> None:
        """Give back what torch keeps of memory that nothing uses."""
        import torch  # noqa: PLC0415 - as above

        if self.kind == "cuda":
            torch.cuda.empty_cache()
        elif self.kind == "mps":
            torch.mps.empty_cache()


def choose_device(wanted: str | None = None) -> Device:
    """`wanted`, or the best there is. Raises ValueError when `wanted` is not there."""
    import torch  # noqa: PLC0415 - seconds

    present = [
        kind
        for kind, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()), ("cpu", True))
        if there
    ]
    name = wanted or present[0]
    kind = name.partition(":")[0]
    if kind not in present:
        raise ValueError(f"there is no device {name} here, only {' and '.join(present)}")
    precision: Precision = "float32"
    if kind == "cpu":
        precision = cpu_precision(cpu_flags())
    elif kind == "cuda":
        precision = "bfloat16" if torch.cuda.get_device_capability(name)[0] >= _AMPERE else "float16"
    return Device(name, precision, _BATCH_TOKENS[kind])


def cpu_precision(flags: AbstractSet[str]) -> Precision:
    """bf16 where the CPU multiplies it natively; emulated, it is slower than fp32."""
    return "bfloat16" if flags & _BF16_FLAGS else "float32"


def cpu_flags() -> frozenset[str]:
    """What Linux says the CPU can do; nothing where it does not say."""
    try:
        lines = _CPUINFO.read_text("ascii", "replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), ()))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether less at a time might have worked. ("Illegal memory access" is another matter.)"""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _MEMORY_MESSAGES)
