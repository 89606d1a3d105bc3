"""How exactly a GPU computes: float32, or less where decisions stay the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch


class Precision(NamedTuple):
    """One way to compute.

    Attributes:
        name: for people and command lines.
        dtype: of parameters and of what flows between the layers.
        tf32: products of float32 numbers keep ten bits of their fraction (NVIDIA's TensorFloat-32).
        tolerance: golden logits may differ by this much absolutely plus a tenth of it relatively.
    """

    name: str
    dtype: torch.dtype
    tf32: bool
    tolerance: float


FP32 = Precision("fp32", torch.float32, False, 1e-3)
TF32 = Precision("tf32", torch.float32, True, 0.05)
FP16 = Precision("fp16", torch.float16, False, 0.05)
BF16 = Precision("bf16", torch.bfloat16, False, 0.2)

PRECISIONS = {precision.name: precision for precision in (FP32, TF32, FP16, BF16)}

AUTO = "auto"


def candidates(name: str, device: torch.device) -> tuple[Precision, ...]:
    """What to try, in that order; the last one is what must work.

    ``auto`` is float16 on a GPU if the golden windows allow it, else float32. bfloat16 has a larger range, which these
    networks do not need, and an eighth of the resolution.

    Args:
        name: a key of ``PRECISIONS``, or ``auto``.
        device: where it is to run.

    Raises:
        ValueError: there is no such precision, or not on this device.
    """
    if name == AUTO:
        return (FP16, FP32) if device.type == "cuda" else (FP32,)
    if name not in PRECISIONS:
        raise ValueError(f"there is no precision {name!r}; use {AUTO}, {', '.join(PRECISIONS)}")
    if device.type != "cuda" and name != FP32.name:
        raise ValueError(f"--precision {name} is for a GPU, and the network runs on {device}; leave it out")
    return (PRECISIONS[name],)


@contextmanager
def computing(device: torch.device, precision: Precision, *, tried: bool = False) -> Iterator[None]:
    """Sets what PyTorch may do in the block: TF32 or not, and the same algorithms from run to run.

    Args:
        device: where it computes.
        precision: in which.
        tried: let cuDNN try its algorithms and take the fastest, which need not be the same one in every run.
    """
    if device.type != "cuda":
        yield
        return
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = precision.tf32
    try:
        tf32 = precision.tf32
        with torch.backends.cudnn.flags(enabled=True, benchmark=tried, deterministic=not tried, allow_tf32=tf32):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
