"""SE-ResNet-1D: residual convolutions over time, each unit with squeeze-and-excitation.

Residual units after He et al., "Deep Residual Learning for Image Recognition", CVPR 2016 (figure 2, option B for the
skip); squeeze-and-excitation before the addition, after Hu, Shen and Sun, CVPR 2018 (figure 3). The source of the
system leaves widths and depth open; the defaults are this project's choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from models.blocks import Decorrelation, SqueezeExcitation, conv_norm


@dataclass(frozen=True, slots=True)
class Config:
    """The architecture.

    Attributes:
        channels: C of the input.
        classes: K of the output.
        widths: channels of each stage; every stage but the first halves the length.
        depth: residual units in a stage.
        kernel: length of every convolution but the 1x1, odd.
        stem_stride: step of the first convolution.
        ratio: how much narrower squeeze-and-excitation is inside than outside.
        dropout: before the linear head, from 0 to below 1.
    """

    channels: int = 8
    classes: int = 5
    widths: tuple[int, ...] = (32, 64, 128)
    depth: int = 2
    kernel: int = 7
    stem_stride: int = 2
    ratio: int = 8
    dropout: float = 0.3

    def __post_init__(self) -> None:
        whole = {
            "channels": self.channels,
            "depth": self.depth,
            "kernel": self.kernel,
            "stem_stride": self.stem_stride,
            "ratio": self.ratio,
        }
        for name, value in whole.items():
            if value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1")
        if self.classes < 2:
            raise ValueError(f"classes is {self.classes}; there is nothing to tell apart below 2")
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"widths is {self.widths}; give the channels of at least one stage, each at least 1")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel is {self.kernel}; it must be odd, so that the middle of it is a sample")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}; it must be at least 0 and below 1")


class Residual(nn.Module):
    """conv-BN-ReLU-conv-BN-SE, plus the input, ReLU; ``(B, M*inputs, T)`` to ``(B, M*outputs, ceil(T/stride))``."""

    def __init__(self, inputs: int, outputs: int, stride: int, config: Config, members: int) -> None:
        super().__init__()
        self.enter = conv_norm(inputs, outputs, config.kernel, stride=stride, members=members)
        self.leave = conv_norm(outputs, outputs, config.kernel, members=members)
        self.weigh = SqueezeExcitation(outputs, config.ratio, members)
        same = inputs == outputs and stride == 1
        self.skip = nn.Identity() if same else conv_norm(inputs, outputs, 1, stride=stride, members=members)

    def forward(self, x: Tensor) -> Tensor:
        """One residual unit."""
        y = self.weigh(self.leave(torch.relu(self.enter(x))))
        return torch.relu(y + self.skip(x))


class SEResNet(nn.Module):
    """``(B, C, T)`` of any length T to logits ``(B, K)``, or ``(B, M, K)`` with more than one member.

    Args:
        config: the architecture.
        members: how many networks of it run side by side on the same input; ``blocks.stack_states`` makes their
            common state.
    """

    def __init__(self, config: Config, members: int = 1) -> None:
        super().__init__()
        self.members = members
        self.classes = config.classes
        first, last = config.widths[0], config.widths[-1]
        self.decorrelate = Decorrelation(config.channels, members)
        self.stem = conv_norm(config.channels, first, config.kernel, stride=config.stem_stride, members=members)
        units = [Residual(first, first, 1, config, members) for _ in range(config.depth)]
        for before, width in pairwise(config.widths):
            units.append(Residual(before, width, 2, config, members))
            units += [Residual(width, width, 1, config, members) for _ in range(config.depth - 1)]
        self.units = nn.Sequential(*units)
        self.dropout = nn.Dropout(config.dropout)
        # A linear layer on (B, M*width, 1): as a 1x1 convolution it can be grouped by member.
        self.head = nn.Conv1d(members * last, members * config.classes, 1, groups=members)

    def forward(self, x: Tensor) -> Tensor:
        """Logits; see the class."""
        features = self.units(torch.relu(self.stem(self.decorrelate(x)))).mean(-1, keepdim=True)
        logits: Tensor = self.head(self.dropout(features))
        shape = (len(x), self.classes) if self.members == 1 else (len(x), self.members, self.classes)
        return logits.view(shape)


def build(config: Config, members: int = 1) -> SEResNet:
    """A fresh network with PyTorch's default initialisation."""
    return SEResNet(config, members)
