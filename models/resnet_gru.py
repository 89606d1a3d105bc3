"""ResNet1D-GRU: parallel convolutions of several lengths, residual units that shorten, a GRU over what is left.

Residual units after He et al., "Deep Residual Learning for Image Recognition", CVPR 2016 (figure 2, option B for the
skip); parallel kernels after Szegedy et al., "Going Deeper with Convolutions", CVPR 2015 (figure 2a); the GRU after
Cho et al., EMNLP 2014. The source of the system names the parts and leaves their sizes open; this project chose them,
and two things more. The GRU reads in both directions, since a window is whole when it is looked at. The head reads the
mean over time and not the last state, so that it does not mind how long a window is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from models import checks
from models.blocks import Decorrelation, Levelled, conv_norm


@dataclass(frozen=True, slots=True)
class Config:
    """The architecture.

    Attributes:
        channels: C of the input.
        classes: K of the output.
        kernels: lengths of the parallel convolutions, odd.
        width: channels that each of them writes.
        widths: channels of the residual units, one after another; each unit shortens by ``stride``.
        kernel: length of the convolutions in the units, odd.
        stride: step of each unit.
        states: of the GRU, in each direction.
        dense: width of the layer between the GRU and the output.
        dropout: before and after that layer, from 0 to below 1.
        scaling: ``dataset`` leaves the window in the one scale of the training data; ``instance`` divides each by its
            own root mean square.
    """

    channels: int = 8
    classes: int = 5
    kernels: tuple[int, ...] = (3, 5, 9, 15)
    width: int = 16
    widths: tuple[int, ...] = (64, 64, 96)
    kernel: int = 5
    stride: int = 2
    states: int = 64
    dense: int = 64
    dropout: float = 0.3
    scaling: str = "dataset"

    def __post_init__(self) -> None:
        checks.at_least(1, channels=self.channels, width=self.width, stride=self.stride)
        checks.at_least(1, states=self.states, dense=self.dense)
        checks.distinct(self.classes)
        if not self.kernels:
            raise ValueError("kernels is empty; give the length of at least one convolution")
        checks.odd("one of kernels", *self.kernels)
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"widths is {self.widths}; give the channels of at least one unit, each at least 1")
        checks.odd("kernel", self.kernel)
        checks.share(dropout=self.dropout)
        checks.known("scaling", self.scaling, ("dataset", "instance"))


class Parallel(nn.Module):
    """Convolutions of several lengths side by side; ``(B, C, T)`` to ``(B, len(kernels)*width, T)``."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.branches = nn.ModuleList(conv_norm(config.channels, config.width, kernel) for kernel in config.kernels)

    def forward(self, x: Tensor) -> Tensor:
        """What each of them writes, in their order."""
        return torch.cat([branch(x) for branch in self.branches], 1)

    def as_one(self) -> nn.Conv1d:
        """The same as one convolution, where each branch is one: shorter kernels get zeros at both ends."""
        parts = [branch[0] for branch in self.branches if isinstance(branch, nn.Sequential)]
        convs = [conv for conv in parts if isinstance(conv, nn.Conv1d) and conv.bias is not None]
        longest = max(conv.kernel_size[0] for conv in convs)
        padded = [nn.functional.pad(conv.weight, [(longest - conv.kernel_size[0]) // 2] * 2) for conv in convs]
        one = nn.Conv1d(convs[0].in_channels, sum(conv.out_channels for conv in convs), longest, padding=longest // 2)
        one.weight = nn.Parameter(torch.cat(padded).detach(), requires_grad=False)
        biases = [conv.bias.detach() for conv in convs if conv.bias is not None]
        one.bias = nn.Parameter(torch.cat(biases), requires_grad=False)
        return one


class Residual(nn.Module):
    """conv-BN-ReLU-conv-BN, plus the input, ReLU; ``(B, inputs, T)`` to ``(B, outputs, ceil(T/stride))``."""

    def __init__(self, inputs: int, outputs: int, config: Config) -> None:
        super().__init__()
        self.enter = conv_norm(inputs, outputs, config.kernel, stride=config.stride)
        self.leave = conv_norm(outputs, outputs, config.kernel)
        same = inputs == outputs and config.stride == 1
        self.skip = nn.Identity() if same else conv_norm(inputs, outputs, 1, stride=config.stride)

    def forward(self, x: Tensor) -> Tensor:
        """One residual unit."""
        return torch.relu(self.skip(x) + self.leave(torch.relu(self.enter(x))))


class ResNetGRU(nn.Module):
    """``(B, C, T)`` of any length T to logits ``(B, K)``."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.level = Levelled() if config.scaling == "instance" else nn.Identity()
        self.decorrelate: nn.Module = Decorrelation(config.channels)
        self.parallel: nn.Module = Parallel(config)
        widths = (len(config.kernels) * config.width, *config.widths)
        self.units = nn.Sequential(*(Residual(before, width, config) for before, width in pairwise(widths)))
        self.recur = nn.GRU(widths[-1], config.states, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(2 * config.states, config.dense),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.dense, config.classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits; see the class."""
        features = self.units(torch.relu(self.parallel(self.decorrelate(self.level(x)))))
        # An axis of height 1, which two-dimensional convolutions have (blocks.widened), ends here.
        states, _ = self.recur(features.flatten(2).transpose(1, 2))
        logits: Tensor = self.head(states.mean(1))
        return logits

    def settle(self) -> None:
        """Makes the parallel convolutions one, with the mixing of the channels in it, for serving (``blocks.fold``)."""
        if isinstance(self.parallel, Parallel) and isinstance(self.decorrelate, Decorrelation):
            self.parallel = self.decorrelate.fold_into(self.parallel.as_one())
            self.decorrelate = nn.Identity()


def build(config: Config) -> ResNetGRU:
    """A fresh network with PyTorch's default initialisation."""
    return ResNetGRU(config)
