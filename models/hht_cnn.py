"""HHT-CNN: two-dimensional convolutions on the Hilbert-Huang matrices of a window, one matrix for each channel.

After system 3 of the challenge: convolutions of three by three and step two, without bias, batch normalisation, leaky
ReLU of slope 0.2, Kaiming initialisation (He et al., ICCV 2015), residual connections in the deeper layers, the mean
over the picture. There the matrices come ready-made, 256 x 256, one for each recording, and the layers are 64 to 2048
channels wide; here they are computed from the window (``dsp.hilbert_huang``), are smaller, and so is the network.

The decomposition is no network: it runs on the processor, for each window by itself, and no gradient goes through it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from dsp.hilbert_huang import Scaling, hilbert_huang
from models import checks
from models.blocks import Decorrelation
from models.svm import SupportVectors

SCALINGS = ("each", "together")
SHORTEST = 4
"""Samples that can be decomposed; shorter windows are padded with zeros."""


@dataclass(frozen=True, slots=True)
class Config:
    """The architecture.

    Attributes:
        channels: C of the input.
        classes: K of the output.
        ready: the input is one matrix already, C rows of frequencies and T columns of times, and not a signal.
        size: rows and columns of a matrix.
        modes: of the decomposition; what is slower is left out.
        scaling: ``together`` brings the matrices of a window to 0 ... 1 by their common maximum, which keeps how much
            each electrode hears; ``each`` brings every one there by its own.
        power: to which the energies are raised, so that the weak are seen beside the strong.
        widths: channels of each convolution; every one halves the picture.
        plain: how many of the first convolutions have no residual connection.
        dense: units before the head.
        dropout: before and after them, from 0 to below 1.
        vectors: support vectors of each class, where a support vector machine on the encoder's features is the head
            (``train.machine`` fits it); none for the dense one.
    """

    channels: int = 8
    classes: int = 5
    ready: bool = False
    size: int = 64
    modes: int = 6
    scaling: str = "together"
    power: float = 0.25
    widths: tuple[int, ...] = (32, 64, 128, 128, 128)
    plain: int = 2
    dense: int = 128
    dropout: float = 0.3
    vectors: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        checks.at_least(1, channels=self.channels, size=self.size, modes=self.modes, dense=self.dense)
        checks.at_least(0, plain=self.plain)
        checks.distinct(self.classes)
        checks.known("scaling", self.scaling, SCALINGS)
        checks.positive(power=self.power)
        checks.share(dropout=self.dropout)
        if self.vectors and len(self.vectors) != self.classes:
            raise ValueError(
                f"vectors is {self.vectors}; give a number for each of the {self.classes} classes, or none"
            )
        if not 1 <= len(self.widths) <= 8 or min(self.widths) < 1:
            raise ValueError(
                f"widths is {self.widths}; give the channels of one to eight convolutions, each at least 1"
            )


class Matrices(nn.Module):
    """Hilbert-Huang matrices of windows, ``(B, C, T)`` to ``(B, C, size, size)`` in 0 ... 1."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.size, self.modes, self.power = config.size, config.modes, config.power
        self.scaling = cast("Scaling", config.scaling)

    def forward(self, x: Tensor) -> Tensor:
        """See the class; a value that is no number counts as zero."""
        windows = np.nan_to_num(x.detach().float().cpu().numpy(), posinf=0.0, neginf=0.0)
        if windows.shape[2] < SHORTEST:
            windows = np.pad(windows, ((0, 0), (0, 0), (SHORTEST - windows.shape[2], 0)))
        made = np.zeros((len(windows), windows.shape[1], self.size, self.size), np.float32)
        for row, window in enumerate(windows):
            made[row] = hilbert_huang(window.T, size=self.size, most_modes=self.modes, scaling=self.scaling)
        return torch.from_numpy(made).to(x.device, x.dtype).pow(self.power)


class Ready(nn.Module):
    """Matrices that come as such, ``(B, C, T)`` to ``(B, 1, C, T)``."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.power = config.power

    def forward(self, x: Tensor) -> Tensor:
        """See the class; what noise has made less than nothing is nothing."""
        return x.clamp_min(0).pow(self.power).unsqueeze(1)


class Layer(nn.Module):
    """A convolution of step two, with what it reads added where it is residual."""

    def __init__(self, inputs: int, outputs: int, *, residual: bool) -> None:
        super().__init__()
        conv = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
        nn.init.kaiming_normal_(conv.weight, a=0.2)
        self.conv = nn.Sequential(conv, nn.BatchNorm2d(outputs))
        self.skip = nn.Conv2d(inputs, outputs, 1, stride=2, bias=False) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, S, S)`` to ``(B, outputs, ceil(S/2), ceil(S/2))``."""
        y: Tensor = self.conv(x)
        return nn.functional.leaky_relu(y if self.skip is None else y + self.skip(x), 0.2)


class HHTCNN(nn.Module):
    """``(B, C, T)`` of any length T to logits ``(B, K)``."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        before = (1 if config.ready else config.channels, *config.widths[:-1])
        self.decorrelate: nn.Module = nn.Identity() if config.ready else Decorrelation(config.channels)
        self.matrices: nn.Module = Ready(config) if config.ready else Matrices(config)
        self.layers = nn.Sequential(
            *(
                Layer(inputs, outputs, residual=number >= config.plain)
                for number, (inputs, outputs) in enumerate(zip(before, config.widths, strict=True))
            )
        )
        self.dropout = nn.Dropout(config.dropout)
        self.head: nn.Module
        if config.vectors:
            self.dense: nn.Module = nn.Identity()
            self.head = SupportVectors(config.widths[-1], config.vectors)
        else:
            self.dense = nn.Sequential(nn.Linear(config.widths[-1], config.dense), nn.ReLU(), self.dropout)
            self.head = nn.Linear(config.dense, config.classes)

    def features(self, x: Tensor) -> Tensor:
        """``(B, C, T)`` to ``(B, widths[-1])``, what the encoder makes of it."""
        made: Tensor = self.layers(self.matrices(self.decorrelate(x))).mean((2, 3))
        return made

    def forward(self, x: Tensor) -> Tensor:
        """Logits; see the class."""
        logits: Tensor = self.head(self.dense(self.dropout(self.features(x))))
        return logits


def build(config: Config) -> HHTCNN:
    """A fresh network."""
    return HHTCNN(config)
