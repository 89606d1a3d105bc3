"""sEMG-Net: four convolutions that grow wider and shorter, the mean over time, a dense layer.

After system 2 of the challenge: convolutions of 64, 128, 256 and 512 channels, lengths 9, 5, 3 and 3, each with batch
normalisation, ReLU and dropout, all but the first followed by a maximum over pairs of samples.

Where the source is silent: a last sample without a partner is kept, so that any length goes through; the channels are
decorrelated first as in the other families.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models import checks
from models.blocks import Decorrelation, conv_norm


@dataclass(frozen=True, slots=True)
class Config:
    """The architecture.

    Attributes:
        channels: C of the input.
        classes: K of the output.
        widths: channels of each convolution; every one but the first halves the length.
        kernels: their lengths, odd.
        dense: units before the head.
        dropout: after each convolution.
        dropout_dense: before the head.
    """

    channels: int = 8
    classes: int = 5
    widths: tuple[int, ...] = (64, 128, 256, 512)
    kernels: tuple[int, ...] = (9, 5, 3, 3)
    dense: int = 512
    dropout: float = 0.25
    dropout_dense: float = 0.5

    def __post_init__(self) -> None:
        checks.at_least(1, channels=self.channels, dense=self.dense)
        checks.distinct(self.classes)
        if not self.widths or min(self.widths) < 1 or len(self.widths) != len(self.kernels):
            raise ValueError(
                f"widths is {self.widths} and kernels is {self.kernels}; give as many of both, each at least 1"
            )
        checks.odd("one of kernels", *self.kernels)
        checks.share(dropout=self.dropout, dropout_dense=self.dropout_dense)


class SEMGNet(nn.Module):
    """``(B, C, T)`` of any length T to logits ``(B, K)``."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.decorrelate = Decorrelation(config.channels)
        layers: list[nn.Module] = []
        before = config.channels
        for number, (width, kernel) in enumerate(zip(config.widths, config.kernels, strict=True)):
            layers += [conv_norm(before, width, kernel), nn.ReLU(), nn.Dropout(config.dropout)]
            if number:
                layers.append(nn.MaxPool1d(2, ceil_mode=True))
            before = width
        self.layers = nn.Sequential(*layers)
        self.dense = nn.Linear(before, config.dense)
        self.dropout = nn.Dropout(config.dropout_dense)
        self.head = nn.Linear(config.dense, config.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits; see the class."""
        features = self.layers(self.decorrelate(x)).mean(-1)
        logits: Tensor = self.head(self.dropout(torch.relu(self.dense(features))))
        return logits


def build(config: Config) -> SEMGNet:
    """A fresh network with PyTorch's default initialisation."""
    return SEMGNet(config)
