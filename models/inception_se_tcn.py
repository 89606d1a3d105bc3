"""Inception-SE-TCN: dilated convolutions of two lengths side by side, squeeze-and-excitation, then attention over time.

After system 2 of the challenge: blocks of two parallel dilated convolutions, joined, dropped out, weighed by
squeeze-and-excitation and added to their input; layer normalisation, multi-head self-attention, the mean over time, a
dense layer. Temporal convolutions from Bai, Kolter & Koltun, arXiv:1803.01271; parallel ones from Szegedy et al., CVPR
2015; attention from Vaswani et al., NeurIPS 2017.

Where the source is silent: the convolutions look to both sides (the window is past as a whole), attention is added to
what it reads, and the channels are decorrelated first as in the other families. Its dropout acts on what the attention
adds instead of on every one of its weights, for which training would take twice as long.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from models import checks
from models.blocks import Decorrelation, SqueezeExcitation


@dataclass(frozen=True, slots=True)
class Config:
    """The architecture.

    Attributes:
        channels: C of the input.
        classes: K of the output.
        filters: channels inside, half of them from each of the two convolutions.
        kernels: their lengths, odd.
        dilations: of each block.
        ratio: how much narrower squeeze-and-excitation is inside than outside.
        heads: of the attention.
        key: size of each head.
        dense: units before the head.
        dropout: in each block.
        dropout_attention: of what the attention adds.
        dropout_dense: before the head.
    """

    channels: int = 8
    classes: int = 5
    filters: int = 64
    kernels: tuple[int, ...] = (3, 7)
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    ratio: int = 8
    heads: int = 4
    key: int = 64
    dense: int = 64
    dropout: float = 0.2
    dropout_attention: float = 0.3
    dropout_dense: float = 0.5

    def __post_init__(self) -> None:
        checks.at_least(1, channels=self.channels, filters=self.filters, ratio=self.ratio)
        checks.at_least(1, heads=self.heads, key=self.key, dense=self.dense)
        checks.distinct(self.classes)
        if not self.kernels:
            raise ValueError("kernels is empty; give the length of at least one convolution")
        checks.odd("one of kernels", *self.kernels)
        if not self.dilations or min(self.dilations) < 1:
            raise ValueError(f"dilations is {self.dilations}; give one of at least 1 for each block")
        if self.filters % len(self.kernels):
            raise ValueError(f"filters is {self.filters}; it must be a multiple of the {len(self.kernels)} kernels")
        checks.share(dropout=self.dropout, dropout_attention=self.dropout_attention, dropout_dense=self.dropout_dense)


class Block(nn.Module):
    """Parallel convolutions, squeeze-and-excitation, and the input added; ``(B, inputs, T)`` to ``(B, filters, T)``."""

    def __init__(self, inputs: int, dilation: int, config: Config) -> None:
        super().__init__()
        width = config.filters // len(config.kernels)
        self.branches = nn.ModuleList(_branch(inputs, width, kernel, dilation) for kernel in config.kernels)
        self.dropout = nn.Dropout1d(config.dropout)
        self.weigh = SqueezeExcitation(config.filters, config.ratio)
        same = inputs == config.filters
        self.skip: nn.Module = nn.Identity() if same else nn.Conv1d(inputs, config.filters, 1)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        y = self.dropout(torch.cat([branch(x) for branch in self.branches], dim=1))
        return torch.addcmul(self.skip(x), y, self.weigh(y))


class Attention(nn.Module):
    """Multi-head self-attention behind a layer normalisation, added to its input; ``(B, T, width)`` to the same."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.heads = config.heads
        inner = config.heads * config.key
        self.norm = nn.LayerNorm(config.filters)
        self.ask = nn.Linear(config.filters, 3 * inner)
        self.tell = nn.Linear(inner, config.filters)
        self.dropout = nn.Dropout(config.dropout_attention)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        asked = self.ask(self.norm(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(asked[0], asked[1], asked[2])
        out: Tensor = x + self.dropout(self.tell(seen.transpose(1, 2).flatten(2)))
        return out


class InceptionSETCN(nn.Module):
    """``(B, C, T)`` of any length T to logits ``(B, K)``."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = [config.channels] + [config.filters] * (len(config.dilations) - 1)
        self.decorrelate = Decorrelation(config.channels)
        self.blocks = nn.Sequential(
            *(Block(inputs, dilation, config) for inputs, dilation in zip(widths, config.dilations, strict=True))
        )
        self.attention = Attention(config)
        self.dense = nn.Linear(config.filters, config.dense)
        self.dropout = nn.Dropout(config.dropout_dense)
        self.head = nn.Linear(config.dense, config.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits; see the class."""
        features = self.attention(self.blocks(self.decorrelate(x)).transpose(1, 2)).mean(1)
        logits: Tensor = self.head(self.dropout(torch.relu(self.dense(features))))
        return logits


def build(config: Config) -> InceptionSETCN:
    """A fresh network with PyTorch's default initialisation."""
    return InceptionSETCN(config)


def _branch(inputs: int, outputs: int, kernel: int, dilation: int) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    conv = nn.Conv1d(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm1d(outputs), nn.ReLU())
