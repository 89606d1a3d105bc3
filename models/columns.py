"""Convolutions as one gather and one matrix product, for few windows at a time.

A GPU that classifies one armband spends its time on starting kernels, not on arithmetic. A convolution of PyTorch's
takes three of them (it, its bias, the ReLU), often with a change of layout before and after; here it takes two: one
gathers the samples under every position of the kernel into the rows of a matrix (im2col, Chellapilla, Puri & Simard,
"High performance convolutional neural networks for document processing", IWFHR 2006), the other multiplies it and adds
the bias, with the ReLU in the same kernel where the library has it. Everything is laid out ``(B, T, C)``, as samples
arrive. The matrix is ``kernel`` times as large as the input, so for many windows (``FEW``) a convolution is faster.

Rows are the samples of B windows, one window after another, with a row of zeros behind the last, which is what the
padding reads: ``(B*T + 1, C)``.
"""

from __future__ import annotations

from types import TracebackType

import torch
from torch import Tensor, nn

FEW = 64
"""Up to so many windows, products of columns are faster than convolutions (measured on an H200)."""

_fused = getattr(torch, "_addmm_activation", None)
"""Product, bias and ReLU in one kernel; not public, hence the doubt."""


def product(x: Tensor, weight: Tensor, bias: Tensor, *, relu: bool = False, out: Tensor | None = None) -> Tensor:
    """``x @ weight + bias``, then ReLU if asked; ``(R, I)``, ``(I, O)``, ``(O,)`` to ``(R, O)``."""
    if relu and _fused is not None:
        fused: Tensor = _fused(bias, x, weight) if out is None else _fused(bias, x, weight, out=out)
        return fused
    plain = torch.addmm(bias, x, weight) if out is None else torch.addmm(bias, x, weight, out=out)
    return torch.relu_(plain) if relu else plain


class Columns(nn.Module):
    """A 1-D convolution on rows: ``(B*T + 1, C)`` to ``(B*T' + 1, O)``, in memory of its own that is used again.

    Args:
        conv: not grouped, with a bias, odd kernel and the padding of half of it.
        windows: B.
        length: T.
        relu: apply it as well.
    """

    def __init__(self, conv: nn.Conv1d, windows: int, length: int, *, relu: bool) -> None:
        super().__init__()
        kernel, stride, padding = conv.kernel_size[0], conv.stride[0], int(conv.padding[0])
        self.windows, self.relu = windows, relu
        self.length = (length + 2 * padding - kernel) // stride + 1
        self.middle = slice(padding * conv.in_channels, (padding + 1) * conv.in_channels)
        at = torch.arange(self.length)[:, None] * stride + torch.arange(kernel) - padding
        rows = torch.arange(windows)[:, None, None] * length + at
        inside = (at >= 0) & (at < length)
        device, dtype = conv.weight.device, conv.weight.dtype
        self.register_buffer("index", torch.where(inside, rows, windows * length).flatten().int().to(device))
        self.register_buffer("weight", conv.weight.detach().permute(2, 1, 0).flatten(0, 1).contiguous())
        self.register_buffer("bias", _bias(conv))
        self.register_buffer(
            "memory", torch.zeros(windows * self.length + 1, conv.out_channels, device=device, dtype=dtype)
        )

    index: Tensor
    weight: Tensor
    bias: Tensor
    memory: Tensor

    def columns(self, x: Tensor) -> Tensor:
        """``(B*T', kernel*C)``: what lies under the kernel at each of its places."""
        return torch.index_select(x, 0, self.index).view(self.windows * self.length, -1)

    def forward(self, columns: Tensor) -> Tensor:
        """The convolution, from what ``columns`` gave."""
        product(columns, self.weight, self.bias, relu=self.relu, out=self.memory[:-1])
        return self.memory


class Pointwise(nn.Module):
    """A convolution of kernel 1 as a product, ``(R, I)`` to ``(R, O)``."""

    weight: Tensor
    bias: Tensor

    def __init__(self, conv: nn.Conv1d, *, relu: bool = False) -> None:
        super().__init__()
        self.relu = relu
        self.register_buffer("weight", conv.weight.detach()[:, :, 0].T.contiguous())
        self.register_buffer("bias", _bias(conv))

    def forward(self, x: Tensor) -> Tensor:
        """The product."""
        return product(x, self.weight, self.bias, relu=self.relu)


def _bias(conv: nn.Conv1d) -> Tensor:
    if conv.bias is None:
        return torch.zeros(conv.out_channels, device=conv.weight.device, dtype=conv.weight.dtype)
    return conv.bias.detach().clone()


class Aside:
    """What can be done beside the rest: on a GPU in a stream of its own, elsewhere at once.

    ``with aside: ...`` begins when everything before it is done; ``join`` waits for it.

    Args:
        device: on which the work is done.
        few: there is room beside; where every part fills the GPU, they only take each other's cache (11 % slower for
            5000 windows on an H200), and follow one another.
    """

    def __init__(self, device: torch.device, *, few: bool = True) -> None:
        cuda = device.type == "cuda" and few
        self._stream = torch.cuda.Stream(device) if cuda else None  # type: ignore[no-untyped-call]
        self._context: torch.cuda.StreamContext | None = None

    def __enter__(self) -> None:
        if self._stream is not None:
            self._stream.wait_stream(torch.cuda.current_stream(self._stream.device))
            self._context = torch.cuda.stream(self._stream)
            self._context.__enter__()  # type: ignore[no-untyped-call]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._context is not None:
            self._context.__exit__(kind, error, trace)

    def join(self) -> None:
        """Lets what comes next wait for what was done aside."""
        if self._stream is not None:
            torch.cuda.current_stream(self._stream.device).wait_stream(self._stream)
