"""One training run on several processes: ``torchrun --nproc-per-node N -m train RECIPE ...``.

Every process draws the same batch from the same seed and computes an equal share of it; PyTorch's
``DistributedDataParallel`` averages the gradients, and batch normalisations take their mean and variance over all
shares. So N processes reach, up to rounding and dropout, the weights that one would reach with the same batch. The
first process speaks and writes, the others are silent.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


class Company(NamedTuple):
    """This process among all of a run.

    Attributes:
        rank: its number, from 0.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def speaks(self) -> bool:
        """Whether it is the one that writes files and says how far the run is."""
        return self.rank == 0

    def share(self, batch: Tensor) -> Tensor:
        """This process's rows of a batch."""
        return batch[self.rank :: self.size]

    def mean(self, value: Tensor) -> Tensor:
        """Of all processes' values."""
        if self.size > 1:
            distributed.all_reduce(value)
            value /= self.size
        return value


def company() -> Company:
    """Of the run that is going on, alone where nobody else takes part."""
    if distributed.is_available() and distributed.is_initialized():
        return Company(distributed.get_rank(), distributed.get_world_size())
    return Company()


def called_by_torchrun() -> Company:
    """As the environment says, before anybody has met."""
    return Company(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))


@contextmanager
def together(device: torch.device) -> Iterator[torch.device]:
    """Joins the other processes while the block lasts, where ``torchrun`` started several.

    Args:
        device: of which each process takes its own, where there are several.

    Yields:
        This process's device.
    """
    if called_by_torchrun().size == 1:
        yield device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield device
    finally:
        distributed.destroy_process_group()


def joined(network: nn.Module) -> nn.Module:
    """The network as it is to be called in training: itself where one process is alone, else what averages gradients.

    Its batch normalisations are exchanged in place, with their parameters, for ones that see the whole batch; so the
    optimiser has to be made afterwards.
    """
    if company().size == 1:
        return network
    for parent in list(network.modules()):
        for name, norm in list(parent.named_children()):
            if type(norm) in (nn.BatchNorm1d, nn.BatchNorm2d):
                setattr(parent, name, JointNorm.of(norm))
    device = next(network.parameters()).device
    return DistributedDataParallel(network, device_ids=[device] if device.type == "cuda" else None)


class _Summed(torch.autograd.Function):
    """The sum over all processes; what each puts in is told the sum of what all were told."""

    @staticmethod
    def forward(_context: Any, value: Tensor) -> Tensor:
        total = value.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        distributed.all_reduce(total)
        return total


def summed(value: Tensor) -> Tensor:
    """The sum of all processes' values; gradients flow back to every one of them."""
    total: Tensor = _Summed.apply(value)  # type: ignore[no-untyped-call] # torch leaves it untyped
    return total


class JointNorm(nn.modules.batchnorm._BatchNorm):
    """A batch normalisation over the shares of all processes, on any device (PyTorch's own is for GPUs only)."""

    @classmethod
    def of(cls, norm: nn.Module) -> JointNorm:
        """One with the very parameters and running statistics of another."""
        assert isinstance(norm, nn.modules.batchnorm._BatchNorm)  # noqa: S101 - chosen by its type
        made = cls(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        made.weight, made.bias = norm.weight, norm.bias
        for name, value in norm.named_buffers():
            made.register_buffer(name, value)
        return made.train(norm.training)

    def _check_input_dim(self, x: Tensor) -> None:
        """Any."""

    def forward(self, x: Tensor) -> Tensor:
        """Of the shape of ``x``, ``(B, C, ...)``."""
        if not self.training:
            normal: Tensor = super().forward(x)
            return normal
        axes = [0, *range(2, x.ndim)]
        size = company().size
        moments = torch.stack([x.mean(axes), x.square().mean(axes)])
        mean, square = summed(moments) / size
        variance = square - mean.square()
        self._remember(mean.detach(), variance.detach(), size * x.numel() // x.shape[1])
        shape = [1, -1] + [1] * (x.ndim - 2)
        scale = torch.rsqrt(variance + self.eps) * (self.weight if self.affine else 1)
        scaled: Tensor = x * scale.view(shape) + ((self.bias if self.affine else 0) - mean * scale).view(shape)
        return scaled

    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        momentum = 0.1 if self.momentum is None else self.momentum
        assert self.running_mean is not None  # noqa: S101 - as families build it
        assert self.running_var is not None  # noqa: S101 - as families build it
        assert self.num_batches_tracked is not None  # noqa: S101 - as families build it
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance * (count / max(1, count - 1)), momentum)
