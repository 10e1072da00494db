"""Choosing a device and knowing when its memory ran out."""

import pytest
import torch

from syncd.adapters.embed.device import choose_device, cpu_flags, cpu_precision, is_out_of_memory


def test_a_cpu_that_multiplies_bf16_uses_it() -> None:
    """bf16 with AMX or AVX512_BF16, fp32 with anything less: emulated bf16 is slower."""
    assert cpu_precision({"avx2", "amx_bf16"}) == "bfloat16"
    assert cpu_precision({"avx512f", "avx512_bf16"}) == "bfloat16"
    assert cpu_precision({"avx2", "avx512f", "avx512_vnni"}) == "float32"
    assert cpu_precision(set()) == "float32"


def test_the_cpu_is_always_there() -> None:
    """Asking for the CPU gives it, with a small batch and the precision of its flags."""
    device = choose_device("cpu")
    assert (device.name, device.kind, device.batch_tokens) == ("cpu", "cpu", 2048)
    assert device.precision == cpu_precision(cpu_flags())
    device.empty_cache()


def test_autocast_rounds_products_only_where_asked() -> None:
    """Under bf16 a matrix product is bf16, under fp32 it is fp32."""
    device = choose_device("cpu")
    ones = torch.ones(2, 2)
    with device.autocast():
        assert (ones @ ones).dtype == getattr(torch, device.precision)


def test_a_device_that_is_not_here_is_refused() -> None:
    """A device that torch can't reach is refused by name instead of falling back in silence."""
    with pytest.raises(ValueError, match="there is no device tpu:3 here"):
        choose_device("tpu:3")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
        MemoryError(),
    ],
)
def test_running_out_of_memory_is_told(error: Exception) -> None:
    """Every device's way of saying that memory ran out is understood."""
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA error: an illegal memory access was encountered"), ValueError("out of memory"), IndexError("9")]
)
def test_other_failures_are_not_about_memory(error: Exception) -> None:
    """Halving the batch would not help against these."""
    assert not is_out_of_memory(error)


def test_torch_really_says_so() -> None:
    """What this torch raises for an allocation that can't be is told as running out of memory."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**59, dtype=torch.float64)
    assert is_out_of_memory(caught.value)
